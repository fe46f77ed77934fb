"""The convolutions of a transcriber: on the native core, else in NumPy."""

from __future__ import annotations

import ctypes
import functools
from ctypes import c_int32, c_int64, c_void_p
from typing import Protocol

import numpy as np

from seqmap.runtime import native
from seqmap.runtime.ops.convolution import Convolution, StepShape
from seqmap.runtime.ops.weights import Arrays, Floats


class StepReader(Protocol):
    """What makes features of steps.

    Attributes:
        width: Features of a step.
    """

    width: int

    def read(self, steps: Floats) -> Floats:
        """Convolve steps, (steps, size) -> (steps, width); the same bits alone and among others."""
        ...


def build_convolution(arrays: Arrays, shape: StepShape) -> StepReader:
    """Build the fastest that there is.

    Args:
        arrays: An archive's.
        shape: Sizes.

    Raises:
        ArchiveError: The arrays do not fit.
    """
    checked = Convolution(arrays, shape)
    return NativeConvolution(checked) if native.available() else checked


@functools.cache
def _core() -> ctypes.CDLL:
    core = native.require()
    given: list[type] = [c_void_p, c_int64, c_void_p, c_int64, c_void_p]
    native.declare(core, {"seqmap_convolution_run": (given, c_int32)})
    return core


class _Layer(ctypes.Structure):
    """`seqmap_convolution`."""

    _fields_ = (
        *((n, c_int64) for n in ("frames", "bands", "channels", "filters", "height", "width")),
        ("weight", c_void_p),
        ("bias", c_void_p),
    )


class NativeConvolution:
    """Both convolutions in one call of the core; a thin layer over `seqmap_convolution.h`.

    Args:
        plain: The same in NumPy, whose weights are used.
    """

    def __init__(self, plain: Convolution) -> None:
        self.width = plain.width
        self._plain = plain  # kept: the core only points at its weights
        self._layers = (_Layer * 2)(
            *(
                _Layer(
                    *layer.size,
                    layer.channels,
                    len(layer.bias),
                    *layer.kernel,
                    layer.weight.ctypes.data,
                    layer.bias.ctypes.data,
                )
                for layer in plain.layers
            )
        )
        self._run = _core().seqmap_convolution_run

    def read(self, steps: Floats) -> Floats:
        """Convolve steps, (steps, size) -> (steps, width); the same bits alone and among others."""
        steps = np.ascontiguousarray(steps, np.float32)
        found = np.empty((len(steps), self.width), np.float32)
        code = self._run(self._layers, 2, steps.ctypes.data, len(steps), found.ctypes.data)
        if code:
            native.check(code)
        return found
