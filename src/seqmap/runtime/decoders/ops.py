"""What decoders compute with: NumPy here, or the native core; see `runtime.native_dense`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seqmap.runtime.ops.transformer import normed, softmax
from seqmap.runtime.ops.weights import Floats

Dense = Callable[[Floats], Floats]
"""(rows, inputs) -> (rows, outputs)."""
Norm = Callable[[Floats], Floats]
"""(rows, width) -> (rows, width)."""
Linear = tuple[Floats, Floats]
"""A weight (outputs, inputs) and a bias (outputs,)."""


@dataclass(frozen=True)
class LayerWeights:
    """What a layer of a Transformer decoder has learned; queries come out scaled.

    Attributes:
        heads: A divisor of the width.
        norms: Weight and bias, (width,) each, of the layer norm before each of the three parts.
        own: Query, key and value of the words so far as one product, (3 width, width).
        own_output: (width, width).
        query: What is asked of the source, (width, width).
        source: Its keys and values as one product, (2 width, memory).
        output: (width, width).
        feed1: (inner, width).
        feed2: (width, inner).
    """

    heads: int
    norms: tuple[Linear, Linear, Linear]
    own: Linear
    own_output: Linear
    query: Linear
    source: Linear
    output: Linear
    feed1: Linear
    feed2: Linear


class Layer(Protocol):
    """A layer of a Transformer decoder: the words so far, the source, a feed-forward network."""

    @property
    def source(self) -> Dense:
        """(places, memory) -> keys and values side by side, (places, 2 width)."""

    def step(
        self, x: Floats, past: Floats, source: Floats, shut: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Take a step; `rows` is sentences * hypotheses of each.

        Args:
            x: (rows, width).
            past: Keys and values of the words so far, (rows, steps, 2 width).
            source: Those of the source, (sentences, places, 2 width).
            shut: What is added to the scores of the places, (sentences, places).

        Returns:
            The new x, the past with this step, and how much each place was looked at, the mean over
            the heads, (sentences, hypotheses, places).
        """


class Ops(Protocol):
    """What decoders compute with: NumPy, or the native core."""

    def dense(self, weight: Floats, bias: Floats | None) -> Dense:
        """Return x · weightᵀ + bias for a weight (outputs, inputs)."""

    def cell(self, sums: Floats, c: Floats) -> tuple[Floats, Floats]:
        """Apply the LSTM cell to gate sums (rows, 4 hidden), i f g o -> h and c."""

    def norm(self, weight: Floats, bias: Floats) -> Norm:
        """Return layer norm over features (Ba et al. 2016), weight and bias (width,)."""

    def layer(self, weights: LayerWeights) -> Layer:
        """Return a layer of a Transformer decoder."""


class NumpyOps:
    """The same in NumPy."""

    def dense(self, weight: Floats, bias: Floats | None) -> Dense:
        """Return x · weightᵀ + bias."""
        turned = np.ascontiguousarray(weight.T)

        def apply(x: Floats) -> Floats:
            out = x @ turned
            if bias is not None:
                out += bias
            return np.asarray(out)

        return apply

    def cell(self, sums: Floats, c: Floats) -> tuple[Floats, Floats]:
        """Apply the LSTM cell, (rows, 4 hidden) and (rows, hidden)."""
        i, f, g, o = np.split(sums, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        return _sigmoid(o) * np.tanh(c), c

    def norm(self, weight: Floats, bias: Floats) -> Norm:
        """Return layer norm."""
        return lambda x: normed(x, (weight, bias))

    def layer(self, weights: LayerWeights) -> Layer:
        """Return a layer of a Transformer decoder."""
        return NumpyLayer(weights, self)


class NumpyLayer:
    """A layer of a Transformer decoder in NumPy: pre-norm, each part added to the stream."""

    def __init__(self, weights: LayerWeights, ops: NumpyOps) -> None:
        self._heads = weights.heads
        self._norms = [ops.norm(*own) for own in weights.norms]
        self.source = ops.dense(*weights.source)
        self._own, self._own_output = ops.dense(*weights.own), ops.dense(*weights.own_output)
        self._query, self._output = ops.dense(*weights.query), ops.dense(*weights.output)
        self._feed1, self._feed2 = ops.dense(*weights.feed1), ops.dense(*weights.feed2)

    def step(
        self, x: Floats, past: Floats, source: Floats, shut: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Take a step; see `Layer`."""
        width = x.shape[1]
        both = self._own(self._norms[0](x))[:, None, :]  # (rows, 1, 3 width)
        past = np.concatenate([past, both[:, :, width:]], axis=1)
        x = x + self._own_output(self._attended(both[:, :, :width], past, None)[0])
        asked = self._query(self._norms[1](x)).reshape(len(source), -1, width)
        context, shares = self._attended(asked, source, shut)
        x += self._output(context)
        inner = self._feed1(self._norms[2](x))
        np.maximum(inner, 0, out=inner)
        x += self._feed2(inner)
        return x, past, shares

    def _attended(self, query: Floats, pairs: Floats, shut: Floats | None) -> tuple[Floats, Floats]:
        """Attend by head (Vaswani et al. 2017, eq. 1).

        Args:
            query: (groups, queries, width).
            pairs: Keys and values, (groups, places, 2 width).
            shut: (groups, places), or None.

        Returns:
            Contexts (groups * queries, width) and shares (groups, queries, places).
        """
        groups, queries, width = query.shape

        def by_head(part: Floats) -> Floats:  # (groups, heads, time, size)
            shape = (groups, -1, self._heads, width // self._heads)
            return part.reshape(shape).transpose(0, 2, 1, 3)

        scores = by_head(query) @ by_head(pairs[:, :, :width]).transpose(0, 1, 3, 2)
        if shut is not None:
            scores += shut[:, None, None, :]
        shares = softmax(scores)
        context = (shares @ by_head(pairs[:, :, width:])).transpose(0, 2, 1, 3)
        return context.reshape(groups * queries, width), shares.mean(axis=1)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)
