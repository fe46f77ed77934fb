from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.batch import collate, plan_batches


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 50), max_size=200),
    size=st.integers(1, 20),
    tokens=st.integers(1, 300),
    shuffled=st.booleans(),
)
def test_every_example_once_and_limits_kept(
    lengths: list[int], size: int, tokens: int, shuffled: bool
) -> None:
    array = np.array(lengths, dtype=np.int64)
    rng = np.random.default_rng(0) if shuffled else None
    batches = plan_batches(array, batch_size=size, batch_tokens=tokens, rng=rng)
    rows = [int(row) for batch in batches for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= size
        padded = len(batch) * array[batch].max()
        assert padded <= tokens or len(batch) == 1


def test_shuffled_batches_hold_similar_lengths_and_differ_by_epoch() -> None:
    lengths = np.random.default_rng(1).integers(1, 400, size=5000)
    first = plan_batches(
        lengths, batch_size=32, batch_tokens=10**9, rng=np.random.default_rng([7, 0])
    )
    again = plan_batches(
        lengths, batch_size=32, batch_tokens=10**9, rng=np.random.default_rng([7, 0])
    )
    other = plan_batches(
        lengths, batch_size=32, batch_tokens=10**9, rng=np.random.default_rng([7, 1])
    )
    padded = sum(len(rows) * lengths[rows].max() for rows in first)
    assert padded < 1.05 * lengths.sum()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=False))


def test_collate_pads_with_zeros() -> None:
    sources = [np.array([5, 6], np.int32), np.array([], np.int32), np.array([7], np.int32)]
    targets = np.eye(3, dtype=np.float32)
    batch = collate(sources, targets, np.array([2, 0, 1]))
    assert batch.source.tolist() == [[7, 0], [5, 6], [0, 0]]
    assert batch.lengths.tolist() == [1, 2, 0]
    assert batch.target.tolist() == targets[[2, 0, 1]].tolist()
