"""From a sequence of states to one vector."""

from __future__ import annotations

from typing import Literal

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
            return torch.cat([_mean(states, mask, lengths), _max(states, mask, lengths)], dim=-1)
        # scores: (batch, time, 1)
        scores = (torch.tanh(self.project(states)) @ self.context)[:, :, None]
        weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=1).nan_to_num(0.0)
        return (weights * states).sum(dim=1)


def _mean(states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
    return (states * mask).sum(dim=1) / lengths.clamp(min=1)[:, None]


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
