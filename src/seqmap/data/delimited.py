"""Rows of delimited text: RFC 4180 quoting on a stream of lines, and the guesses about it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from seqmap.data.source import without_cr
from seqmap.errors import DataError

QUOTE = '"'
CANDIDATES = (",", "\t", ";", "|")
# csv refuses fields above 128 KiB by default; a text of 1 MB and more is fine here.
csv.field_size_limit((1 << 31) - 1)

Lines = Iterator[tuple[int, str]]


def records(
    lines: Lines, *, delimiter: str, quoting: bool, path: str, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Split lines into rows; a quoted field may hold delimiters, doubled quotes and line ends.

    A quote inside of an unquoted field is a character, and text after a closing quote belongs to
    the field, as in the csv module; but a row of several lines must follow RFC 4180 to the letter,
    because there a stray quote would join rows.

    Lines without a quote are split directly (csv would refuse those with a lone CR). An empty line
    is an empty row.

    Args:
        lines: Numbered lines without their LF.
        delimiter: The character between fields.
        quoting: Whether quotes enclose fields.
        path: The file's name in messages.
        strict: Refuse a quote inside of an unquoted field, and text after a closing quote.

    Raises:
        DataError: A quoted field never ends, or csv cannot read a line.
    """
    for number, line in lines:
        if not quoting or QUOTE not in line:
            line = without_cr(line)
            yield number, line.split(delimiter) if line else []
            continue
        consumed: list[str] = []
        whole = _until_closed(number, line, lines, path, consumed)
        try:
            row = next(csv.reader(whole, delimiter=delimiter, quotechar=QUOTE, strict=strict))
            if len(consumed) > 1 and not strict:
                next(csv.reader(consumed, delimiter=delimiter, quotechar=QUOTE, strict=True))
        except csv.Error as error:
            raise DataError(
                f"cannot split the row into columns: {error}",
                path=path,
                line=number,
                remedy="If quotes are ordinary characters here, turn quoting off (--no-quoting)",
            ) from None
        yield number, row


def _until_closed(
    number: int, line: str, lines: Lines, path: str, consumed: list[str]
) -> Iterator[str]:
    """Yield the line, then further ones, which csv asks for only while a quoted field is open."""
    consumed.append(line + "\n")
    yield consumed[-1]
    for _, more in lines:
        consumed.append(more + "\n")
        yield consumed[-1]
    raise DataError(
        "the row that begins here has a quoted field that never ends",
        path=path,
        line=number,
        remedy="Close it, or turn quoting off (--no-quoting)",
    )


def sample_records(
    lines: Iterable[tuple[int, str]], *, delimiter: str, quoting: bool
) -> list[list[str]]:
    """Return the rows of the first lines of a file, without a last one that is cut off.

    Args:
        lines: The first lines.
        delimiter: The character between fields.
        quoting: Whether quotes enclose fields.
    """
    rows = []
    # An error is either the cut, or a fault that the reading proper finds again, and then tells.
    with suppress(DataError):
        for _, row in records(iter(lines), delimiter=delimiter, quoting=quoting, path=""):
            if row:
                rows.append(row)
    return rows


def guess_delimiter(
    lines: Sequence[tuple[int, str]], *, names: Sequence[str], quoting: bool = True
) -> str:
    """Return the delimiter under which the first lines make the most regular table.

    A delimiter that makes one of `names` (known column names) a cell of the first row wins at once.
    """
    shares: dict[str, float] = {}
    for delimiter in CANDIDATES:
        rows = sample_records(lines, delimiter=delimiter, quoting=quoting)
        if not rows or len(rows[0]) < 2:
            continue
        if any(cell.strip().lower() in names or cell.strip() in names for cell in rows[0]):
            return delimiter
        width, _ = Counter(len(row) for row in rows).most_common(1)[0]
        shares[delimiter] = sum(len(row) == width > 1 for row in rows) / len(rows)
    return max(shares, key=lambda delimiter: shares[delimiter]) if shares else CANDIDATES[0]


def quotes_balance(lines: Lines, delimiter: str) -> bool | None:
    """Tell whether quotes enclose fields throughout: None when no field begins with a quote.

    Under quoting, each row must split strictly by RFC 4180, all rows must have the same width, and
    no field may hold both a line end and a delimiter (two rows glued by stray quotes do), unless
    the first line shows a writer that quotes every field.
    """
    width = 0
    opened = all_quoted = False

    def watched() -> Lines:
        nonlocal opened, all_quoted
        for number, line in lines:
            if number == 1:
                all_quoted = all(cell.startswith(QUOTE) for cell in line.split(delimiter))
            opened = opened or line.startswith(QUOTE) or delimiter + QUOTE in line
            yield number, line

    try:
        for _, row in records(watched(), delimiter=delimiter, quoting=True, path="", strict=True):
            width = width or len(row)
            if row and len(row) != width:
                return False if opened else None
            if not all_quoted and any("\n" in cell and delimiter in cell for cell in row):
                return False
    except DataError:
        return False
    return True if opened else None
