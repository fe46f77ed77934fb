from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from seqmap.data import ReadOptions
from seqmap.data.signals import is_signals, read_signals
from seqmap.errors import DataError
from seqmap.tasks import task_for

TS = "#about\n@problemName x\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n7,?:8,9:b\n"


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_ts(tmp_path: Path) -> None:
    data = read_signals(write(tmp_path / "x.ts", TS))
    assert [one.labels for one in data.examples] == [("a",), ("b",)]
    np.testing.assert_array_equal(data.examples[0].values, [[1, 4], [2, 5], [3, 6]])
    assert np.isnan(data.examples[1].values[1, 0])
    assert "2 channels, 2-3 steps" in data.layout.describe()
    assert "1 value(s) missing" in data.layout.describe()


@pytest.mark.parametrize("packed", [False, True])
def test_a_recording_a_file(tmp_path: Path, packed: bool) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "rec_1.csv", "#x, y\n1,2\n3,4\n")
    write(folder / "rec_2.csv", "x,y\r\n5,6\r\n")
    write(folder / "rec_target.csv", "#id, label\n2,up\n1,down\n")
    place = folder
    if packed:
        place = tmp_path / "set.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for path in folder.iterdir():
                archive.write(path, f"inner/{path.name}")
    assert is_signals(place) and task_for("classify", str(place)) == "signal"
    data = read_signals(place)
    assert [one.labels[0] for one in data.examples] == ["up", "down"]
    np.testing.assert_array_equal(data.examples[1].values, [[1, 2], [3, 4]])


