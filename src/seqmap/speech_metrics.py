"""How far speech is from a recording of the same text: mel-cepstral distortion, time warped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_COEFFICIENTS = 13
_SCALE = 10.0 / np.log(10.0) * np.sqrt(2.0)


def distortions(first: Sequence[Floats], second: Sequence[Floats]) -> NDArray[np.float64]:
    """Return the mel-cepstral distortion of each pair, in dB (Kubichek 1993), (pairs,).

    Cepstra are the cosine transform of log-mel bands, the first coefficient (loudness) left out;
    the two are aligned by dynamic time warping, and the mean is over its path.

    Args:
        first: Natural logarithms of mel magnitudes, (frames, mels) each.
        second: As many.
    """
    return np.array(
        [_warped(cepstra(a), cepstra(b)) for a, b in zip(first, second, strict=True)], np.float64
    )


def cepstra(logs: Floats) -> NDArray[np.float64]:
    """Return cepstral coefficients 1 to 13, (frames, mels) -> (frames, 13).

    The cosine transform of log-magnitudes over bands, scaled so that
    log m(k) = c(0) + Σ c(i) cos(π i (k + ½) / bands).
    """
    bands = logs.shape[1]
    count = min(_COEFFICIENTS, bands - 1)
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(1, count + 1))
    return np.asarray(logs @ np.cos(angles) * (2.0 / bands), np.float64)


def _warped(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the mean cost over the cheapest path (Sakoe & Chiba 1978), by anti-diagonals."""
    rows, columns = len(first), len(second)
    if not rows or not columns:
        return float("inf") if rows or columns else 0.0
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    costs = _SCALE * np.sqrt(np.maximum(squares, 0.0))
    # Of each cell (i, j) of a diagonal i + j: total cost and length of the path, by i.
    older = old = np.full((2, rows + 1), np.inf)
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        own = costs[i, diagonal - i]
        # From the left, from above, and from both (preferred where equal: the shorter path).
        ways = np.stack([older[:, i], old[:, i + 1], old[:, i]])
        chosen = ways[:, 0].argmin(axis=0)
        best = ways[chosen, :, np.arange(len(i))].T
        if diagonal == 0:
            best = np.zeros((2, 1))
        now = np.full((2, rows + 1), np.inf)
        now[0, i + 1], now[1, i + 1] = best[0] + own, best[1] + 1
        older, old = old, now
    return float(old[0, rows] / old[1, rows])
