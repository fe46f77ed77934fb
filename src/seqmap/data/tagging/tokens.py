"""Cutting raw text into tokens whose places are kept exactly."""

from __future__ import annotations

import re

from seqmap.scripts import UNSPACED

# A character of a script without blanks, a word or number, or any other character by itself.
# Apart from blanks nothing is lost, and no rule looks at letters: spans annotated by people end
# at punctuation, and `U.K.` or `don't` come back together because a span may hold several tokens.
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+|[^\s]")
_CHARACTER = re.compile(r"\S")


def tokenise(text: str, unit: str) -> list[tuple[int, int]]:
    """Return where the tokens of a text stand, (start, end) in characters.

    Args:
        text: Anything.
        unit: `word`, or `char` for every character by itself.
    """
    pattern = _CHARACTER if unit == "char" else _WORD
    return [found.span() for found in pattern.finditer(text)]
