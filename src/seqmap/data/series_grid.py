"""Rows of a file of series, sorted and put on an even grid of steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqmap.data.clock import Clock, Times, find_clock

Floats = NDArray[np.float64]

# More steps than this many times the rows are no gaps: the times are irregular.
_MOST_FILLED = 3


def grid_of(
    values: Floats, times: Times | None, zone: int | None, counts: dict[str, int]
) -> tuple[Floats, int, Clock]:
    """Put the rows of one series on an even grid; count what had to be done to them.

    Args:
        values: (rows, columns).
        times: Of each row, in UTC where they name a zone; None for rows without times.
        zone: Minutes that the times are written ahead of UTC.
        counts: What was done, and how often; added to.

    Returns:
        The values, (steps, columns), NaN where there was no row; the first tick; what a step is.
    """

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
    clock, share = find_clock(times, zone)
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
