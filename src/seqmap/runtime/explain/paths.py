"""Integrated gradients of any score of the deployed model, by differences along the path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.runtime.explain.explanation import Array, Completeness

Score = Callable[[NDArray[np.float32]], Array]
"""(inputs, time, size) -> (inputs,)."""

NODES = (32, 64)
"""Places on the path: more are taken until the sum is right."""
MOST = 64
"""Symbols of a text, at most: the work grows with their square."""
_STEP = 0.02
"""How much of a symbol's vector is added and taken away."""
_TOLERANCE = 5e-3
_ROWS = 512  # inputs that are scored together


def along_path(
    score: Score, vectors: NDArray[Any], deployed: float, *, most: int = MOST
) -> tuple[Array | None, Completeness | None]:
    """Return integrated gradients from the zero vectors, summed over each symbol's vector.

    The attribution of symbol t is ∫ x_t · ∂F(αx)/∂x_t dα over α from 0 to 1 (Sundararajan, Taly &
    Yan 2017, eq. 1). x_t · ∂F(αx)/∂x_t is the slope of F along the vector of t alone: a central
    difference, which needs nothing but answers, whatever the network. The integral is a
    Gauss-Legendre sum.

    Args:
        score: F, of several inputs at once.
        vectors: x, (time, size).
        deployed: F(x) as the deployed network gives it.
        most: Symbols, at most.

    Returns:
        (time,), and how well they add up; None for no symbols, or too many.
    """
    time = len(vectors)
    if not 0 < time <= most:
        return None, None
    x = np.asarray(vectors, np.float32)
    ends = score(np.stack([x, np.zeros_like(x)]))
    difference = float(ends[0] - ends[1])
    for nodes in NODES:
        found = _integral(score, x, nodes)
        if abs(found.sum() - difference) <= _TOLERANCE * max(1.0, abs(difference)):
            break
    return found, Completeness(float(found.sum()), difference, abs(deployed - float(ends[0])))


def _integral(score: Score, x: NDArray[np.float32], nodes: int) -> Array:
    alphas, shares = path_nodes(nodes)
    every = np.arange(len(x))
    moved = np.zeros((2 * len(x), *x.shape), np.float32)  # (2 time, time, size)
    moved[2 * every, every] = _STEP * x
    moved[2 * every + 1, every] = -_STEP * x
    parts = [
        score(np.float32(alpha) * x + moved[begin : begin + _ROWS])
        for alpha in alphas
        for begin in range(0, len(moved), _ROWS)
    ]
    ways = np.concatenate(parts).reshape(nodes, len(x), 2)
    slopes = (ways[:, :, 0] - ways[:, :, 1]) / (2 * _STEP)
    return np.asarray((shares[:, None] * slopes).sum(axis=0), np.float64)


def path_nodes(count: int) -> tuple[Array, Array]:
    """Return places on the path from 0 to 1 and their shares of an integral over it.

    Gauss-Legendre in u with α = u²: scores change most where the input is nearly nothing.
    """
    places, shares = np.polynomial.legendre.leggauss(count)
    u = (places + 1) / 2
    return u**2, shares * u


def numbered(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[NDArray[np.int32]]]:
    """Return inputs (inputs, time, size) as a table of vectors, and documents of its rows."""
    count, time, size = x.shape
    rows = np.arange(count * time, dtype=np.int32)
    return np.ascontiguousarray(x.reshape(-1, size)), list(rows.reshape(count, time))


def log_odds(chances: Any) -> Array:
    """Return log p / (1 - p)."""
    kept = np.clip(np.asarray(chances, np.float64), 1e-12, 1 - 1e-12)
    return np.asarray(np.log(kept) - np.log1p(-kept))
