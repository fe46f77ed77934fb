"""A deployed network: symbols in, scores out; `numpy_network` and `native_network` implement it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from seqmap.runtime.ops import Floats, Ids


class NetworkStream(ABC):
    """One sequence that arrives piece by piece; its memory does not grow."""

    @abstractmethod
    def feed(self, ids: Ids) -> None:
        """Read more symbols, (time,)."""

    @abstractmethod
    def logits(self) -> Floats:
        """Return the scores (classes,) for the symbols so far; more may follow."""

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered; `restore` takes it."""

    @abstractmethod
    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state.

        Raises:
            KeyError, ValueError, SeqmapError: It is not a state of such a network.
        """


class Network(ABC):
    """Embedding, encoder, pooling and head.

    Attributes:
        backend: What computes: `numpy` or `native`. States of streams cannot cross over.
        streams: Whether `stream` works.
    """

    backend: str
    streams: bool

    @abstractmethod
    def logits(self, documents: Sequence[Ids]) -> Floats:
        """Score whole documents, each (time,) -> (documents, classes). Time may be 0."""

    @abstractmethod
    def stream(self) -> NetworkStream:
        """Begin a stream."""
