"""How large and how slow a model may be."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqmap.errors import ConfigError
from seqmap.runtime import native
from seqmap.runtime.session import Session

_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9,
          "kib": 2**10, "mib": 2**20, "gib": 2**30}  # fmt: skip
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµ]*)\s*", re.IGNORECASE)
_TIMED = 200
_ROUNDS = 3


@dataclass(frozen=True)
class Limits:
    """What a model must keep to; None where all is allowed.

    Attributes:
        size: Bytes of its file.
        latency: Seconds for an input: median, one at a time, one thread, on this machine.
    """

    size: int | None = None
    latency: float | None = None

    def fits(self, size: int, latency: float) -> bool:
        """Whether a model keeps to all of them."""
        return all(part <= 0 for part in self.excess(size, latency).values())

    def excess(self, size: int, latency: float) -> dict[str, float]:
        """Return by what share each limit is passed; nothing above 0 is within all of them."""
        found = {}
        if self.size is not None:
            found["size"] = size / self.size - 1
        if self.latency is not None:
            found["latency"] = latency / self.latency - 1
        return found


def bytes_of(words: str | None) -> int | None:
    """Read `2MB`, `500 kB` or a number of bytes.

    Raises:
        ConfigError: It is something else.
    """
    if words is None:
        return None
    found = _read(words, _BYTES)
    if found is None or found < 1:  # less than a byte would be taken for 0 and divided by
        raise ConfigError(
            "--max-size is a number of bytes, 1 or more",
            given=words,
            allowed="such as 2MB, 500kB or 65536",
        )
    return int(found)


def seconds_of(words: str | None) -> float | None:
    """Read `1ms`, `800us` or `0.5 s`.

    Raises:
        ConfigError: It is something else.
    """
    if words is None:
        return None
    found = _read(words, _SECONDS)
    if found is None:
        raise ConfigError(
            "--max-latency is a time with its unit", given=words, allowed="such as 1ms or 800us"
        )
    return found


def latency_of(session: Session, inputs: Sequence[Any]) -> float:
    """Return the median time to answer one input, in seconds, on one thread."""
    timed = list(inputs[:_TIMED])
    before = native.threads() if native.available() else 0
    if before:
        native.set_threads(1)
    try:
        session.predict(timed[:10])
        taken = [_took(session, given) for _ in range(_ROUNDS) for given in timed]
    finally:
        if before:
            native.set_threads(before)
    return float(np.median(taken))


def _took(session: Session, given: Any) -> float:
    started = time.perf_counter()
    session.predict([given])
    return time.perf_counter() - started


def _read(words: str, units: dict[str, float] | dict[str, int]) -> float | None:
    found = _NUMBER.fullmatch(words)
    unit = units.get(found[2].lower()) if found else None
    if found is None or unit is None:
        return None
    value = float(found[1]) * unit
    return value if 0 < value < math.inf else None
