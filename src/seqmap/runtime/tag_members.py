"""The deployed networks of a tagger: one, or several whose scores add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from seqmap.runtime.ops import Floats
from seqmap.runtime.tag_network import TagReader


class TagReaders:
    """All networks of a tagger.

    Their scores were divided by their number when they were stored, so that the sum here is a mean.

    Args:
        members: Each network, the first one with the wide branch.

    Attributes:
        members: The same.
    """

    def __init__(self, members: Iterable[TagReader]) -> None:
        self.members = tuple(members)

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.members[0].backend

    def read(self, sentences: Sequence[Sequence[str]]) -> tuple[list[Floats], Floats | None]:
        """Read sentences of tokens.

        Returns:
            Emissions of each, (tokens, tags), and logits (sentences, intents) or None.
        """
        return _sum([member.read(sentences) for member in self.members])

    def states(self, tokens: Sequence[str]) -> Floats:
        """Return the encoders' states of a sentence side by side, (tokens, width)."""
        return np.concatenate([member.states(tokens) for member in self.members], axis=1)

    def vectors(self, tokens: Sequence[str]) -> Floats:
        """Return what the encoders read of a sentence side by side, (tokens, size)."""
        return np.concatenate([member.vectors(tokens) for member in self.members], axis=1)

    def read_vectors(self, x: Floats, tokens: Sequence[str]) -> tuple[Floats, Floats | None]:
        """Read a sentence whose tokens are given as vectors, in NumPy.

        Args:
            x: Several such sentences, (sentences, tokens, size).
            tokens: The sentence: what its lexical features say stays as it is.

        Returns:
            Emissions (sentences, tokens, tags), and logits (sentences, intents) or None.
        """
        parts = np.split(x, len(self.members), axis=2)
        found = [m.read_vectors(part, tokens) for m, part in zip(self.members, parts, strict=True)]
        emissions, logits = _sum([(list(scores), own) for scores, own in found])
        return np.stack(emissions), logits


def _sum(
    found: Sequence[tuple[Sequence[Floats], Floats | None]],
) -> tuple[list[Floats], Floats | None]:
    """Add up what networks say: emissions of each sentence, and logits if there are any."""
    emissions, logits = list(found[0][0]), found[0][1]
    for scores, more in found[1:]:
        emissions = [own + score for own, score in zip(emissions, scores, strict=True)]
        logits = logits if logits is None or more is None else logits + more
    return emissions, logits
