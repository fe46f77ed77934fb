"""Matrices and tables of an archive, packed as the C runtime reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqmap.export.c.program import Program
from seqmap.runtime.ops.weights import Arrays, scales_of, take

PANEL = 32
"""Outputs side by side, as in `base.c`."""


def matrix(program: Program, arrays: Arrays, name: str, outputs: int, inputs: int, to: str) -> str:
    """Add a matrix (outputs, inputs); returns its initialiser."""
    floats = take(arrays, name, outputs, inputs)
    program.operations += outputs * inputs
    stored = arrays[name]
    if stored.dtype == np.int8:
        program.table("int8_t", f"{to}_bytes", _panels(stored))
        program.table("float", f"{to}_scales", scales_of(arrays, name))
        return f"{{0, {to}_bytes, {to}_scales, {inputs}, {outputs}}}"
    program.table("float", f"{to}_floats", _panels(floats))
    return f"{{{to}_floats, 0, 0, {inputs}, {outputs}}}"


def vectors(
    program: Program,
    arrays: Arrays,
    name: str,
    shape: tuple[int, int],
    to: str,
    rows: Sequence[int] | None = None,
) -> None:
    """Add a table of vectors as the object `to`.

    Args:
        program: Where it goes.
        arrays: An archive's.
        name: Which array.
        shape: What it must have.
        to: The name in C.
        rows: Which rows, in which order; None takes all.
    """
    floats = take(arrays, name, *shape)
    stored = arrays[name]
    places = np.arange(len(floats)) if rows is None else np.asarray(rows)
    if stored.dtype == np.int8:
        program.table("int8_t", f"{to}_bytes", stored[places])
        program.table("float", f"{to}_scales", scales_of(arrays, name)[places])
        parts = f"0, {to}_bytes, {to}_scales"
    else:
        program.table("float", f"{to}_floats", floats[places])
        parts = f"{to}_floats, 0, 0"
    program.objects.append(f"static const sm_table {to} = {{{parts}, {shape[1]}}};\n")


def _panels(weight: NDArray[np.generic]) -> NDArray[np.generic]:
    """Pack (outputs, inputs) in panels of 32 outputs, in each input after input."""
    parts = [weight[begin : begin + PANEL].T.ravel() for begin in range(0, len(weight), PANEL)]
    return np.concatenate(parts)
