"""What every text codec can do: turn text into ids, and say where each id came from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.config import TextConfig

PAD = 0
"""The id that fills up a batch; no symbol of a text ever has it."""
UNKNOWN = 1
"""The id of every symbol that is not in the vocabulary."""
SPECIAL = ("<pad>", "<unk>")
"""How the two special ids are shown."""

Ids = NDArray[np.int32]


class TextCodec(ABC):
    """Text ⇄ ids. Encoding works for every string; only fitting and restoring can fail."""

    unit: ClassVar[Literal["word", "char", "subword", "literal", "lines"]]
    """The name under which the configuration knows this codec."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of ids, the two special ones included."""

    @classmethod
    @abstractmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig) -> Self:
        """Collect the vocabulary in one pass over the texts; the order of equals is fixed."""

    @abstractmethod
    def symbols(self, text: str) -> list[str]:
        """Return the symbols of a text, known or not, folded as for the vocabulary."""

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """Return the ids of a text, int32 `(time,)`; length 0 for a text without symbols."""

    @abstractmethod
    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return where each symbol stands in `text`: (start, end) in characters."""

    @abstractmethod
    def symbol(self, index: int) -> str:
        """Return the symbol of one id."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """Return text for ids; padding is left out, the unknown id shows as `<unk>`."""

    @abstractmethod
    def split_stable(self, text: str) -> tuple[str, str]:
        """Split unfinished text into a part that can be encoded now and a rest that must wait.

        For every continuation `more`, encoding `stable` and then `rest + more` gives the ids of
        `text + more`. The rest is short (at most a few hundred characters), except that a run of
        blanks in it is shortened to one.
        """

    @abstractmethod
    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return all that `from_state` needs: a dict for JSON, and arrays."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids.

        Raises:
            ArchiveError: The state is incomplete or damaged.
        """

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        # Caches and foreign objects stay behind when a model travels to another process.
        return self.to_state()

    def __setstate__(self, saved: tuple[dict[str, Any], dict[str, NDArray[Any]]]) -> None:
        self.__dict__.update(self.from_state(*saved).__dict__)
