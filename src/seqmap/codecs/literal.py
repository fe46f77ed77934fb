"""Every character as it stands: blanks, line ends and case are symbols too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import PAD, SPECIAL, UNKNOWN, Ids, TextCodec
from seqmap.codecs.vocabulary import Cache
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError


class LiteralCodec(TextCodec):
    """Text ⇄ ids of characters, nothing lost: what is decoded is what was encoded.

    Args:
        characters: The known ones, each once, from id 2 on.
        lowercase: Whether case is folded after all.
    """

    unit: ClassVar[Literal["literal"]] = "literal"

    def __init__(self, characters: Iterable[str], *, lowercase: bool = False) -> None:
        self.lowercase = lowercase
        self._known: tuple[str, ...] = (*SPECIAL, *characters)
        places = {c: place for place, c in enumerate(self._known) if place > UNKNOWN}
        if len(places) != len(self._known) - len(SPECIAL):
            raise ArchiveError("the model's vocabulary holds a character twice")
        self._ids: Cache[int] = Cache(lambda c: places.get(self._folded(c), UNKNOWN), longest=1)

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self._known)

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig) -> Self:
        """Keep the most frequent characters; of equally frequent ones the smaller comes first."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        folded: Counter[str] = Counter()
        for character, count in counts.items():
            folded[_lowered(character) if config.lowercase else character] += count
        kept = [item for item in folded.items() if item[1] >= config.min_count]
        kept.sort(key=lambda item: (-item[1], item[0]))
        return cls((c for c, _ in kept[: config.vocabulary]), lowercase=config.lowercase)

    def symbols(self, text: str) -> list[str]:
        """Return the characters of a text, known or not."""
        return [self._folded(character) for character in text]

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, int32 `(time,)`."""
        return np.fromiter(map(self._ids.__getitem__, text), dtype=np.int32, count=len(text))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return (start, end) of each character."""
        return [(place, place + 1) for place in range(len(text))]

    def symbol(self, index: int) -> str:
        """Return the character of one id."""
        return self._known[index]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the characters joined."""
        return "".join(self._known[index] for index in ids if index != PAD)

    def split_stable(self, text: str) -> tuple[str, str]:
        """Hold nothing back: no character depends on another."""
        return text, ""

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings, and the characters as code points."""
        points = np.array([ord(c) for c in self._known[len(SPECIAL) :]], dtype=np.uint32)
        return {"unit": self.unit, "lowercase": self.lowercase}, {"vocabulary": points}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids."""
        points = arrays.get("vocabulary")
        if points is None or points.dtype != np.uint32 or (points > 0x10FFFF).any():
            raise ArchiveError("the model's vocabulary is missing")
        return cls(map(chr, points.tolist()), lowercase=bool(state.get("lowercase", False)))

    def _folded(self, character: str) -> str:
        return _lowered(character) if self.lowercase else character


def _lowered(character: str) -> str:
    """Fold case where that leaves one character (`İ` would become two)."""
    lower = character.lower()
    return lower if len(lower) == 1 else character
