"""What the native core's LSTM is called with: native/include/seqmap_lstm.h in ctypes."""

from __future__ import annotations

import ctypes
import functools
import os
import re
import weakref
from pathlib import Path

import torch

from seqmap.runtime import native

_pointer, _int32, _int64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64


class Input(ctypes.Structure):
    """`seqmap_lstm_input`."""

    _fields_ = [
        ("precision", _int32),
        ("directions", _int32),
        ("batch", _int64),
        ("time", _int64),
        ("input", _int64),
        ("hidden", _int64),
        ("lengths", _pointer),
        ("x", _pointer),
        ("x_batch_stride", _int64),
        ("x_time_stride", _int64),
    ]


class Direction(ctypes.Structure):
    """`seqmap_lstm_direction`."""

    _fields_ = [
        ("reverse", _int32),
        ("w_ih", _pointer),
        ("w_hh", _pointer),
        ("bias", _pointer),
        ("h0", _pointer),
        ("c0", _pointer),
        ("y", _pointer),
        ("y_batch_stride", _int64),
        ("y_time_stride", _int64),
        ("h_n", _pointer),
        ("c_n", _pointer),
    ]


class Gradient(ctypes.Structure):
    """`seqmap_lstm_gradient`."""

    _fields_ = [
        ("w_ih", _pointer),
        ("w_hh", _pointer),
        ("dy", _pointer),
        ("dy_batch_stride", _int64),
        ("dy_time_stride", _int64),
        ("dh_n", _pointer),
        ("dc_n", _pointer),
        ("dw_ih", _pointer),
        ("dw_hh", _pointer),
        ("dbias", _pointer),
        ("dh0", _pointer),
        ("dc0", _pointer),
    ]


@functools.cache
def core() -> ctypes.CDLL:
    """Return the core with its functions declared; its threads are torch's from then on."""
    found = native.require()
    native.declare(
        found,
        {
            "seqmap_lstm_forward": ([_pointer, _pointer, _pointer], _int32),
            "seqmap_lstm_backward": ([_pointer, _pointer, _pointer, _pointer], _int32),
            "seqmap_lstm_free": ([_pointer], None),
            "seqmap_set_team": ([_pointer], None),
        },
    )
    found.seqmap_set_team(openmp_team())
    return found


def openmp_team() -> int | None:
    """Return the address of GOMP_parallel in torch's OpenMP run time, if it has one.

    The core then works on torch's threads. With threads of its own it would share the cores with
    those of torch, which spin for milliseconds after each operation: measured, a training step on
    two cores took 1.8 times as long.
    """
    home = Path(torch.__file__).parent
    try:
        mapped = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in mapped.splitlines():
        path = line.partition("/")[2]
        if re.search(r"/lib(gomp|iomp5)[^/]*$", path) and f"/{path}".startswith(str(home)):
            runtime = ctypes.CDLL(f"/{path}", mode=os.RTLD_NOLOAD | os.RTLD_NOW)
            return ctypes.cast(runtime.GOMP_parallel, _pointer).value
    return None


class Saved:
    """Owns what the core keeps of a forward pass, until the graph is gone."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        weakref.finalize(self, core().seqmap_lstm_free, handle)