def test_numpy_arrays(tmp_path: Path) -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    x[1, 2] = np.nan  # padding
    np.savez(tmp_path / "a.npz", X=x, y=np.array(["p", "q"]))
    data = read_signals(tmp_path / "a.npz")
    assert [len(one.values) for one in data.examples] == [3, 2]
    assert data.label_names == ("p", "q")
    np.savez(tmp_path / "b.npz", X=np.array([None, "x"], dtype=object))
    with pytest.raises(DataError, match="no objects"):
        read_signals(tmp_path / "b.npz")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_of_all_recordings(tmp_path: Path, kind: str) -> None:
    import pandas

    frame = pandas.DataFrame(
        {"rec": ["a", "a", "b"], "x": [1.0, 2, 3], "z": [4.0, 5, 6], "label": ["u", "u", "v"]}
    )
    place = tmp_path / f"t.{kind}"
    frame.to_csv(place, index=False) if kind == "csv" else frame.to_parquet(place)
    data = read_signals(place, ReadOptions(series_column="rec", label_column="label"))
    np.testing.assert_array_equal(data.examples[0].values, [[1, 4], [2, 5]])
    assert data.examples[1].labels == ("v",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TS + "1:a\n", "differ in channels"),
        (TS + "1,x:2,3:a\n", ":7: a value of a signal is a number"),
        ("1,2:a\n", "needs @data"),
        ("@data\n", "no recording"),
        ("@timestamps true\n@data\n1,2:a\n", "with time stamps is"),
        ("@timestamps true\n@data\n(0,1),2:a\n", "with time stamps is"),
        ("@timestamps true\n@data\n(x,1):a\n", "a time is a number, or a date"),
        ("@timestamps true\n@data\n(0,1),(0,2):a\n", "comes twice"),
        ("@timestamps true\n@data\n(0,y):a\n", "is a number"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_signals(write(tmp_path / "x.ts", text))


def test_a_table_with_two_labels_for_a_recording(tmp_path: Path) -> None:
    place = write(tmp_path / "t.csv", "id,x,label\na,1,u\na,2,v\n")
    with pytest.raises(DataError, match="two labels"):
        read_signals(place, ReadOptions(series_column="id"))


def test_public_sets(shared_data: Path) -> None:
    vowels = read_signals(shared_data / "japanesevowels" / "JapaneseVowels_TEST.ts")
    assert len(vowels.examples) == 370 and len(vowels.label_names) == 9
    moves = read_signals(shared_data / "indoor_movement" / "IndoorMovement.zip")
    assert len(moves.examples) == 314 and moves.examples[0].values.shape[1] == 4


def test_time_stamps(tmp_path: Path) -> None:
    head = "@timestamps true\n@classLabel true a b\n@data\n"
    text = head + "(0,1),(1,2),(2,3):(0,4),(2,6):a\n(0.5,7),(0.7,8):(0.7,9):b\n"
    data = read_signals(write(tmp_path / "x.ts", text))
    np.testing.assert_array_equal(data.examples[0].values, [[1, 4], [2, np.nan], [3, 6]])
    np.testing.assert_array_equal(data.examples[1].values, [[7, np.nan], [8, 9]])
    assert [one.labels for one in data.examples] == [("a",), ("b",)]
    assert "uneven" not in data.layout.describe()
    dates = "(2024-01-01 00:00:00,1),(2024-01-01 00:05:00,2),(2024-01-02 00:00:00,?)"
    data = read_signals(write(tmp_path / "y.ts", head + f"{dates}:(2024/01/01 00:05:00,5):b\n"))
    np.testing.assert_array_equal(data.examples[0].values, [[1, np.nan], [2, 5], [np.nan, np.nan]])
    assert "1 recordings have uneven times" in data.layout.describe()


def test_decimal_commas(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "rec_1.csv", "x;y\r\n1,5;-2\r\n,25;1e3\r\n")
    write(folder / "rec_2.csv", "0,5\t1,0\n1,5E-1\t2\n")
    write(folder / "labels.csv", "recording;label\nrec_1;up\nrec_2;down\n")
    data = read_signals(folder)
    np.testing.assert_allclose(data.examples[0].values, [[1.5, -2], [0.25, 1000]])
    np.testing.assert_allclose(data.examples[1].values, [[0.5, 1.0], [0.15, 2]])
    table = write(tmp_path / "t.csv", "id;x;label\na;1,5;u\na;2,5;u\nb;3;v\n")
    data = read_signals(table, ReadOptions(series_column="id"))
    np.testing.assert_allclose(data.examples[0].values, [[1.5], [2.5]])
    with pytest.raises(DataError, match="is a number"):
        read_signals(write(tmp_path / "u.csv", "id;x;label\na;1,5,5;u\n"),
                     ReadOptions(series_column="id"))  # fmt: skip


def test_signals_without_labels(tmp_path: Path) -> None:
    table = write(tmp_path / "un.csv", "recording,a,b\n1,1,2\n1,3,4\n2,5,6\n")
    found = read_signals(table, labelled=False).examples
    assert [one.labels for one in found] == [(), ()]
    np.testing.assert_array_equal(found[0].values, [[1, 2], [3, 4]])
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "rec_1.csv", "x,y\n1,2\n3,4\n")
    write(folder / "rec_2.csv", "5,6\n")
    found = read_signals(folder, labelled=False).examples
    assert [one.name for one in found] == ["rec_1", "rec_2"]
    for place in (table, folder):
        with pytest.raises(DataError, match="label"):
            read_signals(place)


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (np.array([[1], [2]]), [("1",), ("2",)]),
        (np.array([b"up", b"down"]), [("up",), ("down",)]),
        (np.array([1.0, np.nan]), [("1.0",), ()]),
        (np.array(["up", " "]), [("up",), ()]),
    ],
)
def test_labels_of_arrays(tmp_path: Path, y: np.ndarray, labels: list[tuple[str, ...]]) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((2, 3, 1)), y=y)
    found = read_signals(tmp_path / "a.npz", labelled=False).examples
    assert [one.labels for one in found] == labels
    if () in labels:
        with pytest.raises(DataError, match="a recording has no label"):
            read_signals(tmp_path / "a.npz")


def test_missing_labels_of_tables(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "recording,label,a\n1,up,1\n2,,2\n")
    with pytest.raises(DataError, match="a recording has no label"):
        read_signals(table)


def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    np.savez_compressed(tmp_path / "zip.npz", X=np.random.default_rng(0).normal(size=(9, 50, 2)))
    raw = bytearray((tmp_path / "zip.npz").read_bytes())
    raw[200:260] = bytes(60)
    (tmp_path / "zip.npz").write_bytes(raw)
    np.savez(tmp_path / "scalar.npz", X=np.ones((2, 3, 1)), y=np.array(1))
    for name in ("empty", "one", "zip", "scalar"):
        with pytest.raises(DataError):
            read_signals(tmp_path / f"{name}.npz")
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "rec_1.csv", "x,y\n")
    (folder / "labels.csv").write_bytes("1,größer\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_signals(folder)
    write(folder / "labels.csv", "1,up\n")
    with pytest.raises(DataError, match="a recording has no values"):
        read_signals(folder)
