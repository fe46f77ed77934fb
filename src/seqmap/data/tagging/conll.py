"""Columns, one token a line, a blank line between sentences: CoNLL in all its variants.

Found out from the first lines: what separates the columns (TAB, else blanks), whether the first
column counts the tokens (`.conllu` and its kin), which column holds the token, and which the tag:
the last one whose values are all of the form `O` or `B-…`, else the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seqmap.data.records import Column, ReadOptions
from seqmap.data.source import LineStream
from seqmap.data.tagging.schemes import OUTSIDE, split_tag
from seqmap.errors import DataError

Row = tuple[int, list[str]]
"""The number of a line and its columns."""

_LOOKED_AT = 2000
_DOCSTART = "-DOCSTART-"
# Lines of CoNLL-U that are no token of their own: words that were contracted, and elided ones.
_EXTRA_INDEX = re.compile(r"\d+[-.]\d+")
_BLANKS = " \t\r\x0b\x0c"
_BETWEEN = re.compile(f"[{_BLANKS}]+")
# A mark in front of the first line of a file.
_BOM = "\ufeff"


@dataclass(frozen=True)
class Columns:
    """Where things stand in a line.

    Attributes:
        separator: Between columns; None is any run of blanks.
        count: How many columns the first line has.
        token: The column of the token, from 0.
        tag: The column of the tag, or None.
        indexed: Whether the first column counts the tokens of a sentence.
    """

    separator: str | None
    count: int
    token: int
    tag: int | None
    indexed: bool


def read_columns(
    stream: LineStream, options: ReadOptions, *, labelled: bool
) -> tuple[Columns, Iterator[list[Row]]]:
    """Find the columns out and give the sentences, read as they are asked for.

    Args:
        stream: The lines.
        options: `text_columns`, `label_column` and `delimiter` overrule what is found.
        labelled: Whether there must be tags; else `label_column` means nothing.

    Raises:
        DataError: The file is empty, a column is not there, or a line has other columns.
    """
    shown = stream.source.shown
    head = [(number, line.rstrip("\r")) for number, line in stream.peek(_LOOKED_AT)]
    separator = options.delimiter or _separator(line for _, line in head)
    if separator == " ":
        separator = None
    first = list(_sentences(iter(head), separator, None, shown, check=False))
    rows = [row for sentence in first for row in sentence]
    if not rows:
        raise DataError("there is no token in it", path=shown, allowed="one token a line")
    columns = _resolve(first, rows, separator, options, labelled=labelled, path=shown)
    return columns, _sentences(iter(stream), separator, columns, shown, check=True)


def _separator(lines: Iterable[str]) -> str | None:
    tabs = blanks = 0
    for line in lines:
        if line.strip() and not line.startswith("#"):
            tabs += "\t" in line
            blanks += "\t" not in line and " " in line.strip()
    return "\t" if tabs and tabs >= blanks else None


def _sentences(
    lines: Iterator[tuple[int, str]],
    separator: str | None,
    columns: Columns | None,
    path: str,
    *,
    check: bool,
) -> Iterator[list[Row]]:
    """Yield the lines between blank ones, without comments and document marks."""
    rows: list[Row] = []
    width = columns.count if columns else 0
    for number, raw in lines:
        line = raw.rstrip("\r").removeprefix(_BOM) if number == 1 else raw.rstrip("\r")
        if not line.strip(_BLANKS):
            if rows:
                yield rows
                rows = []
            continue
        cells = _cells(line, separator)
        if line.startswith("#") and _is_comment(line, cells, separator, width, begins=not rows):
            continue
        if cells[0] == _DOCSTART:
            continue
        if (columns is None or columns.indexed) and _EXTRA_INDEX.fullmatch(cells[0]):
            continue
        if check and columns is not None:
            _check(cells, columns, number, path)
        rows.append((number, cells))
    if rows:
        yield rows


def _cells(line: str, separator: str | None) -> list[str]:
    # Not `str.split`: a no-break space or U+0085 may be part of a token.
    return line.split(separator) if separator else _BETWEEN.split(line.strip(_BLANKS))


def _is_comment(
    line: str, cells: Sequence[str], separator: str | None, width: int, *, begins: bool
) -> bool:
    """Tell a comment from a token that begins with `#`: a comment has no columns.

    Between blanks, a comment of as many words as there are columns can only be told by its place
    before a sentence and the blank after `#`.
    """
    if separator is not None:
        return separator not in line
    if not begins:
        return False
    if width == 0:
        return line.startswith("# ") or len(cells) == 1
    return len(cells) != width or (line.startswith("# ") and split_tag(cells[-1])[0] == "")


def _check(cells: Sequence[str], columns: Columns, number: int, path: str) -> None:
    if len(cells) != columns.count:
        raise DataError(
            f"this line has {len(cells)} column(s), the first has {columns.count}",
            path=path,
            line=number,
            given="  ".join(cells),
            remedy="Every token needs all columns; a blank line ends a sentence",
        )
    if not cells[columns.token].strip():
        raise DataError("a tag without a token", path=path, line=number, given=" ".join(cells))
    if columns.tag is not None and not cells[columns.tag].strip():
        raise DataError("a token without a tag", path=path, line=number, given=cells[columns.token])


def _resolve(
    sentences: Sequence[Sequence[Row]],
    rows: Sequence[Row],
    separator: str | None,
    options: ReadOptions,
    *,
    labelled: bool,
    path: str,
) -> Columns:
    count = len(rows[0][1])
    indexed = count > 1 and all(_counts(sentence) for sentence in sentences)
    token = 1 if indexed else 0
    if options.text_columns is not None:
        token = _number(options.text_columns[0], count, path)
    tag: int | None = None
    if labelled and options.label_column is not None:
        tag = _number(options.label_column, count, path)
    elif labelled:
        tag = _tag_column(rows, count, token)
        if tag is None:
            raise DataError(
                "there is no column of tags",
                path=path,
                line=rows[0][0],
                given="  ".join(rows[0][1]),
                allowed="a token and a tag on each line",
            )
    return Columns(separator, count, token, tag, indexed)


def _counts(sentence: Sequence[Row]) -> bool:
    """Whether the first column counts the tokens, from 0 or from 1."""
    first = sentence[0][1][0]
    if first not in ("0", "1"):
        return False
    start = int(first)
    return all(cells[0] == str(start + place) for place, (_, cells) in enumerate(sentence))


def _tag_column(rows: Sequence[Row], count: int, token: int) -> int | None:
    candidates = [place for place in range(count) if place > token]
    for place in reversed(candidates):
        values = {cells[place] for _, cells in rows if len(cells) == count}
        if OUTSIDE in values or len(values) > 1:
            marks = {split_tag(value)[0] for value in values}
            if "" not in marks and (marks & set("BIES") or values == {OUTSIDE}):
                return place
    return candidates[-1] if candidates else None


def _number(column: Column, count: int, path: str) -> int:
    if isinstance(column, str) or not -count <= column < count:
        raise DataError(
            "there is no such column",
            path=path,
            given=column,
            allowed=f"0 to {count - 1}, or -1 for the last",
        )
    return column % count
