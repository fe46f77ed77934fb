"""Archives with smaller numbers: matrices as bf16, or as int8 with one scale a row.

    int8   q = round(w / s), s = max |w| / 127 over the row; stored as `name` and `name.scale`
    bf16   the upper half of an fp32, rounded to nearest even

That is how the native core packs its weights anyway, so an int8 archive computed in int8 loses
nothing more in its recurrent weights; what is added is the rounding of the tokens' vectors and of
the first layer's input weights. Biases, small matrices and the wide branch (8 bits already) stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ConfigError
from seqmap.runtime.archive import Archive
from seqmap.runtime.container import BF16, Arrays
from seqmap.runtime.ops.weights import SCALE, widened

KINDS = ("none", "bf16", "int8")
"""What `quantized` can store matrices as; `none` is fp32."""

_SMALL = 4096  # numbers; a matrix of fewer is not worth its rounding
_MATRICES = ("weight", "w_ih", "w_hh")
_OTHERS = ("wide.",)


def quantized(archive: Archive, kind: str) -> Archive:
    """Return the model with its matrices stored as `kind`, to be computed so when it is loaded.

    Raises:
        ConfigError: An unknown kind.
    """
    if kind not in KINDS:
        raise ConfigError("a model cannot be stored so", given=kind, allowed=KINDS)
    manifest = {k: v for k, v in archive.manifest.items() if k not in ("precision", "quantization")}
    if kind != "none":
        manifest["precision"] = kind
    arrays: Arrays = {}
    for name, array in dequantized(archive.arrays).items():
        if kind == "int8" and _worth_it(name, array):
            arrays[name], arrays[name + SCALE] = to_int8(array)
        elif kind == "bf16" and _worth_it(name, array):
            arrays[name] = to_bf16(array)
        else:
            arrays[name] = array
    return Archive(manifest, arrays)


def dequantized(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the same arrays with every matrix as fp32."""
    scaled = {name for name in arrays if name + SCALE in arrays}
    scales = {name + SCALE for name in scaled}
    # What is int8 without scales is so by nature: the wide branch.
    return {
        name: widened(arrays, name) if name in scaled or array.dtype == BF16 else array
        for name, array in arrays.items()
        if name not in scales
    }


def to_int8(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round (rows, columns) to int8 and scales (rows,)."""
    scale = np.abs(weight).max(axis=1, initial=0).astype(np.float32) / np.float32(127)
    steps = np.where(scale > 0, scale, np.float32(1))
    return np.rint(weight / steps[:, None]).astype(np.int8), scale


def to_bf16(weight: NDArray[np.float32]) -> NDArray[Any]:
    """Round to bf16, nearest even; NaN stays NaN."""
    bits = np.ascontiguousarray(weight, np.float32).view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    rounded = np.where(np.isnan(weight), 0x7FC0, rounded)
    return rounded.astype(np.uint16).view(BF16)


def _worth_it(name: str, array: NDArray[Any]) -> bool:
    return (
        array.ndim == 2
        and array.dtype == np.float32
        and array.size >= _SMALL
        and name.rpartition(".")[2] in _MATRICES
        and not name.startswith(_OTHERS)
    )
