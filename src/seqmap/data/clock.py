"""The times of a series: how far apart its steps lie, where some are missing, which come next."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import DataError

Unit = Literal["step", "second", "business", "month"]
Times = NDArray[np.datetime64]
Ticks = NDArray[np.int64]

DAY = 86_400
FEW = 10
"""From so few times working days cannot be told from days with gaps."""
_ZONE = re.compile(r"(.*\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(?:(Z)|([+-])(\d\d):?(\d\d))")
# Tried in this order; the first that reads every value is taken.
_PATTERNS = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%Y/%m/%d", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y %H:%M:%S"),
    *("%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y"),
    *("%Y%m%d", "%Y-%m", "%Y/%m", "%b %Y", "%d-%b-%Y", "%Y年%m月%d日"),
)


@dataclass(frozen=True)
class Clock:
    """What one step of a series is, and how its times are written.

    Two clocks are the same where their steps are: data of the 1st and of the 15th are both monthly.

    Attributes:
        unit: What `ticks` count: rows, seconds, working days or months, from 1970 on.
        step: Ticks from one value to the next.
        offset: Seconds from the beginning of a working day or month to its value.
        zone: Minutes that the times are written ahead of UTC; None where they name no zone.
    """

    unit: Unit = "step"
    step: int = 1
    offset: int = field(default=0, compare=False)
    zone: int | None = field(default=None, compare=False)

    def times(self, ticks: Ticks) -> Times | None:
        """Return the times of ticks as they are written, or None for a series without times."""
        if self.unit == "step":
            return None
        if self.unit == "month":
            first = ticks.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
            end = (ticks + 1).astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
            # The 31st of a shorter month is its last day.
            seconds = np.minimum(first + self.offset, end - DAY + self.offset % DAY)
        elif self.unit == "business":
            days = np.busday_offset(np.datetime64("1970-01-01"), ticks, roll="forward")
            seconds = days.astype("datetime64[s]").astype(np.int64) + self.offset
        else:
            seconds = ticks + 60 * (self.zone or 0)
        return np.asarray(seconds, dtype=np.int64).astype("datetime64[s]")

    def texts(self, ticks: Ticks) -> tuple[str, ...]:
        """Return the times of ticks by ISO 8601, with their zone; none for a series without."""
        times = self.times(ticks)
        if times is None:
            return ()
        mark = ""
        if self.zone is not None:
            hours, minutes = divmod(abs(self.zone), 60)
            mark = f"{'-' if self.zone < 0 else '+'}{hours:02d}:{minutes:02d}" if self.zone else "Z"
        return tuple(text + mark for text in np.datetime_as_string(times).tolist())

    def ticks(self, times: Times) -> Ticks:
        """Return the ticks of times, which are UTC where a zone is known."""
        if self.unit == "month":
            return (times + self._ahead).astype("datetime64[M]").astype(np.int64)
        if self.unit == "business":
            days = (times + self._ahead).astype("datetime64[D]")
            return np.busday_count(np.datetime64("1970-01-01"), days).astype(np.int64)
        return times.astype("datetime64[s]").astype(np.int64)

    def moments(self, ticks: Ticks) -> Times:
        """Undo `ticks`: the times in UTC where a zone is known."""
        times = self.times(ticks)
        assert times is not None, "rows have no times"
        return times - self._ahead

    def like(self, times: Times, zone: int | None) -> Clock:
        """Return the same steps at the time of day, or of the month, of the last of some times."""
        offset, last = 0, times[-1] + np.timedelta64(60 * (zone or 0), "s")
        if self.unit in ("month", "business"):
            begin = last.astype("datetime64[M]" if self.unit == "month" else "datetime64[D]")
            offset = int((last - begin.astype("datetime64[s]")).astype(np.int64))
        return replace(self, offset=offset, zone=zone)

    def grid(self, times: Times, zone: int | None) -> tuple[Clock, Ticks] | None:
        """Place rising times on this clock; None where one lies off its steps.

        Args:
            times: As `ticks` takes them.
            zone: Minutes that they are written ahead of UTC.
        """
        if self.unit == "step":
            return None
        own = self.like(times, zone)
        ticks = own.ticks(times)
        if (np.diff(ticks) <= 0).any() or ((ticks - ticks[0]) % self.step).any():
            return None
        return (own, ticks) if np.array_equal(own.moments(ticks), times) else None

    def to_state(self) -> dict[str, Any]:
        """Return what `Clock` takes, as plain JSON values, without what says nothing."""
        silent = {"offset": 0, "zone": None}
        return {k: v for k, v in asdict(self).items() if k not in silent or v != silent[k]}

    @property
    def _ahead(self) -> np.timedelta64:
        return np.timedelta64(60 * (self.zone or 0), "s")

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
    """Read times, or return None where they are none in any known way of writing.

    Those that name a zone become UTC; `zone_of` tells it.
    """
    first = cells[0] if cells else None
    if isinstance(first, datetime) or hasattr(first, "isoformat"):
        try:
            return _in_seconds([np.datetime64(_plain(c)) for c in cells])
        except (TypeError, ValueError):
            return None
    texts = [str(cell).strip() for cell in cells]
    if not texts or not all(texts):
        return None
    found = [_ZONE.fullmatch(text) for text in texts]
    if not any(found):
        return _parsed(texts)
    times = _parsed([text if m is None else m[1] for text, m in zip(texts, found, strict=True)])
    if times is None:
        return None
    ahead = np.array([60 * (_minutes(m) or 0) for m in found], dtype="timedelta64[s]")
    return np.asarray(times - ahead)


def zone_of(cells: list[Any], times: Times) -> int | None:
    """Return the minutes ahead of UTC of the latest of times that were read; None for no zone."""
    cell = cells[int(times.argmax())]
    if hasattr(cell, "isoformat"):
        ahead = cell.utcoffset() if hasattr(cell, "utcoffset") else None
        return None if ahead is None else int(ahead.total_seconds()) // 60
    return _minutes(_ZONE.fullmatch(str(cell).strip()))


def _plain(cell: Any) -> Any:
    """Return a time without its zone, in UTC: NumPy knows no zones."""
    zoned = hasattr(cell, "utcoffset") and cell.utcoffset() is not None
    return cell.astimezone(UTC).replace(tzinfo=None) if zoned else cell


def _minutes(zone: re.Match[str] | None) -> int | None:
    if zone is None:
        return None
    return 0 if zone[2] else int(zone[3] + "1") * (60 * int(zone[4]) + int(zone[5]))


def _parsed(texts: list[str]) -> Times | None:
    shape = texts[0].replace("T", " ").rstrip("Z")
    if len(shape) >= 7 and shape[:4].isdecimal() and shape[4] == "-":
        try:
            return _in_seconds([text.rstrip("Z") for text in texts])
        except ValueError:
            pass
    for pattern in _PATTERNS:
        try:
            return _in_seconds([datetime.strptime(text, pattern) for text in texts])
        except ValueError:
            continue
    return None


def _in_seconds(values: list[Any]) -> Times:
    """Return times to the second.

    Raises:
        DataError: One lies between two seconds: several values would fall on one step.
    """
    fine = np.array(values, dtype="datetime64[us]")
    whole = fine.astype("datetime64[s]")
    between = np.flatnonzero(~np.isnat(fine) & (whole != fine))
    if len(between):
        raise DataError(
            "times are whole seconds",
            given=str(fine[between[0]]),
            remedy="Leave the times out (rows are one step apart then), or take means a second",
        )
    return whole


def find_clock(times: Times, zone: int | None = None) -> tuple[Clock, float]:
    """Find the step of sorted, distinct times; and the share of gaps that are a multiple of it.

    Args:
        times: In UTC where they name a zone. Of a single one only that it is a time is known.
        zone: Minutes that they are written ahead of UTC.
    """
    if len(times) < 2:
        return Clock("second", 1, zone=zone), 1.0
    local = times + np.timedelta64(60 * (zone or 0), "s")
    months = local.astype("datetime64[M]")
    offset = local - months.astype("datetime64[s]")
    apart: Ticks = np.diff(months.astype(np.int64)).astype(np.int64)
    if (offset == offset[0]).all() and apart.min() >= 1:
        step = _common(apart)
        return Clock("month", step).like(times, zone), float((apart % step == 0).mean())
    gaps: Ticks = np.diff(times.astype(np.int64)).astype(np.int64)
    step = _common(gaps)
    working = np.is_busday(local.astype("datetime64[D]")).all()
    if step == DAY and len(times) > FEW and working and (gaps > DAY).any():
        return Clock("business", 1).like(times, zone), 1.0
    return Clock("second", step, zone=zone), float((gaps % step == 0).mean())


def _common(gaps: NDArray[np.int64]) -> int:
    values, counts = np.unique(gaps, return_counts=True)
    return max(int(values[counts.argmax()]), 1)
