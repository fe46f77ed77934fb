"""The CRF's search on the native core: a thin layer over `native/include/seqmap_crf.h`."""

from __future__ import annotations

from ctypes import c_float, c_int32, c_int64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.runtime import native
from seqmap.search.crf import Chain
from seqmap.search.tagging import Decoded, Kernel, NumpyKernel


class NativeKernel:
    """Viterbi and forward-backward, one text per task, on all threads.

    Raises:
        NativeError: There is no native core, or it is older than this file.
    """

    def __init__(self) -> None:
        core = native.require()
        pointer = c_void_p
        arguments: list[type] = [pointer, pointer, c_int64, c_int32, pointer, pointer, pointer]
        arguments += [c_float, pointer, pointer, pointer]
        try:
            native.declare(core, {"seqmap_crf_decode": (arguments, c_int32)})
        except AttributeError:
            raise native.NativeError("this native core has no CRF; reinstall seqmap") from None
        self._decode = core.seqmap_crf_decode

    def decode(
        self,
        emissions: NDArray[Any],
        lengths: NDArray[np.int64],
        chain: Chain,
        temperature: float,
    ) -> Decoded:
        """Find the best tags and their probabilities; see `seqmap.search.tagging.Kernel`."""
        tokens, tags = emissions.shape
        flat = np.ascontiguousarray(emissions, np.float32)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        scores = [
            np.ascontiguousarray(part, np.float32)
            for part in (chain.transitions, chain.start, chain.end)
        ]
        best = np.zeros(tokens, np.int32)
        marginal, conditional = np.zeros(tokens, np.float32), np.zeros(tokens, np.float32)
        native.check(
            self._decode(
                flat.ctypes.data,
                offsets.ctypes.data,
                len(lengths),
                tags,
                *(part.ctypes.data for part in scores),
                temperature,
                best.ctypes.data,
                marginal.ctypes.data,
                conditional.ctypes.data,
            )
        )
        return Decoded(
            best.astype(np.int64), marginal.astype(np.float64), conditional.astype(np.float64)
        )


def best_kernel() -> Kernel:
    """Return the native search where there is one, else NumPy's."""
    if not native.available():
        return NumpyKernel()
    try:
        return NativeKernel()
    except native.NativeError:
        return NumpyKernel()
