"""The label-smoothed softmax of a large vocabulary on the native core: loss and gradient at once.

A thin layer over `native/include/seqmap_softmax.h`.
"""

from __future__ import annotations

import ctypes
import functools

import torch
from torch import Tensor

from seqmap.runtime import native

_PRECISIONS = {torch.float32: 0, torch.bfloat16: 1}


@functools.cache
def _core() -> ctypes.CDLL:
    core = native.require()
    pointer, number, wide = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
    native.declare(
        core,
        {
            "seqmap_softmax_loss": (
                [pointer, number, pointer, pointer, wide, wide, ctypes.c_float, pointer, pointer],
                number,
            )
        },
    )
    return core


def usable(scores: Tensor) -> bool:
    """Whether the core can work on these scores: on the CPU, in fp32 or bf16."""
    return scores.device.type == "cpu" and scores.dtype in _PRECISIONS and native.available()


def to_gradient(
    scores: Tensor, bias: Tensor, truth: Tensor, smoothing: float, d_bias: Tensor
) -> float:
    """Turn scores into the gradient of their loss; return the loss, summed over the rows.

    Args:
        scores: Without the bias, (rows, pieces) in fp32 or bf16, contiguous; the gradient after.
        bias: (pieces,), fp32.
        truth: The right piece of each row, (rows,) int64.
        smoothing: The share of the target that all pieces have alike.
        d_bias: (pieces,), fp32; the gradient of the bias is added.

    Raises:
        NativeError: A row's truth is no piece.
    """
    rows, pieces = scores.shape
    kept = [tensor.contiguous() for tensor in (bias, truth)]
    if not scores.is_contiguous() or not d_bias.is_contiguous():
        raise ValueError("what is written to must be contiguous")
    if bias.shape != (pieces,) or truth.shape != (rows,) or d_bias.shape != (pieces,):
        raise ValueError(
            f"bias, truth and d_bias must be ({pieces},), ({rows},), ({pieces},), not"
            f" {tuple(bias.shape)}, {tuple(truth.shape)}, {tuple(d_bias.shape)}"
        )
    if (bias.dtype, truth.dtype, d_bias.dtype) != (torch.float32, torch.int64, torch.float32):
        raise TypeError("bias and d_bias must be float32, and truth int64")
    loss = ctypes.c_double()
    native.check(
        _core().seqmap_softmax_loss(
            scores.data_ptr(),
            _PRECISIONS[scores.dtype],
            kept[0].data_ptr(),
            kept[1].data_ptr(),
            rows,
            pieces,
            smoothing,
            d_bias.data_ptr(),
            ctypes.byref(loss),
        )
    )
    return loss.value
