from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from seqmap.data import ReadOptions
from seqmap.data.clock import Clock, find_clock, parse_times, zone_of
from seqmap.data.series import even_series, on_clock, read_series
from seqmap.data.series_columns import number_of
from seqmap.errors import DataError


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_wide_columns_are_series(tmp_path: Path) -> None:
    rows = "\n".join(f"2024-01-{day:02d},{day},{2 * day},x" for day in range(1, 11))
    data = read_series(write(tmp_path / "a.csv", "date,a,b,note\n" + rows))
    assert [one.name for one in data.examples] == ["a", "b"]
    assert data.examples[1].values.tolist() == [2.0 * day for day in range(1, 11)]
    assert data.examples[0].clock == Clock("second", 86_400)
    assert "left out, not numbers: note" in data.layout.describe()
    after = data.examples[0].times_after(2)
    assert after is not None and str(after[1]) == "2024-01-12T00:00:00"


def test_long_rows_are_split_by_name(tmp_path: Path) -> None:
    rows = [f"2024-01-{d:02d},{name},{d + k}" for d in range(1, 8) for k, name in enumerate("pq")]
    data = read_series(write(tmp_path / "a.csv", "ds,unique_id,y\n" + "\n".join(rows)))
    assert [one.name for one in data.examples] == ["p", "q"]
    assert data.examples[1].values.tolist() == [2.0, 3, 4, 5, 6, 7, 8]


def test_disorder_repetition_and_gaps_are_mended_and_told(tmp_path: Path) -> None:
    text = "time,v\n" + "\n".join(
        ["2024-01-01 02:00,3", "2024-01-01 00:00,1", "2024-01-01 01:00,2", "2024-01-01 01:00,9"]
        + ["2024-01-01 05:00,6", "2024-01-01 04:00,", "2024-01-01 06:00,7", "2024-01-01 07:00,8"]
    )
    data = read_series(write(tmp_path / "a.csv", text))
    values = data.examples[0].values
    assert values.tolist()[:3] == [1.0, 9.0, 3.0] and np.isnan(values[3:5]).all()
    told = data.layout.describe()
    for words in ("out of order", "at a time that comes again", "1 step(s) without a row"):
        assert words in told


def test_irregular_times_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.integers(1, 5000, 60))
    text = "time,v\n" + "\n".join(
        f"{np.datetime64('2024-01-01') + np.timedelta64(int(s), 's')},1.5" for s in seconds
    )
    data = read_series(write(tmp_path / "a.csv", text))
    assert "evenly spaced" in data.layout.describe()
    assert data.examples[0].clock.unit == "step" and len(data.examples[0]) == 60


@pytest.mark.parametrize(
    ("cells", "clock"),
    [
        (["1949-01", "1949-02", "1949-04"], Clock("month", 1)),
        (["31.01.2024 10:00", "31.01.2024 10:15", "31.01.2024 10:30"], Clock("second", 900)),
        (["2024年1月2日", "2024年1月3日"], Clock("second", 86_400)),
        (["2020-01-01", "2021-01-01", "2022-01-01"], Clock("month", 12)),
    ],
)
def test_ways_to_write_times(cells: list[str], clock: Clock) -> None:
    times = parse_times(cells)
    assert times is not None
    assert find_clock(times)[0] == clock
    back = clock.times(clock.ticks(times))
    assert back is not None and (back == times).all()


