"""Characters: the symbols of text in scripts without blanks.

Every character is a symbol; a run of blanks (or an HTML line break) counts as one blank.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import PAD, UNKNOWN, Ids, TextCodec
from seqmap.codecs.characters import blank_breaks, fold, open_break
from seqmap.codecs.vocabulary import Cache, Vocabulary
from seqmap.config import TextConfig

_BLANKS = re.compile(r"\s+")
_SYMBOL = re.compile(r"\s+|\S")


class CharCodec(TextCodec):
    """Text ⇄ ids of characters.

    Args:
        vocabulary: The known characters.
        lowercase: Whether case is folded before looking characters up.
    """

    unit: ClassVar[Literal["char"]] = "char"

    def __init__(self, vocabulary: Vocabulary, *, lowercase: bool = True) -> None:
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self._ids: Cache[int] = Cache(self._id, longest=1)

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self.vocabulary)

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig) -> Self:
        """Keep the most frequent characters of the texts."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_squeeze(text))
        folded: Counter[str] = Counter()
        for character, count in counts.items():
            folded[fold(character, lowercase=config.lowercase)] += count
        return cls(Vocabulary.from_counts(folded, config), lowercase=config.lowercase)

    def symbols(self, text: str) -> list[str]:
        """Return the folded characters of a text, known or not."""
        return [fold(character, lowercase=self.lowercase) for character in _squeeze(text)]

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, int32 `(time,)`."""
        squeezed = _squeeze(text)
        return np.fromiter(
            map(self._ids.__getitem__, squeezed), dtype=np.int32, count=len(squeezed)
        )

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return (start, end) of each character; a run of blanks is one symbol."""
        return [found.span() for found in _SYMBOL.finditer(blank_breaks(text))]

    def symbol(self, index: int) -> str:
        """Return the character of one id."""
        return self.vocabulary.symbols[index]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the characters joined."""
        return "".join(self.vocabulary.symbols[index] for index in ids if index != PAD)

    def split_stable(self, text: str) -> tuple[str, str]:
        """Hold back blanks at the end, which may go on, and the beginning of an HTML line break."""
        blanked = blank_breaks(text)
        end = open_break(blanked)
        cut = len(blanked[:end].rstrip())
        blank = " " if cut < end else ""
        return text[:cut], blank + text[end:]

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings, and the characters as UTF-8 lines."""
        settings = {"unit": self.unit, "lowercase": self.lowercase}
        return settings, {"vocabulary": self.vocabulary.to_array()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids."""
        vocabulary = Vocabulary.from_array(arrays.get("vocabulary"))
        return cls(vocabulary, lowercase=bool(state.get("lowercase", True)))

    def _id(self, character: str) -> int:
        return self.vocabulary.ids.get(fold(character, lowercase=self.lowercase), UNKNOWN)


def _squeeze(text: str) -> str:
    return _BLANKS.sub(" ", blank_breaks(text))
