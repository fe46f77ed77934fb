"""From keys to the numbers of features: a sorted list with an index over its leading bits."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqmap.features.hashing import KEY_BITS

_FEW = 20_000
"""Below that many questions a binary search is quicker than building the index."""


class KeyTable:
    """Sorted distinct keys; the number of a key is its place.

    Args:
        keys: `(features,)`, strictly rising.
    """

    def __init__(self, keys: NDArray[np.uint32]) -> None:
        self.keys = keys

    def find(self, keys: NDArray[np.uint32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which of the given keys are in the table, and the number of each of these."""
        if not len(self.keys):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        indexed = "_index" in self.__dict__
        places = self._by_index(keys) if indexed or len(keys) > _FEW else self._by_search(keys)
        known = np.flatnonzero(self.keys[places] == keys)
        return known, places[known]

    def _by_search(self, keys: NDArray[np.uint32]) -> NDArray[np.intp]:
        places: NDArray[np.intp] = np.searchsorted(self.keys, keys)
        places[places == len(self.keys)] = 0
        return places

    def _by_index(self, keys: NDArray[np.uint32]) -> NDArray[np.intp]:
        """Start at the first entry with the same leading bits; keys are spread evenly."""
        shift, starts = self._index
        places: NDArray[np.intp] = starts[keys >> shift]
        waiting = np.flatnonzero(self.keys[places] < keys)
        while len(waiting):
            further = np.minimum(places[waiting] + 1, len(self.keys) - 1)
            moved = further > places[waiting]
            places[waiting] = further
            waiting = waiting[moved & (self.keys[further] < keys[waiting])]
        return places

    @cached_property
    def _index(self) -> tuple[np.uint32, NDArray[np.intp]]:
        bits = min(20, max(1, len(self.keys).bit_length()))
        shift = np.uint32(KEY_BITS - bits)
        leading = np.arange(1 << bits, dtype=np.uint32) << shift
        starts = np.searchsorted(self.keys, leading)
        return shift, np.minimum(starts, len(self.keys) - 1)
