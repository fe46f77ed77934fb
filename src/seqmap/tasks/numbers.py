"""Numbers as JSON gives them: checked before they become arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 1e12
"""The largest number that is taken: beyond it nothing of a model's scale is left."""


def number_schema(*, missing: bool = False) -> dict[str, Any]:
    """Return the JSON schema of a number.

    Args:
        missing: Whether null may stand for one.
    """
    bounds = {"minimum": -MOST, "maximum": MOST}
    return {"type": ["number", "null"] if missing else "number", **bounds}


def row_of(value: Any, most: float = MOST) -> NDArray[np.float64] | None:
    """Return a list of numbers, (numbers,), NaN for null; None if it is none.

    Args:
        value: Of JSON.
        most: The largest number.
    """
    if not isinstance(value, list) or not all(type(one) in _KINDS for one in value):
        return None
    try:
        found = np.array(value, dtype=np.float64)
    except OverflowError:
        return None
    # NaN is neither above nor below.
    return None if (np.abs(found) > most).any() else found


_KINDS = (int, float, type(None))  # True is an int to Python, but no number to JSON


def table_of(value: Any) -> NDArray[np.float64] | None:
    """Return rows of as many numbers each, (rows, columns), NaN for null; None if it is none."""
    rows = [row_of(row) for row in value] if isinstance(value, list) else [None]
    whole = [row for row in rows if row is not None]
    if len(whole) < len(rows) or len({len(row) for row in whole}) > 1:
        return None
    return np.array(whole, np.float64).reshape(len(whole), len(whole[0]) if whole else 0)
