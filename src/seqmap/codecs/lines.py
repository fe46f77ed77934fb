"""Running text of words, subwords or characters, with a symbol for the end of a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import Ids, TextCodec
from seqmap.config import TextConfig

_END = "⏎"


class LineCodec(TextCodec):
    """Another codec's symbols, and one more for each line end.

    The other codecs take a line end for a blank; a language model has to know where a text or a
    paragraph is over. The symbol has the last id, so that without it the ids are the other codec's.

    Args:
        inner: What reads the lines.
    """

    unit: ClassVar[Literal["lines"]] = "lines"

    def __init__(self, inner: TextCodec) -> None:
        self.inner = inner
        self.end = inner.size
        self._end = np.array([self.end], np.int32)

    @property
    def size(self) -> int:
        """The number of ids."""
        return self.end + 1

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig) -> Self:
        """Fit the codec inside that `config.text.unit` names."""
        from seqmap.codecs import fit_codec

        return cls(fit_codec(texts, config))

    def symbols(self, text: str) -> list[str]:
        """Return the symbols of a text; `⏎` stands for a line end."""
        found: list[str] = []
        for number, line in enumerate(text.split("\n")):
            found += [_END] * (number > 0) + self.inner.symbols(line)
        return found

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, int32 `(time,)`."""
        parts: list[Ids] = []
        for number, line in enumerate(text.split("\n")):
            if number:
                parts.append(self._end)
            parts.append(self.inner.encode(line))
        return np.concatenate(parts)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return (start, end) of each symbol in characters."""
        spans: list[tuple[int, int]] = []
        start = 0
        for number, line in enumerate(text.split("\n")):
            if number:
                spans.append((start - 1, start))
            spans += [(start + begin, start + end) for begin, end in self.inner.offsets(line)]
            start += len(line) + 1
        return spans

    def symbol(self, index: int) -> str:
        """Return the symbol of one id."""
        return _END if index == self.end else self.inner.symbol(index)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the lines."""
        return "\n".join(self.inner.decode(line) for line in self._lines(ids))

    def split_stable(self, text: str) -> tuple[str, str]:
        """Hold back what the codec inside holds back of the last line."""
        start = text.rfind("\n") + 1
        stable, rest = self.inner.split_stable(text[start:])
        return text[:start] + stable, rest

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what the codec inside returns, one level deeper."""
        state, arrays = self.inner.to_state()
        return {"unit": self.unit, "inner": state}, arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids."""
        from seqmap.codecs import restore_codec

        return cls(restore_codec(state["inner"], arrays))

    def _lines(self, ids: Iterable[int]) -> Iterator[list[int]]:
        line: list[int] = []
        for index in ids:
            if index == self.end:
                yield line
                line = []
            else:
                line.append(int(index))
        yield line
