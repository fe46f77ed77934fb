"""Pairs from two files or a table; what is wrong with them is told with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from seqmap.data import ReadOptions
from seqmap.data.pairs import iter_sources, read_pairs
from seqmap.errors import DataError


def two(tmp_path: Path, first: str | bytes, second: str | bytes) -> str:
    for name, text in (("a.en", first), ("a.de", second)):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(data)
    return f"{tmp_path / 'a.en'},{tmp_path / 'a.de'}"


def test_two_files(tmp_path: Path) -> None:
    path = two(tmp_path, "one\r\ntwo\r\n\n", "eins\nzwei\n")
    found = read_pairs(path)
    assert [(p.source, p.target, p.line) for p in found] == [("one", "eins", 1), ("two", "zwei", 2)]
    assert found.layout.describe() == "two files, utf-8"
    assert len(found) == 2 and found.path == path


def test_two_gzipped_files(tmp_path: Path) -> None:
    for name, text in (("a.en.gz", "one\u2028more\n"), ("a.de.gz", "eins\n")):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    found = read_pairs(f"{tmp_path / 'a.en.gz'},{tmp_path / 'a.de.gz'}")
    assert found.examples[0].source == "one\u2028more"


@pytest.mark.parametrize("swap", [False, True])
def test_files_of_different_length(tmp_path: Path, swap: bool) -> None:
    sides = ("a\nb\nc\n", "x\ny\n")
    path = two(tmp_path, *(sides[::-1] if swap else sides))
    shorter = "a.en" if swap else "a.de"
    with pytest.raises(DataError, match=rf"{shorter}:3: .*ends after 2 lines.* after 3"):
        read_pairs(path)


def test_a_missing_second_file(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\n")
    with pytest.raises(DataError, match=r"a\.de: no such file"):
        read_pairs(f"{tmp_path / 'a.en'},{tmp_path / 'a.de'}")


def test_bytes_of_another_encoding(tmp_path: Path) -> None:
    path = two(tmp_path, "one\ntwo\n", b"eins\nzw\xff\xfe\x81\x20ei\n")
    with pytest.raises(DataError, match=r"a\.de:2: "):
        read_pairs(path, ReadOptions(encoding="utf-8"))


def test_empty_sides_are_left_out_and_told(tmp_path: Path) -> None:
    found = read_pairs(two(tmp_path, "a\n\nc\n \ne\n", "x\ny\n\nz\nv\n"))
    assert [p.line for p in found] == [1, 5]
    notes = found.layout.describe()
    assert "2 pairs without a source were left out (lines 2, 4)" in notes
    assert "1 pairs without a target were left out (line 3)" in notes
    with pytest.raises(DataError, match="no pair"):
        read_pairs(two(tmp_path, "\n \n", "x\ny\n"))


def test_wild_lengths_are_told(tmp_path: Path) -> None:
    usual = ["a text of some length here"] * 20
    sources, targets = [*usual, "short words then", *usual], [*usual, "x" * 200, *usual]
    found = read_pairs(two(tmp_path, "\n".join(sources), "\n".join(targets)))
    assert len(found) == 41
    assert "1 pairs are far longer on one side" in found.layout.notes[0]
    assert "(line 21)" in found.layout.notes[0]


def test_tables(tmp_path: Path) -> None:
    tsv = tmp_path / "a.tsv"
    tsv.write_text("eins\tone\nzwei\ttwo\n")
    assert [(p.source, p.target) for p in read_pairs(tsv)] == [("eins", "one"), ("zwei", "two")]
    csv = tmp_path / "b.csv"
    csv.write_text('id,target,source\n1,eins,one\n2,"zwei, drei","two, three"\n')
    found = read_pairs(csv)
    assert found.examples[1].source == "two, three" and found.examples[1].target == "zwei, drei"
    assert "columns not used: id" in found.layout.describe()
    asked = read_pairs(csv, ReadOptions(text_columns=("id",), label_column="source"))
    assert (asked.examples[0].source, asked.examples[0].target) == ("1", "one")
    jsonl = tmp_path / "c.jsonl"
    rows = [{"input": "a\nb", "output": "x"}, {"input": 7, "output": None}]
    jsonl.write_text("\n".join(map(json.dumps, rows)))
    found = read_pairs(jsonl)
    assert [(p.source, p.target) for p in found] == [("a b", "x")]
    assert "without a target were left out (line 2)" in found.layout.describe()


def test_tables_that_cannot_be_used(tmp_path: Path) -> None:
    one = tmp_path / "a.tsv"
    one.write_text("only\nlines\n")
    with pytest.raises(DataError, match="a column for each side"):
        read_pairs(one)
    lines = tmp_path / "train.en"
    lines.write_text("a line\nanother\n")
    with pytest.raises(DataError, match="two files as train.en,train.de"):
        read_pairs(lines)
    csv = tmp_path / "b.csv"
    csv.write_text("source,target\na,b\n")
    with pytest.raises(DataError, match="no such column; given: 'traget'"):
        read_pairs(csv, ReadOptions(label_column="traget"))
    with pytest.raises(DataError, match="the same column"):
        read_pairs(csv, ReadOptions(label_column="source"))
    with pytest.raises(DataError, match="the source is one column"):
        read_pairs(csv, ReadOptions(text_columns=("source", "target")))
    jsonl = tmp_path / "c.jsonl"
    jsonl.write_text('{"source": "a", "target": "b"}\n{"source": ["a"], "target": "b"}\n')
    with pytest.raises(DataError, match=r"c\.jsonl:2: this is not a text"):
        read_pairs(jsonl)


def test_inputs_are_lines_unless_the_name_says_otherwise(tmp_path: Path) -> None:
    plain = tmp_path / "a.txt"
    plain.write_text("one, two\t3\n\nlast")
    assert list(iter_sources(plain)) == [(1, "one, two\t3"), (2, ""), (3, "last")]
    tsv = tmp_path / "a.tsv"
    tsv.write_text("one\teins\ntwo\tzwei\n")
    assert [text for _, text in iter_sources(tsv)] == ["one", "two"]
    path = two(tmp_path, "x\ny\n", "u\nv\n")
    assert [text for _, text in iter_sources(path)] == ["x", "y"]
    assert list(iter_sources(tmp_path / "a.en")) == [(1, "x"), (2, "y")]


def test_multi30k(shared_data: Path) -> None:
    folder = shared_data / "multi30k"
    found = read_pairs(f"{folder / 'val.en.gz'},{folder / 'val.de.gz'}")
    assert len(found) == 1014 and found.layout.notes == ()
