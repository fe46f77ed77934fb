"""From a sequence of states to one vector."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqmap.nn.masks import valid

Kind = Literal["last", "mean", "max", "attention", "mean-max"]


class Pooling(nn.Module):
    """Pool states over time; an empty sequence gives the zero vector.

    `attention` is that of Yang et al. 2016, eq. 5-7: u_t = tanh(W h_t + b),
    a_t = softmax_t(u_t · context), the answer being the sum of a_t h_t.

    Args:
        kind: How to pool.
        width: Features of a state.
        directions: 2 when the second half of a state was read backwards (`last` then takes its
            first step).
    """

    def __init__(self, kind: Kind, width: int, directions: int) -> None:
        super().__init__()
        self.kind = kind
        self.directions = directions
        self.width = 2 * width if kind == "mean-max" else width
        if kind == "attention":
            self.project = nn.Linear(width, width)
            self.context = nn.Parameter(torch.empty(width))
            nn.init.normal_(self.context, std=width**-0.5)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Pool.

        Args:
            states: (batch, time, features).
            lengths: (batch,).

        Returns:
            (batch, width).
        """
        if states.shape[1] == 0:
            return states.new_zeros(states.shape[0], self.width)
        mask = valid(lengths, states.shape[1])[:, :, None]
        if self.kind == "last":
            return _last(states, lengths, self.directions) * (lengths > 0)[:, None]
        if self.kind == "mean":
            return _mean(states, mask, lengths)
        if self.kind == "max":
            return _max(states, mask, lengths)
        if self.kind == "mean-max":
            shares = _shares(states, mask, lengths)
            pooled: Tensor = _MeanMax.apply(states, mask, shares)  # type: ignore[no-untyped-call]
            return pooled
        # scores: (batch, time, 1)
        scores = (torch.tanh(self.project(states)) @ self.context)[:, :, None]
        weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=1).nan_to_num(0.0)
        return (weights * states).sum(dim=1)


def _shares(states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
    """Return what each state counts in the mean, (batch, 1, time)."""
    counted: Tensor = mask.to(states.dtype) / lengths.clamp(min=1)[:, None, None]
    return counted.transpose(1, 2)


def _mean(states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
    return torch.bmm(_shares(states, mask, lengths), states)[:, 0]


def _max(states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
    best = states.masked_fill(~mask, -torch.inf).amax(dim=1)
    return best.masked_fill((lengths == 0)[:, None], 0.0)


def _last(states: Tensor, lengths: Tensor, directions: int) -> Tensor:
    rows = torch.arange(states.shape[0], device=states.device)
    final = states[rows, (lengths - 1).clamp(min=0)]
    if directions == 1:
        return final
    half = states.shape[2] // 2
    return torch.cat([final[:, :half], states[:, 0, half:]], dim=-1)


class _MeanMax(torch.autograd.Function):
    """Mean and maximum over time, side by side.

    Composed of torch's operations, their gradients are five tensors of the states' size, written
    one after the other: on long texts that took as long as the LSTM. Here it is one.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, mask: Tensor, shares: Tensor) -> Tensor:
        """Pool.

        Args:
            ctx: What backward needs.
            states: (batch, time, features).
            mask: (batch, time, 1).
            shares: (batch, 1, time).
        """
        mean = torch.bmm(shares, states)[:, 0]
        best, where = states.masked_fill(~mask, -torch.inf).max(dim=1)
        some = mask[:, 0]  # (batch, 1); an empty sequence has no first state
        ctx.save_for_backward(shares, where, some)
        return torch.cat([mean, best.masked_fill(~some, 0.0)], dim=-1)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        """Spread the mean's gradient, and add the maximum's where it was found."""
        shares, where, some = ctx.saved_tensors
        mean, best = upstream[0].chunk(2, dim=-1)
        gradient = shares.transpose(1, 2) * mean[:, None]
        gradient.scatter_add_(1, where[:, None], (best * some)[:, None])
        return gradient, None, None
