"""Inputs that an export is checked with: of several lengths, strange ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqmap.data.audio import Samples
from seqmap.data.series import Series
from seqmap.export.texts import known_words, sample_texts
from seqmap.runtime.forecast import ForecastSession
from seqmap.runtime.session import Session
from seqmap.runtime.signal import SignalSession
from seqmap.runtime.transcribe import TranscribeSession

COUNTS = {"translate": 60, "transcribe": 24, "forecast": 60, "language": 120}
"""Inputs of tasks that take long; of others `MOST`."""
MOST = 300
_SEED = 42


def sample_inputs(session: Session) -> Sequence[Any]:
    """Return inputs of the session's task."""
    count = COUNTS.get(session.task.name, MOST)
    rng = np.random.default_rng(_SEED)
    if isinstance(session, SignalSession):
        return [_signal(session, rng) for _ in range(count)]
    if isinstance(session, ForecastSession):
        return [_series(session, rng) for _ in range(count)]
    if isinstance(session, TranscribeSession):
        return [_sound(session, rng) for _ in range(count)]
    source: Any = session.codecs.source
    return sample_texts(known_words(source), count)


def _signal(session: SignalSession, rng: np.random.Generator) -> Any:
    codec = session.codecs.source
    steps = np.cumsum(rng.normal(size=(rng.integers(1, 120), len(codec.mean))), axis=0) / 3
    return (np.array(codec.mean) + steps * np.array(codec.spread)).astype(np.float32)


def _series(session: ForecastSession, rng: np.random.Generator) -> Series:
    codec = session.codecs
    time = int(rng.integers(1, 3 * max(codec.window, 20)))
    scale = next(iter(codec.scales.values()))
    wave = np.sin(2 * np.pi * np.arange(time) / max(codec.season, 7)) + rng.normal(size=time) / 3
    values = codec.backward(wave, scale)
    values[1:][rng.random(time - 1) < 0.05] = np.nan
    covariates = rng.normal(size=(time, len(codec.covariates)))
    name = next(iter(codec.scales))
    return Series(name, values, covariates, int(rng.integers(0, 10**6)) * codec.clock.step,
                  codec.clock)  # fmt: skip


def _sound(session: TranscribeSession, rng: np.random.Generator) -> Samples:
    count = int(rng.uniform(0.05, 4) * session.rate)
    loud = np.repeat(rng.uniform(0, 0.3, 40), -(-count // 40))[:count]
    return Samples((rng.normal(size=count) * loud).astype(np.float32), session.rate)