def test_working_days_are_no_gaps(tmp_path: Path) -> None:
    days = [d for d in np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")]
    rows = [f"{d},{k}" for k, d in enumerate(days) if np.is_busday(d)]
    data = read_series(write(tmp_path / "a.csv", "date,v\n" + "\n".join(rows)))
    one = data.examples[0]
    assert one.clock.unit == "business" and not np.isnan(one.values).any()
    after = one.times_after(1)
    assert after is not None and str(after[0])[:10] == "2024-03-01"


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("date,v\n2024-01-01,1\n2024-01-02,abc\n", {"value_columns": ("v",)}, ":3: .*a number"),
        ("date,v\n2024-01-01,1\nyesterday,2\n", {}, "not a time"),
        ("date,v\n2024-01-01,1\n2024-01-02,inf\n", {"value_columns": ("v",)}, "finite"),
        ("date,v\n2024-01-01,1\n2024-01-02,2\n", {"value_columns": ("w",)}, "no such column"),
        ("date,v\n2024-01-01,a\n2024-01-02,b\n", {}, "no column holds numbers"),
        ("date,v\n2024-01-01,\n2024-01-02,\n", {"value_columns": ("v",)}, "no value at all"),
        ("date,v\n2024-01-01,1\n", {"value_columns": ("v",)}, "at least two rows"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, text: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read_series(write(tmp_path / "a.csv", text), ReadOptions(**options))  # type: ignore[arg-type]


def test_parquet(tmp_path: Path) -> None:
    import pandas

    times = pandas.date_range("2024-01-01", periods=30, freq="h")
    frame = pandas.DataFrame({"time": times, "v": np.arange(30.0), "w": np.arange(30)})
    frame.to_parquet(tmp_path / "a.parquet")
    data = read_series(tmp_path / "a.parquet", ReadOptions(value_columns=("v",), covariates=("w",)))
    assert data.examples[0].clock == Clock("second", 3600)
    assert data.examples[0].covariates[:, 0].tolist() == list(range(30))


def test_public_series(shared_data: Path) -> None:
    ett = read_series(shared_data / "ett" / "ETTh1.csv.gz")
    assert len(ett.examples) == 7 and len(ett.examples[6]) == 17_420
    rates = read_series(shared_data / "exchange_rate" / "exchange_rate.txt.gz")
    assert len(rates.examples) == 8 and rates.examples[0].values[0] == 0.7855


def test_series_are_told_apart_when_their_values_are_named(tmp_path: Path) -> None:
    rows = ["id,date,y", *(f"{s},2024-01-{d:02d},{d}" for s in ("a", "b") for d in range(1, 9))]
    (tmp_path / "long.csv").write_text("\n".join(rows) + "\n")
    data = read_series(tmp_path / "long.csv", ReadOptions(value_columns=("y",)))
    assert [len(one.values) for one in data.examples] == [8, 8]
    # A column that is asked for holds values, whatever it is called.
    (tmp_path / "wide.csv").write_text("date,series\n2024-01-01,1\n2024-01-02,2\n2024-01-03,4\n")
    data = read_series(tmp_path / "wide.csv", ReadOptions(value_columns=("series",)))
    assert len(data.examples) == 1


WORKING = [d for d in np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
           if np.is_busday(d)]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "unit", "after"),
    [
        ([f"2024-{m:02d}-15" for m in range(1, 7)], "month", "2024-07-15T00:00:00"),
        (
            [f"2024-{m:02d}-30" for m in range(8, 13)] + ["2025-01-30"],
            "month",
            "2025-02-28T00:00:00",
        ),
        ([f"{day} 17:00" for day in WORKING], "business", "2024-03-01T17:00:00"),
        ([f"{day}T17:00+02:00" for day in WORKING], "business", "2024-03-01T17:00:00+02:00"),
        (
            [f"2024-{m:02d}-01T00:00:00+02:00" for m in range(1, 7)],
            "month",
            "2024-07-01T00:00:00+02:00",
        ),
        ([f"2024-01-01T0{h}:00-03:30" for h in range(6)], "second", "2024-01-01T06:00:00-03:30"),
        ([f"2024-01-01T0{h}:00Z" for h in range(6)], "second", "2024-01-01T06:00:00Z"),
        ([f"01.01.2024 0{h}:00 +0100" for h in range(6)], "second", "2024-01-01T06:00:00+01:00"),
        (
            [datetime(2024, 1, 1, h, tzinfo=timezone(timedelta(hours=2))) for h in range(6)],
            "second",
            "2024-01-01T06:00:00+02:00",
        ),
    ],
)
def test_what_follows_is_written_as_what_was_given(
    cells: list[object], unit: str, after: str
) -> None:
    times = parse_times(cells)
    assert times is not None
    one = even_series(
        "y", np.arange(len(times), dtype=float), np.zeros((len(times), 0)), times,
        zone=zone_of(cells, times),
    )  # fmt: skip
    assert one.clock.unit == unit and one.texts_after(1) == (after,)
    np.testing.assert_array_equal(one.clock.moments(one.ticks), times)
    assert Clock(**one.clock.to_state()).texts(one.ticks[-1:]) == one.clock.texts(one.ticks[-1:])


def test_a_clock_of_the_first_of_the_month_is_kept_as_before() -> None:
    assert Clock("month", 1).to_state() == {"unit": "month", "step": 1}


def test_files_keep_the_zone_of_their_times(tmp_path: Path) -> None:
    rows = "\n".join(f"2024-01-01T{hour:02d}:00:00+02:00,{hour}" for hour in range(12))
    (one,) = read_series(write(tmp_path / "a.csv", "time,v\n" + rows)).examples
    assert one.texts_after(1) == ("2024-01-01T12:00:00+02:00",)


