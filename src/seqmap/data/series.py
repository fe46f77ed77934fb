"""Reading time series: one or many, in columns beside each other or one below the other."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.clock import FEW, Clock, Ticks, Times, find_clock, parse_times, zone_of
from seqmap.data.formats import FORMATS
from seqmap.data.formats.guess import open_table
from seqmap.data.records import Column, ReadOptions
from seqmap.data.series_columns import Roles, is_number, number_of, roles_of, times_of
from seqmap.data.series_grid import grid_of
from seqmap.data.source import Source
from seqmap.data.table import Table
from seqmap.errors import DataError

Floats = NDArray[np.float64]


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
        return self.clock.times(self._ticks_after(count))

    def texts_after(self, count: int) -> tuple[str, ...]:
        """Return the same as ISO 8601 with the zone; none for a series without times."""
        return self.clock.texts(self._ticks_after(count))

    def _ticks_after(self, count: int) -> Ticks:
        return self.begin + self.clock.step * (len(self) + np.arange(count, dtype=np.int64))

    def cut(self, begin: int, end: int) -> Series:
        """Return the steps from `begin` up to `end`, all of them to be forecast."""
        return replace(
            self,
            values=self.values[begin:end],
            covariates=self.covariates[begin:end],
            begin=self.begin + self.clock.step * begin,
            start=0,
        )


def even_series(
    name: str,
    values: Floats,
    covariates: Floats,
    times: Times | None,
    *,
    zone: int | None = None,
    usual: Clock | None = None,
) -> Series:
    """Return the series of values at times, or without any.

    Args:
        name: Of the series.
        values: (time,), NaN where missing.
        covariates: (time, covariates).
        times: When each value is; None for none.
        zone: Minutes that the times are written ahead of UTC.
        usual: A clock to try first, that of a model.

    Raises:
        DataError: The values are none, or the times do not rise by even steps.
    """
    if values.ndim != 1 or not len(values):
        raise DataError("a series is a row of numbers", given=f"shape {values.shape}")
    if np.isinf(values).any() or np.isinf(covariates).any():
        raise DataError("a value of a series is finite", given="inf")
    if np.isnan(values).all():
        raise DataError("a series has no value at all", given=name)
    if covariates.ndim != 2 or len(covariates) != len(values):
        given = f"{len(values)} and shape {covariates.shape}"
        raise DataError("values and covariates differ in number", given=given)
    if times is None:
        return Series(name, values, covariates)
    times = times.astype("datetime64[s]")
    if times.shape != values.shape or (np.diff(times.astype(np.int64)) <= 0).any():
        raise DataError("times must rise, one a value", given=f"shape {times.shape}")
    placed = None if usual is None else usual.grid(times, zone)
    if placed is not None and (np.diff(placed[1]) == placed[0].step).all():
        return Series(name, values, covariates, int(placed[1][0]), placed[0])
    clock, share = find_clock(times, zone)
    ticks = clock.ticks(times)
    if share < 1 or (np.diff(ticks) != clock.step).any():
        raise DataError(
            "times must be evenly spaced",
            remedy="Put NaN where a step is missing, or read a file: read_series fills gaps",
        )
    return Series(name, values, covariates, int(ticks[0]), clock)


def on_clock(series: Series, clock: Clock) -> Series:
    """Return a short series on a clock that its times fit; any other as it is.

    A few working days look like days with gaps, and of one value no step can be seen.
    """
    if series.clock == clock or series.clock.unit == "step":
        return series
    columns = np.column_stack([series.values, series.covariates])
    given = np.isfinite(columns).sum(axis=1)
    given[[0, -1]] = 1  # the ends were given, whatever they hold
    rows = np.flatnonzero(given)
    placed = None
    if len(rows) <= FEW:
        placed = clock.grid(series.clock.moments(series.ticks[rows]), series.clock.zone)
    if placed is None:
        return series
    own, ticks = placed
    places = (ticks - ticks[0]) // clock.step
    if places[-1] >= 2 * len(rows):
        return series
    grid = np.full((int(places[-1]) + 1, columns.shape[1]), np.nan)
    grid[places] = columns[rows]
    start = int(np.searchsorted(rows, series.start))
    start = int(places[start]) if start < len(rows) else len(grid)
    return Series(series.name, grid[:, 0], grid[:, 1:], int(ticks[0]), own, start)


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


def _looks_named(sample: Sequence[Sequence[Any]], options: ReadOptions) -> bool:
    """Whether the first row names columns: in one, what stands below is data and the name is not.

    Columns that are given by number have no names.
    """
    named = (options.time_column, options.series_column, *(options.value_columns or ()))
    if not sample or any(isinstance(column, int) for column in named):
        return False

    def is_data(cell: Any) -> bool:
        return is_number(cell) or parse_times([cell]) is not None

    rest = sample[1:]
    return any(
        not is_data(cell) and all(is_data(row[k]) for row in rest if len(row) > k)
        for k, cell in enumerate(sample[0])
    )


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
    unsure = table.header is False and options.header is None and not source.is_stream
    if unsure and _looks_named(table.sample, options):
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
    zone = None if times is None else zone_of([row[0] for row in cells], times)
    names = [str(row[-1]) for row in cells] if roles.series is not None else None
    series = _collected(table, roles, values, times, zone, names, notes)
    return SeriesDataset(os.fspath(path), series, _layout(table, roles, series, notes))


def _collected(
    table: Table,
    roles: Roles,
    values: Floats,
    times: Times | None,
    zone: int | None,
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
        own = None if times is None else times[rows]
        grid, ticks, clock = grid_of(values[rows], own, zone, counts)
        for k, place in enumerate(roles.values):
            column = table.columns[place] if table.header else f"series {place}"
            name = column if key is None else (key if width == 1 else f"{key} {column}")
            found.append(Series(name, grid[:, k], grid[:, width:], ticks, clock))
    notes += [f"{count:,} {what}" for what, count in counts.items() if count]
    empty = [series.name for series in found if np.isnan(series.values).all()]
    if empty:
        raise DataError("a series has no value at all", path=table.source.shown, given=empty[0])
    shown = Counter(series.name for series in found)
    twice, count = shown.most_common(1)[0]
    if count > 1:
        raise DataError(
            "two series have the same name",
            path=table.source.shown,
            given=twice,
            remedy="Rename a column, or choose with --value-columns",
        )
    usual = max(found, key=len).clock
    return tuple(on_clock(series, usual) for series in found)


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
