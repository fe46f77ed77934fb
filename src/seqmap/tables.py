"""Texts and labels as scikit-learn's users hold them: lists, NumPy arrays, pandas columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import DataError

# How NumPy and pandas call what is not there.
_MISSING = frozenset(("NaTType", "NAType", "NoneType"))


@dataclass(frozen=True)
class Labels:
    """The labels of texts.

    Attributes:
        rows: Those of each text, as they were given; one unless there may be several.
        classes: The distinct ones in sorted order, (classes,); numbers stay numbers.
        several: Whether a text may have any number of them.
        indicators: Whether they were given as zeros and ones, (texts, classes).
    """

    rows: Sequence[tuple[Any, ...]]
    classes: NDArray[Any]
    several: bool
    indicators: bool = False

    @classmethod
    def of(cls, given: Iterable[Any]) -> Self:
        """Take labels apart.

        Raises:
            DataError: One is missing, or they are of several kinds.
        """
        if hasattr(given, "toarray"):  # scipy's sparse matrices
            given = given.toarray()
        shape = getattr(given, "shape", None)
        if shape is not None and len(shape) == 2 and shape[1] > 1:
            return cls._of_indicators(np.asarray(given))
        if shape is not None and len(shape) == 2:
            given = np.asarray(given).ravel()
        labels = list(given)
        several = bool(labels) and isinstance(labels[0], _LISTS)
        rows: list[tuple[Any, ...]] = []
        for place, label in enumerate(labels):
            if isinstance(label, _LISTS) != several:
                raise DataError(
                    f"label {place} is {'one' if several else 'several'}, others are not",
                    given=repr(label),
                )
            row = tuple(label) if several else (label,)
            if any(_is_missing(part) for part in row):
                raise DataError(f"label {place} is missing", given=repr(label))
            rows.append(tuple(_sorted(row)) if several else row)
        return cls(rows, np.array(_sorted(part for row in rows for part in row)), several)

    @classmethod
    def _of_indicators(cls, matrix: NDArray[Any]) -> Self:
        if not np.isin(matrix, (0, 1)).all():
            raise DataError("labels in several columns are zeros and ones")
        rows = [tuple(np.flatnonzero(row).tolist()) for row in matrix]
        return cls(rows, np.arange(matrix.shape[1]), several=True, indicators=True)


_LISTS = (list, tuple, set, frozenset)


def texts_of(given: Iterable[str]) -> list[str]:
    """Return texts as a list.

    Raises:
        DataError: This is one string, a table, or holds something else than strings.
    """
    if isinstance(given, str):
        raise DataError("a list of texts is needed", given=given, remedy="Use [text]")
    shape = getattr(given, "shape", None)
    if shape is not None and len(shape) != 1:
        raise DataError(
            "texts come in one dimension",
            given=f"shape {shape}",
            remedy="Select one column, as in frame['text']",
        )
    texts = list(given)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"text {place} is not a string", given=repr(text))
    return [str(text) for text in texts]


def name_of(label: Any) -> str:
    """Return a label's name in the archive."""
    return str(label.item() if isinstance(label, np.generic) else label)


def _sorted(labels: Iterable[Any]) -> list[Any]:
    """Return the distinct labels in sorted order."""
    try:
        return sorted(set(labels))
    except TypeError:
        raise DataError("labels are of several kinds, such as numbers and words") from None


def _is_missing(label: Any) -> bool:
    if isinstance(label, (float, np.floating)):
        return bool(np.isnan(label))
    return type(label).__name__ in _MISSING
