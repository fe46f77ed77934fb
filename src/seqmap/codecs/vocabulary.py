"""A vocabulary: the symbols in the order of their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import SPECIAL, UNKNOWN
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError, DataError

Value = TypeVar("Value")

_CACHE_ENTRIES = 1 << 17
"""How many answers a cache keeps; then it starts anew, so that a stream needs constant memory."""


class Vocabulary:
    """Symbols and their ids; ids 0 and 1 are padding and the unknown symbol.

    Args:
        symbols: The symbols from id 2 on, each once.
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols: tuple[str, ...] = (*SPECIAL, *symbols)
        self.ids: dict[str, int] = {
            symbol: index for index, symbol in enumerate(self.symbols) if index > UNKNOWN
        }

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], config: TextConfig) -> Vocabulary:
        """Keep the most frequent symbols; among equals the smaller string comes first."""
        kept = [item for item in counts.items() if item[1] >= config.min_count]
        kept.sort(key=lambda item: (-item[1], item[0]))
        return cls(symbol for symbol, _ in kept[: config.vocabulary])

    def to_array(self) -> NDArray[np.uint8]:
        """Return the symbols as UTF-8, one a line.

        Raises:
            DataError: A symbol holds a line feed: it would be read again as two.
        """
        broken = next((symbol for symbol in self.symbols[2:] if "\n" in symbol), None)
        if broken is not None:
            raise DataError("a symbol of the vocabulary holds a line feed", given=broken)
        return np.frombuffer("\n".join(self.symbols[2:]).encode(), np.uint8)

    @classmethod
    def from_array(cls, array: NDArray[Any] | None) -> Vocabulary:
        """Rebuild a vocabulary from `to_array`.

        Raises:
            ArchiveError: There is no such array, or it is not a list of distinct symbols.
        """
        if array is None or array.dtype != np.uint8:
            raise ArchiveError("the model's vocabulary is missing")
        try:
            text = array.tobytes().decode()
        except UnicodeDecodeError:
            raise ArchiveError("the model's vocabulary is not UTF-8 text") from None
        vocabulary = cls(text.split("\n") if text else ())
        if len(vocabulary.ids) != len(vocabulary) - 2:
            raise ArchiveError("the model's vocabulary holds a symbol twice")
        return vocabulary


class Cache(dict[str, Value]):
    """A dict that computes what it lacks; `map(cache.__getitem__, keys)` then runs in C.

    Args:
        compute: Gives the value of a key.
        longest: Longer keys are computed each time, not kept.
    """

    def __init__(self, compute: Callable[[str], Value], longest: int) -> None:
        super().__init__()
        self._compute = compute
        self._longest = longest

    def __missing__(self, key: str) -> Value:
        value = self._compute(key)
        if len(key) <= self._longest:
            if len(self) >= _CACHE_ENTRIES:
                self.clear()
            self[key] = value
        return value
