"""What every format turns a file into: columns, a sample, and a stream of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from seqmap.data.records import ReadOptions
from seqmap.data.source import Source

Cell = object
"""A value: text from CSV, TSV and lines; whatever JSON and Parquet hold otherwise."""

Rows = Iterator[tuple[int, Sequence[Cell]]]
"""Pairs of a line number, counted from 1, and the cells of the columns asked for."""


@dataclass
class Table:
    """A file that has been opened and looked at, its rows not yet read."""

    source: Source
    format: str
    columns: tuple[str, ...]
    """Names, or numbers from 0 when `header` is False."""
    sample: list[Sequence[Cell]]
    """The first rows, all columns, without the header."""
    read: Callable[[Sequence[int]], Rows]
    """Streams the given columns of all rows, in the order given; can be called once."""
    encoding: Callable[[], str] = lambda: "utf-8"
    """The encoding of what was read so far."""
    delimiter: str | None = None
    quoting: bool | None = None
    header: bool | None = None
    notes: list[str] = field(default_factory=list)
    """Notes for the layout; a reader may add to them while rows are read."""


@dataclass(frozen=True)
class FileFormat:
    """A format that can be read; a new one is a file with one of these and a line in FORMATS."""

    name: str
    extensions: tuple[str, ...]
    """File name endings that belong to it, lower case, with their dot."""
    open: Callable[[Source, ReadOptions], Table]
    """Looks at the beginning of a file and returns its table."""
