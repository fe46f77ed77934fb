"""Reading time series: one or many, in columns beside each other or one below the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.clock import Clock, Ticks, Times, find_clock, parse_times
from seqmap.data.formats import FORMATS
from seqmap.data.formats.guess import open_table
from seqmap.data.records import Column, ReadOptions
from seqmap.data.series_columns import Roles, is_number, number_of, roles_of, times_of
from seqmap.data.source import Source
from seqmap.data.table import Table
from seqmap.errors import DataError

Floats = NDArray[np.float64]

# More steps than this many times the rows are no gaps: the times are irregular.
_MOST_FILLED = 3


@dataclass(frozen=True)
class Series:
    """One series on an even grid of steps.

    Attributes:
        name: The column, or what the column of names says.
        values: (time,), NaN where missing.
        covariates: (time, covariates), NaN where missing.
        begin: Tick of the first value; of a series without times, 0.
        clock: What a step is.
        start: The first step that is forecast or learned; what lies before is only looked back at.
    """

    name: str
    values: Floats
    covariates: Floats
    begin: int = 0
    clock: Clock = Clock()
    start: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def ticks(self) -> Ticks:
        """The tick of each value, (time,)."""
        return self.begin + self.clock.step * np.arange(len(self), dtype=np.int64)

    def times_after(self, count: int) -> Times | None:
        """Return the times of the next steps, or None for a series without times."""
        end = self.begin + self.clock.step * len(self)
        return self.clock.times(end + self.clock.step * np.arange(count, dtype=np.int64))

    def cut(self, begin: int, end: int) -> Series:
        """Return the steps from `begin` up to `end`, all of them to be forecast."""
        return replace(
            self,
            values=self.values[begin:end],
            covariates=self.covariates[begin:end],
            begin=self.begin + self.clock.step * begin,
            start=0,
        )


def even_series(name: str, values: Floats, covariates: Floats, times: Times | None) -> Series:
    """Return the series of values at times, or without any.

    Args:
        name: Of the series.
        values: (time,), NaN where missing.
        covariates: (time, covariates).
        times: When each value is; None for none.

    Raises:
        DataError: The values are none, or the times do not rise by even steps.
    """
    if values.ndim != 1 or not len(values):
        raise DataError("a series is a row of numbers", given=f"shape {values.shape}")
    if np.isinf(values).any():
        raise DataError("a value of a series is finite", given="inf")
    if np.isnan(values).all():
        raise DataError("a series has no value at all", given=name)
    if covariates.ndim != 2 or len(covariates) != len(values):
        raise DataError("values and covariates differ in number", given=len(covariates))
    if times is None:
        return Series(name, values, covariates)
    if times.shape != values.shape or (np.diff(times.astype(np.int64)) <= 0).any():
        raise DataError("times must rise, one a value", given=f"shape {times.shape}")
    clock, share = find_clock(times)
    ticks = clock.ticks(times)
    if share < 1 or (np.diff(ticks) != clock.step).any():
        raise DataError(
            "times must be evenly spaced",
            remedy="Put NaN where a step is missing, or read a file: read_series fills gaps",
        )
    return Series(name, values, covariates, int(ticks[0]), clock)


@dataclass(frozen=True)
class SeriesLayout:
    """What was found in a file of series."""

    facts: str
    covariates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns: dict[str, Any] | None = None
    """The columns in use, as options to read a file of the same shape."""

    def describe(self) -> str:
        """Return one line of facts, and one line for each note."""
        return "\n".join([self.facts, *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class SeriesDataset:
    """The series of one file."""

    path: str
    examples: tuple[Series, ...]
    layout: SeriesLayout


def read_series(path: str | os.PathLike[str], options: ReadOptions | None = None) -> SeriesDataset:
    """Read all series of a file.

    Wide: each numeric column is a series. Long: a column names the series of each row. Rows are
    sorted by time; of several at one time the last counts; missing steps become NaN. All of that is
    reported.

    Raises:
        DataError: The file cannot be read, a column is not there, or a value is no number.
    """
    options = options or ReadOptions()
    source = Source(path)
    known = {extension for form in FORMATS.values() for extension in form.extensions}
    if options.format is None and (source.is_stream or source.extension not in known):
        options = replace(options, format="csv")
    table = open_table(source, options, labelled=False)
    if table.header is False and options.header is None and not source.is_stream:
        first = table.sample[0] if table.sample else ()
        if any(not is_number(cell) and parse_times([cell]) is None for cell in first):
            table = open_table(source, replace(options, header=True), labelled=False)
    if not table.columns:
        raise DataError("the file is empty", path=source.shown, allowed="at least two rows")
    notes: list[str] = []
    roles = roles_of(table, options, notes)
    places = [*roles.values, *roles.covariates]
    extra = [place for place in (roles.time, roles.series) if place is not None]
    numbers, lines, cells = [], [], []
    for line, row in table.read([*places, *extra]):
        numbers.append([number_of(cell, source.shown, line) for cell in row[: len(places)]])
        lines.append(line)
        cells.append(row[len(places) :])
    if len(numbers) < 2:
        raise DataError("a series needs at least two rows", path=source.shown, given=len(numbers))
    values = np.array(numbers, dtype=np.float64)
    times = (
        times_of([row[0] for row in cells], source.shown, lines) if roles.time is not None else None
    )
    names = [str(row[-1]) for row in cells] if roles.series is not None else None
    series = _collected(table, roles, values, times, names, notes)
    return SeriesDataset(os.fspath(path), series, _layout(table, roles, series, notes))


def _collected(
    table: Table,
    roles: Roles,
    values: Floats,
    times: Times | None,
    names: list[str] | None,
    notes: list[str],
) -> tuple[Series, ...]:
    """Split rows into series, each sorted and on its grid."""
    width = len(roles.values)
    found = []
    rows_of: dict[str | None, list[int]] = {}
    for row, name in enumerate(names if names is not None else [None] * len(values)):
        rows_of.setdefault(name, []).append(row)
    counts: dict[str, int] = {}
    for key, rows in rows_of.items():
        grid, ticks, clock = _grid(values[rows], None if times is None else times[rows], counts)
        for k, place in enumerate(roles.values):
            column = table.columns[place] if table.header else f"series {place}"
            name = column if key is None else (key if width == 1 else f"{key} {column}")
            found.append(Series(name, grid[:, k], grid[:, width:], ticks, clock))
    notes += [f"{count:,} {what}" for what, count in counts.items() if count]
    empty = [series.name for series in found if np.isnan(series.values).all()]
    if empty:
        raise DataError("a series has no value at all", path=table.source.shown, given=empty[0])
    return tuple(found)


def _grid(values: Floats, times: Times | None, counts: dict[str, int]) -> tuple[Floats, int, Clock]:
    """Put the rows of one series on an even grid; count what had to be done to them."""

    def count(what: str, number: int) -> None:
        counts[what] = counts.get(what, 0) + number

    if times is None:
        count("value(s) missing", int(np.isnan(values).sum()))
        return values, 0, Clock()
    order = np.argsort(times, kind="stable")
    count("row(s) out of order: sorted by time", int((np.diff(order) < 0).sum()))
    times, values = times[order], values[order]
    last = np.r_[times[1:] != times[:-1], True]
    count("row(s) at a time that comes again: the last one counts", int((~last).sum()))
    times, values = times[last], values[last]
    clock, share = find_clock(times)
    ticks = clock.ticks(times)
    steps = np.rint((ticks - ticks[0]) / clock.step).astype(np.int64)
    if share < 0.9 or steps[-1] + 1 > _MOST_FILLED * len(times) + 10:
        count(
            f"time(s) off the step of {clock.describe()}: the rows are read as evenly spaced",
            int(round((1 - share) * (len(times) - 1))) or len(times),
        )
        return values, 0, Clock()
    off = (ticks - ticks[0]) % clock.step != 0
    count("time(s) moved to the nearest step", int(off.sum()))
    grid = np.full((int(steps[-1]) + 1, values.shape[1]), np.nan)
    grid[steps] = values
    count("step(s) without a row", len(grid) - len(np.unique(steps)))
    count("value(s) missing", int(np.isnan(values).sum()))
    return grid, int(ticks[0]), clock


def _layout(table: Table, roles: Roles, series: Sequence[Series], notes: list[str]) -> SeriesLayout:
    first = series[0]
    longest = max(len(one) for one in series)
    facts = [table.format, f"{len(series)} series", f"up to {longest:,} steps"]
    facts.append(first.clock.describe())
    if len(series) <= 8:
        facts.append("series = " + ", ".join(one.name for one in series))
    names = tuple(table.columns[k] for k in roles.covariates)
    if names:
        facts.append("covariates = " + ", ".join(names))

    def key(place: int | None) -> Column | None:
        if place is None:
            return None
        return table.columns[place] if table.header else place

    columns = {
        "time_column": key(roles.time),
        "series_column": key(roles.series),
        "value_columns": [key(k) for k in roles.values],
        "covariates": [key(k) for k in roles.covariates] or None,
    }
    return SeriesLayout(", ".join(facts), names, tuple([*table.notes, *notes]), columns)
