"""What every encoder of the runtime can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.runtime.ops.layout import Layout
from seqmap.runtime.ops.weights import Floats

Ids = NDArray[np.int32]
State = dict[str, NDArray[Any]]
"""What a stream has to remember, by name; never changed in place."""


class Encoder(ABC):
    """Reads symbols and gives one vector a symbol. Documents do not influence each other.

    Attributes:
        width: Features of a vector.
        directions: 2 when the second half of a vector was read backwards, else 1.
        streams: Whether `feed` works: nothing after a symbol influences its vector.
    """

    width: int
    directions: int
    streams: bool = False

    @abstractmethod
    def encode(self, ids: Ids, layout: Layout) -> Floats:
        """Read whole documents.

        Args:
            ids: (tokens,), one document after the other.
            layout: Where documents begin and end.

        Returns:
            (tokens, width), in the same order.
        """

    def start(self) -> State:
        """Return the state before the first symbol of a stream."""
        raise NotImplementedError("this encoder cannot stream")

    def feed(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read more symbols of one stream.

        Args:
            ids: (time,).
            state: What `start` or the last `feed` returned; it is not changed.

        Returns:
            The symbols' vectors, (time, width), and the state after them.
        """
        raise NotImplementedError("this encoder cannot stream")
