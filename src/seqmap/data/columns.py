"""Which row is a header; which columns hold the text, the label, a teacher's probabilities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqmap.data.records import Column, ReadOptions
from seqmap.data.table import Cell, Table
from seqmap.errors import DataError, nearest

# In order of preference.
TEXT_NAMES = (
    *("text", "review", "sentence", "content", "comment", "message", "tweet", "utterance"),
    *("document", "body", "question", "phrase", "description", "sms", "headline", "title"),
    *("text_a", "review_body", "reviewtext", "comment_text", "question_text", "review_text"),
    *("文本", "内容", "评论", "评价", "句子", "正文", "标题"),
)
LABEL_NAMES = (
    *("label", "labels", "class", "category", "target", "sentiment", "intent", "topic", "cat"),
    *("tag", "tags", "y", "polarity", "emotion", "label_text", "class_name", "label_name"),
    *("标签", "类别", "分类", "情感", "score", "rating", "stars"),
)
SOFT_NAME = "soft"
KNOWN_NAMES = frozenset((*TEXT_NAMES, *LABEL_NAMES, SOFT_NAME))
_LONGEST_NAME = 40
_MOST_WORDS = 4
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


@dataclass(frozen=True)
class Roles:
    """The columns in use, by their place."""

    text: tuple[int, ...]
    label: int | None = None
    soft: tuple[int, ...] = ()


def requested_names(options: ReadOptions) -> list[str]:
    """Return the columns that the options name (numbers, also as text, are no names)."""
    asked: list[Column] = [*(options.text_columns or ()), *(options.soft_columns or ())]
    asked += [*(options.value_columns or ()), *(options.covariates or ())]
    single = (options.label_column, options.time_column, options.series_column)
    asked += [column for column in single if column is not None]
    return [str(name) for name in asked if not _is_number(name)]


def guess_header(first: Sequence[str], body: Sequence[Sequence[Cell]]) -> bool:
    """Tell whether the first row holds column names.

    It does when one cell is a usual column name, or when all cells look like names and a column has
    numbers, or few values, below a cell that is neither. Otherwise it is data.
    """
    cells = [cell.strip() for cell in first]
    while cells and not cells[-1]:
        cells.pop()
    if not cells or not all(_looks_like_name(cell) for cell in cells):
        return False
    if any(cell.lower() in KNOWN_NAMES for cell in cells):
        return True
    if len(cells) < 2 or len(set(cells)) < len(cells):
        return False
    evidence = False
    for place, cell in enumerate(cells):
        below = [str(row[place]).strip() for row in body if len(row) > place]
        if not below:
            continue
        if all(_NUMBER.fullmatch(value) for value in below):
            evidence = True
        elif len(below) >= 4 and len(set(below)) <= max(2, len(below) // 5):
            if cell in below:
                return False
            evidence = True
    return evidence


def resolve_roles(table: Table, options: ReadOptions, *, labelled: bool) -> Roles:
    """Find the columns of text, label and soft labels: as given, else by name, else by content.

    Adds a note to the table for every choice made by content.

    Raises:
        DataError: A column is not there, or the table has no column left for a role.
    """
    soft = tuple(_place(table, name, "soft column") for name in options.soft_columns or ())
    if labelled and not soft and SOFT_NAME in table.columns and _holds_vectors(table):
        soft = (table.columns.index(SOFT_NAME),)
    label = None
    if labelled and options.label_column is not None:
        label = _place(table, options.label_column, "label column")
    given_text = [_place(table, name, "text column") for name in options.text_columns or ()]
    free = [place for place in range(len(table.columns)) if place not in (*soft, *given_text)]
    if labelled and label is None:
        label = _by_name(table, free, LABEL_NAMES)
    free = [place for place in free if place != label]
    text = given_text or _text_columns(table, free, label_open=labelled and label is None)
    if labelled and label is None and not soft:
        label = _by_content(table, [place for place in free if place not in text])
    if not text:
        raise _missing(table, "text")
    if label is not None and label in text:
        raise DataError(
            "the same column is given as text and as label",
            path=table.source.shown,
            given=table.columns[label],
        )
    if labelled and label is None and not soft:
        raise _missing(table, "label")
    used = {*text, *soft, label}
    unused = [name for place, name in enumerate(table.columns) if place not in used]
    if unused and labelled:
        shown = ", ".join(unused[:8]) + (", ..." if len(unused) > 8 else "")
        table.notes.append(f"columns not used: {shown}")
    return Roles(tuple(text), label, soft)


def _text_columns(table: Table, free: list[int], *, label_open: bool) -> list[int]:
    if not free:
        return []
    named = _by_name(table, free, TEXT_NAMES)
    if named is not None:
        return [named]
    lengths = {place: _mean_length(table, place) for place in free}
    longest = max(free, key=lambda place: lengths[place])
    chosen = [longest]
    if table.header is False:
        # Unnamed columns of prose beside the longest one (AG News: title, body) belong to it.
        chosen = [place for place in free if place == longest or _is_prose(table, place)]
    if len(table.columns) > 1 and not (len(free) == 1 and not label_open):
        shown = " + ".join(table.columns[place] for place in chosen)
        table.notes.append(f"took column {shown} for the text, by its content (--text-column)")
    return chosen


def _by_content(table: Table, free: list[int]) -> int | None:
    """Return the column with the fewest values, at least two if there is one such."""
    if not free:
        return None

    def rank(place: int) -> tuple[bool, int]:
        values = len({str(row[place]) for row in table.sample if len(row) > place})
        return values < 2, values

    chosen = min(free, key=rank)
    if len(free) > 1 or table.header:
        name = table.columns[chosen]
        table.notes.append(f"took column {name} for the label, by its content (--label-column)")
    return chosen


def _by_name(table: Table, free: list[int], names: Sequence[str]) -> int | None:
    if table.header is False:
        return None
    places = {table.columns[place].strip().lower(): place for place in reversed(free)}
    return next((places[name] for name in names if name in places), None)


def _place(table: Table, column: Column, role: str) -> int:
    """Return the place of a column that was named, or numbered from 0 (negative: from the end)."""
    if isinstance(column, str) and column in table.columns:
        return table.columns.index(column)
    width = len(table.columns)
    if _is_number(column):
        place = int(column)
        if -width <= place < width:
            return place % width
        allowed = f"0 to {width - 1}, or a name" if table.header else f"0 to {width - 1}"
        raise DataError(f"no such {role}", path=table.source.shown, given=column, allowed=allowed)
    close = nearest(str(column), table.columns)
    if table.header is False:
        remedy: str | None = "The file has no header: number the columns from 0"
    else:
        remedy = f"Did you mean {close!r}?" if close else None
    raise DataError(
        f"no such {role}",
        path=table.source.shown,
        given=column,
        allowed=table.columns,
        remedy=remedy,
    )


def _missing(table: Table, role: str) -> DataError:
    return DataError(
        f"no column is left for the {role}",
        path=table.source.shown,
        given=f"{len(table.columns)} column(s): {', '.join(table.columns)}",
        remedy=f"Name it with --{role}-column, or check the delimiter and the format",
    )


def _holds_vectors(table: Table) -> bool:
    place = table.columns.index(SOFT_NAME)
    return any(isinstance(row[place], (dict, list)) for row in table.sample if len(row) > place)


def _mean_length(table: Table, place: int) -> float:
    cells = [str(row[place]) for row in table.sample if len(row) > place]
    return sum(map(len, cells)) / max(1, len(cells))


def _is_prose(table: Table, place: int) -> bool:
    """Tell whether a column holds mostly distinct cells of several words."""
    cells = [str(row[place]) for row in table.sample if len(row) > place]
    words = sum(len(cell.split()) for cell in cells)
    return bool(cells) and words >= 3 * len(cells) and 2 * len(set(cells)) > len(cells)


def _looks_like_name(cell: str) -> bool:
    short = 0 < len(cell) <= _LONGEST_NAME and len(cell.split()) <= _MOST_WORDS
    return short and not _NUMBER.fullmatch(cell)


def _is_number(column: Column) -> bool:
    return isinstance(column, int) or re.fullmatch(r"-?\d{1,6}", column) is not None
