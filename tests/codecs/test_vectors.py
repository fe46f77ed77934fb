"""Word vectors from files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from seqmap.codecs import WordCodec
from seqmap.codecs.vectors import read_vectors
from seqmap.config import TextConfig
from seqmap.errors import DataError

CODEC = WordCodec.fit(["paris is ( a ) city it's Oslo's"], config=TextConfig())
LINES = "Paris 1 2\nparis 3 4\nPARIS 5 6\n-LRB- 7 8\nIs 9 1\nis 2 3\nunseen 0 0\n's 4 -5e-1\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "vectors.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("form", ["glove", "word2vec", "fasttext", "gzip", "crlf", "tabs"])
def test_every_form_is_read_with_exact_names_first(tmp_path: Path, form: str) -> None:
    text = {
        "word2vec": "8 2\n" + LINES,
        "fasttext": "8 2\n" + LINES.replace("\n", " \n"),
        "crlf": LINES.replace("\n", "\r\n"),
        "tabs": LINES.replace(" ", "\t"),
    }.get(form, LINES)
    content = gzip.compress(text.encode()) if form == "gzip" else text.encode()
    vectors = read_vectors(write(tmp_path, content), CODEC)
    assert vectors.matrix.dtype == np.float32
    assert vectors.matrix.shape == (CODEC.size, 2)
    rows = {
        CODEC.symbol(index): vectors.matrix[index].tolist()
        for index in np.flatnonzero(vectors.found)
    }
    assert rows == {"paris": [3, 4], "(": [7, 8], "is": [2, 3], "'s": [4, -0.5]}
    assert vectors.coverage == pytest.approx(4 / 9)
    assert "4 of 9 symbols (44.4% of the vocabulary)" in vectors.describe()
    assert not vectors.matrix[~vectors.found].any()


def test_names_with_blanks_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    vectors = read_vectors(write(tmp_path, "is 1 2\n. . . 3 4\n\nparis 5 6\n"), CODEC)
    assert vectors.found.sum() == 2


def test_a_cased_name_never_replaces_an_exact_one(tmp_path: Path) -> None:
    vectors = read_vectors(write(tmp_path, "paris 1 2\nPARIS 3 4\nparis 5 6\n"), CODEC)
    assert vectors.matrix[CODEC.encode("paris")[0]].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("is 1 2\nparis 1\n", 2, "fewer values than the first; given: '1'; allowed: 2"),
        ("is 1 two\n", 1, "not a finite number"),
        ("is 1 nan\n", 1, "not a finite number"),
        ("is 1 1e99\n", 1, "not a finite number"),
        ("3 2\nis\n", 2, "separated by blanks"),
        ("rouge 1 2\n", None, "no symbol of the vocabulary has a vector"),
        ("", None, "is empty"),
        (gzip.compress(LINES.encode())[:40], None, "cannot read"),
    ],
)
def test_mistakes_are_told_with_the_line(
    tmp_path: Path, content: str | bytes, line: int | None, problem: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_vectors(path, CODEC)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert problem in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_vectors(tmp_path / "none.txt", CODEC)
