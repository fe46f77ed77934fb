"""The plain model that a language model is measured beside: counts of the last few characters.

Interpolated with less context by Witten & Bell 1991 (method C of Bell et al. 1990):

    P(c | h) = (n(h, c) + t(h) P(c | h')) / (n(h) + t(h))

where t(h) is how many different characters followed h, and h' is h without its first character.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs import LiteralCodec
from seqmap.config import TextConfig
from seqmap.data.corpus import Corpus, pieces_of
from seqmap.training.job import Reference

ORDER = 6
"""Characters of context and the one that follows, together."""
_CHARACTERS = 1000  # different ones; 1000 to the power of ORDER fits into 64 bits
_MOST = 4_000_000
"""Characters of training text that are counted, and of a test text that are measured, at most."""

Ints = NDArray[np.int64]


def language_reference(
    train: Sequence[Corpus], test: Sequence[Corpus], targets: Any
) -> Reference | None:
    """Count the training text, and measure on the test text in bits a character."""
    text = "".join(_first(train))
    asked = "".join(_first(test))
    if len(text) <= ORDER or len(asked) < 2:
        return None
    config = TextConfig(lowercase=False, vocabulary=_CHARACTERS - 2)
    codec = LiteralCodec.fit([text], config=config)
    known, measured = codec.encode(text).astype(np.int64), codec.encode(asked).astype(np.int64)
    chances = _chances(known, measured, codec.size)
    bits = float(-np.log2(chances[1:]).mean())  # the first one has nothing before it
    return Reference(f"character {ORDER}-gram", {"bits_per_character": bits})


def _chances(known: Ints, asked: Ints, size: int) -> NDArray[np.float64]:
    """Return P of each character after those before it, (characters,)."""
    chances = np.full(len(asked), 1.0 / size)
    for order in range(1, ORDER + 1):
        grams, counts = np.unique(_codes(known, order, size), return_counts=True)
        contexts, first = np.unique(grams // size, return_index=True)
        kinds = np.diff(np.append(first, len(grams)))
        totals = np.add.reduceat(counts, first)
        here = _codes(asked, order, size)
        place = order - 1  # the first character that has so much before it
        seen = _looked_up(grams, counts, here)
        followed = _looked_up(contexts, totals, here // size)
        different = _looked_up(contexts, kinds, here // size)
        less = chances[place:]
        there = followed > 0
        better = (seen + different * less) / np.maximum(followed + different, 1)
        chances[place:] = np.where(there, better, less)
    return chances


def _codes(ids: Ints, order: int, size: int) -> Ints:
    """Return one number for each run of so many characters, (characters - order + 1,)."""
    count = max(0, len(ids) - order + 1)
    codes = np.zeros(count, np.int64)
    for place in range(order):
        codes = codes * size + ids[place : place + count]
    return codes


def _looked_up(keys: Ints, values: Ints, wanted: Ints) -> Ints:
    """Return the value of each key; 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def _first(corpora: Sequence[Corpus]) -> Iterator[str]:
    left = _MOST
    for piece in pieces_of(corpora):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
