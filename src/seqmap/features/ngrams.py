"""Which n-grams a text has, as sorted keys and counts.

There are two blocks:

- words: the text's words as the word codec splits and folds them (lower case; every character of a
  script without blanks is a word), with a mark before the first one; n-grams of 1 to `words` items.
- characters: the text is folded character by character (case stays) and split at blanks; each run
  gets a blank before and after it; n-grams of 2 to `characters` items inside these padded runs.

HTML line breaks count as blanks. `seqmap.features.hashing` defines the keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.characters import blank_breaks, fold_characters
from seqmap.codecs.vocabulary import Cache
from seqmap.codecs.word import fold_word, split_words
from seqmap.features.hashing import U64, character_hashes, ngram_keys, word_hash

WORD_SEED, CHARACTER_SEED = 101, 202
SHORTEST_CHARACTERS = 2
_MARK = word_hash("")
_BLANK = character_hashes(" ")[0]
# About as many characters are worked on at a time, so that arrays stay in the processor's caches.
_CHUNK = 1 << 16
_LONGEST_CACHED = 24
_KEY_MASK = np.uint64(0xFFFFFFFF)
_TEXT_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class NgramSpec:
    """Which n-grams are taken."""

    words: int = 3
    """Longest n-gram of words; 0 leaves words out."""
    characters: int = 5
    """Longest n-gram of characters; below 2 leaves characters out."""

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks, in order."""
        parts = (("words", self.words >= 1), ("characters", self.characters >= 2))
        return tuple(name for name, used in parts if used)


@dataclass(frozen=True)
class Counted:
    """The n-grams of one block in some texts: sorted by text, then by key; each pair once."""

    texts: NDArray[np.int64]
    """`(pairs,)`: the number of the text."""
    keys: NDArray[np.uint32]
    """`(pairs,)`: the key of the n-gram."""
    counts: NDArray[np.float32]
    """`(pairs,)`: how often the text has it."""

    def part(self, start: int, stop: int) -> Counted:
        """Return the n-grams of the texts from `start` to before `stop`, numbered from 0."""
        first, last = np.searchsorted(self.texts, (start, stop))
        texts = self.texts[first:last] - start
        return Counted(texts, self.keys[first:last], self.counts[first:last])


class NgramCounter:
    """Counts n-grams.

    Args:
        spec: Which ones.
    """

    def __init__(self, spec: NgramSpec) -> None:
        self.spec = spec
        self._words: Cache[int] = Cache(_hash_of_word, longest=_LONGEST_CACHED)
        self._runs: Cache[tuple[int, ...]] = Cache(self._run, longest=_LONGEST_CACHED)

    def __reduce__(self) -> tuple[type[NgramCounter], tuple[NgramSpec]]:
        return NgramCounter, (self.spec,)  # caches stay behind

    def count(self, texts: Sequence[str]) -> dict[str, Counted]:
        """Return the n-grams of each block, by the block's name."""
        found: dict[str, list[tuple[U64, NDArray[np.float32]]]] = {
            name: [] for name in self.spec.blocks
        }
        for start, part in _chunks(texts):
            plain = [blank_breaks(text) for text in part]
            for name, parts in found.items():
                pairs = self._of_words(plain) if name == "words" else self._of_characters(plain)
                parts.append(_tally(pairs, start))
        return {name: _joined(parts) for name, parts in found.items()}

    def _of_words(self, texts: list[str]) -> U64:
        items: list[int] = []
        ends = np.empty(len(texts), np.int64)
        for index, text in enumerate(texts):
            items.append(_MARK)
            items.extend(chain.from_iterable(map(self._runs.__getitem__, text.split())))
            ends[index] = len(items)
        owner = np.repeat(np.arange(len(texts)), np.diff(ends, prepend=0))
        hashes = np.array(items, np.uint64)
        grams = ngram_keys(hashes, owner, shortest=1, longest=self.spec.words, seed=WORD_SEED)
        return _pairs(grams, owner)

    def _of_characters(self, texts: list[str]) -> U64:
        padded = [_padded(text) for text in texts]
        hashes = character_hashes("".join(padded))
        owner = np.repeat(np.arange(len(texts)), np.array([len(text) for text in padded], int))
        # A run begins at a blank that follows another one: every run has one on either side.
        blank = hashes == _BLANK
        begins = blank.copy()
        begins[1:] &= blank[:-1]
        grams = ngram_keys(
            hashes,
            np.cumsum(begins),
            shortest=SHORTEST_CHARACTERS,
            longest=self.spec.characters,
            seed=CHARACTER_SEED,
        )
        return _pairs(grams, owner)

    def _run(self, run: str) -> tuple[int, ...]:
        return tuple(map(self._words.__getitem__, split_words(run)))


def _hash_of_word(word: str) -> int:
    return word_hash(fold_word(word, lowercase=True))


def _padded(text: str) -> str:
    runs = fold_characters(text, lowercase=False).split()
    return " " + "  ".join(runs) + " " if runs else ""


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield (number of the first text, texts) with about `_CHUNK` characters each."""
    start = size = 0
    for index, text in enumerate(texts):
        size += len(text) + 1
        if size > _CHUNK:
            yield start, texts[start : index + 1]
            start, size = index + 1, 0
    if start < len(texts):
        yield start, texts[start:]


def _pairs(grams: Iterator[tuple[U64, NDArray[np.intp]]], owner: NDArray[np.int64]) -> U64:
    """Return text << 32 | key for every n-gram, `(n-grams,)`."""
    texts = owner.astype(np.uint64)
    texts <<= _TEXT_SHIFT
    parts = []
    for keys, places in grams:
        keys |= texts[places]
        parts.append(keys)
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _tally(pairs: U64, start: int) -> tuple[U64, NDArray[np.float32]]:
    """Return each pair once, sorted, with its count; texts are numbered from `start`."""
    if not len(pairs):
        return pairs, np.zeros(0, np.float32)
    pairs.sort()
    new = np.empty(len(pairs), np.bool_)
    new[0] = True
    np.not_equal(pairs[1:], pairs[:-1], out=new[1:])
    places = np.flatnonzero(new)
    counts = np.diff(places, append=len(pairs)).astype(np.float32)
    return pairs[places] + (np.uint64(start) << _TEXT_SHIFT), counts


def _joined(parts: list[tuple[U64, NDArray[np.float32]]]) -> Counted:
    pairs = np.concatenate([np.zeros(0, np.uint64), *(part for part, _ in parts)])
    counts = np.concatenate([np.zeros(0, np.float32), *(part for _, part in parts)])
    keys = (pairs & _KEY_MASK).astype(np.uint32)
    return Counted((pairs >> _TEXT_SHIFT).astype(np.int64), keys, counts)
