"""Tags ⇄ numbers, and which tag may follow which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.data.tagging.schemes import OUTSIDE, spans_of, split_tag, tags_of
from seqmap.errors import ArchiveError

IGNORED = -1
"""Stands for a tag that training did not see."""


class TagCodec:
    """The tags that a network answers with.

    Spans are marked in BIOES inside, whatever the scheme of the file: telling where a span ends and
    which are of one token makes both easier to learn (Ratinov & Roth 2009).

    Args:
        names: The tags in the order of their numbers.
        spans: Whether tags mark spans; else they are labels of single tokens.
    """

    def __init__(self, names: Sequence[str], *, spans: bool) -> None:
        self.names = tuple(names)
        self.spans = spans
        self._ids = {name: number for number, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    @property
    def types(self) -> tuple[str, ...]:
        """The types of spans, or the labels."""
        if not self.spans:
            return self.names
        return tuple(dict.fromkeys(split_tag(n)[1] for n in self.names if n != OUTSIDE))

    @classmethod
    def fit(cls, sentences: Iterable[Sequence[str]], *, spans: bool) -> Self:
        """Collect the tags of training sentences, given in IOB2 or as labels."""
        found = {tag for tags in sentences for tag in tags}
        if not spans:
            return cls(sorted(found), spans=False)
        types = sorted({split_tag(tag)[1] for tag in found if tag != OUTSIDE})
        marks = [f"{mark}-{kind}" if kind else mark for kind in types for mark in "BIES"]
        return cls([OUTSIDE, *marks], spans=True)

    def encode(self, tags: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of a sentence's tags, (tokens,), `IGNORED` for what is not known.

        Args:
            tags: In IOB2, or labels.
        """
        if self.spans:
            tags = tags_of(spans_of(tags), len(tags), "bioes")
        return np.array([self._ids.get(tag, IGNORED) for tag in tags], np.int64)

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the tags of numbers, in BIOES or as labels."""
        return [self.names[number] for number in numbers]

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tag may follow which, (tags + 1, tags + 1).

        The last row holds the tags that may begin a text, the last column those that may end it.
        """
        size = len(self.names)
        table = np.ones((size + 1, size + 1), dtype=np.bool_)
        if not self.spans:
            return table
        parts = [split_tag(name) for name in self.names]
        for row, (mark, kind) in enumerate(parts):
            opened = mark in "BI"
            for column, (ahead, other) in enumerate(parts):
                goes_on = ahead in "IE"
                table[row, column] = opened == goes_on and (not opened or kind == other)
            table[row, size] = not opened
            table[size, row] = mark not in "IE"
        return table

    def to_state(self) -> dict[str, Any]:
        """Return what `from_state` reads, for JSON."""
        return {"tags": list(self.names), "spans": self.spans}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild the codec.

        Raises:
            ArchiveError: The tags are missing or damaged.
        """
        names = state.get("tags")
        sound = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not sound or not names or len(set(names)) != len(names):
            raise ArchiveError("the model's tags are damaged")
        return cls(names, spans=bool(state.get("spans")))
