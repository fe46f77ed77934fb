"""The times of a series: how far apart its steps lie, where some are missing, which come next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["step", "second", "business", "month"]
Times = NDArray[np.datetime64]
Ticks = NDArray[np.int64]

DAY = 86_400
# Tried in this order; the first that reads every value is taken.
_PATTERNS = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%Y/%m/%d", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y %H:%M:%S"),
    *("%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y"),
    *("%Y%m%d", "%Y-%m", "%Y/%m", "%b %Y", "%d-%b-%Y", "%Y年%m月%d日"),
)


@dataclass(frozen=True)
class Clock:
    """What one step of a series is.

    Attributes:
        unit: What `ticks` count: rows, seconds, working days or months, from 1970 on.
        step: Ticks from one value to the next.
    """

    unit: Unit = "step"
    step: int = 1

    def times(self, ticks: Ticks) -> Times | None:
        """Return the times of ticks, or None for a series without times."""
        if self.unit == "step":
            return None
        if self.unit == "month":
            return ticks.astype("datetime64[M]").astype("datetime64[s]")
        if self.unit == "business":
            return np.busday_offset(np.datetime64("1970-01-01"), ticks, roll="forward").astype(
                "datetime64[s]"
            )
        return ticks.astype("datetime64[s]")

    def ticks(self, times: Times) -> Ticks:
        """Return the ticks of times."""
        if self.unit == "month":
            return times.astype("datetime64[M]").astype(np.int64)
        if self.unit == "business":
            return np.busday_count(
                np.datetime64("1970-01-01"), times.astype("datetime64[D]")
            ).astype(np.int64)
        return times.astype("datetime64[s]").astype(np.int64)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Steps after which a pattern may repeat by the calendar, the shortest first."""
        if self.unit == "month":
            return (12 // self.step,) if 12 % self.step == 0 and self.step < 12 else ()
        if self.unit == "business":
            return (5,) if self.step == 1 else ()
        if self.unit == "step":
            return ()
        lengths = [DAY, 7 * DAY, 365 * DAY] if self.step < DAY else [7 * DAY, 365 * DAY]
        return tuple(
            length // self.step
            for length in lengths
            if length % self.step == 0 and 2 <= length // self.step <= 2000
        )

    def describe(self) -> str:
        """Say how far apart the steps lie."""
        if self.unit == "step":
            return "no times"
        if self.unit == "month":
            return "monthly" if self.step == 1 else f"every {self.step} months"
        if self.unit == "business":
            return "working days"
        for name, length in (("d", DAY), ("h", 3600), ("min", 60)):
            if self.step % length == 0:
                return f"every {self.step // length} {name}"
        return f"every {self.step} s"


def parse_times(cells: list[Any]) -> Times | None:
    """Read times, or return None where they are none in any known way of writing."""
    first = cells[0] if cells else None
    if isinstance(first, datetime) or hasattr(first, "isoformat"):
        return np.array([np.datetime64(cell) for cell in cells], dtype="datetime64[s]")
    texts = [str(cell).strip() for cell in cells]
    if not texts or not all(texts):
        return None
    shape = texts[0].replace("T", " ").rstrip("Z")
    if len(shape) >= 7 and shape[:4].isdecimal() and shape[4] == "-":
        try:
            return np.array([text.rstrip("Z") for text in texts], dtype="datetime64[s]")
        except ValueError:
            pass
    for pattern in _PATTERNS:
        try:
            return np.array([datetime.strptime(text, pattern) for text in texts], "datetime64[s]")
        except ValueError:
            continue
    return None


def find_clock(times: Times) -> tuple[Clock, float]:
    """Find the step of sorted, distinct times; and the share of gaps that are a multiple of it."""
    if len(times) < 2:
        return Clock(), 1.0
    months = times.astype("datetime64[M]")
    offset = times - months.astype("datetime64[s]")
    apart: Ticks = np.diff(months.astype(np.int64)).astype(np.int64)
    if (offset == offset[0]).all() and apart.min() >= 1:
        step = _common(apart)
        return Clock("month", step), float((apart % step == 0).mean())
    gaps: Ticks = np.diff(times.astype(np.int64)).astype(np.int64)
    step = _common(gaps)
    days = times.astype("datetime64[D]")
    if step == DAY and len(times) > 10 and np.is_busday(days).all() and (gaps > DAY).any():
        return Clock("business", 1), 1.0
    return Clock("second", step), float((gaps % step == 0).mean())


def _common(gaps: NDArray[np.int64]) -> int:
    values, counts = np.unique(gaps, return_counts=True)
    return max(int(values[counts.argmax()]), 1)
