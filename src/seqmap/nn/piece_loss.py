"""Cross-entropy over a large vocabulary without ever holding all scores.

The scores of a step (steps, pieces) are the largest thing in training a translator: written and
read half a dozen times by the usual chain of a product, a log-softmax and their gradients. Here
some hundred steps at a time go through while they are in the cache, and loss and gradients are
computed together.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_AT_ONCE = 192
"""Steps whose scores are held at once."""


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
        kind = torch.bfloat16 if half else torch.float32
        small, table = vectors.to(kind), weight.to(kind)
        d_vectors = torch.empty_like(vectors)
        d_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        d_bias = torch.zeros_like(bias)
        rows = torch.arange(steps, device=truth.device)
        total = vectors.new_zeros(())
        # Σ of all scores of a step, for the smoothed part: a product with the sum of the table.
        sums = vectors @ weight.sum(dim=0) + bias.sum()
        for begin in range(0, steps, _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            here, right = rows[: len(truth[part])], truth[part]
            scores = (small[part] @ table.T).float().add_(bias)
            true = scores[here, right]
            most = scores.amax(dim=1, keepdim=True)
            shares = scores.sub_(most).exp_()
            mass = shares.sum(dim=1, keepdim=True)
            total += (mass.log() + most).sum() - (1 - smoothing) * true.sum()
            # ∂loss/∂scores = softmax - target, (steps, pieces)
            gradient = shares.mul_(1 / mass).sub_(smoothing / pieces)
            gradient[here, right] -= 1 - smoothing
            d_bias += gradient.sum(dim=0)
            small_gradient = gradient.to(kind)
            d_vectors[part] = small_gradient @ table
            d_weight += small_gradient.T @ small[part]
        total -= smoothing / pieces * sums.sum()
        ctx.save_for_backward(d_vectors, d_weight, d_bias)
        ctx.steps = max(steps, 1)
        mean: Tensor = total / ctx.steps
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        scale = upstream / ctx.steps
        found = (part * scale for part in ctx.saved_tensors)
        return (*found, None, None, None)
