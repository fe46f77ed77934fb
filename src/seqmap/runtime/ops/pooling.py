"""From a sequence of states to one vector: whole documents at once, or as a running sum."""

from __future__ import annotations

import numpy as np

from seqmap.config import HeadConfig
from seqmap.runtime.ops.base import Encoder, State
from seqmap.runtime.ops.layout import Layout
from seqmap.runtime.ops.weights import Arrays, Floats, take, take_dense


class Pooling:
    """Pool states over time; a document without tokens gives the zero vector.

    `attention` is that of Yang et al. 2016, eq. 5-7: u_t = tanh(W h_t + b), a_t = softmax_t(u_t ·
    context), the answer being the sum of a_t h_t.

    Args:
        arrays: An archive's, with `pooling.…` for attention.
        encoder: Where the states come from.
        config: The kind.
    """

    def __init__(self, arrays: Arrays, encoder: Encoder, config: HeadConfig) -> None:
        self.kind = config.pooling
        self.features = encoder.width
        self.directions = encoder.directions
        self.width = self.features * (2 if self.kind == "mean-max" else 1)
        if self.kind == "attention":
            size = len(take(arrays, "pooling.context", None))
            self.project = take_dense(arrays, "pooling.project", size, self.features)
            self.context = take(arrays, "pooling.context", size)

    def pool(self, states: Floats, layout: Layout) -> Floats:
        """Pool whole documents, (tokens, features) -> (documents, width)."""
        filled = layout.filled
        if len(filled) == layout.documents:
            return self._pool(states, layout)
        pooled = np.zeros((layout.documents, self.width), dtype=np.float32)
        if len(filled):
            pooled[filled] = self._pool(states, Layout(layout.lengths[filled]))
        return pooled

    def _pool(self, states: Floats, layout: Layout) -> Floats:
        """Pool documents that all have tokens."""
        begin, end = layout.offsets[:-1], layout.offsets[1:]
        if self.kind == "last":
            return self._last(states[end - 1], states[begin])
        if self.kind == "attention":
            scores = self._scores(states)
            scores -= np.repeat(np.maximum.reduceat(scores, begin), layout.lengths)
            np.exp(scores, out=scores)
            total = np.add.reduceat(scores, begin)[:, None]
            return np.asarray(np.add.reduceat(states * scores[:, None], begin) / total)
        parts = []
        if self.kind in ("mean", "mean-max"):
            parts.append(
                np.add.reduceat(states, begin) / layout.lengths[:, None].astype(np.float32)
            )
        if self.kind in ("max", "mean-max"):
            parts.append(np.maximum.reduceat(states, begin))
        return np.concatenate(parts, axis=1)

    def _last(self, final: Floats, first: Floats) -> Floats:
        """What was read last: of the second direction that is a document's first token."""
        if self.directions == 1:
            return final
        half = self.features // 2
        return np.concatenate([final[:, :half], first[:, half:]], axis=1)

    def weights(self, states: Floats) -> Floats:
        """Return the weights of attention over one document, (tokens, features) -> (tokens,)."""
        scores = self._scores(states)
        weights = np.exp(scores - scores.max())
        return np.asarray(weights / weights.sum())

    def _scores(self, states: Floats) -> Floats:
        """Attention before the softmax, (tokens, features) -> (tokens,)."""
        inner = states @ self.project[0]
        inner += self.project[1]
        np.tanh(inner, out=inner)
        return np.asarray(inner @ self.context)

    def start(self) -> State:
        """Return the running state of a stream: constant in size, sums in float64."""
        count = np.zeros((), dtype=np.int64)
        if self.kind == "last":
            return {"count": count, "last": np.zeros(self.features, dtype=np.float32)}
        state: State = {"count": count}
        if self.kind in ("mean", "mean-max", "attention"):
            state["sum"] = np.zeros(self.features, dtype=np.float64)
        if self.kind in ("max", "mean-max"):
            state["max"] = np.full(self.features, -np.inf, dtype=np.float32)
        if self.kind == "attention":
            state["top"] = np.array(-np.inf)
            state["total"] = np.zeros((), dtype=np.float64)
        return state

    def feed(self, states: Floats, state: State) -> State:
        """Return the running state after more states of a stream, (time, features)."""
        if len(states) == 0:
            return state
        after: State = {"count": state["count"] + len(states)}
        if "last" in state:
            after["last"] = states[-1].copy()
        if "max" in state:
            after["max"] = np.maximum(state["max"], states.max(axis=0))
        if "top" in state:
            # The softmax of all steps so far, rescaled whenever a larger score comes
            # (Milakov & Gimelshein 2018, "Online normalizer calculation for softmax").
            scores = self._scores(states).astype(np.float64)
            after["top"] = np.maximum(state["top"], scores.max())
            weights = np.exp(scores - after["top"])
            decay = np.exp(state["top"] - after["top"])
            after["total"] = state["total"] * decay + weights.sum()
            after["sum"] = state["sum"] * decay + weights @ states
        elif "sum" in state:
            after["sum"] = state["sum"] + states.sum(axis=0, dtype=np.float64)
        return after

    def result(self, state: State) -> Floats:
        """Return the pooled vector of a stream so far, (width,)."""
        if state["count"] == 0:
            return np.zeros(self.width, dtype=np.float32)
        if self.kind == "last":
            return np.asarray(state["last"])
        if self.kind == "attention":
            return np.asarray(state["sum"] / state["total"], dtype=np.float32)
        parts = []
        if "sum" in state:
            parts.append((state["sum"] / state["count"]).astype(np.float32))
        if "max" in state:
            parts.append(state["max"])
        return np.concatenate(parts)
