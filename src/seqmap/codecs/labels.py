"""Labels: class names ⇄ class numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ArchiveError, DataError, nearest

_INTEGER = re.compile("-?[0-9]{1,18}")
_SHOWN = 12
"""At most this many names are listed in a message."""


class LabelCodec:
    """Class names in the order of their numbers.

    Args:
        names: The class names, each once.

    Raises:
        DataError: A name occurs twice.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names: tuple[str, ...] = tuple(names)
        self._ids = {name: index for index, name in enumerate(self.names)}
        if len(self._ids) != len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError("a label occurs twice in the list of labels", given=twice)

    @property
    def size(self) -> int:
        """The number of classes."""
        return len(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def fit(cls, labels: Iterable[Iterable[str]]) -> LabelCodec:
        """Collect the labels of all examples (each has a tuple of them).

        Names that are all integers are ordered by value, others as strings.
        """
        names = {name for example in labels for name in example}
        if all(_INTEGER.fullmatch(name) for name in names):
            return cls(sorted(names, key=lambda name: (int(name), name)))
        return cls(sorted(names))

    def encode(self, label: str, *, path: str | None = None, line: int | None = None) -> int:
        """Return the number of a class.

        Args:
            label: Its name.
            path: The file that the label comes from, for the message.
            line: Its line in that file, for the message.

        Raises:
            DataError: There is no such class.
        """
        index = self._ids.get(label)
        if index is not None:
            return index
        close = nearest(label, self.names)
        raise DataError(
            "the model does not know this label",
            path=path,
            line=line,
            given=label,
            allowed=self._listed(),
            remedy=f"Did you mean {close!r}?" if close else None,
        )

    def encode_many(
        self, labels: Sequence[str], *, path: str | None = None, line: int | None = None
    ) -> NDArray[np.float32]:
        """Return one example's labels as zeros and ones, float32 `(classes,)`."""
        row = np.zeros(len(self.names), np.float32)
        row[[self.encode(label, path=path, line=line) for label in labels]] = 1
        return row

    def decode(self, index: int) -> str:
        """Return the name of a class."""
        return self.names[index]

    def decode_many(self, chosen: NDArray[Any]) -> tuple[str, ...]:
        """Return the names of the true entries of `(classes,)`, in the order of the classes."""
        return tuple(self.names[index] for index in np.flatnonzero(chosen))

    def to_state(self) -> dict[str, Any]:
        """Return the names, for JSON."""
        return {"labels": list(self.names)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LabelCodec:
        """Rebuild the codec.

        Raises:
            ArchiveError: The list of labels is missing or damaged.
        """
        names = state.get("labels")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ArchiveError("the model's labels are missing")
        try:
            return cls(names)
        except DataError:
            raise ArchiveError("the model's labels are not distinct") from None

    def _listed(self) -> str:
        more = len(self.names) - _SHOWN
        return ", ".join(self.names[:_SHOWN]) + (f", … ({more} more)" if more > 0 else "")
