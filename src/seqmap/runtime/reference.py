"""The LSTM in a few literal lines, forward and backward: the oracle for every kernel.

    i, f, o = σ(W x_t + U h_{t-1} + b)     g = tanh(W_g x_t + U_g h_{t-1} + b_g)
    c_t = f ∘ c_{t-1} + i ∘ g              h_t = o ∘ tanh(c_t)

Hochreiter & Schmidhuber 1997 (cell and gates i, o), Gers, Schmidhuber & Cummins 2000 (forget gate
f). The gates stand in torch's order i, f, g, o. Slow and clear on purpose; it works in the
precision of its input, so that float64 gives an oracle for float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Weights:
    """One layer, one direction.

    Attributes:
        w_ih: (4 hidden, inputs).
        w_hh: (4 hidden, hidden).
        bias: (4 hidden).
    """

    w_ih: Array
    w_hh: Array
    bias: Array


@dataclass(frozen=True)
class Trace:
    """What the forward pass leaves for the backward pass.

    Attributes:
        x: Inputs, (time, inputs).
        h: States, (time + 1, hidden); the first is the one before the sequence.
        c: Cells, (time + 1, hidden).
        gates: i, f, g, o after their nonlinearity, (time, 4, hidden).
    """

    x: Array
    h: Array
    c: Array
    gates: Array


@dataclass(frozen=True)
class Gradients:
    """Derivatives of the loss; shapes as the values they belong to."""

    x: Array
    h0: Array
    c0: Array
    weights: Weights


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + e^-x), written so that large |x| does not overflow."""
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)


def forward(x: Array, weights: Weights, h0: Array | None = None, c0: Array | None = None) -> Trace:
    """Run one sequence.

    Args:
        x: (time, inputs).
        weights: The layer.
        h0: (hidden,); None means zeros.
        c0: (hidden,); None means zeros.

    Returns:
        The trace; `trace.h[1:]` are the states.
    """
    time, hidden = len(x), weights.w_hh.shape[1]
    h, c = np.zeros((2, time + 1, hidden), dtype=x.dtype)
    gates = np.zeros((time, 4, hidden), dtype=x.dtype)
    h[0] = 0 if h0 is None else h0
    c[0] = 0 if c0 is None else c0
    for t in range(time):
        a = weights.w_ih @ x[t] + weights.w_hh @ h[t] + weights.bias
        i, f, g, o = a.reshape(4, hidden)
        i, f, g, o = gates[t] = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c[t + 1] = f * c[t] + i * g
        h[t + 1] = o * np.tanh(c[t + 1])
    return Trace(x, h, c, gates)


def backward(
    trace: Trace,
    weights: Weights,
    dh: Array,
    *,
    dh_last: Array | float = 0,
    dc_last: Array | float = 0,
) -> Gradients:
    """Propagate back through time.

    Args:
        trace: Of `forward`.
        weights: The layer.
        dh: Derivative of the loss by each state, (time, hidden).
        dh_last: By the last state besides, (hidden,).
        dc_last: By the last cell, (hidden,).

    Returns:
        The derivatives by inputs, initial state and weights.
    """
    x, h, c, gates = trace.x, trace.h, trace.c, trace.gates
    dx = np.zeros_like(x)
    dw_ih, dw_hh, dbias = (np.zeros_like(w) for w in (weights.w_ih, weights.w_hh, weights.bias))
    dh_next, dc = np.zeros_like(h[0]) + dh_last, np.zeros_like(c[0]) + dc_last
    for t in reversed(range(len(x))):
        i, f, g, o = gates[t]
        squashed = np.tanh(c[t + 1])
        dh_t = dh[t] + dh_next
        dc = dc + dh_t * o * (1 - squashed**2)
        # Derivatives by the gates' inputs: σ' = σ (1 - σ), tanh' = 1 - tanh².
        da = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * c[t] * f * (1 - f),
                dc * i * (1 - g**2),
                dh_t * squashed * o * (1 - o),
            ]
        )
        dw_ih += np.outer(da, x[t])
        dw_hh += np.outer(da, h[t])
        dbias += da
        dx[t] = weights.w_ih.T @ da
        dh_next = weights.w_hh.T @ da
        dc = dc * f
    return Gradients(dx, dh_next, dc, Weights(dw_ih, dw_hh, dbias))
