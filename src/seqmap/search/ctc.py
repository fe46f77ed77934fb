"""Connectionist temporal classification, Graves et al. 2006: the best path, and alignment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.transcript import BLANK

Floats = NDArray[np.float32]


def log_chances(scores: NDArray[Any]) -> Floats:
    """Turn scores into logarithms of probabilities, row by row, (time, classes).

    Each row is treated by itself, so that pieces give what the whole gives.
    """
    moved = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True)), np.float32)


def best_path(chances: NDArray[Any]) -> list[int]:
    """Return the symbols of the likeliest path, repeats joined and blanks left out (section 3.2).

    Args:
        chances: Scores or logarithms of probabilities, (time, classes).
    """
    if not len(chances):
        return []
    best = chances.argmax(axis=1)
    kept = best[np.flatnonzero(np.diff(best, prepend=-1))]
    return [int(number) for number in kept if number != BLANK]


def align(chances: Floats, numbers: list[int]) -> list[tuple[int, int]]:
    """Find where each symbol stands on the likeliest path that gives just these symbols.

    Args:
        chances: Logarithms of probabilities, (time, classes).
        numbers: The symbols; they must fit into the time.

    Returns:
        First step and one after the last of each symbol.
    """
    if not numbers:
        return []
    # Blanks stand between symbols: states 1, 3, … are the symbols.
    labels = np.full(2 * len(numbers) + 1, BLANK)
    labels[1::2] = numbers
    jumps = np.zeros(len(labels), np.bool_)
    jumps[3::2] = labels[3::2] != labels[1:-2:2]
    emit = chances[:, labels].astype(np.float64)
    time, size = emit.shape
    came = np.zeros((time, size), np.int8)
    score = np.full(size, -np.inf)
    score[:2] = emit[0, :2]
    for t in range(1, time):
        options = np.full((3, size), -np.inf)
        options[0] = score
        options[1, 1:] = score[:-1]
        options[2, 2:] = np.where(jumps[2:], score[:-2], -np.inf)
        came[t] = options.argmax(axis=0)
        score = options.max(axis=0) + emit[t]
    state = size - 1 if score[-1] >= score[-2] else size - 2
    spans = [[0, 0] for _ in numbers]
    for t in range(time - 1, -1, -1):
        if state % 2:
            span = spans[state // 2]
            span[0] = t
            span[1] = max(span[1], t + 1)
        state -= int(came[t, state])
    return [(first, last) for first, last in spans]


def total_chance(chances: Floats, numbers: list[int]) -> float:
    """Return the logarithm of the probability of a sequence of symbols, over all its paths (eq. 8).

    Args:
        chances: Logarithms of probabilities, (time, classes).
        numbers: The symbols.
    """
    labels = np.full(2 * len(numbers) + 1, BLANK)
    labels[1::2] = numbers
    jumps = np.zeros(len(labels), np.bool_)
    jumps[3::2] = labels[3::2] != labels[1:-2:2]
    emit = chances[:, labels].astype(np.float64)
    score = np.full(len(labels), -np.inf)
    score[:2] = emit[0, :2]
    for row in emit[1:]:
        moved = np.logaddexp(score, np.concatenate([[-np.inf], score[:-1]]))
        jumped = np.concatenate([[-np.inf, -np.inf], score[:-2]])[: len(labels)]
        score = np.where(jumps, np.logaddexp(moved, jumped), moved) + row
    return float(np.logaddexp.reduce(score[-2:]))
