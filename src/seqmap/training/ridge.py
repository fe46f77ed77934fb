"""The linear branch of a forecaster: ridge regression on the window, in closed form.

A linear map from the last values to the next ones is hard to beat (Zeng et al. 2023, "Are
Transformers effective for time series forecasting?"); here relative to the last value, so that it
can fall back to the naive forecast, and with its window and penalty chosen on dev.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series import SeriesCodec, Steps

Floats = NDArray[np.float64]

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5)


@dataclass(frozen=True)
class Rows:
    """Steps of series to learn from or to choose on.

    Attributes:
        steps: Each series as numbers.
        origins: Where forecasts begin in each.
        targets: What came, relative to the last value, (origins, block) of each; NaN if missing.
    """

    steps: Sequence[Steps]
    origins: Sequence[NDArray[np.int64]]
    targets: Sequence[Floats]

    @property
    def target(self) -> Floats:
        """All targets below each other."""
        return np.concatenate(list(self.targets))

    def inputs(self, codec: SeriesCodec) -> Floats:
        """All linear inputs below each other."""
        return np.concatenate(
            [codec.linear_inputs(s, o) for s, o in zip(self.steps, self.origins, strict=True)]
        )


def rows_of(
    steps: Sequence[Steps], spans: Sequence[tuple[int, int]], block: int
) -> Rows:
    """Collect the origins whose forecasts lie in `spans`, (first, end) of each series."""
    origins, targets = [], []
    for one, (first, end) in zip(steps, spans, strict=True):
        at = np.arange(max(first - 1, 0), max(end - block, max(first - 1, 0)))
        z = np.where(one.known, one.z, np.nan)
        ahead = z[at[:, None] + np.arange(1, block + 1)] - one.z[at, None]
        origins.append(at)
        targets.append(ahead)
    return Rows(steps, origins, targets)


def fit_linear(codec: SeriesCodec, fitting: Rows, choosing: Rows) -> tuple[Floats, float, float]:
    """Fit the branch.

    Returns:
        Weights (linear_size, block), the penalty, and the mean squared error on `choosing`.
    """
    x, y = fitting.inputs(codec), fitting.target
    whole = ~np.isnan(y).any(axis=1)
    x, y = x[whole], y[whole]
    values, vectors = np.linalg.eigh(x.T @ x)
    rotated = vectors.T @ (x.T @ y)
    asked, truth = choosing.inputs(codec) @ vectors, choosing.target
    best: tuple[float, float] | None = None
    for penalty in PENALTIES:
        found = asked @ (rotated / (np.maximum(values, 0) + penalty)[:, None])
        cost = float(np.nanmean((found - truth) ** 2))
        if best is None or cost < best[0]:
            best = cost, penalty
    assert best is not None
    cost, penalty = best
    weights = vectors @ (rotated / (np.maximum(values, 0) + penalty)[:, None])
    return weights, penalty, cost


def fuse(parts: Sequence[Floats], truth: Floats) -> tuple[float, ...]:
    """Weigh the branches on dev: least squares, and zero for a branch that does not surely help.

    A branch is kept when it lowers the squared error by more than one standard error of the gain,
    measured over stretches of a horizon (errors that overlap are no independent witnesses).

    Args:
        parts: What each branch adds to the last value, (origins, block), in order of trust.
        truth: What came, relative to the last value; NaN is left out.
    """
    factors = [0.0] * len(parts)
    cost = np.nan_to_num(truth) ** 2
    for count in range(1, len(parts) + 1):
        chosen = [k for k in range(count - 1) if factors[k]] + [count - 1]
        found = _least_squares([parts[k] for k in chosen], truth)
        if min(found) <= 0:
            continue
        mixed = sum(f * parts[k] for f, k in zip(found, chosen, strict=True))
        after = np.nan_to_num(truth - mixed) ** 2
        if _gain_is_sure(cost - after):
            factors = [0.0] * len(parts)
            for factor, k in zip(found, chosen, strict=True):
                factors[k] = factor
            cost = after
    return tuple(factors)


def _least_squares(parts: Sequence[Floats], truth: Floats) -> list[float]:
    known = ~np.isnan(truth)
    columns = np.stack([part[known] for part in parts], axis=1)
    square = columns.T @ columns
    ridge = 1e-3 * np.trace(square) / len(parts) * np.eye(len(parts)) + 1e-12 * np.eye(len(parts))
    # Pulled a little towards 1, what the branches were trained for.
    found = np.linalg.solve(square + ridge, columns.T @ truth[known] + ridge @ np.ones(len(parts)))
    return [min(float(factor), 1.2) for factor in found]


def _gain_is_sure(gain: Floats) -> bool:
    by_origin = gain.mean(axis=1)
    size = max(gain.shape[1], len(by_origin) // 200, 1)
    blocks = [by_origin[k : k + size].mean() for k in range(0, len(by_origin), size)]
    if len(blocks) < 2:
        return bool(by_origin.mean() > 0)
    return bool(np.mean(blocks) > np.std(blocks, ddof=1) / np.sqrt(len(blocks)))
