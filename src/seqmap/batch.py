"""Batches of similar length: little padding, a bounded number of symbols, a reproducible order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Examples are sorted by length inside pools of this many batches: nearly no padding, and still
# a random order.
POOL_BATCHES = 64


@dataclass(frozen=True)
class Batch:
    """Some examples side by side.

    Attributes:
        rows: Which examples these are, (batch,).
        source: Symbols, (batch, time) int64, zero beyond a row's length.
        lengths: Valid symbols in each row, (batch,) int64.
        target: What the head's loss compares with, (batch, ...) float32.
    """

    rows: NDArray[np.int64]
    source: NDArray[np.int64]
    lengths: NDArray[np.int64]
    target: NDArray[np.float32]


def plan_batches(
    lengths: NDArray[np.int64],
    *,
    batch_size: int,
    batch_tokens: int,
    rng: np.random.Generator | None = None,
) -> list[NDArray[np.int64]]:
    """Decide which examples form a batch.

    With `rng` the examples are shuffled, sorted by length within pools, cut into batches, and the
    batches shuffled; without, they are sorted by length (for evaluation).

    Args:
        lengths: Symbols in each example, (examples,).
        batch_size: Examples in a batch, at most.
        batch_tokens: Padded symbols in a batch, at most (one example alone may pass it).
        rng: Source of the order.

    Returns:
        Row numbers of each batch.
    """
    if rng is None:
        return list(_cut(np.argsort(lengths, kind="stable"), lengths, batch_size, batch_tokens))
    order = rng.permutation(len(lengths))
    pool = POOL_BATCHES * batch_size
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches.extend(_cut(rows, lengths, batch_size, batch_tokens))
    return [batches[i] for i in rng.permutation(len(batches))]


def _cut(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, batch_tokens: int
) -> Iterator[NDArray[np.int64]]:
    """Cut rows of rising length into batches within both limits."""
    start = 0
    for end in range(1, len(rows) + 1):
        count = end - start
        # Lengths rise, so the row at `end` would be the longest of a batch that included it.
        full = end == len(rows) or count == batch_size
        if full or (count + 1) * int(lengths[rows[end]]) > batch_tokens:
            yield rows[start:end]
            start = end


def collate(
    sources: Sequence[NDArray[np.int32]], targets: NDArray[np.float32], rows: NDArray[np.int64]
) -> Batch:
    """Pad the chosen examples to the longest of them."""
    lengths = np.array([len(sources[row]) for row in rows], dtype=np.int64)
    source = np.zeros((len(rows), int(lengths.max(initial=0))), dtype=np.int64)
    for place, row in enumerate(rows):
        source[place, : lengths[place]] = sources[row]
    return Batch(rows=rows, source=source, lengths=lengths, target=targets[rows])
