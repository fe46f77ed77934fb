"""Drawing sequences at random instead of searching for the best one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import BOUNDARY
from seqmap.search.writing import (
    FORCED,
    NEVER,
    Hypothesis,
    SearchOptions,
    Writer,
    normalised,
    repeats,
)

Floats = NDArray[np.float32]


def draw(
    writer: Writer,
    sources: Sequence[NDArray[np.int32]],
    limits: Sequence[int],
    options: SearchOptions,
    *,
    numbers: Sequence[int],
    count: int = 1,
    prefixes: Sequence[NDArray[np.int32]] | None = None,
) -> list[list[Hypothesis]]:
    """Draw `count` sequences for each source, each piece as probable as the network says.

    Args:
        writer: The network.
        sources: Ids of each source.
        limits: The most pieces that each answer may have.
        options: Temperature, `top`, seed.
        numbers: What the randomness of each source hangs on, beside the seed.
        count: How many to draw.
        prefixes: Ids that each answer must begin with.

    Returns:
        For each source its sequences by falling score; log P is that of the network itself, at
        temperature 1.
    """
    if not sources:
        return []
    forced = prefixes or [np.zeros(0, np.int32)] * len(sources)
    randoms = [np.random.default_rng([options.seed, number]) for number in numbers]
    state = writer.begin(sources, count)
    written = np.zeros((len(sources), count, 0), np.int64)
    attended: list[Floats] = []
    scores = np.zeros((len(sources), count))
    lengths = np.full((len(sources), count), -1)
    last = np.full((len(sources), count), BOUNDARY, np.int64)
    every = np.broadcast_to(np.arange(count), (len(sources), count))
    most = [max(limit, len(prefix)) for limit, prefix in zip(limits, forced, strict=True)]
    for step in range(max(most) + 1):
        found, attention, state = writer.step(state, last)
        attended.append(attention)
        logits = found.reshape(len(sources), count, -1).astype(np.float64)
        if not options.unknown:
            logits[:, :, UNKNOWN] = NEVER
        logits -= logits.max(axis=2, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
        for row, place in np.ndindex(*lengths.shape):
            drawn = randoms[row].random()
            if lengths[row, place] >= 0:
                last[row, place] = BOUNDARY
                continue
            piece = BOUNDARY
            if step < len(forced[row]):
                piece = int(forced[row][step])
            elif step < most[row]:
                piece = _one(log_p[row, place], written[row, place], options, drawn)
            chance = log_p[row, place, piece]
            # The unknown piece is never drawn, but what the answer begins with may hold it.
            scores[row, place] += chance if np.isfinite(chance) else FORCED
            last[row, place] = piece
            if piece == BOUNDARY and step >= len(forced[row]):
                lengths[row, place] = step
        if (lengths >= 0).all():
            break
        written = np.concatenate([written, last[:, :, None]], axis=2)
        state = writer.select(state, np.arange(len(sources)), every)
    answers = []
    for row in range(len(sources)):
        own = []
        for place in range(count):
            length = int(lengths[row, place])
            read = len(sources[row]) + 1
            attention = np.stack([step[row, place, :read] for step in attended[: length + 1]])
            value = float(scores[row, place])
            score = normalised(value, length + 1, attention, options)
            pieces = written[row, place, :length].astype(np.int32)
            own.append(Hypothesis(pieces, value, score, attention))
        answers.append(sorted(own, key=lambda one: -one.score))
    return answers


def _one(
    log_p: NDArray[np.float64],
    written: NDArray[np.int64],
    options: SearchOptions,
    chance: float,
) -> int:
    """Draw one piece by a number in [0, 1)."""
    scores = log_p / options.sample
    if options.no_repeat:
        scores[repeats(written.astype(np.int32), options.no_repeat)] = NEVER
    if 0 < options.top < len(scores):
        scores[scores < np.partition(scores, -options.top)[-options.top]] = NEVER
    shares = np.exp(scores - scores.max())
    bounds = np.cumsum(shares)
    return min(int(np.searchsorted(bounds, chance * bounds[-1], side="right")), len(scores) - 1)
