"""How documents of different lengths lie in memory: side by side, without padding.

Two orders of the same tokens:

- *documents*: one document after the other; this is what all operations exchange, `(tokens, …)`;
- *steps*: what the recurrent loops read. The first tokens of all documents, then the second ones of
  those that have two, and so on, the longest document first; each step is a contiguous block, and
  the blocks shrink as documents end. (torch calls this a packed sequence.)
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


class Layout:
    """The places of documents' tokens.

    Args:
        lengths: Tokens of each document, (documents,); zero is allowed.
    """

    def __init__(self, lengths: NDArray[Any] | list[int]) -> None:
        self.lengths: Indices = np.asarray(lengths, dtype=np.int64)
        self.documents = len(self.lengths)
        self.offsets: Indices = np.concatenate([[0], np.cumsum(self.lengths)])
        """Document k has the tokens `offsets[k]` to `offsets[k + 1]`, (documents + 1,)."""
        self.tokens = int(self.offsets[-1])

    @cached_property
    def filled(self) -> Indices:
        """The documents that have tokens, in order."""
        return np.flatnonzero(self.lengths)

    @cached_property
    def document(self) -> Indices:
        """The document of each token, (tokens,)."""
        return np.repeat(np.arange(self.documents), self.lengths)

    @cached_property
    def time(self) -> Indices:
        """The place of each token within its document, (tokens,)."""
        return np.arange(self.tokens) - np.repeat(self.offsets[:-1], self.lengths)

    @cached_property
    def sizes(self) -> list[int]:
        """How many documents take part in each step, never rising."""
        ended = np.cumsum(np.bincount(self.lengths))
        return [int(size) for size in self.documents - ended[:-1]]

    @cached_property
    def ahead(self) -> Indices:
        """The place in step order of each token when documents are read forwards, (tokens,)."""
        return self._place(self.time)

    @cached_property
    def back(self) -> Indices:
        """The same when every document is read backwards from its own end, (tokens,)."""
        return self._place(self.lengths[self.document] - 1 - self.time)

    def _place(self, step: Indices) -> Indices:
        if self.documents == 1:
            return step
        rank = np.empty(self.documents, dtype=np.int64)
        rank[np.argsort(-self.lengths, kind="stable")] = np.arange(self.documents)
        begin = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)
        return np.asarray(begin[step] + rank[self.document])
