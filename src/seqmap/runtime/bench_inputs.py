"""Inputs to measure a model with: made from what the model knows, or as they were given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqmap.codecs.base import SPECIAL, TextCodec
from seqmap.codecs.pieces import PieceCodec

TEXTS = 300
"""Texts that are made, at most."""
_SEED = 42
_COUNT = 40  # series, signals and recordings that are made
_SECONDS = 3.0  # of a recording
_STEPS = 100  # of a signal
_ROUNDS = 2  # windows that a series is long


def made_inputs(session: Any) -> list[Any]:
    """Make inputs for a model of any task.

    Args:
        session: The model.
    """
    rng = np.random.default_rng(_SEED)
    codec = session.codecs if session.takes == "series" else session.codecs.source
    if session.takes == "series":
        return [_series(codec, rng) for _ in range(_COUNT)]
    if session.takes == "signals":
        return [_signal(codec, rng) for _ in range(_COUNT)]
    if session.takes == "recordings":
        return [_sound(session.rate, rng) for _ in range(_COUNT)]
    count = min(TEXTS, session.made_texts)
    return list(made_texts(codec, count, median=session.made_symbols))


def size_of(session: Any, inputs: Sequence[Any], answers: Sequence[Any]) -> tuple[float, str]:
    """Return how much inputs hold, and of what: values, steps, seconds or symbols."""
    if session.takes == "series":
        return sum(map(len, inputs)), "values"
    if session.takes == "signals":
        return sum(map(len, inputs)), "steps"
    if session.takes == "recordings":
        return sum(answer.seconds for answer in answers), "seconds"
    source = session.codecs.source
    if hasattr(source, "encode"):
        return sum(len(source.encode(text)) for text in inputs), "symbols"
    return sum(len(answer.tokens) for answer in answers), "symbols"


def as_json(session: Any, given: Any) -> Any:
    """Return an input as `Session.input_from` takes it."""
    if isinstance(given, str):
        return given
    if session.takes == "series":
        plain: dict[str, Any] = {"values": _listed(given.values), "name": given.name}
        if given.covariates.shape[1]:
            plain["covariates"] = [_listed(row) for row in given.covariates]
        return plain
    if session.takes == "signals":
        return [_listed(row) for row in given]
    if session.takes == "recordings":
        sound = getattr(given, "sound", given)
        samples = np.clip(sound.samples(session.rate), -1, 1)
        return {"samples": samples.round(5).tolist(), "rate": session.rate}
    return given.text


def _listed(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _series(codec: Any, rng: np.random.Generator) -> Any:
    from seqmap.data.series import Series

    name, scale = next(iter(codec.scales.items()))
    time = _ROUNDS * max(codec.window, 50)
    wave = np.sin(2 * np.pi * np.arange(time) / max(codec.season, 7)) + rng.normal(size=time) / 3
    covariates = rng.normal(size=(time, len(codec.covariates)))
    return Series(name, codec.backward(wave, scale), covariates)


def _signal(codec: Any, rng: np.random.Generator) -> Any:
    walk = np.cumsum(rng.normal(size=(_STEPS, len(codec.mean))), axis=0) / 5
    return (np.array(codec.mean) + walk * np.array(codec.spread)).astype(np.float32)


def _sound(rate: int, rng: np.random.Generator) -> Any:
    from seqmap.data.audio import Samples

    count = int(_SECONDS * rate)
    loud = np.repeat(rng.uniform(0, 0.3, 30), -(-count // 30))[:count]
    return Samples((rng.normal(size=count) * loud).astype(np.float32), rate)


def made_texts(codec: Any, count: int, *, median: int = 60) -> list[str]:
    """Make texts, all different, from a codec's symbols, which occur as in language (Zipf).

    Their lengths are spread like those of reviews: half have fewer than `median` symbols.
    """
    rng = np.random.default_rng(_SEED)
    first, size = len(SPECIAL), codec.size
    if size <= first:
        return [""] * count
    chance = 1 / np.arange(1, size - first + 1)
    lengths = np.clip(rng.lognormal(np.log(median), 0.8, count), 3, 1000).astype(int)
    ids = first + rng.choice(size - first, int(lengths.sum()), p=chance / chance.sum())
    parts = np.split(ids, np.cumsum(lengths)[:-1])
    if isinstance(codec, TextCodec | PieceCodec):
        return [codec.decode(part.tolist()) for part in parts]
    return [" ".join(codec.symbol(int(index)) for index in part) for part in parts]
