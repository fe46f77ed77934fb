"""An LSTM network with its gates in view and its gradient, in float64: several inputs at once.

The forward pass is that of `runtime.reference`, over a batch of sequences of one length: the steps
of the path that integrated gradients follow. Only derivatives by the inputs are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config, EncoderConfig
from seqmap.runtime.ops.recurrent import cell_prefixes, layer_inputs
from seqmap.runtime.ops.weights import Arrays, take
from seqmap.runtime.reference import sigmoid

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pass:
    """One layer in one direction, as it was run.

    Attributes:
        name: Layer and direction.
        gates: i, f, g, o after their nonlinearity, (batch, time, 4, hidden), in reading order.
        cells: (batch, time + 1, hidden); the first is the one before the sequence.
        states: Likewise.
        backwards: Whether it reads from the end.
    """

    name: str
    gates: Array
    cells: Array
    states: Array
    backwards: bool


class Direction:
    """The weights of one layer in one direction."""

    def __init__(self, arrays: Arrays, prefix: str, inputs: int, hidden: int) -> None:
        self.name = prefix.rpartition("layers.")[2].replace(".", " ")
        self.backwards = prefix.endswith("backward")
        self.w_ih = take(arrays, f"{prefix}.w_ih", 4 * hidden, inputs).astype(np.float64)
        self.w_hh = take(arrays, f"{prefix}.w_hh", 4 * hidden, hidden).astype(np.float64)
        self.bias = take(arrays, f"{prefix}.bias", 4 * hidden).astype(np.float64)

    def forward(self, x: Array) -> Pass:
        """Run, (batch, time, inputs); equations in `runtime.reference`."""
        x = x[:, ::-1] if self.backwards else x
        batch, time, hidden = len(x), x.shape[1], self.w_hh.shape[1]
        h, c = np.zeros((2, batch, time + 1, hidden))
        gates = np.empty((batch, time, 4, hidden))
        projected = x @ self.w_ih.T + self.bias
        for t in range(time):
            a = (projected[:, t] + h[:, t] @ self.w_hh.T).reshape(batch, 4, hidden)
            gates[:, t] = sigmoid(a)
            gates[:, t, 2] = np.tanh(a[:, 2])
            i, f, g, o = gates[:, t].transpose(1, 0, 2)
            c[:, t + 1] = f * c[:, t] + i * g
            h[:, t + 1] = o * np.tanh(c[:, t + 1])
        return Pass(self.name, gates, c, h, self.backwards)

    def backward(self, run: Pass, dh: Array) -> Array:
        """Return the derivative by the inputs, (batch, time, inputs), from that by the states."""
        dh = dh[:, ::-1] if run.backwards else dh
        batch, time, _, hidden = run.gates.shape
        da = np.empty((batch, time, 4 * hidden))
        dh_next, dc = np.zeros((2, batch, hidden))
        for t in reversed(range(time)):
            i, f, g, o = run.gates[:, t].transpose(1, 0, 2)
            squashed = np.tanh(run.cells[:, t + 1])
            dh_t = dh[:, t] + dh_next
            dc = dc + dh_t * o * (1 - squashed**2)
            before = run.cells[:, t]
            parts = [
                dc * g * i * (1 - i),
                dc * before * f * (1 - f),
                dc * i * (1 - g**2),
                dh_t * squashed * o * (1 - o),
            ]
            da[:, t] = np.concatenate(parts, axis=1)
            dh_next = da[:, t] @ self.w_hh
            dc = dc * f
        dx = da @ self.w_ih
        return dx[:, ::-1] if run.backwards else dx


class LSTMGradient:
    """Embedded symbols to the score of one class, and the way back.

    Args:
        arrays: An archive's.
        config: Names and sizes; the encoder must be `lstm`.
    """

    def __init__(self, arrays: Arrays, config: Config) -> None:
        self.embedding = take(arrays, "embedding.weight", None, config.embedding.size)
        self.pooling = config.head.pooling
        hidden = config.encoder.hidden
        self.layers = [
            [
                Direction(
                    arrays, name, layer_inputs(k, config.embedding.size, config.encoder), hidden
                )
                for name in cell_prefixes("encoder.", k, config.encoder)
            ]
            for k in range(config.encoder.layers)
        ]
        self.head = take(arrays, "head.weight", None, None).astype(np.float64)
        self.bias = take(arrays, "head.bias", len(self.head)).astype(np.float64)
        if self.pooling == "attention":
            self.project = take(arrays, "pooling.project.weight", None, None).astype(np.float64)
            self.shift = take(arrays, "pooling.project.bias", None).astype(np.float64)
            self.context = take(arrays, "pooling.context", None).astype(np.float64)

    def run(self, x: Array) -> tuple[list[list[Pass]], Array]:
        """Run inputs (batch, time, size); return every pass, and the last states."""
        passes = []
        for directions in self.layers:
            found = [direction.forward(x) for direction in directions]
            x = np.concatenate([states_of(run) for run in found], axis=2)
            passes.append(found)
        return passes, x

    def attention(self, states: Array) -> Array | None:
        """Return the weights of attention pooling, (batch, time)."""
        if self.pooling != "attention":
            return None
        scores = np.tanh(states @ self.project.T + self.shift) @ self.context
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def scores(self, states: Array) -> Array:
        """Return the logits, (batch, classes)."""
        return np.asarray(self._pooled(states) @ self.head.T + self.bias)

    def _pooled(self, states: Array) -> Array:
        if self.pooling == "last":
            return self._last(states)
        weights = self.attention(states)
        if weights is not None:
            return np.asarray((weights[:, :, None] * states).sum(axis=1))
        parts = []
        if self.pooling in ("mean", "mean-max"):
            parts.append(states.mean(axis=1))
        if self.pooling in ("max", "mean-max"):
            parts.append(states.max(axis=1))
        return np.concatenate(parts, axis=1)

    def _last(self, states: Array) -> Array:
        if len(self.layers[-1]) == 1:
            return states[:, -1]
        half = states.shape[2] // 2
        return np.concatenate([states[:, -1, :half], states[:, 0, half:]], axis=1)

    def gradient(self, passes: list[list[Pass]], states: Array, weights: Array) -> Array:
        """Return the derivative of `weights · logits` by the inputs, (batch, time, size)."""
        d = self._unpooled(
            states, np.broadcast_to(weights @ self.head, (len(states), self.head.shape[1]))
        )
        for directions, found in zip(reversed(self.layers), reversed(passes), strict=True):
            width = d.shape[2] // len(directions)
            parts = [
                direction.backward(run, d[:, :, k * width : (k + 1) * width])
                for k, (direction, run) in enumerate(zip(directions, found, strict=True))
            ]
            d = np.sum(parts, axis=0)
        return d

    def _unpooled(self, states: Array, d: Array) -> Array:
        """Carry the derivative by the pooled vector (batch, features) back to the states."""
        batch, time, width = states.shape
        out = np.zeros_like(states)
        if self.pooling == "last":
            half = width // len(self.layers[-1])
            out[:, -1, :half] = d[:, :half]
            out[:, 0, half:] += d[:, half:]
        elif self.pooling == "attention":
            return self._unattended(states, d)
        if self.pooling in ("mean", "mean-max"):
            out += d[:, None, :width] / time
        if self.pooling in ("max", "mean-max"):
            top = states.argmax(axis=1)
            rows, columns = np.arange(batch)[:, None], np.arange(width)
            out[rows, top, columns] += d[:, -width:]
        return out

    def _unattended(self, states: Array, d: Array) -> Array:
        """The derivative through a_t = softmax(u_t · context) and the sum of a_t h_t."""
        inner = np.tanh(states @ self.project.T + self.shift)
        weights = self.attention(states)
        assert weights is not None
        along = (states * d[:, None]).sum(axis=2)
        dscores = weights * (along - (weights * along).sum(axis=1, keepdims=True))
        dinner = dscores[:, :, None] * self.context * (1 - inner**2)
        return np.asarray(weights[:, :, None] * d[:, None] + dinner @ self.project)


def states_of(run: Pass) -> Array:
    """Return the states in the order of the text, (batch, time, hidden)."""
    states = run.states[:, 1:]
    return states[:, ::-1] if run.backwards else states


def gates_of(run: Pass) -> dict[str, Any]:
    """Return gates, cell and state of the first sequence in text order, (hidden, time) each."""
    turned = slice(None, None, -1) if run.backwards else slice(None)
    i, f, _, o = (run.gates[0, turned, k].T for k in range(4))
    cell, state = (part[0, 1:][turned].T for part in (run.cells, run.states))
    return {"input": i, "forget": f, "output": o, "cell": cell, "state": state}


def gate_views(
    arrays: Arrays, x: Any, config: EncoderConfig, prefix: str
) -> dict[str, dict[str, Array]]:
    """Return gates, cell and state of every layer of an LSTM, (hidden, time) each, by layer.

    Args:
        arrays: An archive's.
        x: Inputs, (time, size).
        config: Sizes.
        prefix: What stands before the arrays' names.
    """
    below, found = np.asarray(x, np.float64)[None], {}
    for layer in range(config.layers):
        inputs = below.shape[2]
        passes = [
            Direction(arrays, name, inputs, config.hidden).forward(below)
            for name in cell_prefixes(prefix, layer, config)
        ]
        below = np.concatenate([states_of(run) for run in passes], axis=2)
        found.update({run.name: gates_of(run) for run in passes})
    return found
