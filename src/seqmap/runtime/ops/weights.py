"""Take a network's weights out of an archive, checked for shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ArchiveError
from seqmap.runtime.container import BF16

Floats = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]

SCALE = ".scale"
"""What is added to the name of a matrix in int8 for its scales, one a row."""


def widened(arrays: Arrays, name: str) -> NDArray[Any]:
    """Return one array, as fp32 if it is stored in bf16 or int8; else as it is.

    Raises:
        ArchiveError: Its scales do not fit.
    """
    array = arrays[name]
    if array.dtype == BF16:
        return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if array.dtype == np.int8 and array.ndim == 2:
        return np.multiply(array, scales_of(arrays, name)[:, None], dtype=np.float32)
    return array


def scales_of(arrays: Arrays, name: str) -> Floats:
    """Return the scales of a matrix in int8, one a row.

    Raises:
        ArchiveError: They are missing or of another shape.
    """
    return take(arrays, name + SCALE, len(arrays[name]))


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
    return np.asarray(widened(arrays, name), dtype=np.float32)


def take_linear(arrays: Arrays, name: str, outputs: int, inputs: int) -> tuple[Floats, Floats]:
    """Return `name.weight` (outputs, inputs) and `name.bias` (outputs,).

    Raises:
        ArchiveError: One is missing or of another shape.
    """
    return take(arrays, f"{name}.weight", outputs, inputs), take(arrays, f"{name}.bias", outputs)


def take_dense(arrays: Arrays, name: str, outputs: int, inputs: int) -> tuple[Floats, Floats]:
    """Return the same with the weight transposed to (inputs, outputs)."""
    weight, bias = take_linear(arrays, name, outputs, inputs)
    return np.ascontiguousarray(weight.T), bias
