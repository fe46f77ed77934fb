"""Vocabularies for C: symbols in the order of their UTF-8 bytes."""

from __future__ import annotations

import numpy as np

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.vocabulary import Vocabulary
from seqmap.export.c.program import Program

_SMALL = 1 << 16
_PENN = set("-lrsbcLRSBC()[]{}`'\"\u201c\u201d.")


def add_vocabulary(program: Program, vocabulary: Vocabulary, name: str) -> list[int]:
    """Add the object `name`, a `sm_vocabulary`.

    Returns:
        The ids in the order of C: the unknown symbol first, then the symbols by their bytes.
    """
    symbols = [symbol.encode("utf-8", "surrogatepass") for symbol in vocabulary.symbols[2:]]
    order = sorted(range(len(symbols)), key=symbols.__getitem__)
    starts = np.cumsum([0, *(len(symbols[place]) for place in order)])
    text = b"".join(symbols[place] for place in order)
    program.table("unsigned char", f"{name}_text", np.frombuffer(text, np.uint8))
    small = len(text) < _SMALL
    program.table("uint16_t" if small else "uint32_t", f"{name}_starts", starts)
    places = f"{name}_starts, 0" if small else f"0, {name}_starts"
    program.objects.append(
        f"static const sm_vocabulary {name} = {{{name}_text, {places}, {len(order)}}};\n"
    )
    return [UNKNOWN, *(place + UNKNOWN + 1 for place in order)]


def alphabet_of(*vocabularies: Vocabulary) -> set[str]:
    """Return the characters of all symbols, and those that spell Penn Treebank's brackets."""
    found = set(_PENN)
    for vocabulary in vocabularies:
        found.update(char for symbol in vocabulary.symbols[2:] for char in symbol)
    return found


def longest_of(vocabulary: Vocabulary) -> int:
    """Return the bytes of the longest symbol."""
    return max((len(s.encode("utf-8", "surrogatepass")) for s in vocabulary.symbols[2:]), default=0)
