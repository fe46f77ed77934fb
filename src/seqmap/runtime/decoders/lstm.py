"""LSTM decoders with attention, step by step; see `seqmap.nn.decoders.lstm`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import TranslateConfig
from seqmap.runtime.decoders.base import Decoder, DecoderState, shut
from seqmap.runtime.decoders.ops import Ops
from seqmap.runtime.ops.transformer import softmax
from seqmap.runtime.ops.weights import Arrays, Floats, take, take_linear


class Attention(ABC):
    """Scores of the source's states; its keys are computed once a sentence."""

    @abstractmethod
    def keys(self, memory: Floats) -> Floats:
        """Return the keys, an entry a sentence."""

    @abstractmethod
    def scores(self, query: Floats, keys: Floats, covered: Floats | None) -> Floats:
        """Score, (sentences, width, hidden) -> (sentences, width, source)."""


class LuongAttention(Attention):
    """score = qᵀ W m / √d; the product with W is made once, on the side of the source."""

    def __init__(self, arrays: Arrays, memory_size: int, config: TranslateConfig) -> None:
        name = "decoder.attention.key.weight"
        scale = np.float32(config.hidden**-0.5)
        self._key = (take(arrays, name, config.hidden, memory_size) * scale).T

    def keys(self, memory: Floats) -> Floats:
        """Return W m / √d, (sentences, hidden, source)."""
        return np.ascontiguousarray((memory @ self._key).transpose(0, 2, 1))

    def scores(self, query: Floats, keys: Floats, covered: Floats | None) -> Floats:
        """Return (sentences, width, source)."""
        return np.asarray(query @ keys)


class BahdanauAttention(Attention):
    """score = vᵀ tanh(W q + U m + b + w·covered)."""

    def __init__(self, arrays: Arrays, memory_size: int, config: TranslateConfig) -> None:
        name, hidden = "decoder.attention.", config.hidden
        self._key = take(arrays, f"{name}key.weight", hidden, memory_size).T
        self._bias = take(arrays, f"{name}key.bias", hidden)
        self._query = np.ascontiguousarray(take(arrays, f"{name}query.weight", hidden, hidden).T)
        self._covered = take(arrays, f"{name}covered", hidden)
        self._score = take(arrays, f"{name}score", hidden)

    def keys(self, memory: Floats) -> Floats:
        """Return U m + b, (sentences, source, hidden)."""
        return np.asarray(memory @ self._key + self._bias)

    def scores(self, query: Floats, keys: Floats, covered: Floats | None) -> Floats:
        """Return (sentences, width, source)."""
        inner = (query @ self._query)[:, :, None, :] + keys[:, None, :, :]
        if covered is not None:
            inner += covered[:, :, :, None] * self._covered
        np.tanh(inner, out=inner)
        return np.asarray(inner @ self._score)


_ATTENTIONS = {"luong": LuongAttention, "bahdanau": BahdanauAttention}


