"""The `.ts` format of timeseriesclassification.com, also with time stamps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.data.source import LineStream, Source
from seqmap.errors import DataError

Channels = NDArray[np.float32]
Numbers = Callable[[Sequence[str], str, int], list[float]]
_STAMPED = re.compile(r"\(([^(),]*),([^(),]*)\)")


@dataclass(frozen=True, slots=True)
class TsRow:
    """One recording.

    Attributes:
        values: (time, channels), NaN where missing.
        labels: One label; none when unlabelled.
        line: Counted from 1.
        even: Whether its time stamps, if any, are equally far apart.
    """

    values: Channels
    labels: tuple[str, ...]
    line: int
    even: bool = True


def read_ts(source: Source, numbers: Numbers) -> Iterator[TsRow]:
    """Read `@` headers, then a recording a line: channels by colons, the label last.

    With `@timestamps true` a channel is `(time,value),(time,value),…`; the steps are the times of
    all channels in their order.

    Args:
        source: The file.
        numbers: Reads cells; given them, the file and the line.

    Raises:
        DataError: A line cannot be read.
    """
    labelled, data, stamped = True, False, False
    for line, raw in LineStream(source):
        text = raw.strip()
        if not text or text.startswith(("#", "%")):
            continue
        if text.startswith("@"):
            words = text.lower().split()
            data = data or words[0] == "@data"
            if words[0] in ("@classlabel", "@targetlabel"):
                labelled = len(words) > 1 and words[1] == "true"
            if words[0] == "@timestamps":
                stamped = words[1:2] == ["true"]
            continue
        if not data:
            raise DataError("a .ts file needs @data before its recordings", path=source.shown)
        rest, _, label = text.rpartition(":") if labelled else (text, "", "")
        labels = (label.strip(),) if labelled else ()
        if not rest:
            raise DataError("a recording without channels", path=source.shown, line=line)
        if stamped:
            values, even = _stamped(rest, source.shown, line, numbers)
            yield TsRow(values, labels, line, even)
            continue
        channels = [numbers(part.split(","), source.shown, line) for part in rest.split(":")]
        values = np.full((max(map(len, channels)), len(channels)), np.nan, np.float32)
        for k, channel in enumerate(channels):
            values[: len(channel), k] = channel
        yield TsRow(values, labels, line)


def _stamped(text: str, path: str, line: int, numbers: Numbers) -> tuple[Channels, bool]:
    """Read channels of (time,value) pairs; values stand at the times of all channels together."""
    channels = []
    # A date has colons of its own: only one behind a bracket ends a channel.
    for part in re.split(r"(?<=\))\s*:", text):
        pairs = _STAMPED.findall(part)
        if not pairs or _STAMPED.sub("", part).strip(" ,\t"):
            raise DataError(
                "a channel with time stamps is (time,value),(time,value),…",
                path=path,
                line=line,
                given=part,
            )
        times = _times([one[0].strip() for one in pairs], path, line)
        channels.append((times, numbers([one[1] for one in pairs], path, line)))
    steps = np.unique(np.concatenate([times for times, _ in channels]))
    values = np.full((len(steps), len(channels)), np.nan, np.float32)
    for k, (times, own) in enumerate(channels):
        if len(np.unique(times)) < len(times):
            raise DataError("a time comes twice in a channel", path=path, line=line)
        values[np.searchsorted(steps, times), k] = own
    gaps = np.diff(steps)
    even = not len(gaps) or bool(gaps.max() - gaps.min() <= 1e-6 * abs(gaps.max()))
    return values, even


def _times(texts: Sequence[str], path: str, line: int) -> NDArray[np.float64]:
    """Read times: numbers, or dates as seconds."""
    try:
        return np.array([float(text) for text in texts])
    except ValueError:
        pass
    try:
        dates = np.array([text.replace(" ", "T").replace("/", "-") for text in texts], "M8[us]")
    except ValueError:
        raise DataError(
            "a time is a number, or a date as 2024-01-31 08:00:00",
            path=path,
            line=line,
            given=", ".join(texts[:3]),
        ) from None
    return dates.astype(np.int64) / 1e6
