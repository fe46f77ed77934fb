r"""What a word shows by its form alone: its letters, its shape, and hashed lexical features.

Everything here depends on one word and not on its place, so that it is computed once per distinct
word: a window around a token only adds up what its words bring.

The keys of features have 32 bits: crc32 (polynomial 0xEDB88320, as in zlib) of the feature's name
and value in UTF-8. A pair of neighbours has the key

    mix(h_1 * 0x9E3779B97F4A7C15 + h_2) >> 32

with `mix` of `features.hashing` and h the word's hash, mix(crc32(word) + 2^32 crc32("h" + word)).
"""

from __future__ import annotations

import re
import zlib

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.characters import fold
from seqmap.features.hashing import U64, mix, mix_one
from seqmap.scripts import UNSPACED

Keys = NDArray[np.uint32]

AFFIX = 4
"""Longest prefix and suffix that is a feature."""

# The shapes that have a vector of their own.
SHAPES = ("other", "lower", "Title", "UPPER", "mIxed", "1234", "A1", "...", "unspaced")

_UNSPACED = re.compile(f"[{UNSPACED}]")
_DIGIT = re.compile(r"\d")
_RUN = re.compile(r"(.)\1+")
_BASE = np.uint64(0x9E3779B97F4A7C15)


def folded(word: str) -> str:
    """Return the vocabulary's form of a token: lower case, every digit a zero."""
    return _DIGIT.sub("0", fold(word, lowercase=True))


def shape_class(word: str) -> int:
    """Return the number of a word's shape among `SHAPES`."""
    if _UNSPACED.search(word):
        return 8
    letters = [c for c in word if c.isalpha()]
    if not letters:
        return 5 if any(c.isdigit() for c in word) else 7
    if any(c.isdigit() for c in word):
        return 6
    if word.islower():
        return 1
    if word.isupper() and len(letters) > 1:
        return 3
    if word[:1].isupper() and word[1:] == word[1:].lower():
        return 2
    return 4 if any(c.isupper() for c in word) else 0


def shape(word: str) -> str:
    """Return a word with its letters as `X` and `x`, its digits as `d`, runs cut to two."""
    drawn = "".join(
        "X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word
    )
    return _RUN.sub(r"\1\1", drawn)


def form_keys(word: str) -> Keys:
    """Return the keys of a word's lexical features, (features,)."""
    low = folded(word)
    drawn = shape(word)
    names = [f"w={word}", f"l={low}", f"s={drawn}", f"z={_RUN.sub(chr(92) + '1', drawn)}"]
    names += [f"p{n}={word[:n]}" for n in range(1, min(AFFIX, len(word) - 1) + 1)]
    names += [f"e{n}={low[-n:]}" for n in range(1, min(AFFIX, len(low) - 1) + 1)]
    names.append(f"c={shape_class(word)}")
    keys = [zlib.crc32(name.encode("utf-8", "surrogatepass")) for name in names]
    return np.array(keys, dtype=np.uint32)


def form_hashes(word: str) -> tuple[int, int]:
    """Return the hashes of a word and of its shape, which pairs of neighbours are keyed by."""
    return _hash(folded(word)), _hash("\x00" + shape(word))


def pair_keys(words: U64, shapes: U64) -> Keys:
    """Return the keys of the pairs that begin at each token, (tokens, 3).

    Pairs of words, of shapes, and of a word and the one after the next; the last token's partner is
    a mark of the end.

    Args:
        words: Hashes of a sentence's words, (tokens,).
        shapes: Of their shapes, (tokens,).
    """
    end = np.zeros(2, np.uint64)
    ahead = np.concatenate([words, end])
    found = np.empty((len(words), 3), np.uint32)
    found[:, 0] = _pair(words, ahead[1:-1], 0)
    found[:, 1] = _pair(shapes, np.concatenate([shapes[1:], end[:1]]), 1)
    found[:, 2] = _pair(words, ahead[2:], 2)
    return found


def _pair(first: U64, second: U64, kind: int) -> Keys:
    values = (first + np.uint64(kind)) * _BASE + second
    return (mix(values) >> np.uint64(32)).astype(np.uint32)


def _hash(text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return mix_one(zlib.crc32(data) | zlib.crc32(b"h" + data) << 32)
