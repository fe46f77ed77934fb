"""Pairs of texts: two files that agree line by line, or one table with a column for each side."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from seqmap.data.formats.guess import open_table
from seqmap.data.records import Column, ReadOptions, few
from seqmap.data.source import LineStream, Source, without_cr
from seqmap.data.table import Cell, Table
from seqmap.errors import DataError

SOURCE_NAMES = (
    *("source", "src", "input", "question", "from", "text", "sentence", "document", "original"),
    *("原文", "源文", "输入"),
)
TARGET_NAMES = (
    *("target", "tgt", "trg", "output", "answer", "to", "translation", "summary", "reference"),
    *("译文", "目标", "输出", "label"),
)
_TABLES = (".tsv", ".csv", ".json", ".ndjson", ".parquet")
# Between two files: `train.en,train.de`.
_BETWEEN = ","
_WILD = math.log(4.0)
_SPREADS = 6
_LONG_ENOUGH = 20  # characters; the ratio of very short texts says nothing
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and the one that it maps to.

    Attributes:
        source: What is read.
        target: What shall be written.
        line: Where it stands in its file, counted from 1; 0 when not from a file.
    """

    source: str
    target: str
    line: int = 0


@dataclass(frozen=True)
class PairLayout:
    """What was found in a file, or in two.

    Attributes:
        format: `two files`, or that of the table.
        encoding: Of the bytes.
        source_column: Of a table.
        target_column: Of a table.
        notes: What a reader should know.
    """

    format: str
    encoding: str
    source_column: str | None = None
    target_column: str | None = None
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return one line of facts, and one line for each note."""
        facts = [self.format, self.encoding]
        if self.source_column is not None:
            facts.append(f"source = column {self.source_column}")
            facts.append(f"target = column {self.target_column}")
        return "\n".join([", ".join(facts), *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class PairDataset:
    """The pairs of one file, or of two."""

    path: str
    examples: tuple[Pair, ...]
    layout: PairLayout

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.examples)


def read_pairs(path: str | os.PathLike[str], options: ReadOptions | None = None) -> PairDataset:
    """Read all pairs.

    Pairs with an empty side are left out, and told with their lines; so are pairs whose lengths
    are in a wildly other proportion than the rest, which are kept.

    Args:
        path: A table (TSV, CSV, JSON Lines, Parquet), or two files with a comma between them,
            `train.en,train.de`, that agree line by line.
        options: How to read it; `text_columns` names the source, `label_column` the target.

    Raises:
        DataError: A file is missing, holds no pair, the two differ in length, or a line cannot be
            used.
    """
    options = options or ReadOptions()
    name = os.fspath(path)
    if (both := two_files(name)) is not None:
        pairs, layout = _aligned(*both, options)
    else:
        pairs, layout = _table(name, options)
    kept = [pair for pair in pairs if pair.source.strip() and pair.target.strip()]
    if not kept:
        raise DataError("there is no pair of texts in it", path=name)
    notes = [*layout.notes, *_empty_sides(pairs), *_wild_lengths(kept)]
    return PairDataset(name, tuple(kept), replace(layout, notes=tuple(notes)))


def two_files(path: str) -> tuple[str, str] | None:
    """Return the two files that `a,b` names; None where it names one."""
    if _BETWEEN not in path or os.path.exists(path):
        return None
    first, _, second = path.partition(_BETWEEN)
    return (first, second) if first and second else None


def iter_sources(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of what shall be translated, as it comes.

    A file is read line by line, unless its name or the options say that it is a table; of two
    aligned files, the first is read.

    Raises:
        DataError: It cannot be read.
    """
    options = options or ReadOptions()
    name = os.fspath(path)
    name = (two_files(name) or (name,))[0]
    source = Source(name)
    tabular = source.extension.startswith(_TABLES)
    if options.format in (None, "plain") and not tabular and not options.text_columns:
        for number, line in LineStream(source, options.encoding):
            yield number, without_cr(line)
        return
    table = open_table(source, options, labelled=False)
    if not table.columns:
        return
    place = _role(table, _named(options.text_columns), SOURCE_NAMES)
    for number, cells in table.read([0 if place is None else place]):
        yield number, _text(cells[0], number, table.source.shown)


