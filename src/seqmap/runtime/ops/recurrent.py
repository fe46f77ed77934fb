"""What LSTM, GRU and RNN have in common: layers, directions, shrinking batches, streams.

Both directions of a layer run in one loop: arrays have the direction in front, and the documents of
the second direction are laid out backwards. What does not depend on the state, W·x + b, is computed
for all steps at once, for the first layer by a table over symbols.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seqmap.config import EncoderConfig
from seqmap.runtime.ops.base import Encoder, Ids, State
from seqmap.runtime.ops.embedding import ProjectedEmbedding
from seqmap.runtime.ops.layout import Indices, Layout
from seqmap.runtime.ops.weights import Floats

Rows = TypeVar("Rows", bound=NDArray[Any])


class Cell(ABC):
    """The recurrence of one layer, in one direction or both.

    Attributes:
        w_in: What is applied to inputs, (directions, inputs, columns).
        b_in: Added to that, (directions, columns).
        states: How many vectors of size `hidden` it carries on (`h`; for the LSTM `h` and `c`).
    """

    states: int = 1
    w_in: Floats
    b_in: Floats

    @abstractmethod
    def run(self, x: Floats, sizes: list[int], carried: Floats) -> Floats:
        """Run all steps.

        Args:
            x: Inputs after `w_in` and `b_in`, (directions, tokens, columns) in step order.
            sizes: Documents that take part in each step.
            carried: The state, (states, directions, documents, hidden), `h` first; rows of
                documents that have ended keep their last state. Changed in place.

        Returns:
            (directions, tokens, hidden), every `h`.
        """


class RecurrentEncoder(Encoder):
    """A stack of recurrent layers over an embedding.

    Args:
        embedding: (vocabulary, size).
        cells: One a layer.
        config: What they were built from.
    """

    def __init__(self, embedding: Floats, cells: Sequence[Cell], config: EncoderConfig) -> None:
        self.cells = cells
        self.hidden = config.hidden
        self.directions = 2 if config.direction == "both" else 1
        self.width = self.directions * self.hidden
        self.streams = self.directions == 1
        self.table = ProjectedEmbedding(embedding, cells[0].w_in, cells[0].b_in)

    def encode(self, ids: Ids, layout: Layout) -> Floats:
        """Read whole documents, (tokens,) -> (tokens, width)."""
        if layout.tokens == 0:
            return np.zeros((0, self.width), dtype=np.float32)
        places = [layout.ahead, layout.back][: self.directions]
        states = np.empty((layout.tokens, self.width), dtype=np.float32)
        for layer, cell in enumerate(self.cells):
            if layer == 0:
                x = self.table.lookup([_moved(ids, place) for place in places])
            else:
                x = states @ cell.w_in
                x += cell.b_in[:, None]
                x = np.stack([_moved(x[d], place) for d, place in enumerate(places)])
            carried = np.zeros(self._shape(cell, layout.sizes[0]), dtype=np.float32)
            found = cell.run(x, layout.sizes, carried)
            for direction, place in enumerate(places):
                columns = slice(direction * self.hidden, (direction + 1) * self.hidden)
                states[:, columns] = found[direction][place]
        return states

    def start(self) -> State:
        """Return zeros for every layer."""
        return {
            f"layer{layer}": np.zeros(self._shape(cell, 1), dtype=np.float32)
            for layer, cell in enumerate(self.cells)
        }

    def feed(self, ids: Ids, state: State) -> tuple[Floats, State]:
        """Read more symbols of one stream, (time,) -> (time, hidden)."""
        sizes = [1] * len(ids)
        after: State = {}
        states = np.empty((0, self.width), dtype=np.float32)
        for layer, cell in enumerate(self.cells):
            x = self.table.lookup([ids]) if layer == 0 else states @ cell.w_in + cell.b_in[:, None]
            carried = state[f"layer{layer}"].copy()
            states = cell.run(x, sizes, carried)[0]
            after[f"layer{layer}"] = carried
        return states, after

    def _shape(self, cell: Cell, documents: int) -> tuple[int, int, int, int]:
        return cell.states, self.directions, documents, self.hidden


def cell_prefixes(prefix: str, layer: int, config: EncoderConfig) -> list[str]:
    """Return the names before `.w_ih` and so on, one a direction."""
    directions = ["forward", "backward"] if config.direction == "both" else ["forward"]
    return [f"{prefix}layers.{layer}.{direction}" for direction in directions]


def layer_inputs(layer: int, size: int, config: EncoderConfig) -> int:
    """Return how many features a layer reads: the embedding's, or the layer's below."""
    return size if layer == 0 else config.hidden * (2 if config.direction == "both" else 1)


def stacked(parts: list[Floats]) -> Floats:
    """Put directions in front; matrices are transposed, so that rows multiply from the left."""
    return np.ascontiguousarray(np.stack([part.T for part in parts]))


def sigmoid(x: Floats) -> Floats:
    """Overwrite x by σ(x) = (1 + tanh(x/2)) / 2, which cannot overflow, and return it."""
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5
    return x


def _moved(rows: Rows, place: Indices) -> Rows:
    """Move row k to `place[k]`."""
    moved: Rows = np.empty_like(rows)
    moved[place] = rows
    return moved
