"""The plain model of signals: the label of the nearest one under dynamic time warping.

Sakoe & Chiba 1978, without a window; channels are scaled and warped together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.signals import Signal
from seqmap.tasks.signal import SignalCodec
from seqmap.training.job import Reference

_AT_ONCE = 32  # bounds the memory that is used


def signal_reference(train: Sequence[Signal], test: Sequence[Signal], targets: Any) -> Reference:
    """Return what the nearest neighbour reaches, to be shown beside a model."""
    found = nearest_labels(train, test)
    right = [label == one.labels[0] for label, one in zip(found, test, strict=True)]
    return Reference(
        "nearest neighbour (dynamic time warping)", {"accuracy": float(np.mean(right))}
    )


def nearest_labels(train: Sequence[Signal], test: Sequence[Signal]) -> list[str]:
    """Return the label of the nearest training signal for each."""
    codec = SignalCodec.fit(train)
    width = len(codec.mean)
    known = [codec.encode(one.values)[:, :width] for one in train]
    labels = []
    for begin in range(0, len(test), _AT_ONCE):
        part = [codec.encode(one.values)[:, :width] for one in test[begin : begin + _AT_ONCE]]
        labels += [train[int(row.argmin())].labels[0] for row in warped(part, known)]
    return labels


def warped(some: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Return the distance of each of some signals (time, channels) to each of others."""
    first, second = _padded(some), _padded(others)
    ends = np.array([len(other) for other in others])
    found = np.empty((len(some), len(others)))
    before = np.full((second.shape[1] + 1, *found.shape), np.inf)
    before[0] = 0.0
    squares = (second**2).sum(axis=2).T
    for step in range(first.shape[1]):
        x = first[:, step]
        # cost: (time, some, others) of this step to all steps of the others
        cost = squares[:, None] + (x**2).sum(axis=1)[:, None] - 2 * x @ second.transpose(1, 2, 0)
        now = np.full_like(before, np.inf)
        least = np.minimum(before[:-1], before[1:])
        for t in range(len(cost)):
            now[t + 1] = cost[t] + np.minimum(least[t], now[t])
        for place, one in enumerate(some):
            if len(one) == step + 1:
                found[place] = now[ends, place, np.arange(len(others))]
        before = now
    return found


def _padded(signals: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Put signals side by side, (signals, time, channels)."""
    padded = np.zeros((len(signals), max(map(len, signals)), signals[0].shape[1]))
    for place, one in enumerate(signals):
        padded[place, : len(one)] = one
    return padded