def test_a_few_times_fit_the_clock_that_they_are_asked_with(tmp_path: Path) -> None:
    few = np.array(WORKING[:8], dtype="datetime64[s]")
    values, none = np.arange(8.0), np.zeros((8, 0))
    with pytest.raises(DataError, match="evenly spaced"):
        even_series("y", values, none, few)
    one = even_series("y", values, none, few, usual=Clock("business", 1))
    assert one.clock.unit == "business" and one.texts_after(1) == ("2024-01-11T00:00:00",)
    # Of a file the gaps were filled: they go again.
    rows = "\n".join(f"{day},{k}" for k, day in enumerate(WORKING[:8]))
    (read,) = read_series(write(tmp_path / "a.csv", "date,v\n" + rows)).examples
    assert len(read) == 10
    again = on_clock(read, Clock("business", 1))
    assert again.values.tolist() == values.tolist() and again.begin == one.begin
    single = even_series("y", values[:1], none[:1], parse_times(["2024-01-15"]))
    month = on_clock(single, Clock("month", 1))
    assert month.texts_after(2) == ("2024-02-15T00:00:00", "2024-03-15T00:00:00")
    # Days are no months, and a Saturday no working day.
    assert on_clock(read, Clock("month", 1)) is read
    saturday = even_series("y", values[:1], none[:1], parse_times(["2024-01-13"]))
    assert on_clock(saturday, Clock("business", 1)) is saturday


def test_short_series_of_a_file_are_read_by_the_steps_of_the_longest(tmp_path: Path) -> None:
    rows = [f"{day},a,{k}" for k, day in enumerate(WORKING)]
    rows += [f"{day},b,{k}" for k, day in enumerate(WORKING[3:9])] + [f"{WORKING[4]},c,1"]
    data = read_series(write(tmp_path / "a.csv", "ds,unique_id,y\n" + "\n".join(rows)))
    assert [(one.clock.unit, len(one)) for one in data.examples] == [
        ("business", len(WORKING)), ("business", 6), ("business", 1),
    ]  # fmt: skip


def test_infinite_numbers_of_any_format_are_refused(tmp_path: Path) -> None:
    for number in ("Infinity", "-Infinity", "1" * 400):
        text = "\n".join(f'{{"y": {value}}}' for value in ("1", number, "2"))
        with pytest.raises(DataError, match="finite"):
            read_series(write(tmp_path / "a.jsonl", text))
    with pytest.raises(DataError, match="a.parquet:3: .*finite"):
        number_of(np.inf, "a.parquet", 3)
    text = "\n".join(json.dumps({"y": value}) for value in (1, None, float("nan"), 2))
    (one,) = read_series(write(tmp_path / "b.jsonl", text)).examples
    assert np.isnan(one.values).tolist() == [False, True, True, False]


def test_columns_of_the_same_name_are_refused(tmp_path: Path) -> None:
    rows = "\n".join(f"2024-01-{day:02d},{day},{2 * day}" for day in range(1, 11))
    with pytest.raises(DataError, match="same name.*y1"):
        read_series(write(tmp_path / "a.csv", "date,y1,y1\n" + rows))


def test_a_first_row_of_data_is_kept(tmp_path: Path) -> None:
    rows = [f"{s},2024-01-{d:02d},{d}" for s in ("a", "b") for d in range(1, 6)]
    (tmp_path / "plain.csv").write_text("\n".join(rows) + "\n")
    given = ReadOptions(series_column=0, time_column=1, value_columns=(2,))
    for one in read_series(tmp_path / "plain.csv", given).examples:
        assert one.values.tolist() == [1, 2, 3, 4, 5]
    (tmp_path / "notes.csv").write_text("2024-01-01,1,x\n2024-01-02,2,y\n2024-01-03,3,z\n")
    assert read_series(tmp_path / "notes.csv").examples[0].values.tolist() == [1, 2, 3]


def test_a_short_row_or_an_empty_one_near_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("date,y\n2024-01-01,1\n2024-01-02\n2024-01-03,2\n")
    with pytest.raises(DataError, match="short.csv:3"):
        read_series(tmp_path / "short.csv")
    (tmp_path / "blank.csv").write_text("date,y\n2024-01-01,1\n  \n2024-01-02,2\n2024-01-03,4\n")
    assert read_series(tmp_path / "blank.csv").examples[0].values.tolist() == [1, 2, 4]


def test_times_between_seconds_are_refused(tmp_path: Path) -> None:
    rows = ["time,y", *(f"2024-01-01T00:00:00.{k}00,{k}" for k in range(9))]
    (tmp_path / "fine.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(DataError, match="times are whole seconds"):
        read_series(tmp_path / "fine.csv")
    (tmp_path / "whole.csv").write_text(
        "time,y\n2024-01-01T00:00:01.000,1\n2024-01-01T00:00:02.000,2\n"
    )
    assert len(read_series(tmp_path / "whole.csv").examples[0]) == 2
