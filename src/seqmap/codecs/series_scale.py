"""What is measured of series before a network reads them: scales, seasons, calendars, gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.data.clock import DAY, Clock
from seqmap.data.series import Series
from seqmap.errors import DataError

Floats = NDArray[np.float64]

YEAR = 365.2425 * DAY


@dataclass(frozen=True)
class Scale:
    """How the values of a series are scaled.

    Attributes:
        center: What is subtracted (of logarithms, where these are taken).
        unit: How far the series moves within the horizon, root mean square: what is divided by.
        mean: Mean of the training values, as given.
        spread: Standard deviation of the training values, as given.
    """

    center: float
    unit: float
    mean: float
    spread: float


def scale_of(series: Series, *, log: bool, horizon: int) -> Scale:
    """Measure the scale of a series on its own values."""
    given = series.values[~np.isnan(series.values)]
    if not len(given):
        raise DataError("a series has no value at all", given=series.name)
    values = filled(series.values)
    if log:
        values = np.log(values)
    moves = [
        float(np.mean((values[h:] - values[:-h]) ** 2))
        for h in range(1, min(horizon, len(values) - 1) + 1)
    ]
    unit = math.sqrt(sum(moves) / len(moves)) if moves else 0.0
    if unit <= 1e-12 * max(1.0, float(np.abs(values).max())):
        unit = float(np.std(values)) or 1.0
    return Scale(float(values.mean()), unit, float(given.mean()), float(given.std()) or 1.0)


def filled(values: Floats, start: float | None = None) -> Floats:
    """Replace missing values by the last before them; the first ones by `start` or what follows."""
    known = ~np.isnan(values)
    if known.all():
        return values
    if not known.any():
        return np.full(len(values), 0.0 if start is None else start)
    place = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    first = values[known.argmax()] if start is None else start
    return np.where(place >= 0, values[np.maximum(place, 0)], first)


def running_mean(values: Floats, tau: float) -> Floats:
    """Exponentially weighted mean with a memory of `tau` steps, (time,); it begins at the first."""
    share = 1.0 - math.exp(-1.0 / tau)
    out, mean = [], float(values[0])
    for value in values.tolist():
        mean += share * (value - mean)
        out.append(mean)
    return np.array(out)


def waves_of(clock: Clock, length: int, season: int) -> tuple[tuple[float, int], ...]:
    """Return the calendar features that a series of that length can tell anything about."""
    if clock.unit == "month":
        return ((12.0, 3),) if clock.step < 12 and length * clock.step >= 24 else ()
    if clock.unit == "business":
        return ((5.0, 2),)
    if clock.unit == "step":
        return ((float(season), min(3, season // 2)),) if season > 1 else ()
    span = length * clock.step
    waves = []
    if clock.step < DAY and span >= 3 * DAY:
        waves.append((float(DAY), 3))
    if clock.step <= DAY and span >= 28 * DAY:
        waves.append((7.0 * DAY, 1 if clock.step < DAY else 3))
    if span >= 2 * YEAR:
        waves.append((YEAR, 2))
    return tuple(waves)


def find_season(series: Sequence[Series]) -> int:
    """Return the season, of those that the calendar names, with the smallest change over it."""
    best, least = 1, math.inf
    for season in series[0].clock.seasons:
        costs = []
        for one in series:
            if len(one) > 2 * season:
                values = filled(one.values)
                change = np.abs(values[season:] - values[:-season]).mean()
                costs.append(float(change / (values.std() or 1.0)))
        # A long season must earn its place: it has been seen fewer times.
        if costs and np.mean(costs) < 0.98 * least:
            best, least = season, float(np.mean(costs))
    return best
