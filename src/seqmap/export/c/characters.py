"""Unicode for C: what characters are, and how they are folded, as Python says it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.characters import EMOJI, MARKS, fold_characters
from seqmap.export.c.program import Program
from seqmap.scripts import UNSPACED

_POINTS = 0x110000
_FLAGS = 11  # bits below the character in an entry
_ASCII = 128

# Characters of these blocks fold to themselves, as do all behind the last compatibility ideograph.
_UNFOLDED = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xD800, 0xE000))
_FOLDED_END, _PLANE_2 = 0x2FA20, (0x20000, 0x2F800)

Folds = dict[int, str]


def add_kinds(program: Program, *, tagger: bool) -> None:
    """Add `sm_kinds` and `sm_ascii_kinds`."""
    flags = _flags(tagger)
    starts = np.flatnonzero(np.diff(flags, prepend=-1))
    entries = (starts.astype(np.uint32) << _FLAGS) | flags[starts].astype(np.uint32)
    program.table("uint32_t", "sm_kinds", entries)
    program.table("uint16_t", "sm_ascii_kinds", flags[:_ASCII])


def add_folding(
    program: Program,
    name: str,
    *,
    lowercase: bool,
    alphabet: set[str] | None,
    letters: bool = False,
) -> None:
    """Add the object `name`, a `sm_folding`.

    Args:
        program: Where it goes.
        name: Its name in C.
        lowercase: Whether case is folded.
        alphabet: The characters of the vocabulary: what folds to others need not be folded, for
            it is unknown either way. None keeps all.
        letters: Whether every character is a symbol: then it matters how many there are.
    """
    kept = {
        point: to
        for point, to in folds(lowercase).items()
        if alphabet is None
        or chr(point) in alphabet
        or alphabet.issuperset(to)
        or (letters and len(to) != 1)
    }
    pool: list[int] = []
    places: dict[str, int] = {}
    to = []
    for text in kept.values():
        if len(text) == 1:
            to.append(ord(text))
            continue
        if text not in places:
            places[text] = len(pool)
            pool.extend(map(ord, text))
        to.append(1 << 31 | len(text) << 24 | places[text])
    program.table("uint32_t", f"{name}_from", np.array([*kept], np.uint32))
    program.table("uint32_t", f"{name}_to", np.array(to, np.uint32))
    program.table("uint32_t", f"{name}_pool", np.array(pool, np.uint32))
    parts = f"{name}_from, {name}_to, {name}_pool, {len(kept)}, {int(lowercase)}"
    program.objects.append(f"static const sm_folding {name} = {{{parts}}};\n")


@functools.cache
def folds(lowercase: bool) -> Folds:
    """Return the folded form of every character beyond ASCII that has another one."""
    skipped = (*_UNFOLDED, _PLANE_2)
    found = {}
    for point in range(_ASCII, _FOLDED_END):
        if any(begin <= point < end for begin, end in skipped):
            continue
        folded = fold_characters(chr(point), lowercase=lowercase)
        if folded != chr(point):
            found[point] = folded
    return found


@functools.cache
def _flags(tagger: bool) -> NDArray[np.int64]:
    """Return what each character is, by the names in `text.c`, (characters,)."""
    every = "".join(map(chr, range(_POINTS)))
    flags = np.zeros(_POINTS, np.int64)

    def mark(flag: int, pattern: str) -> None:
        for found in re.finditer(f"(?:{pattern})+", every):
            flags[found.start() : found.end()] |= flag

    def mark_by(flag: int, holds: Callable[[str], bool]) -> None:
        flags[[point for point, char in enumerate(every) if holds(char)]] |= flag

    mark(1, r"\s")
    mark(2, r"[^\W_]")
    mark(4, r"\d")
    mark(8, f"[{UNSPACED}]")
    if not tagger:
        mark(16, rf"[^\W_{UNSPACED}{MARKS}]|[{MARKS}]")
        mark(32, f"[{EMOJI}]")
        return flags
    mark_by(16, str.isalpha)
    mark_by(32, str.isdigit)
    mark_by(64, str.isupper)
    mark_by(128, str.islower)
    mark_by(256, lambda char: char.istitle() and not char.isupper())
    mark_by(512, lambda char: char.lower() != char)
    return flags
