"""Products, the LSTM cell and the search's reductions on the native core.

A thin layer over `native/include/seqmap_dense.h`, for decoders that go step by step.
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, c_int32, c_int64, c_void_p

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ConfigError
from seqmap.runtime import native
from seqmap.runtime.decoders.ops import Dense, Layer, LayerWeights, Linear, Norm
from seqmap.runtime.ops.weights import Floats

_PRECISIONS = {"fp32": 0, "bf16": 1, "int8": 2}
_PRODUCTS = ("own", "own_output", "query", "output", "feed1", "feed2")


@functools.cache
def _core() -> ctypes.CDLL:
    core = native.require()
    pointer = c_void_p
    native.declare(
        core,
        {
            "seqmap_dense_create": (
                [pointer, pointer, c_int64, c_int64, c_int32, POINTER(c_void_p)],
                c_int32,
            ),
            "seqmap_dense_destroy": ([pointer], None),
            "seqmap_dense_run": ([pointer, pointer, c_int64, pointer], c_int32),
            "seqmap_dense_cell": ([pointer, c_int64, c_int64, pointer, pointer], c_int32),
            "seqmap_dense_norm": (
                [pointer, c_int64, c_int64, pointer, pointer, pointer],
                c_int32,
            ),
            "seqmap_decoder_layer_step": ([pointer, *[c_int64] * 4, *[pointer] * 6], c_int32),
            "seqmap_dense_best": (
                [pointer, c_int64, c_int64, c_int64, pointer, pointer, pointer],
                c_int32,
            ),
        },
    )
    return core


class NativeDense:
    """x · weightᵀ + bias with packed weights.

    Args:
        weight: (outputs, inputs).
        bias: (outputs,), or None.
        precision: fp32, bf16 or int8.

    Raises:
        ConfigError: An unknown precision.
        NativeError: There is no native core.
    """

    def __init__(self, weight: Floats, bias: Floats | None, precision: str) -> None:
        self._handle: int | None = None
        if precision not in _PRECISIONS:
            raise ConfigError("unknown precision", given=precision, allowed=_PRECISIONS)
        self._core = _core()
        self.outputs, self.inputs = weight.shape
        kept = np.ascontiguousarray(weight, np.float32)
        added = None if bias is None else np.ascontiguousarray(bias, np.float32)
        handle = c_void_p()
        native.check(
            self._core.seqmap_dense_create(
                kept.ctypes.data,
                None if added is None else added.ctypes.data,
                self.outputs,
                self.inputs,
                _PRECISIONS[precision],
                handle,
            )
        )
        assert handle.value is not None
        self._handle = handle.value
        self._run = self._core.seqmap_dense_run

    @property
    def handle(self) -> int:
        """What the core knows it by."""
        assert self._handle is not None
        return self._handle

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is not None:
            self._core.seqmap_dense_destroy(handle)

    def __call__(self, x: Floats) -> Floats:
        """Return (rows, outputs) for (rows, inputs)."""
        x = np.ascontiguousarray(x, np.float32)
        out = np.empty((len(x), self.outputs), np.float32)
        code = self._run(self._handle, _address(x), len(x), _address(out))
        if code:
            native.check(code)
        return out


class NativeNorm:
    """Layer norm.

    Args:
        weight: (width,).
        bias: (width,).
    """

    def __init__(self, weight: Floats, bias: Floats) -> None:
        self._weight = np.ascontiguousarray(weight, np.float32)
        self._bias = np.ascontiguousarray(bias, np.float32)
        self._places = (_address(self._weight), _address(self._bias))
        self._run = _core().seqmap_dense_norm

    def __call__(self, x: Floats) -> Floats:
        """Return (rows, width) for the same."""
        x = np.ascontiguousarray(x, np.float32)
        out = np.empty_like(x)
        code = self._run(_address(x), len(x), x.shape[1], *self._places, _address(out))
        if code:
            native.check(code)
        return out


class _DecoderLayer(ctypes.Structure):
    """`seqmap_decoder_layer`."""

    _fields_ = (
        *((name, c_void_p) for name in _PRODUCTS),
        ("norms", c_void_p * 6),
        ("heads", c_int64),
    )


class NativeLayer:
    """A layer of a Transformer decoder, a step in one call.

    Args:
        weights: What it has learned.
        precision: fp32, bf16 or int8.
    """

    def __init__(self, weights: LayerWeights, precision: str) -> None:
        self.source: Dense = NativeDense(*weights.source, precision)
        # Kept, since the core only points at them.
        given: list[Linear] = [getattr(weights, name) for name in _PRODUCTS]
        self._products = [NativeDense(weight, bias, precision) for weight, bias in given]
        self._norms = [np.ascontiguousarray(own, np.float32) for n in weights.norms for own in n]
        self._layer = _DecoderLayer(
            *(product.handle for product in self._products),
            (c_void_p * 6)(*map(_address, self._norms)),
            weights.heads,
        )
        self._place = ctypes.addressof(self._layer)
        self._step = _core().seqmap_decoder_layer_step

    def step(
        self, x: Floats, past: Floats, source: Floats, shut: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Take a step; see `decoders.ops.Layer`."""
        past, source, shut = (np.ascontiguousarray(a, np.float32) for a in (past, source, shut))
        rows, steps, pair = past.shape
        sentences, places = shut.shape
        hypotheses = rows // sentences
        x = np.array(x, np.float32, order="C")
        after = np.empty((rows, steps + 1, pair), np.float32)
        shares = np.empty((sentences, hypotheses, places), np.float32)
        arrays = (x, past, after, source, shut, shares)
        sizes = (sentences, hypotheses, steps, places)
        code = self._step(self._place, *sizes, *map(_address, arrays))
        if code:
            native.check(code)
        return x, after, shares


class NativeOps:
    """What decoders compute with, in the precision of a model."""

    def __init__(self, precision: str) -> None:
        self._precision = precision
        self._cell = _core().seqmap_dense_cell

    def dense(self, weight: Floats, bias: Floats | None) -> Dense:
        """Return x · weightᵀ + bias for a weight (outputs, inputs)."""
        return NativeDense(weight, bias, self._precision)

    def cell(self, sums: Floats, c: Floats) -> tuple[Floats, Floats]:
        """Apply the LSTM cell to gate sums (rows, 4 hidden), i f g o -> h and c."""
        after, h = c.copy(), np.empty_like(c)
        code = self._cell(_address(sums), len(c), c.shape[1], _address(after), _address(h))
        if code:
            native.check(code)
        return h, after

    def norm(self, weight: Floats, bias: Floats) -> Norm:
        """Return layer norm."""
        return NativeNorm(weight, bias)

    def layer(self, weights: LayerWeights) -> Layer:
        """Return a layer of a Transformer decoder."""
        return NativeLayer(weights, self._precision)


class NativeKernel:
    """The search's reductions."""

    def __init__(self) -> None:
        self._best = _core().seqmap_dense_best

    def best(self, scores: Floats, count: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Return of each row log Σ exp, and its `count` highest with their places."""
        rows, columns = scores.shape
        scores = np.ascontiguousarray(scores, np.float32)
        total = np.empty(rows, np.float32)
        values, places = np.empty((rows, count), np.float32), np.empty((rows, count), np.int64)
        found = (_address(total), _address(values), _address(places))
        native.check(self._best(_address(scores), rows, columns, count, *found))
        return total, values, places


def _address(array: NDArray[np.float32] | NDArray[np.int64]) -> int:
    # Cheaper than `array.ctypes.data`, which builds an object each time.
    return int(array.__array_interface__["data"][0])
