"""The Transformer decoder, step by step, with its past kept; see `seqmap.nn.decoders`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import TranslateConfig
from seqmap.errors import ArchiveError
from seqmap.runtime.decoders.base import Decoder, DecoderState, Dense, Ops, shut, softmax
from seqmap.runtime.ops.transformer import normed, positions, take_norm
from seqmap.runtime.ops.weights import Arrays, Floats, take


class TransformerDecoder(Decoder):
    """Projection, sinusoidal positions, a stack of layers, a norm, and back to a word's size.

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
        width = config.hidden
        if width % config.heads:
            raise ArchiveError(
                "the decoder's width is not a multiple of its attention heads",
                given=f"hidden {width}, heads {config.heads}",
            )
        self._project = _dense(arrays, "decoder.project", width, size, ops)
        self._layers = [
            _Layer(arrays, f"decoder.layers.{layer}.", memory_size, config, ops)
            for layer in range(config.layers)
        ]
        self._norm = take_norm(arrays, "decoder.norm", width)
        self._combine = _dense(arrays, "decoder.combine", size, width, ops)
        self._width = width
        self._positions = positions(256, width)

    def begin(self, memory: Floats, mask: NDArray[np.bool_], width: int) -> DecoderState:
        """Return the state before the first word."""
        fixed: dict[str, NDArray[Any]] = {"shut": shut(mask)[:, None, None, :]}
        rows: dict[str, NDArray[Any]] = {}
        for number, layer in enumerate(self._layers):
            fixed[f"keys{number}"], fixed[f"values{number}"] = layer.read(memory)
            empty = np.zeros((len(memory) * width, layer.heads, 0, layer.size), np.float32)
            rows[f"past_keys{number}"] = rows[f"past_values{number}"] = empty
        return DecoderState(rows, fixed, width)

    def step(self, state: DecoderState, words: Floats) -> tuple[Floats, Floats, DecoderState]:
        """Take a step; the attention is the mean of the last layer's heads."""
        if state.step >= len(self._positions):
            self._positions = positions(2 * state.step, self._width)
        x = self._project(words)
        x += self._positions[state.step]
        rows: dict[str, NDArray[Any]] = {}
        weights = np.zeros((0, 0, 0), np.float32)
        for number, layer in enumerate(self._layers):
            x, weights = layer.step(x, state, number, rows)
        out = self._combine(normed(x, self._norm))
        return out, weights, replace(state, rows=rows, step=state.step + 1)


class _Layer:
    """Attention to the words so far, to the source, and a feed-forward network."""

    def __init__(
        self, arrays: Arrays, prefix: str, memory_size: int, config: TranslateConfig, ops: Ops
    ) -> None:
        width, inner = config.hidden, config.feedforward or 2 * config.hidden
        self.heads, self.size = config.heads, width // config.heads
        self.norms = [take_norm(arrays, f"{prefix}norm{n}", width) for n in (1, 2, 3)]
        own = [
            (
                take(arrays, f"{prefix}own.{part}.weight", width, width),
                take(arrays, f"{prefix}own.{part}.bias", width),
            )
            for part in ("query", "key", "value")
        ]
        scale = np.float32(self.size**-0.5)
        own[0] = (own[0][0] * scale, own[0][1] * scale)
        # query, key and value of the words so far as one product
        self.own = ops.dense(
            np.concatenate([weight for weight, _ in own]), np.concatenate([bias for _, bias in own])
        )
        self.own_output = _dense(arrays, f"{prefix}own.output", width, width, ops)
        self.query = ops.dense(
            take(arrays, f"{prefix}cross.query.weight", width, width) * scale,
            take(arrays, f"{prefix}cross.query.bias", width) * scale,
        )
        self.key = _dense(arrays, f"{prefix}cross.key", width, memory_size, ops)
        self.value = _dense(arrays, f"{prefix}cross.value", width, memory_size, ops)
        self.output = _dense(arrays, f"{prefix}cross.output", width, width, ops)
        self.feed1 = _dense(arrays, f"{prefix}feed1", inner, width, ops)
        self.feed2 = _dense(arrays, f"{prefix}feed2", width, inner, ops)

    def read(self, memory: Floats) -> tuple[Floats, Floats]:
        """Return keys (sentences, heads, size, source), values (sentences, heads, source, size)."""
        count, source, features = memory.shape
        flat = np.ascontiguousarray(memory).reshape(count * source, features)
        shape = (count, source, self.heads, self.size)
        keys = self.key(flat).reshape(shape).transpose(0, 2, 3, 1)
        values = self.value(flat).reshape(shape).transpose(0, 2, 1, 3)
        return np.ascontiguousarray(keys), np.ascontiguousarray(values)

    def step(
        self, x: Floats, state: DecoderState, number: int, after: dict[str, NDArray[Any]]
    ) -> tuple[Floats, Floats]:
        """Take a step, (rows, width); the layer's past goes to `after`."""
        rows, width = x.shape
        # both: (rows, 3, heads, size)
        both = self.own(normed(x, self.norms[0])).reshape(rows, 3, self.heads, 1, self.size)
        keys = np.concatenate([state.rows[f"past_keys{number}"], both[:, 1]], axis=2)
        values = np.concatenate([state.rows[f"past_values{number}"], both[:, 2]], axis=2)
        after[f"past_keys{number}"], after[f"past_values{number}"] = keys, values
        # own: (rows, heads, 1, steps)
        own = softmax(both[:, 0] @ keys.transpose(0, 1, 3, 2))
        x = x + self.own_output((own @ values).reshape(rows, width))
        # asked: (sentences, heads, hypotheses, size)
        asked = self.query(normed(x, self.norms[1]))
        asked = asked.reshape(-1, state.width, self.heads, self.size).transpose(0, 2, 1, 3)
        scores = asked @ state.fixed[f"keys{number}"]
        scores += state.fixed["shut"]
        weights = softmax(scores)
        context = (weights @ state.fixed[f"values{number}"]).transpose(0, 2, 1, 3)
        x += self.output(np.ascontiguousarray(context).reshape(rows, width))
        inner = self.feed1(normed(x, self.norms[2]))
        np.maximum(inner, 0, out=inner)
        x += self.feed2(inner)
        return x, weights.mean(axis=1)


def _dense(arrays: Arrays, name: str, outputs: int, inputs: int, ops: Ops) -> Dense:
    return ops.dense(
        take(arrays, f"{name}.weight", outputs, inputs), take(arrays, f"{name}.bias", outputs)
    )
