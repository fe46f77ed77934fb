"""Transcripts as symbols of CTC: characters or subwords; number 0 is the blank of CTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.characters import fold_characters
from seqmap.codecs.subword import SubwordCodec
from seqmap.config import TextConfig
from seqmap.errors import DataError

BLANK = 0
"""The number that stands for no symbol (Graves et al. 2006)."""
_WORD = "\u2581"


@dataclass(frozen=True)
class TranscriptCodec:
    """Transcripts ⇄ numbers.

    Attributes:
        pieces: What each number stands for, from 1 on; the blank has none.
        lowercase: Whether case is folded.
        subwords: What cuts words into pieces; None where each character is a piece.
    """

    pieces: tuple[str, ...]
    lowercase: bool = True
    subwords: SubwordCodec | None = None

    @classmethod
    def fit(cls, texts: Iterable[str], config: TextConfig) -> TranscriptCodec:
        """Collect the symbols of training transcripts.

        Raises:
            DataError: They hold no text.
        """
        folded = [normal(text, lowercase=config.lowercase) for text in texts]
        if config.unit == "subword":
            codec = SubwordCodec.fit(folded, config=config)
            pieces = (codec.symbol(k).replace(_WORD, " ") for k in range(2, codec.size))
            return cls(tuple(pieces), config.lowercase, codec)
        counts = Counter(character for text in folded for character in text)
        if not counts:
            raise DataError("the transcripts are empty: there is nothing to learn")
        kept = [c for c, n in counts.items() if n >= config.min_count or c == " "]
        return cls(tuple(sorted(kept)), config.lowercase)

    @property
    def classes(self) -> int:
        """How many numbers there are, the blank included."""
        return len(self.pieces) + 1

    @property
    def spaced(self) -> bool:
        """Whether blanks stand between words; else every character is a word of its own."""
        return any(" " in piece for piece in self.pieces)

    @property
    def table(self) -> tuple[str, ...]:
        """What each number adds to a text; subwords begin words by a blank."""
        return ("", *self.pieces)

    def normal(self, text: str) -> str:
        """Fold a text as those of the training: case, forms of characters, blanks."""
        return normal(text, lowercase=self.lowercase)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the numbers of a text, (symbols,); what is not known is left out."""
        folded = self.normal(text)
        if self.subwords is not None:
            # Ids 0 and 1 are padding and unknown there.
            found = self.subwords.encode(folded).astype(np.int64) - 1
            return found[found > 0]
        places = {piece: number for number, piece in enumerate(self.pieces, start=1)}
        return np.array([places[c] for c in folded if c in places], np.int64)

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of some numbers, without blanks at its ends."""
        return "".join(self.table[number] for number in numbers).strip()

    def words(self, text: str) -> list[str]:
        """Cut a folded text into what the language model and timings count as words."""
        return text.split() if self.spaced else [c for c in text if c != " "]

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` reads."""
        state: dict[str, Any] = {"pieces": list(self.pieces), "lowercase": self.lowercase}
        if self.subwords is None:
            return state, {}
        settings, arrays = self.subwords.to_state()
        named = {f"subwords.{name}": array for name, array in arrays.items()}
        return {**state, "subwords": settings}, named

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> TranscriptCodec:
        """Rebuild a codec."""
        subwords = None
        if "subwords" in state:
            start = "subwords."
            own = {n[len(start) :]: a for n, a in arrays.items() if n.startswith(start)}
            subwords = SubwordCodec.from_state(state["subwords"], own)
        return cls(tuple(map(str, state["pieces"])), bool(state["lowercase"]), subwords)


def normal(text: str, *, lowercase: bool) -> str:
    """Fold characters, and make every run of blanks one."""
    return " ".join(fold_characters(text, lowercase=lowercase).split())


def longest_needed(numbers: Sequence[int] | NDArray[Any]) -> int:
    """Return how many steps CTC needs for some numbers: between equal ones stands a blank."""
    return len(numbers) + sum(1 for a, b in zip(numbers, numbers[1:], strict=False) if a == b)
