"""Vectors of symbols, and what a first layer makes of them, kept per symbol."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqmap.runtime.ops.base import Ids
from seqmap.runtime.ops.weights import Floats

TABLE_LIMIT = 512 << 20
"""Largest table in bytes (address space; memory is used for the symbols that were met)."""


class ProjectedEmbedding:
    """E[symbol] · W + b as a table: a look-up instead of a product for each symbol.

    A row is computed when its symbol is first met, so that loading a model costs nothing and only
    the symbols in use take memory. Threads may race for a row; all of them write the same values.

    Args:
        embedding: (vocabulary, inputs).
        weight: (directions, inputs, outputs).
        bias: (directions, outputs).
    """

    def __init__(self, embedding: Floats, weight: Floats, bias: Floats) -> None:
        self.embedding = embedding
        self.weight = weight
        self.bias = bias
        self._known: NDArray[np.bool_] | None = None
        shape = (len(weight), len(embedding), weight.shape[2])
        if 4 * shape[0] * shape[1] * shape[2] <= TABLE_LIMIT:
            self._table: Floats = np.empty(shape, dtype=np.float32)
            self._known = np.zeros(len(embedding), dtype=np.bool_)

    def project(self, ids: Ids) -> Floats:
        """Compute rows, (symbols,) -> (directions, symbols, outputs)."""
        rows = self.embedding[ids] @ self.weight
        rows += self.bias[:, None]
        return np.asarray(rows)

    def lookup(self, ids: list[Ids]) -> Floats:
        """Return rows for each direction's order of the symbols.

        Args:
            ids: For each direction (symbols,); the orders differ, the symbols do not.

        Returns:
            (directions, symbols, outputs), which the caller may overwrite.
        """
        if self._known is None:
            met = _distinct(ids[0])
            found = self.project(met)
            places = [np.searchsorted(met, order) for order in ids]
            return np.stack([found[direction, place] for direction, place in enumerate(places)])
        unknown = ids[0][~self._known[ids[0]]]
        if len(unknown):
            met = _distinct(unknown)
            self._table[:, met] = self.project(met)
            self._known[met] = True
        rows = np.empty((len(ids), len(ids[0]), self.weight.shape[2]), dtype=np.float32)
        for direction, order in enumerate(ids):
            np.take(self._table[direction], order, axis=0, out=rows[direction], mode="clip")
        return rows


def _distinct(ids: Ids) -> Ids:
    """Return each symbol once, in order. `np.unique` does too, but first loads all of numpy.ma."""
    ordered = np.sort(ids)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
