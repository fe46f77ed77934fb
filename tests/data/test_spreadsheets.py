"""Files as spreadsheet programs write them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from seqmap.data import ReadOptions, iter_texts, read_examples
from seqmap.errors import DataError

ROWS = [("good; very good", "1"), ("bad café", "0"), ("so, so", "1"), ("dull", "0")]
SEMICOLONS = "text;label\r\n" + "".join(f'"{text}";{label}\r\n' for text, label in ROWS)


def found(path: Path) -> list[tuple[str, str]]:
    return [(example.text, example.labels[0]) for example in read_examples(path)]


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + SEMICOLONS.encode(),
        SEMICOLONS.encode("utf-16"),
        SEMICOLONS.encode("cp1252"),
        ("sep=;\r\n" + SEMICOLONS).encode(),
        ("sep=;\r\n" + SEMICOLONS).encode("utf-16"),
        codecs.BOM_UTF8 + ("SEP=;\n" + SEMICOLONS).encode(),
    ],
    ids=["bom", "utf-16", "cp1252", "sep", "sep in utf-16", "sep after a bom"],
)
def test_semicolons_and_marks(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert found(path) == ROWS
    assert [text for _, text in iter_texts(path)] == [text for text, _ in ROWS]


def test_a_given_delimiter_counts_more_than_the_stated_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=,\ntext;label\ngood;1\nbad;0\n")
    examples = read_examples(path, ReadOptions(delimiter=";"))
    assert [example.text for example in examples] == ["good", "bad"]


@pytest.mark.parametrize("rest", [",\n,\n", "  \n\n", ",,,\n", " , \n"])
def test_empty_rows_at_the_end_are_skipped_and_counted(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\ngood,1\nbad,0\n,1\n" + rest)
    data = read_examples(path)
    assert [example.text for example in data] == ["good", "bad", ""]  # a text alone may be empty
    assert any("skipped" in note for note in data.layout.notes)


def test_a_text_without_a_label_is_still_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\ngood,1\nbad,\n")
    with pytest.raises(DataError, match="a.csv:3: the label is missing"):
        read_examples(path)


def test_lines_that_end_in_cr_alone_are_told(tmp_path: Path) -> None:
    path = tmp_path / "mac.csv"
    path.write_bytes(b"text,label\rgood,1\rbad,0\r")
    with pytest.raises(DataError, match="the lines end in CR alone"):
        read_examples(path)


def test_many_text_columns_are_shown_by_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    names = [f"t{number}" for number in range(40)]
    row = ",".join("some words here" for _ in names)
    path.write_text(f"{','.join(names)},label\n{row},a\n{row},b\n")
    shown = read_examples(path, ReadOptions(text_columns=tuple(names))).layout.describe()
    assert "t0 + t1 + t2 + t3 + t4 + … + t39" in shown
