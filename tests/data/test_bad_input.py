"""Bad input gives one clear line that names the file and, where there is one, the line."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest

from seqmap.data import ReadOptions, check_trainable, iter_texts, read_examples
from seqmap.errors import DataError


def fail(path: Path, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        read_examples(path, ReadOptions(**options))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return caught.value


# Name, content, options, line, part of the message.
CASES: list[tuple[str, bytes, dict[str, Any], int | None, str]] = [
    ("empty.csv", b"", {}, None, "the file is empty"),
    ("empty.txt", b"", {}, None, "the file is empty"),
    ("empty.jsonl", b"", {}, None, "the file is empty"),
    ("blank.csv", b"\n\n", {}, None, "the file is empty"),
    ("header.csv", b"text,label\n", {}, None, "no row below the header"),
    ("few.csv", b"text,label\na,1\nb\n", {}, 3, "too few columns; given: '1'; allowed: 2"),
    ("many.csv", b"text,label\na,1\nb,c,2\n", {}, 3, "too many columns"),
    ("few.tsv", b"a b\t1\nc d\n", {}, 2, "too few columns"),
    ("none.csv", b"text,label\na,1\nb,\n", {}, 3, "the label is missing"),
    ("nan.csv", b"text,label\na,1\nb,nan\n", {}, 3, "the label is not a value; given: 'nan'"),
    ("nan.jsonl", b'{"text": "a", "label": NaN}\n', {}, 1, "the label is not a value"),
    ("null.jsonl", b'{"text": "a", "label": null}\n', {}, 1, "the label is missing"),
    ("key.jsonl", b'{"text": "a", "label": 1}\n{"text": "b"}\n', {}, 2, "no key 'label'"),
    ("cut.jsonl", b'{"text": "a", "label": 1}\n{"text": "b", \n', {}, 2, "not valid JSON"),
    ("list.json", b'["a", "b"]\n', {}, 1, "not a JSON object"),
    ("deep.jsonl", b"[" * 100_000 + b"\n", {}, 1, "not valid JSON"),
    ("name.csv", b"text,label\na,1\n", {"label_column": "lable"}, None, "mean 'label'"),
    ("number.csv", b"text,label\na,1\n", {"label_column": 5}, None, "allowed: 0 to 1"),
    ("twice.csv", b"text,label\na,1\n", {"label_column": 0, "text_columns": (0,)}, None, "same"),
    ("one.csv", b"text\na\nb\n", {}, None, "no column is left for the label"),
    ("open.csv", b'text,label\na,1\n"b,2\nc,3\n', {}, 3, "never ends"),
    ("bytes.csv", b"text,label\na,1\n\xff\xfe\x00\x01,2\n", {}, 3, "undecodable bytes"),
    ("holes.csv", b"text,label\nsome words \x81 here,1\n", {}, 2, "undecodable bytes"),
    ("mixed.csv", "text,label\né,1\n".encode() + b"caf\xe9 caf,2\n", {}, 3, "lines before are"),
    ("mixed2.csv", b"text,label\ncaf\xe9,2\n" + "é,1\nü,1\n".encode(), {}, 2, "undecodable"),
    ("cyrillic.csv", "text,label\nпривет,1\n".encode("cp1251"), {}, 2, "undecodable bytes"),
    ("given.csv", b"text,label\na,1\ncaf\xe9,2\n", {"encoding": "utf-8"}, 3, "not valid utf-8"),
    ("wide.csv", "text,label\na,1\n".encode("utf-16")[:-1], {}, 2, "not valid utf-16"),
    ("mark.csv", b"t\0,\0l\0", {"encoding": "utf-16"}, 1, "not valid utf-16 (UTF-16 stream"),
    ("other.csv", b"text,label\na,1\n", {"encoding": "undefined"}, 1, "not valid undefined"),
    ("image.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", {}, 1, "undecodable bytes"),
    ("lead.txt", b" no label\n", {"format": "lines"}, 1, "begins with a blank"),
    ("cut.csv.gz", gzip.compress(b"text,label\na,1\n" * 99)[:-9], {}, None, "damaged or cut off"),
    ("bad.parquet", b"PAR1 and no more", {}, None, "not a readable Parquet file"),
    ("sum.csv", b"text,x,y\na,0.5,0.1\n", {"soft_columns": ("x", "y")}, 2, "do not sum to 1"),
    ("range.csv", b"text,x,y\na,2,-1\n", {"soft_columns": ("x", "y")}, 2, "no probability"),
    (
        "class.csv",
        b"text,label,x,y\na,z,0.5,0.5\n",
        {"soft_columns": ("x", "y")},
        2,
        "none of the classes",
    ),
]


@pytest.mark.parametrize(
    ("name", "content", "options", "line", "part"), CASES, ids=[case[0] for case in CASES]
)
def test_messages(
    tmp_path: Path,
    name: str,
    content: bytes,
    options: dict[str, Any],
    line: int | None,
    part: str,
) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content)
    error = fail(path, **options)
    assert part in str(error)
    assert error.line == line
    assert line is None or str(error).startswith(f"{path}:{line}: ")


def test_missing_files_folders_and_zips(tmp_path: Path) -> None:
    assert "no such file" in str(fail(tmp_path / "absent.csv"))
    assert "folder" in str(fail(tmp_path))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "y")
    assert "holds 2 files" in str(fail(tmp_path / "two.zip"))
    (tmp_path / "broken.zip").write_bytes((tmp_path / "two.zip").read_bytes()[:40])
    assert "damaged" in str(fail(tmp_path / "broken.zip"))


def test_a_stray_quote_says_how_to_turn_quoting_off(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('label,text\n1,fine\n0,"stray\n1,also\n0,"again"\n')
    error = fail(path)
    assert error.line == 3
    assert "--no-quoting" in str(error)


def test_unknown_encodings_and_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\n")
    for options in (ReadOptions(encoding="klingon"), ReadOptions(encoding="base64")):
        with pytest.raises(DataError, match="no such encoding"):
            read_examples(path, options)
    with pytest.raises(DataError, match="one character"):
        read_examples(path, ReadOptions(delimiter="::"))


def test_class_names_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,0\nb,7\n")
    names = tmp_path / "names.txt"
    names.write_text("zero\none\n")
    error = fail(path, label_names=str(names))
    assert error.line == 3
    assert "0 to 1" in str(error)
    names.write_text("same\nsame\n")
    with pytest.raises(DataError, match=r"names\.txt:2: .*already on line 1"):
        read_examples(path, ReadOptions(label_names=str(names)))


def test_one_class_only_is_refused_for_training(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\nb,1\n")
    data = read_examples(path)
    with pytest.raises(DataError, match=r"a\.csv: one class only; given: '1'"):
        check_trainable(data, data.path)


def test_texts_to_predict_fail_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,id\na,1\nb\n")
    texts = iter_texts(path)
    assert next(texts) == (2, "a")
    with pytest.raises(DataError, match=r"a\.csv:3: too few columns"):
        next(texts)
