"""The Transformer and the hybrid against a literal torch form of their equations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seqmap.config import EncoderConfig
from seqmap.errors import ArchiveError
from seqmap.runtime.ops import Layout
from seqmap.runtime.ops.encoders import restore_encoder
from seqmap.runtime.ops.transformer import positions

SIZE = 6


def _literal(
    x: Tensor, weights: Mapping[str, Tensor], prefix: str, config: EncoderConfig
) -> Tensor:
    """One document, (time, size) -> (time, width), equation by equation."""

    def dense(x: Tensor, name: str) -> Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])

    time, width, size = len(x), config.hidden, config.hidden // config.heads
    table = torch.zeros(time, width)
    for t in range(time):
        for k in range(width):
            angle = t / 10_000 ** ((k - k % 2) / width)
            table[t, k] = math.cos(angle) if k % 2 else math.sin(angle)
    x = dense(x, f"{prefix}project") + table
    for layer in range(config.layers):
        name = f"{prefix}layers.{layer}."
        normed = norm(x, f"{name}norm1")
        query, key, value = (dense(normed, name + part) for part in ("query", "key", "value"))
        heads = []
        for head in range(config.heads):
            part = slice(head * size, (head + 1) * size)
            scores = query[:, part] @ key[:, part].T / math.sqrt(size)
            heads.append(scores.softmax(dim=-1) @ value[:, part])
        x = x + dense(torch.cat(heads, dim=-1), f"{name}output")
        inner = torch.relu(dense(norm(x, f"{name}norm2"), f"{name}feed1"))
        x = x + dense(inner, f"{name}feed2")
    return norm(x, f"{prefix}norm")


@pytest.mark.parametrize(
    ("hidden", "layers", "heads", "feedforward"), [(8, 1, 1, 0), (8, 2, 4, 5), (7, 2, 7, 0)]
)
def test_equals_its_equations(
    make_weights: Callable[[int], Any], hidden: int, layers: int, heads: int, feedforward: int
) -> None:
    config = EncoderConfig(
        name="transformer", hidden=hidden, layers=layers, heads=heads, feedforward=feedforward
    )
    weights = make_weights(1)
    weights.draw("embedding.weight", 20, SIZE)
    weights.encoder(SIZE, config)
    embedding = weights.arrays["embedding.weight"]
    encoder = restore_encoder(weights.arrays, embedding, config)
    layout = Layout([3, 0, 1, 25])
    ids = np.random.default_rng(0).integers(0, 20, size=layout.tokens).astype(np.int32)
    states = encoder.encode(ids, layout)
    tensors = {name: torch.from_numpy(array) for name, array in weights.arrays.items()}
    for document in layout.filled:
        begin, end = layout.offsets[document : document + 2]
        x = torch.from_numpy(embedding[ids[begin:end]])
        expected = _literal(x, tensors, "encoder.", config).numpy()
        np.testing.assert_allclose(states[begin:end], expected, atol=2e-5)


def test_hybrid_is_one_after_the_other(make_weights: Callable[[int], Any]) -> None:
    config = EncoderConfig(name="lstm-transformer", hidden=8, layers=2, heads=2)
    weights = make_weights(2)
    weights.draw("embedding.weight", 20, SIZE)
    weights.encoder(SIZE, config)
    embedding = weights.arrays["embedding.weight"]
    encoder = restore_encoder(weights.arrays, embedding, config)
    lstm_only = {
        name.replace("encoder.lstm.", "encoder."): array
        for name, array in weights.arrays.items()
        if not name.startswith("encoder.transformer.")
    }
    lstm = restore_encoder(lstm_only, embedding, EncoderConfig(name="lstm", hidden=8, layers=2))
    layout = Layout([6, 2])
    ids = np.arange(8, dtype=np.int32)
    below = lstm.encode(ids, layout)
    tensors = {name: torch.from_numpy(array) for name, array in weights.arrays.items()}
    states = encoder.encode(ids, layout)
    for begin, end in [(0, 6), (6, 8)]:
        x = torch.from_numpy(below[begin:end])
        expected = _literal(x, tensors, "encoder.transformer.", config).numpy()
        np.testing.assert_allclose(states[begin:end], expected, atol=2e-5)


def test_longer_than_any_document_before(make_weights: Callable[[int], Any]) -> None:
    config = EncoderConfig(name="transformer", hidden=4, layers=1, heads=1)
    weights = make_weights(3)
    weights.draw("embedding.weight", 20, SIZE)
    weights.encoder(SIZE, config)
    encoder = restore_encoder(weights.arrays, weights.arrays["embedding.weight"], config)
    states = encoder.encode(np.zeros(700, dtype=np.int32), Layout([700]))
    assert states.shape == (700, 4)
    # The same symbol at another place gives another vector: positions reach to the end.
    assert np.abs(states[600] - states[699]).max() > 1e-3


def test_positions_of_odd_width() -> None:
    table = positions(5, 7)
    assert table.shape == (5, 7)
    assert table[0].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert table[3, 6] == pytest.approx(math.sin(3 / 10_000 ** (6 / 7)))


def test_heads_must_divide_the_width(make_weights: Callable[[int], Any]) -> None:
    config = EncoderConfig(name="transformer", hidden=8, heads=3)
    with pytest.raises(ArchiveError, match="multiple of its attention heads"):
        restore_encoder({}, np.zeros((3, 2), dtype=np.float32), config)
