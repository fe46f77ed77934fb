"""The deployed networks of a tagger: one, or several whose scores add up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqmap.config import Config
from seqmap.features.form_codec import FormCodec
from seqmap.runtime.ops import Arrays, Floats
from seqmap.runtime.tag_network import TagReader


class TagReaders:
    """All networks of a tagger.

    An archive holds the first one's arrays by their own names, those of the others behind
    `others.0.`, `others.1.` and so on. Their scores were divided by their number when they were
    stored, so that the sum here is a mean.

    Args:
        arrays: An archive's.
        config: Names, sizes and how many networks.
        codec: What turns tokens into numbers.
        tags: How many tags there are.
        intents: How many labels of whole texts there are; 0 for none.
        precision: What the native core computes products in; NumPy always takes fp32.

    Attributes:
        members: Each network.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    def __init__(
        self,
        arrays: Arrays,
        config: Config,
        codec: FormCodec,
        *,
        tags: int,
        intents: int = 0,
        precision: str = "fp32",
    ) -> None:
        self.members = tuple(
            TagReader(
                member_arrays(arrays, place),
                config,
                codec,
                tags=tags,
                intents=intents,
                lexical=place == 0,
                precision=precision,
            )
            for place in range(config.tag.members)
        )

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.members[0].backend

    def read(self, sentences: Sequence[Sequence[str]]) -> tuple[list[Floats], Floats | None]:
        """Read sentences of tokens.

        Returns:
            Emissions of each, (tokens, tags), and logits (sentences, intents) or None.
        """
        emissions, logits = self.members[0].read(sentences)
        for member in self.members[1:]:
            scores, more = member.read(sentences)
            emissions = [own + score for own, score in zip(emissions, scores, strict=True)]
            logits = logits if logits is None or more is None else logits + more
        return emissions, logits

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
        first, *parts = np.split(x, len(self.members), axis=2)
        emissions, logits = self.members[0].read_vectors(first, tokens)
        for member, part in zip(self.members[1:], parts, strict=True):
            scores, more = member.read_vectors(part, tokens)
            emissions = emissions + scores
            logits = logits if logits is None or more is None else logits + more
        return emissions, logits


def member_arrays(arrays: Arrays, place: int) -> Arrays:
    """Return the arrays of one network by their own names."""
    if place == 0:
        return arrays
    prefix = f"others.{place - 1}."
    return {name[len(prefix) :]: own for name, own in arrays.items() if name.startswith(prefix)}
