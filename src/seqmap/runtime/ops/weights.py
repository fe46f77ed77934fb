"""Take a network's weights out of an archive, checked for shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ArchiveError

Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


def take(arrays: Arrays, name: str, *shape: int | None) -> Floats:
    """Return one array as float32.

    Args:
        arrays: An archive's.
        name: Which one.
        shape: What it must have; None fits any size.

    Raises:
        ArchiveError: It is missing or of another shape.
    """
    found = arrays.get(name)
    if found is None:
        raise ArchiveError("the model lacks an array that its configuration needs", given=name)
    fits = len(found.shape) == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, found.shape, strict=True)
    )
    if not fits:
        raise ArchiveError(
            f"the model's array {name} does not fit its configuration",
            given=found.shape,
            allowed=str(tuple("any" if size is None else size for size in shape)),
        )
    return np.asarray(found, dtype=np.float32)


def take_dense(arrays: Arrays, name: str, outputs: int, inputs: int) -> tuple[Floats, Floats]:
    """Return `name.weight`, transposed to (inputs, outputs), and `name.bias` (outputs,).

    Raises:
        ArchiveError: One is missing or of another shape.
    """
    weight = take(arrays, f"{name}.weight", outputs, inputs)
    return np.ascontiguousarray(weight.T), take(arrays, f"{name}.bias", outputs)