class _Attending(Decoder):
    """What both LSTM decoders have.

    Args:
        arrays: An archive's.
        size: Numbers of a word's vector.
        memory_size: Width of the encoder's states.
        config: Sizes.
        ops: What computes.
    """

    def __init__(
        self, arrays: Arrays, size: int, memory_size: int, config: TranslateConfig, ops: Ops
    ) -> None:
        hidden = config.hidden
        self._config, self._ops, self._hidden, self._size = config, ops, hidden, size
        self._attention: Attention = _ATTENTIONS[config.attention](arrays, memory_size, config)
        start, self._start_bias = take_linear(
            arrays, "decoder.start", config.layers * hidden, memory_size
        )
        self._start = start.T
        self._combine = ops.dense(
            *take_linear(arrays, "decoder.combine", size, hidden + memory_size)
        )
        # One product for what a layer reads and for what it remembers: (4 hidden, inputs + hidden).
        self._layers = []
        for layer, inputs in enumerate(self._inputs(size, memory_size)):
            name = f"decoder.layers.{layer}."
            weight = np.concatenate(
                [
                    take(arrays, f"{name}w_ih", 4 * hidden, inputs),
                    take(arrays, f"{name}w_hh", 4 * hidden, hidden),
                ],
                axis=1,
            )
            self._layers.append(ops.dense(weight, take(arrays, f"{name}bias", 4 * hidden)))

    @abstractmethod
    def _inputs(self, size: int, memory_size: int) -> list[int]:
        """Return how many numbers each layer reads."""

    def begin(self, memory: Floats, mask: NDArray[np.bool_], width: int) -> DecoderState:
        """Return the state before the first word."""
        counts = np.maximum(mask.sum(axis=1), 1)[:, None].astype(np.float32)
        mean = memory.sum(axis=1) / counts
        start = np.tanh(mean @ self._start + self._start_bias).reshape(len(memory), -1)
        rows: dict[str, NDArray[Any]] = {}
        for layer in range(self._config.layers):
            h = start[:, layer * self._hidden : (layer + 1) * self._hidden]
            rows[f"h{layer}"] = np.repeat(h, width, axis=0)
            rows[f"c{layer}"] = np.zeros((len(memory) * width, self._hidden), np.float32)
        fixed = {
            "memory": memory,
            "keys": self._attention.keys(memory),
            "shut": shut(mask)[:, None, :],
        }
        return DecoderState(rows, fixed, width)

    def _layer(self, layer: int, x: Floats, state: DecoderState) -> tuple[Floats, Floats]:
        h, c = state.rows[f"h{layer}"], state.rows[f"c{layer}"]
        return self._ops.cell(self._layers[layer](np.concatenate([x, h], axis=1)), c)

    def _attend(
        self, query: Floats, state: DecoderState, covered: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Return contexts (rows, features) and weights (sentences, width, source)."""
        fixed = state.fixed
        memory = fixed["memory"]
        asked = query.reshape(len(memory), state.width, -1)
        weights = self._attention.scores(asked, fixed["keys"], covered)
        weights += fixed["shut"]
        weights = softmax(weights)
        return (weights @ memory).reshape(len(query), -1), weights

    def _combined(self, states: Floats, context: Floats) -> Floats:
        out = self._combine(np.concatenate([states, context], axis=1))
        return np.tanh(out, out=out)


class LSTMDecoder(_Attending):
    """The first layer attends; those above read its states and the context."""

    def _inputs(self, size: int, memory_size: int) -> list[int]:
        return [size, *[self._hidden + memory_size] * (self._config.layers - 1)]

    def step(self, state: DecoderState, words: Floats) -> tuple[Floats, Floats, DecoderState]:
        """Take a step."""
        rows: dict[str, NDArray[Any]] = {}
        states, rows["c0"] = self._layer(0, words, state)
        rows["h0"] = states
        context, weights = self._attend(states, state)
        for layer in range(1, self._config.layers):
            h, rows[f"c{layer}"] = self._layer(
                layer, np.concatenate([states, context], axis=1), state
            )
            rows[f"h{layer}"] = h
            states = states + h
        after = replace(state, rows=rows, step=state.step + 1)
        return self._combined(states, context), weights, after


class FeedingDecoder(_Attending):
    """Input feeding: each step also reads the vector that the last one gave."""

    def _inputs(self, size: int, memory_size: int) -> list[int]:
        return [2 * size, *[self._hidden] * (self._config.layers - 1)]

    def begin(self, memory: Floats, mask: NDArray[np.bool_], width: int) -> DecoderState:
        """Return the state before the first word."""
        state = super().begin(memory, mask, width)
        state.rows["fed"] = np.zeros((len(memory) * width, self._size), np.float32)
        state.rows["covered"] = np.zeros((len(memory) * width, memory.shape[1]), np.float32)
        return state

    def step(self, state: DecoderState, words: Floats) -> tuple[Floats, Floats, DecoderState]:
        """Take a step."""
        rows: dict[str, NDArray[Any]] = {}
        x = np.concatenate([words, state.rows["fed"]], axis=1)
        for layer in range(self._config.layers):
            x, rows[f"c{layer}"] = self._layer(layer, x, state)
            rows[f"h{layer}"] = x
        before = state.rows["covered"]
        shape = (-1, state.width, before.shape[1])
        seen = before.reshape(shape) if self._config.coverage == "sum" else None
        context, weights = self._attend(x, state, seen)
        rows["covered"] = before + weights.reshape(before.shape)
        rows["fed"] = self._combined(x, context)
        return rows["fed"], weights, replace(state, rows=rows, step=state.step + 1)
