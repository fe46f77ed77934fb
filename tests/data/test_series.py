from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqmap.data import ReadOptions
from seqmap.data.clock import Clock, find_clock, parse_times
from seqmap.data.series import read_series
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
