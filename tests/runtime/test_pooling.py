"""Pooling against its definition, whole and as a running state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seqmap.config import HeadConfig
from seqmap.runtime.ops import Encoder, Layout
from seqmap.runtime.ops.pooling import Pooling

KINDS = ["last", "mean", "max", "attention", "mean-max"]
WIDTH = 6


class _Encoder(Encoder):
    width = WIDTH

    def __init__(self, directions: int) -> None:
        self.directions = directions

    def encode(self, ids: Any, layout: Layout) -> Any:
        raise NotImplementedError


def _pooling(kind: Any, directions: int = 1) -> tuple[Pooling, dict[str, NDArray[Any]]]:
    rng = np.random.default_rng(0)
    arrays = {
        "pooling.project.weight": rng.normal(size=(4, WIDTH)).astype(np.float32),
        "pooling.project.bias": rng.normal(size=4).astype(np.float32),
        "pooling.context": 3 * rng.normal(size=4).astype(np.float32),
    }
    return Pooling(arrays, _Encoder(directions), HeadConfig(pooling=kind)), arrays


def _expected(
    kind: str, states: NDArray[Any], arrays: dict[str, NDArray[Any]], directions: int
) -> NDArray[Any]:
    """One document, (time, features) -> (width,), in float64."""
    states = states.astype(np.float64)
    if len(states) == 0:
        return np.zeros(WIDTH * (2 if kind == "mean-max" else 1))
    if kind == "last":
        half = WIDTH // 2
        if directions == 1:
            return np.asarray(states[-1])
        return np.concatenate([states[-1, :half], states[0, half:]])
    if kind == "attention":
        inner = np.tanh(
            states @ arrays["pooling.project.weight"].T + arrays["pooling.project.bias"]
        )
        weights = np.exp(inner @ arrays["pooling.context"])
        return np.asarray(weights @ states / weights.sum())
    mean, best = states.mean(axis=0), states.max(axis=0)
    return {"mean": mean, "max": best, "mean-max": np.concatenate([mean, best])}[kind]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_documents(kind: str, directions: int) -> None:
    pooling, arrays = _pooling(kind, directions)
    layout = Layout([0, 4, 1, 0, 17, 0])
    states = np.random.default_rng(1).normal(size=(layout.tokens, WIDTH)).astype(np.float32)
    found = pooling.pool(states, layout)
    assert found.shape == (6, pooling.width)
    assert found.dtype == np.float32
    for document in range(layout.documents):
        begin, end = layout.offsets[document : document + 2]
        expected = _expected(kind, states[begin:end], arrays, directions)
        np.testing.assert_allclose(found[document], expected, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_only_empty_documents_give_zeros(kind: str) -> None:
    pooling, _ = _pooling(kind)
    found = pooling.pool(np.zeros((0, WIDTH), dtype=np.float32), Layout([0, 0]))
    assert found.tolist() == [[0.0] * pooling.width] * 2
    assert pooling.result(pooling.start()).tolist() == [0.0] * pooling.width


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(pieces=st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(any))
def test_running_equals_whole(kind: str, pieces: list[int]) -> None:
    pooling, _ = _pooling(kind)
    count = sum(pieces)
    states = np.random.default_rng(count).normal(size=(count, WIDTH)).astype(np.float32)
    running, begin = pooling.start(), 0
    for piece in pieces:
        running = pooling.feed(states[begin : begin + piece], running)
        begin += piece
    whole = pooling.pool(states, Layout([count]))[0]
    np.testing.assert_allclose(pooling.result(running), whole, atol=2e-6)


def test_online_softmax_survives_large_scores() -> None:
    pooling, _ = _pooling("attention")
    pooling.context = pooling.context * np.float32(1e4)
    states = np.random.default_rng(5).normal(size=(40, WIDTH)).astype(np.float32)
    running = pooling.start()
    for row in states:
        running = pooling.feed(row[None], running)
    whole = pooling.pool(states, Layout([40]))[0]
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(pooling.result(running), whole, atol=1e-5)


def test_a_very_long_mean_stays_exact() -> None:
    pooling, _ = _pooling("mean")
    running = pooling.start()
    block = np.full((1000, WIDTH), 0.1, dtype=np.float32)
    for _ in range(1000):
        running = pooling.feed(block, running)
    np.testing.assert_allclose(pooling.result(running), np.float32(0.1), rtol=1e-7)
