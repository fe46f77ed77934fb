"""Which column of a table of series is what, and its cells as numbers and times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqmap.data.clock import Times, parse_times
from seqmap.data.records import Column, ReadOptions
from seqmap.data.table import Cell, Table
from seqmap.errors import DataError, nearest

TIME_NAMES = ("date", "time", "timestamp", "datetime", "ds", "month", "day", "日期", "时间")
SERIES_NAMES = ("unique_id", "series", "series_id", "item_id", "id", "序列")
VALUE_NAMES = ("y", "value", "target")
_MISSING = frozenset(("", "nan", "na", "n/a", "null", "none", "<na>", "-", "?"))


@dataclass(frozen=True)
class Roles:
    """Places of columns; None where there is none."""

    time: int | None
    series: int | None
    values: tuple[int, ...]
    covariates: tuple[int, ...]


def number_of(cell: Cell, path: str, line: int) -> float:
    """Return the number of a cell; NaN where it is missing.

    Raises:
        DataError: It is none.
    """
    if cell is None:
        return float("nan")
    if isinstance(cell, int | float):
        try:
            value = float(cell)
        except OverflowError:
            value = math.inf
        if math.isinf(value):
            raise _infinite(cell, path, line)
        return value
    text = str(cell).strip()
    if text.lower() in _MISSING:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        raise DataError(
            "a value of a series is a number",
            path=path,
            line=line,
            given=text,
            remedy="Leave it empty where it is missing, or name the columns with --value-columns",
        ) from None
    if not math.isfinite(value):
        raise _infinite(text, path, line)
    return value


def _infinite(cell: Cell, path: str, line: int) -> DataError:
    return DataError("a value of a series is finite", path=path, line=line, given=cell)


def times_of(cells: list[Any], path: str, lines: list[int]) -> Times:
    """Return the times of a column.

    Raises:
        DataError: A cell is none, or is missing.
    """
    found = parse_times(cells)
    if found is None:
        line = next(
            (line for line, cell in zip(lines, cells, strict=True) if parse_times([cell]) is None),
            lines[0],
        )
        given = cells[lines.index(line)]
        raise DataError(
            "not a time, or not written as the others are",
            path=path,
            line=line,
            given=given,
            allowed="such as 2024-01-31, 2024-01-31 23:00, 31.01.2024",
        )
    if np.isnat(found).any():
        line = lines[int(np.isnat(found).argmax())]
        raise DataError("the time is missing", path=path, line=line)
    return found


def roles_of(table: Table, options: ReadOptions, notes: list[str]) -> Roles:
    """Decide what each column is, by the options, by its name, by its first values."""

    def place(column: Column) -> int:
        return _place(table, column)

    # Rows in which something stands; those that are too short are refused when they are read.
    rows = [row for row in table.sample if any(str(cell).strip() for cell in row)]
    lower = [name.strip().lower() for name in table.columns]
    time = None if options.time_column is None else place(options.time_column)
    if time is None:
        time = next((lower.index(name) for name in TIME_NAMES if name in lower), None)
    if time is None and table.sample and not is_number(table.sample[0][0]):
        cells = [row[0] for row in rows]
        time = 0 if parse_times(cells) is not None else None
    series = None if options.series_column is None else place(options.series_column)
    covariates = tuple(place(column) for column in options.covariates or ())
    wanted = None
    if options.value_columns is not None:
        wanted = tuple(place(column) for column in options.value_columns)
    if series is None:
        named = (lower.index(name) for name in SERIES_NAMES if name in lower)
        series = next((k for k in named if k not in (*covariates, *(wanted or ()))), None)
    taken = {time, series, *covariates}
    if wanted is not None:
        return Roles(time, series, wanted, covariates)
    free = [k for k in range(len(table.columns)) if k not in taken]
    usual = [lower.index(name) for name in VALUE_NAMES if name in lower]
    if usual and usual[0] in free:
        free = usual[:1]
    numeric = [k for k in free if all(is_number(row[k]) for row in rows if len(row) > k)]
    if not numeric:
        raise DataError(
            "no column holds numbers",
            path=table.source.shown,
            given=", ".join(table.columns),
            remedy="Name the columns with --value-columns",
        )
    left = [table.columns[k] for k in free if k not in numeric]
    if left:
        notes.append(f"left out, not numbers: {', '.join(left)}")
    return Roles(time, series, tuple(numeric), covariates)


def _place(table: Table, column: Column) -> int:
    if isinstance(column, int):
        if -len(table.columns) <= column < len(table.columns):
            return column % len(table.columns)
    elif column in table.columns:
        return table.columns.index(column)
    close = nearest(str(column), table.columns)
    raise DataError(
        "there is no such column",
        path=table.source.shown,
        given=column,
        allowed=table.columns,
        remedy=f"Did you mean {close!r}?" if close else None,
    )


def is_number(cell: Cell) -> bool:
    """Tell whether a cell is a number, or missing."""
    if cell is None or isinstance(cell, int | float):
        return True
    text = str(cell).strip()
    try:
        return text.lower() in _MISSING or np.isfinite(float(text))
    except ValueError:
        return False
