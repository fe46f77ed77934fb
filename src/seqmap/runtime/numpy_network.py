"""The network in NumPy: works everywhere, for every encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.runtime.network import Network, NetworkStream
from seqmap.runtime.ops import Arrays, Floats, Ids, Layout, State
from seqmap.runtime.ops.encoders import ENCODERS, Restore, restore_encoder
from seqmap.runtime.ops.pooling import Pooling
from seqmap.runtime.ops.weights import take, take_dense

BATCH_TOKENS = 4096
"""Symbols that go through a NumPy network at once; bounds the memory that is used."""


class NumpyNetwork(Network):
    """The network in NumPy.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        vocabulary: Rows that the embedding must have.
        classes: Rows that the head must have.
        encoders: Where the encoder comes from.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    backend = "numpy"

    def __init__(
        self,
        arrays: Arrays,
        config: Config,
        *,
        vocabulary: int,
        classes: int,
        encoders: Mapping[str, Restore] = ENCODERS,
    ) -> None:
        embedding = take(arrays, "embedding.weight", vocabulary, config.embedding.size)
        self.encoder = restore_encoder(arrays, embedding, config.encoder, encoders)
        self.pooling = Pooling(arrays, self.encoder, config.head)
        self.head = take_dense(arrays, "head", classes, self.pooling.width)
        self.streams = self.encoder.streams

    def logits(self, documents: Sequence[Ids]) -> Floats:
        """Score whole documents, similar lengths together."""
        scores = np.empty((len(documents), len(self.head[1])), dtype=np.float32)
        for rows in _batches([len(document) for document in documents]):
            layout = Layout([len(documents[row]) for row in rows])
            ids = np.concatenate([documents[row] for row in rows])
            pooled = self.pooling.pool(self.encoder.encode(ids, layout), layout)
            scores[rows] = self.score(pooled)
        return scores

    def score(self, pooled: Floats) -> Floats:
        """Apply the head, (..., features) -> (..., classes)."""
        return np.asarray(pooled @ self.head[0] + self.head[1])

    def stream(self) -> NetworkStream:
        """Begin a stream."""
        return NumpyStream(self)


class NumpyStream(NetworkStream):
    """A stream through a `NumpyNetwork`.

    Args:
        network: It must have `streams`.
    """

    def __init__(self, network: NumpyNetwork) -> None:
        self.network = network
        self._encoder: State = network.encoder.start()
        self._pooling: State = network.pooling.start()

    def feed(self, ids: Ids) -> None:
        """Read more symbols, (time,)."""
        for begin in range(0, len(ids), BATCH_TOKENS):
            part = ids[begin : begin + BATCH_TOKENS]
            states, self._encoder = self.network.encoder.feed(part, self._encoder)
            self._pooling = self.network.pooling.feed(states, self._pooling)

    def logits(self) -> Floats:
        """Return the scores (classes,) so far."""
        return self.network.score(self.network.pooling.result(self._pooling))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered."""
        named = {f"encoder.{name}": part for name, part in self._encoder.items()}
        named |= {f"pooling.{name}": part for name, part in self._pooling.items()}
        return {name: part.copy() for name, part in named.items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state."""
        self._encoder = _taken(state, "encoder.", self.network.encoder.start())
        self._pooling = _taken(state, "pooling.", self.network.pooling.start())


def _taken(state: Mapping[str, NDArray[Any]], prefix: str, like: State) -> State:
    found = {name: state[prefix + name] for name in like}
    for name, part in like.items():
        if found[name].shape != part.shape or found[name].dtype != part.dtype:
            raise ValueError(f"the state's {name} does not fit this model")
    return {name: part.copy() for name, part in found.items()}


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Yield row numbers, the longest documents first, at most `BATCH_TOKENS` symbols together."""
    rows: list[int] = []
    tokens = 0
    for row in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if rows and tokens + lengths[row] > BATCH_TOKENS:
            yield rows
            rows, tokens = [], 0
        rows.append(row)
        tokens += lengths[row]
    if rows:
        yield rows
