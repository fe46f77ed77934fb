"""Properties of the readers, over arbitrary texts and arbitrary bytes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from seqmap.data import Dataset, ReadOptions, inspect, iter_texts, read_examples
from seqmap.data.delimited import records
from seqmap.errors import DataError

quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Surrogates are no text in UTF-8.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
spicy = st.text(st.sampled_from('a",;|\t\n\r \x85\u2028\ufeff\x00é好'), max_size=12)
rows = st.lists(
    st.tuples(texts | spicy, st.sampled_from(["pos", "neg", "1", "0"])), min_size=1, max_size=8
)


def found(data: Dataset) -> list[tuple[str, str]]:
    return [(item.text, item.labels[0]) for item in data]


@quick
@given(rows, st.sampled_from([",", "\t", ";"]), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, ending: str
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "label"])
    writer.writerows(rows)
    path = tmp_path / "a.csv"
    path.write_bytes(buffer.getvalue().encode())
    assert found(read_examples(path)) == rows
    assert [text for _, text in iter_texts(path)] == [text for text, _ in rows]


@quick
@given(rows)
def test_what_is_written_as_jsonl_is_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        json.dumps({"text": text, "label": label}, ensure_ascii=len(text) % 2 == 0)
        for text, label in rows
    ]
    path.write_bytes("\n".join(lines).encode())
    assert found(read_examples(path)) == rows


@quick
@given(rows)
def test_raw_tsv_is_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    clean = [
        (text.replace("\t", " ").replace("\n", " ").rstrip("\r"), label) for text, label in rows
    ]
    path = tmp_path / "a.tsv"
    path.write_bytes("".join(f"{label}\t{text}\n" for text, label in clean).encode())
    options = ReadOptions(quoting=False, header=False, text_columns=(1,), label_column=0)
    assert found(read_examples(path, options)) == clean


@quick
@given(rows)
def test_label_text_lines_are_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    clean = [(text.replace("\n", " ").rstrip("\r"), label) for text, label in rows]
    path = tmp_path / "a.txt"
    path.write_bytes("".join(f"{label} {text}\n" for text, label in clean).encode())
    assert found(read_examples(path, ReadOptions(format="lines"))) == clean


@quick
@given(st.text(st.sampled_from('ab",\n '), max_size=40))
def test_rows_are_those_of_the_csv_module(content: str) -> None:
    lines = list(enumerate(content.split("\n"), start=1))
    if not lines[-1][1]:
        lines.pop()
    expected = list(csv.reader(io.StringIO(content, newline="")))
    try:
        rows = [row for _, row in records(iter(lines), delimiter=",", quoting=True, path="x")]
    except DataError as error:
        # csv takes the end of the file for a missing quote, and joins rows at a stray one.
        assert "never ends" in str(error) or "cannot split" in str(error)
        assert '"' in content
        return
    assert rows == expected


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.parquet", "a.zip", "a"])
@settings(quick, max_examples=60)
@given(content=st.binary(max_size=300) | spicy.map(str.encode) | texts.map(str.encode))
@example(content=b"PK\x03\x04")
@example(content=b"\x1f\x8b\x08")
@example(content=b"PAR1")
@example(content=b"\xff\xfe\n\x00a")
@example(content=b'{"text": 1}\n{"label": 2}\n')
@example(content=b"{}\n{}\n")
@example(content=b"__label__")
def test_random_bytes_give_data_or_a_data_error(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        data = read_examples(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert len(data) > 0
        assert all(item.labels or data.multi_label for item in data)
        assert data.layout.describe()
        assert inspect(data).parts[0].examples == len(data)
    try:
        assert all(isinstance(text, str) for _, text in iter_texts(path))
    except DataError as error:
        assert str(path) in str(error)