def _aligned(first: str, second: str, options: ReadOptions) -> tuple[list[Pair], PairLayout]:
    """Read two files line by line."""
    sides, encodings = [], []
    for path in (first, second):
        stream = LineStream(Source(path), options.encoding)
        sides.append([without_cr(line) for _, line in stream])
        encodings.append(stream.encoding)
    for lines, other in (sides, sides[::-1]):
        while len(lines) > len(other) and not lines[-1].strip():
            lines.pop()  # blank lines at the end of a file say nothing
    counts = [len(lines) for lines in sides]
    if counts[0] != counts[1]:
        shorter = int(counts[1] < counts[0])
        raise DataError(
            f"the two files must agree line by line, but this one ends after {counts[shorter]:,}"
            f" lines and {(first, second)[1 - shorter]} after {counts[1 - shorter]:,}",
            path=(first, second)[shorter],
            line=counts[shorter] + 1,
            remedy="A lost or a broken line shifts all that follow: find it and mend it",
        )
    pairs = [
        Pair(source, target, number)
        for number, (source, target) in enumerate(zip(*sides, strict=True), start=1)
    ]
    return pairs, PairLayout("two files", " and ".join(dict.fromkeys(encodings)))


def _table(path: str, options: ReadOptions) -> tuple[list[Pair], PairLayout]:
    """Read a table with a column for each side."""
    source_file = Source(path)
    if options.format is None and not source_file.extension.startswith(_TABLES):
        first = LineStream(source_file, options.encoding).peek(1)
        if first and "\t" not in first[0][1] and first[0][1][:1] != "{":
            raise _no_columns(path, "lines without a TAB")
    table = open_table(source_file, options, labelled=True)
    if table.format in ("lines", "plain") or len(table.columns) < 2:
        raise _no_columns(path, f"{table.format}, {len(table.columns)} column(s)")
    source = _role(table, _named(options.text_columns), SOURCE_NAMES)
    target = _role(table, options.label_column, TARGET_NAMES)
    free = [place for place in range(len(table.columns)) if place not in (source, target)]
    source = free.pop(0) if source is None else source
    target = free.pop(0) if target is None else target
    if source == target:
        raise DataError(
            "source and target are the same column", path=path, given=table.columns[source]
        )
    notes = list(table.notes)
    if free:
        notes.append(f"columns not used: {few([table.columns[place] for place in free])}")
    pairs = [
        Pair(_text(cells[0], number, path), _text(cells[1], number, path), number)
        for number, cells in table.read([source, target])
    ]
    layout = PairLayout(
        table.format, table.encoding(), table.columns[source], table.columns[target], tuple(notes)
    )
    return pairs, layout


def _no_columns(path: str, given: str) -> DataError:
    return DataError(
        "pairs of texts need a column for each side",
        path=path,
        given=given,
        remedy="Give a TSV or JSON Lines file, or two files as train.en,train.de",
    )


def _named(columns: tuple[Column, ...] | None) -> Column | None:
    if not columns:
        return None
    if len(columns) > 1:
        raise DataError("the source is one column", given=few([str(c) for c in columns]))
    return columns[0]


def _role(table: Table, given: Column | None, names: Sequence[str]) -> int | None:
    """Return the column of a side: as given, else by its name; None where neither helps."""
    columns = [column.strip().lower() for column in table.columns]
    if given is None:
        if table.header is False:
            return None
        return next((columns.index(name) for name in names if name in columns), None)
    if isinstance(given, str) and given in table.columns:
        return table.columns.index(given)
    try:
        place = range(len(columns))[int(given)]
    except (ValueError, IndexError):
        raise DataError(
            "no such column", path=table.source.shown, given=given, allowed=table.columns
        ) from None
    return place


def _text(cell: Cell, number: int, path: str) -> str:
    if isinstance(cell, str):
        return cell.replace("\n", " ").replace("\r", " ")
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return str(cell)
    if cell is None:
        return ""
    raise DataError("this is not a text", path=path, line=number, given=cell)


def _empty_sides(pairs: Sequence[Pair]) -> Iterator[str]:
    for side in ("source", "target"):
        lines = [pair.line for pair in pairs if not getattr(pair, side).strip()]
        if lines:
            yield f"{len(lines):,} pairs without a {side} were left out ({_lines(lines)})"


def _wild_lengths(pairs: Sequence[Pair]) -> Iterator[str]:
    """Tell of pairs whose lengths are in another proportion than usual: they may not belong."""
    ratios = [math.log(len(pair.target) / len(pair.source)) for pair in pairs]
    usual = statistics.median(ratios)
    # Mixed scripts have mixed proportions: what counts as wild follows the spread.
    bound = max(_WILD, _SPREADS * statistics.median(abs(ratio - usual) for ratio in ratios))
    wild = [
        pair.line
        for pair, ratio in zip(pairs, ratios, strict=True)
        if abs(ratio - usual) > bound and max(len(pair.source), len(pair.target)) > _LONG_ENOUGH
    ]
    if wild:
        yield (
            f"{len(wild):,} pairs are far longer on one side than is usual here, and were kept "
            f"({_lines(wild)}): do both sides say the same?"
        )


def _lines(lines: Sequence[int]) -> str:
    shown = ", ".join(f"{line}" for line in lines[:_SHOWN])
    more = ", …" if len(lines) > _SHOWN else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"
