"""The Transformer decoder, step by step, with its past kept; see `seqmap.nn.decoders`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import TranslateConfig
from seqmap.errors import ArchiveError
from seqmap.runtime.decoders.base import Decoder, DecoderState, shut
from seqmap.runtime.decoders.ops import LayerWeights, Linear, Ops
from seqmap.runtime.ops.transformer import positions, take_norm
from seqmap.runtime.ops.weights import Arrays, Floats, take_linear


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
        self._project = ops.dense(*take_linear(arrays, "decoder.project", width, size))
        self._layers = [
            ops.layer(_layer(arrays, f"decoder.layers.{layer}.", memory_size, config))
            for layer in range(config.layers)
        ]
        self._norm = ops.norm(*take_norm(arrays, "decoder.norm", width))
        self._combine = ops.dense(*take_linear(arrays, "decoder.combine", size, width))
        self._width = width
        self._positions = positions(256, width)

    def begin(self, memory: Floats, mask: NDArray[np.bool_], width: int) -> DecoderState:
        """Return the state before the first word."""
        fixed: dict[str, NDArray[Any]] = {"shut": shut(mask)}
        rows: dict[str, NDArray[Any]] = {}
        count, places, features = memory.shape
        flat = np.ascontiguousarray(memory).reshape(count * places, features)
        pair = 2 * self._width
        for number, layer in enumerate(self._layers):
            fixed[f"source{number}"] = layer.source(flat).reshape(count, places, pair)
            rows[f"past{number}"] = np.zeros((count * width, 0, pair), np.float32)
        return DecoderState(rows, fixed, width)

    def step(self, state: DecoderState, words: Floats) -> tuple[Floats, Floats, DecoderState]:
        """Take a step; the attention is the mean of the last layer's heads."""
        fixed = state.fixed
        if state.step >= len(self._positions):
            self._positions = positions(2 * state.step, self._width)
        x = self._project(words)
        x += self._positions[state.step]
        rows: dict[str, NDArray[Any]] = {}
        weights = np.zeros((0, 0, 0), np.float32)
        for number, layer in enumerate(self._layers):
            past, source = state.rows[f"past{number}"], fixed[f"source{number}"]
            x, rows[f"past{number}"], weights = layer.step(x, past, source, fixed["shut"])
        out = self._combine(self._norm(x))
        return out, weights, replace(state, rows=rows, step=state.step + 1)


def _layer(arrays: Arrays, prefix: str, memory_size: int, config: TranslateConfig) -> LayerWeights:
    width, inner = config.hidden, config.feedforward or 2 * config.hidden
    scale = np.float32((width // config.heads) ** -0.5)

    def linear(name: str, outputs: int, inputs: int) -> Linear:
        return take_linear(arrays, f"{prefix}{name}", outputs, inputs)

    def norm(number: int) -> Linear:
        return take_norm(arrays, f"{prefix}norm{number}", width)

    own = [linear(f"own.{part}", width, width) for part in ("query", "key", "value")]
    return LayerWeights(
        heads=config.heads,
        norms=(norm(1), norm(2), norm(3)),
        own=_together([_scaled(own[0], scale), *own[1:]]),
        own_output=linear("own.output", width, width),
        query=_scaled(linear("cross.query", width, width), scale),
        source=_together(
            [linear(f"cross.{part}", width, memory_size) for part in ("key", "value")]
        ),
        output=linear("cross.output", width, width),
        feed1=linear("feed1", inner, width),
        feed2=linear("feed2", width, inner),
    )


def _scaled(layer: Linear, scale: np.float32) -> Linear:
    return layer[0] * scale, layer[1] * scale


def _together(layers: Sequence[Linear]) -> Linear:
    """Return several linear layers of the same inputs as one."""
    weights, biases = zip(*layers, strict=True)
    return np.concatenate(weights), np.concatenate(biases)
