"""The deployed networks of a translator: one, or several that write together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from seqmap.runtime.decoders.base import DecoderState
from seqmap.runtime.ops import Floats
from seqmap.runtime.translate_network import TranslateNetwork
from seqmap.search.writing import Kernel

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]
States = tuple[DecoderState, ...]


class TranslateNetworks:
    """All networks of a translator, a `search.writing.Writer`.

    A piece is as probable as the networks find it in the mean; what was attended to is their mean.

    Args:
        members: Each network.
        kernel: What computes the sums of their probabilities.

    Attributes:
        members: The same.
    """

    def __init__(self, members: Iterable[TranslateNetwork], kernel: Kernel) -> None:
        self.members = tuple(members)
        self._kernel = kernel

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.members[0].backend

    def begin(self, sources: Sequence[Ids], width: int) -> States:
        """Read the sources; return the states before the first piece."""
        return tuple(member.begin(sources, width) for member in self.members)

    def step(self, state: States, pieces: Ints) -> tuple[Floats, Floats, States]:
        """Take a step; see `search.writing.Writer`."""
        pairs = zip(self.members, state, strict=True)
        found = [member.step(own, pieces) for member, own in pairs]
        after = tuple(own for _, _, own in found)
        if len(found) == 1:
            return found[0][0], found[0][1], after
        scores = self._mean([own for own, _, _ in found])
        attention = np.mean([own for _, own, _ in found], axis=0)
        return scores, attention, after

    def _mean(self, scores: Sequence[Floats]) -> Floats:
        """Return log of the mean probability of each piece, (rows, pieces); takes its argument."""
        total, share = scores[0], np.float32(math.log(len(scores)))
        for own in scores:
            own -= self._kernel.best(own, 1)[0][:, None] + share
            np.exp(own, out=own)
            if own is not total:
                total += own
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(total, out=total))

    def select(self, state: States, sentences: Ints, parents: Ints) -> States:
        """Keep some sentences and hypotheses."""
        return tuple(own.select(sentences, parents) for own in state)

    def states(self, ids: Ids) -> Floats:
        """Return the encoders' states of a source and its boundary, (time + 1, all features)."""
        return np.concatenate([member.states(ids) for member in self.members], axis=1)

    def vectors(self, ids: Ids) -> Floats:
        """Return what the encoders read of a source side by side, (time, all sizes)."""
        return np.concatenate([member.vectors(ids) for member in self.members], axis=1)

    def begin_vectors(self, x: Floats) -> States:
        """Read sources of one length that are given as vectors, (sources, time, all sizes)."""
        parts = np.split(x, len(self.members), axis=2)
        pairs = zip(self.members, parts, strict=True)
        return tuple(m.begin_vectors(np.ascontiguousarray(part)) for m, part in pairs)
