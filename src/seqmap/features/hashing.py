"""The hash of an n-gram, exactly.

All arithmetic is on unsigned 64-bit integers and wraps around. `mix` is the finaliser of splitmix64
(Steele, Lea & Flood 2014):

    mix(z):  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
             z = (z ^ (z >> 27)) * 0x94D049BB133111EB
             return z ^ (z >> 31)

The hash of an item is

    a word       mix(fnv1a(its UTF-8 bytes)), fnv1a from 0xCBF29CE484222325 by 0x100000001B3
    a character  mix(its code point + 1)

and the key of the n-gram of the items x_1 … x_n, where every kind of n-gram has its own seed, is

    h_0 = seed;   h_k = h_(k-1) * 0x9E3779B97F4A7C15 + x_k;   key = mix(h_n) >> 32

so a key has 32 bits. With a million features, an n-gram that is none of them is taken for one of
them with a chance of 1 in 4,300.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

_MASK = (1 << 64) - 1
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_BASE = 0x9E3779B97F4A7C15
_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3

KEY_BITS = 32


def word_hash(word: str) -> int:
    """Return the hash of a word."""
    value = _FNV_OFFSET
    for byte in word.encode("utf-8", "surrogatepass"):
        value = (value ^ byte) * _FNV_PRIME & _MASK
    return mix_one(value)


def mix_one(value: int) -> int:
    """Mix the bits of one value, as `mix` does those of many."""
    value = (value ^ value >> 30) * _FIRST & _MASK
    value = (value ^ value >> 27) * _SECOND & _MASK
    return value ^ value >> 31


def character_hashes(text: str) -> U64:
    """Return the hashes of the characters of a text, `(characters,)`."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    hashes = points.astype(np.uint64)
    hashes += np.uint64(1)
    return mix(hashes)


def mix(values: U64) -> U64:
    """Mix the bits of each value, in place."""
    values ^= values >> np.uint64(30)
    values *= np.uint64(_FIRST)
    values ^= values >> np.uint64(27)
    values *= np.uint64(_SECOND)
    values ^= values >> np.uint64(31)
    return values


def ngram_keys(
    items: U64, segments: NDArray[np.int64], *, shortest: int, longest: int, seed: int
) -> Iterator[tuple[U64, NDArray[np.intp]]]:
    """Yield, for each length, the keys of all n-grams and the places of their first items.

    Args:
        items: Hashes of words or characters, `(items,)`.
        segments: The number of the segment of each item, `(items,)`, equal ones adjacent; no
            n-gram reaches over two segments.
        shortest: The smallest number of items.
        longest: The largest number of items.
        seed: The seed of this kind of n-gram.
    """
    rolling = np.full(len(items), seed, np.uint64)
    for length in range(1, longest + 1):
        count = len(items) - length + 1
        if count <= 0:
            return
        rolling = rolling[:count]
        rolling *= np.uint64(_BASE)
        rolling += items[length - 1 :]
        if length >= shortest:
            places = np.flatnonzero(segments[:count] == segments[length - 1 :])
            keys = mix(rolling[places])
            keys >>= np.uint64(64 - KEY_BITS)
            yield keys, places
