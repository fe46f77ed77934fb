"""Texts as a stream: constant memory, the first one out before the rest is there."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from seqmap.data import ReadOptions, TextStream, iter_texts
from seqmap.errors import DataError


def pipe_stdin(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make standard input a pipe and return the end to write to."""
    read_end, write_end = os.pipe()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(os.fdopen(read_end, "rb")))
    return write_end


def test_the_first_text_of_stdin_comes_before_the_second_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_end = pipe_stdin(monkeypatch)
    texts = iter_texts("-")
    os.write(write_end, b"eins, zwei\n")
    assert next(texts) == (1, "eins, zwei")
    os.write(write_end, "\nдва\x85\r\n".encode())
    assert next(texts) == (2, "")
    assert next(texts) == (3, "два\x85")
    os.write(write_end, b"last")
    os.close(write_end)
    assert list(texts) == [(4, "last")]
    sys.stdin.close()


def test_csv_on_stdin_answers_after_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    write_end = pipe_stdin(monkeypatch)
    os.write(write_end, b"id,text\n")
    texts = iter_texts("-", ReadOptions(format="csv"))
    os.write(write_end, b'1,"a, b"\n')
    assert next(texts) == (2, "a, b")
    os.close(write_end)
    assert list(texts) == []
    sys.stdin.close()


def test_stdin_that_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    write_end = pipe_stdin(monkeypatch)
    os.write(write_end, b"plain\nun caf\xe9 noir\nun th\xe9 vert\n")
    os.close(write_end)
    assert [text for _, text in iter_texts("-")] == ["plain", "un café noir", "un thé vert"]
    sys.stdin.close()


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("one\ntwo\n",))
    writer.start()
    assert list(iter_texts(path)) == [(1, "one"), (2, "two")]
    writer.join()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "one, two\n\nthree", ["one, two", "", "three"]),
        (
            "b.txt",
            "a b, c\nd e, f\ng, h\ni, j\nk, l\n",
            ["a b, c", "d e, f", "g, h", "i, j", "k, l"],
        ),
        ("c.txt", "label,text\n1,x y\n0,z\n", ["x y", "z"]),
        ("a.csv", "label,text\n1,x y\n,z\n", ["x y", "z"]),
        ("b.csv", "text\nx\ny\n", ["x", "y"]),
        ("a.tsv", "some longer text\t3\nanother text\t4\n", ["some longer text", "another text"]),
        ("a.jsonl", '{"text": "a\\nb"}\n{"text": "c"}\n', ["a\nb", "c"]),
        ("empty.txt", "", []),
        ("empty.csv", "", []),
    ],
)
def test_files_without_labels(tmp_path: Path, name: str, content: str, expected: list[str]) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert [text for _, text in iter_texts(path)] == expected


def test_the_layout_of_a_stream_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("kind,review\n1,x\n")
    layout = TextStream(path).layout
    assert layout is not None
    assert layout.text_columns == ("review",)


def test_memory_stays_constant(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write("id,text\n")
        for number in range(40_000):
            file.write(f'{number},"{"words and, more words " * 20}"\n')
    tracemalloc.start()
    count = sum(1 for _ in iter_texts(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 40_000
    # The file holds 18 MB of text; the look ahead and the buffers are well below 3.
    assert peak < 3_000_000


def test_wrong_columns_fail_before_the_first_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("kind,review\n1,x\n")
    with pytest.raises(DataError, match="Did you mean 'review'"):
        next(iter_texts(path, ReadOptions(text_columns=("revew",))))
