"""Word vectors from a file: the text format of word2vec, GloVe and fastText.

One symbol a line, then its numbers, separated by blanks; word2vec and fastText begin with a line
`count dimension`. The file is read as a stream and only the vectors of the vocabulary are kept.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import SPECIAL
from seqmap.errors import DataError, shorten


class Named(Protocol):
    """What gives ids to names: a text codec, or what reads tokens."""

    @property
    def unit(self) -> str:
        """`word` where lower-case ASCII is folded to itself."""

    @property
    def size(self) -> int:
        """The number of ids, the two special ones included."""

    def symbol(self, index: int) -> str:
        """Return the name of an id."""

    def symbols(self, text: str) -> list[str]:
        """Return what a name is folded to."""


@dataclass(frozen=True)
class Vectors:
    """The vectors of a vocabulary, as far as a file has them."""

    path: str
    """The file."""
    matrix: NDArray[np.float32]
    """`(size, dimension)`; zeros where the file has nothing."""
    found: NDArray[np.bool_]
    """`(size,)`: which ids have a vector."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.matrix.shape[1])

    @property
    def coverage(self) -> float:
        """The share of the vocabulary (without the two special ids) that has a vector."""
        return float(self.found.sum() / max(1, len(self.found) - len(SPECIAL)))

    def describe(self) -> str:
        """Return one line for the user."""
        known = len(self.found) - len(SPECIAL)
        return (
            f"{self.path}: vectors of {self.dimension} numbers for {self.found.sum():,} of "
            f"{known:,} symbols ({self.coverage:.1%} of the vocabulary)"
        )


def read_vectors(path: str | Path, codec: Named, *, least: int | None = None) -> Vectors:
    """Read the vectors of a codec's symbols.

    A symbol takes the vector of the line with exactly its name; failing that, of the first line
    whose name is folded to it as the codec folds text (`Paris` for `paris`, `-LRB-` for `(`).

    Args:
        path: The file; gzip is looked through.
        codec: Gives the symbols.
        least: One of the ids below this must have a vector; None means any id.

    Raises:
        DataError: The file is missing, is not such a file (with the line), or has no vector for
            any symbol.
    """
    names = {codec.symbol(index): index for index in range(len(SPECIAL), codec.size)}
    rows: dict[int, NDArray[np.float32]] = {}
    exact: set[int] = set()
    dimension = 0
    for line, name, numbers in _lines(path):
        count = numbers.count(" ") + 1
        dimension = dimension or count
        if count < dimension:
            raise DataError(
                "this line has fewer values than the first",
                path=path,
                line=line,
                given=count,
                allowed=str(dimension),
            )
        if count > dimension:
            continue  # a name with blanks inside (GloVe 840B has some) is no symbol of ours
        index = names.get(name)
        is_exact = index is not None
        if index is None:
            index = names.get(_folded(name, codec))
        if index is None or index in exact or (index in rows and not is_exact):
            continue
        if is_exact:
            exact.add(index)
        rows[index] = _numbers(numbers, path, line)
    if not any(index < (codec.size if least is None else least) for index in rows):
        raise DataError(
            "no symbol of the vocabulary has a vector in this file",
            path=path,
            given=_sample(names),
            remedy="Check that the file is of the data's language, and text.unit",
        )
    matrix = np.zeros((codec.size, dimension), np.float32)
    found = np.zeros(codec.size, np.bool_)
    for index, row in rows.items():
        matrix[index] = row
        found[index] = True
    return Vectors(str(path), matrix, found)


def vector_names(path: str | Path, codec: Named) -> Iterator[str]:
    """Yield what the names of a file are folded to, in its order; some may come twice.

    Args:
        path: The file; gzip is looked through.
        codec: How names are folded.

    Raises:
        DataError: As for `read_vectors`.
    """
    for _, name, _ in _lines(path):
        symbols = codec.symbols(name)
        if len(symbols) == 1 and symbols[0]:
            yield symbols[0]


def _lines(path: str | Path) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, name, numbers); skip the `count dimension` line."""
    empty = True
    try:
        with _open(path) as file:
            for line, raw in enumerate(file, start=1):
                text = raw.decode("utf-8", errors="replace").replace("\t", " ").rstrip("\r\n ")
                name, _, numbers = text.partition(" ")
                header = line == 1 and name.isdecimal() and numbers.isdecimal()
                if header or not text:
                    continue
                if not numbers:
                    raise DataError(
                        "a symbol and its numbers, separated by blanks, are expected here",
                        path=path,
                        line=line,
                        given=shorten(text, 40),
                        remedy="Only the text format is read; convert a binary file first",
                    )
                empty = False
                yield line, name, numbers
    except (OSError, EOFError, zlib.error) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read the word vectors: {problem}", path=path) from None
    if empty:
        raise DataError("the file of word vectors is empty", path=path)


@contextmanager
def _open(path: str | Path) -> Iterator[IO[bytes]]:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            yield file
            return
        with gzip.open(file) as unzipped:
            yield cast("IO[bytes]", unzipped)


def _folded(name: str, codec: Named) -> str:
    if codec.unit == "word" and name.isascii() and name.isalpha() and name.islower():
        return ""  # folding would not change it; most lines of a large file end here
    symbols = codec.symbols(name)
    return symbols[0] if len(symbols) == 1 else ""


def _numbers(numbers: str, path: str | Path, line: int) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            row = np.array(numbers.split(" "), np.float64).astype(np.float32)
    except ValueError:
        row = np.array([np.nan], np.float32)
    if not np.isfinite(row).all():
        raise DataError(
            "a vector holds something that is not a finite number",
            path=path,
            line=line,
            given=shorten(numbers, 40),
        )
    return row


def _sample(names: dict[str, int]) -> str:
    return ", ".join(list(names)[:5]) or "an empty vocabulary"
