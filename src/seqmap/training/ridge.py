"""The linear branch of a forecaster: ridge regression on the window, in closed form.

A linear map from the last values to the next ones is hard to beat (Zeng et al. 2023, "Are
Transformers effective for time series forecasting?"); here relative to the last value, so that it
can fall back to the naive forecast, and with its window and penalty chosen on dev.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series import SeriesCodec, Steps

Floats = NDArray[np.float64]

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5)
SHARES = (1.0, 1 / 2, 3 / 14)
"""Parts of the window that ridges look back over: of two weeks also one, and three days."""


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


def rows_of(steps: Sequence[Steps], spans: Sequence[tuple[int, int]], block: int) -> Rows:
    """Collect the origins whose forecasts lie in `spans`, (first, end) of each series."""
    origins, targets = [], []
    for one, (first, end) in zip(steps, spans, strict=True):
        at = np.arange(max(first - 1, 0), max(end - block, max(first - 1, 0)))
        z = np.where(one.known, one.z, np.nan)
        ahead = z[at[:, None] + np.arange(1, block + 1)] - one.z[at, None]
        origins.append(at)
        targets.append(ahead)
    return Rows(steps, origins, targets)


@dataclass(frozen=True)
class Linear:
    """The fitted branch.

    Attributes:
        weights: (linear_size, block).
        penalties: Of each ridge.
        cost: Mean squared error on what the penalties were chosen on.
    """

    weights: Floats
    penalties: tuple[float, ...]
    cost: float


def fit_linear(codec: SeriesCodec, fitting: Rows, choosing: Rows) -> Linear:
    """Fit the branch: the mean of ridges that look back over the window and over parts of it.

    Each has the penalty that suits it on `choosing`; their mean is one linear map again, and varies
    less than any of them.
    """
    ridges = _ridges(codec, [fitting])
    asked, truth = choosing.inputs(codec), choosing.target
    penalties = []
    for ridge in ridges:
        answers = ridge.answers(asked[:, ridge.columns])
        costs = [float(np.nanmean((answer - truth) ** 2)) for answer in answers]
        penalties.append(PENALTIES[int(np.argmin(costs))])
    weights = _mean(codec, ridges, penalties)
    return Linear(weights, tuple(penalties), float(np.nanmean((asked @ weights - truth) ** 2)))


def refit_linear(codec: SeriesCodec, linear: Linear, parts: Sequence[Rows]) -> Floats:
    """Return the weights of the same penalties on more steps, (linear_size, block)."""
    return _mean(codec, _ridges(codec, parts), linear.penalties)


@dataclass(frozen=True)
class _Axes:
    """A ridge for some steps ahead on its principal axes, where every penalty is cheap.

    Attributes:
        ahead: The steps, of those of the block.
        values: Variances of the inputs along the axes, (columns,).
        vectors: The axes, (columns, columns).
        rotated: What goes with each of them, (columns, steps).
    """

    ahead: NDArray[np.int64]
    values: Floats
    vectors: Floats
    rotated: Floats

    def inner(self, penalty: float) -> Floats:
        """Return the weights on the axes, (columns, steps)."""
        found: Floats = self.rotated / (np.maximum(self.values, 0) + penalty)[:, None]
        return found


@dataclass(frozen=True)
class _Ridge:
    """One ridge: the same axes for all steps ahead that were learned from the same rows.

    Attributes:
        columns: The inputs that it looks at.
        parts: One where no value is missing.
    """

    columns: NDArray[np.int64]
    parts: Sequence[_Axes]

    def weights(self, penalty: float) -> Floats:
        """Return the weights, (columns, block)."""
        found = np.empty((len(self.columns), sum(len(part.ahead) for part in self.parts)))
        for part in self.parts:
            found[:, part.ahead] = part.vectors @ part.inner(penalty)
        return found

    def answers(self, asked: Floats) -> Iterator[Floats]:
        """Answer some inputs, (origins, columns), under each penalty, (origins, block)."""
        if len(self.parts) > 1:
            return (asked @ self.weights(penalty) for penalty in PENALTIES)
        (part,) = self.parts
        seen = asked @ part.vectors
        return (seen @ part.inner(penalty) for penalty in PENALTIES)


def _ridges(codec: SeriesCodec, parts: Sequence[Rows]) -> list[_Ridge]:
    x = np.concatenate([part.inputs(codec) for part in parts])
    y = np.concatenate([part.target for part in parts])
    some = ~np.isnan(y).all(axis=1)
    x, y = x[some], y[some]
    square, moments = x.T @ x, x.T @ np.where(np.isnan(y), 0.0, y)
    columns = []
    for share in SHARES:
        size = max(int(round(share * codec.window)), 2)
        columns.append(np.arange(codec.window - size, codec.linear_size))
    axes: list[list[_Axes]] = [[] for _ in columns]
    for ahead, known in _groups(~np.isnan(y)):
        own, moment = square, np.ascontiguousarray(moments[:, ahead])
        if not known.all():
            # Each step ahead learns from the rows whose value at it is known.
            gone = x[~known]
            own = square - gone.T @ gone if 2 * len(gone) < len(x) else x[known].T @ x[known]
        for place, chosen in enumerate(columns):
            values, vectors = np.linalg.eigh(own[np.ix_(chosen, chosen)])
            axes[place].append(_Axes(ahead, values, vectors, vectors.T @ moment[chosen]))
    return [_Ridge(chosen, found) for chosen, found in zip(columns, axes, strict=True)]


def _groups(known: NDArray[np.bool_]) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Return the steps ahead whose values are known in the same rows, and these rows."""
    groups: dict[bytes, list[int]] = {}
    for step, column in enumerate(known.T):
        groups.setdefault(np.packbits(column).tobytes(), []).append(step)
    return [(np.array(ahead), known[:, ahead[0]]) for ahead in groups.values()]


def _mean(codec: SeriesCodec, ridges: Sequence[_Ridge], penalties: Sequence[float]) -> Floats:
    found = [ridge.weights(p) for ridge, p in zip(ridges, penalties, strict=True)]
    weights = np.zeros((codec.linear_size, found[0].shape[1]))
    for ridge, own in zip(ridges, found, strict=True):
        weights[ridge.columns] += own / len(ridges)
    return weights


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
    """Return factors whose sum is at most one: branches are averaged or shrunk, never blown up."""
    known = ~np.isnan(truth)
    columns = np.stack([part[known] for part in parts], axis=1)
    square = columns.T @ columns + 1e-9 * np.eye(len(parts))
    found = np.linalg.solve(square, columns.T @ truth[known])
    total = float(found.sum())
    if total > 1.0:
        # The best factors on the edge where they sum to one, by a Lagrange multiplier.
        ones = np.linalg.solve(square, np.ones(len(parts)))
        found = found - ones * (total - 1.0) / ones.sum()
    return [float(factor) for factor in found]


def _gain_is_sure(gain: Floats) -> bool:
    by_origin = gain.mean(axis=1)
    size = max(gain.shape[1], len(by_origin) // 200, 1)
    blocks = [by_origin[k : k + size].mean() for k in range(0, len(by_origin), size)]
    if len(blocks) < 2:
        return bool(by_origin.mean() > 0)
    return bool(np.mean(blocks) > np.std(blocks, ddof=1) / np.sqrt(len(blocks)))
