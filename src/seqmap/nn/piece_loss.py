"""Cross-entropy over a large vocabulary without ever holding all scores.

The scores of a step (steps, pieces) are the largest thing in training a translator: written and
read half a dozen times by the usual chain of a product, a log-softmax and their gradients. Here
some hundred steps at a time go through while they are in the cache, and loss and gradients are
computed together, by the native core where there is one.

Rows are filled up to whole chunks: oneDNN compiles its bf16 products for each number of rows, which
takes longer than to compute them, and batches hardly ever have the same number of steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqmap.nn import native_softmax

_AT_ONCE = 128
"""Steps whose scores are in the cache at once."""

_HELD = 1 << 24
"""Bytes of gradients of scores that are held, for few and large products with them."""


def piece_loss(
    vectors: Tensor, weight: Tensor, bias: Tensor, truth: Tensor, *, smoothing: float, half: bool
) -> Tensor:
    """Return the mean label-smoothed cross-entropy of softmax(vectors · weightᵀ + bias).

    The target is (1 - ε) on the truth plus ε / pieces on every piece (Szegedy et al. 2016, §7), as
    in `torch.nn.functional.cross_entropy`.

    Args:
        vectors: (steps, size).
        weight: (pieces, size).
        bias: (pieces,).
        truth: The right piece of each step, (steps,).
        smoothing: ε.
        half: Whether products are computed in bf16; their sums, and all else, are in fp32.
    """
    loss: Tensor = _PieceLoss.apply(vectors, weight, bias, truth, smoothing, half)  # type: ignore[no-untyped-call]
    return loss


class _PieceLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        vectors: Tensor,
        weight: Tensor,
        bias: Tensor,
        truth: Tensor,
        smoothing: float,
        half: bool,
    ) -> Tensor:
        steps, pieces = len(vectors), len(weight)
        kind = torch.bfloat16 if half else vectors.dtype
        table = weight.to(kind)
        small = vectors.new_zeros((_whole(steps), vectors.shape[1]), dtype=kind)
        small[:steps] = vectors
        d_vectors, d_bias = torch.empty_like(small, dtype=vectors.dtype), torch.zeros_like(bias)
        d_weight = torch.zeros_like(weight)
        total = torch.zeros((), dtype=torch.float64, device=vectors.device)
        held = _whole(_HELD // (pieces * table.element_size()))
        room = torch.empty((min(len(small), held), pieces), dtype=kind, device=vectors.device)
        for begin in range(0, len(small), held):
            read, right = small[begin : begin + held], truth[begin : begin + held]
            gradient = room[: len(read)]
            for first in range(0, len(read), _AT_ONCE):
                part = slice(first, first + _AT_ONCE)
                scores = torch.mm(read[part], table.T, out=gradient[part])
                count = len(right[part])
                total += _to_gradient(scores[:count], bias, right[part], smoothing, d_bias)
                scores[count:] = 0
            d_vectors[begin : begin + held] = gradient @ table
            d_weight += gradient.T @ read
        d_vectors = d_vectors[:steps]
        ctx.save_for_backward(d_vectors, d_weight, d_bias)
        ctx.steps = max(steps, 1)
        mean: Tensor = (total / ctx.steps).to(vectors.dtype)
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        scale = upstream / ctx.steps
        found = (part * scale for part in ctx.saved_tensors)
        return (*found, None, None, None)


def _whole(rows: int) -> int:
    """Return so many rows, filled up to whole chunks."""
    return max(1, -(-rows // _AT_ONCE)) * _AT_ONCE


def _to_gradient(
    scores: Tensor, bias: Tensor, truth: Tensor, smoothing: float, d_bias: Tensor
) -> Tensor | float:
    """Turn scores (steps, pieces) into ∂loss/∂scores = softmax - target; return the loss."""
    if native_softmax.usable(scores):
        return native_softmax.to_gradient(scores, bias, truth, smoothing, d_bias)
    share = smoothing / scores.shape[1]
    logs = (scores.to(bias.dtype) + bias).log_softmax(dim=1)
    rows = torch.arange(len(truth), device=truth.device)
    loss = -(1 - smoothing) * logs[rows, truth].sum() - share * logs.sum()
    gradient = logs.exp_().sub_(share)
    gradient[rows, truth] -= 1 - smoothing
    d_bias += gradient.sum(dim=0)
    scores.copy_(gradient)
    return loss
