"""CSV and TSV."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqmap.data.columns import KNOWN_NAMES, guess_header, requested_names
from seqmap.data.delimited import (
    QUOTE,
    guess_delimiter,
    quotes_balance,
    records,
    sample_records,
)
from seqmap.data.records import ReadOptions
from seqmap.data.source import LineStream, Source
from seqmap.data.table import FileFormat, Rows, Table
from seqmap.errors import DataError

# Excel's way of stating the delimiter on a line before the first row.
_EXCEL = re.compile("sep=(.)\r?", re.IGNORECASE)


def open_csv(source: Source, options: ReadOptions) -> Table:
    """Open comma-separated values, or whatever other delimiter the first lines show."""
    return _open(source, options, "csv", None)


def open_tsv(source: Source, options: ReadOptions) -> Table:
    """Open TAB-separated values."""
    return _open(source, options, "tsv", "\t")


def _open(source: Source, options: ReadOptions, name: str, usual: str | None) -> Table:
    stream = LineStream(source, options.encoding)
    # Standard input must answer line by line, so that nothing beyond its first line is awaited.
    head = stream.peek(lines=1) if source.is_stream else stream.peek()
    names = [*KNOWN_NAMES, *requested_names(options)]
    delimiter = options.delimiter or usual
    stated = _EXCEL.fullmatch(head[0][1]) if head else None
    if stated is not None:
        next(iter(stream))  # it is no row
        head = stream.peek(lines=1) if source.is_stream else stream.peek()
        delimiter = options.delimiter or stated[1]
    if delimiter is None:
        on = options.quoting is not False
        delimiter = guess_delimiter(head, names=names, quoting=on)
    if len(delimiter) != 1 or delimiter in ('"', "\n", "\r"):
        raise DataError("a delimiter is one character", given=delimiter, allowed="one of , ; | TAB")
    if not source.is_stream:
        _refuse_lone_cr(source, stream, delimiter)
    notes: list[str] = []
    quoting = options.quoting
    if quoting is None:
        quoting = _guess_quoting(source, options, delimiter, head, notes)
    rows = sample_records(head, delimiter=delimiter, quoting=quoting)
    size = len(head)
    while not rows and not stream.exhausted:
        # The first row alone is longer than the sample.
        size *= 4
        head = stream.peek(lines=size, characters=1 << 40)
        rows = sample_records(head, delimiter=delimiter, quoting=quoting)
    header = options.header
    if header is None:
        asked = requested_names(options)
        header = bool(asked) or (bool(rows) and guess_header(rows[0], rows[1:]))
    first = rows[0] if rows else []
    columns = tuple(first) if header else tuple(str(place) for place in range(len(first)))
    lines = iter(stream)
    table: Table = Table(
        source=source,
        format=name,
        columns=columns,
        sample=list(rows[1:] if header else rows),
        read=lambda places: _read(table, lines, places),
        encoding=lambda: stream.encoding,
        delimiter=delimiter,
        quoting=quoting,
        header=header,
        notes=notes,
    )
    return table


def _refuse_lone_cr(source: Source, stream: LineStream, delimiter: str) -> None:
    """Tell of a file that is one line only because its lines end in CR alone."""
    first = stream.peek(lines=2, characters=1 << 60)
    if len(first) != 1 or QUOTE in first[0][1]:
        return
    lines = [line for line in first[0][1].split("\r") if line]
    if len(lines) > 2 and all(delimiter in line for line in lines):
        raise DataError(
            "the lines end in CR alone, and are not split there",
            path=source.shown,
            remedy="Save it with LF or CR LF at the ends, or run: tr '\\r' '\\n' < OLD > NEW",
        )


def _guess_quoting(
    source: Source,
    options: ReadOptions,
    delimiter: str,
    head: Sequence[tuple[int, str]],
    notes: list[str],
) -> bool:
    """CSV quotes by RFC 4180; in TSV quotes are characters, unless they balance throughout."""
    if delimiter != "\t":
        return True
    # A stream cannot be read twice, so there only its head counts.
    stream = None if source.is_stream else LineStream(source, options.encoding)
    balanced = quotes_balance(iter(head if stream is None else stream), delimiter)
    if stream is not None:
        stream.close()
    if balanced is False:
        notes.append("quotes do not balance: they are read as ordinary characters (--quoting)")
    elif balanced:
        notes.append("quotes balance throughout: they enclose fields (--no-quoting)")
    return bool(balanced)


def _read(table: Table, lines: Rows, places: Sequence[int]) -> Rows:
    width, path = len(table.columns), table.source.shown
    assert table.delimiter is not None and table.quoting is not None
    rows = records(lines, delimiter=table.delimiter, quoting=table.quoting, path=path)  # type: ignore[arg-type]
    blank = 0
    skip_header = table.header
    for number, row in rows:
        if skip_header and not row:
            # The header is the first row that is not empty, also where a row may be.
            blank += 1
            continue
        if len(row) != width:
            if width > 1 and not any(cell.strip() for cell in row):
                blank += 1
                continue
            row = _fitted(table, number, row)
        if skip_header:
            skip_header = False
            continue
        yield number, [row[place] for place in places]
    if blank:
        table.notes.append(f"{blank} blank line(s) skipped")


def _fitted(table: Table, number: int, row: list[str]) -> list[str]:
    """Return a row of the right width, or raise: only empty cells at the end may be too many."""
    width = len(table.columns)
    if len(row) > width and not any(row[width:]):
        return row[:width]
    if not row and width == 1:
        return [""]
    remedy = "Quote fields that hold the delimiter"
    if table.quoting and any("\n" in cell for cell in row):
        remedy = "A stray quote may have joined rows: close it, or turn quoting off (--no-quoting)"
    elif not table.quoting and any(cell.startswith(QUOTE) for cell in row):
        remedy = "If quotes enclose fields here, turn quoting on (--quoting)"
    raise DataError(
        f"too {'few' if len(row) < width else 'many'} columns",
        path=table.source.shown,
        line=number,
        given=len(row),
        allowed=str(width),
        remedy=remedy,
    )


CSV = FileFormat("csv", (".csv",), open_csv)
TSV = FileFormat("tsv", (".tsv", ".tab"), open_tsv)
