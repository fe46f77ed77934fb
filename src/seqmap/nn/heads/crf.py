"""Linear-chain CRF for training: log-likelihood with an exact gradient that is computed by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seqmap.nn.masks import valid


class CRF(nn.Module):
    """Scores between tags, and the loss of Lafferty, McCallum & Pereira (2001).

    Transitions that `allowed` forbids have no probability, in training as in search.

    Args:
        allowed: Which tag may follow which, (tags + 1, tags + 1); the last row holds the tags that
            may begin, the last column those that may end.
    """

    allowed: Tensor

    def __init__(self, allowed: Tensor) -> None:
        super().__init__()
        tags = len(allowed) - 1
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        self.register_buffer("allowed", allowed.bool(), persistent=False)

    def scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return transitions (tags, tags), start and end (tags,), -inf where forbidden."""
        no = -torch.inf
        return (
            self.transitions.masked_fill(~self.allowed[:-1, :-1], no),
            self.start.masked_fill(~self.allowed[-1, :-1], no),
            self.end.masked_fill(~self.allowed[:-1, -1], no),
        )

    def loss(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean of -log P(tags) over the tokens of a batch, a scalar.

        Args:
            emissions: (batch, time, tags).
            tags: (batch, time) int64; what lies beyond a row's length is not looked at.
            lengths: (batch,), each at least 1.
        """
        transitions, start, end = self.scores()
        log_z = _LogPartition.apply(emissions, transitions, start, end, lengths)  # type: ignore[no-untyped-call]
        gold = _gold(emissions, tags, lengths, transitions, start, end)
        loss: Tensor = (log_z - gold).sum() / lengths.sum()
        return loss


def _gold(
    emissions: Tensor,
    tags: Tensor,
    lengths: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
) -> Tensor:
    """Return the score of the true tags, (batch,)."""
    mask = valid(lengths, tags.shape[1])
    tags = tags.masked_fill(~mask, 0)
    score = (emissions.gather(2, tags[:, :, None]).squeeze(2) * mask).sum(dim=1)
    between = transitions[tags[:, :-1], tags[:, 1:]]
    score = score + between.masked_fill(~mask[:, 1:], 0.0).sum(dim=1)
    last = tags.gather(1, (lengths - 1)[:, None]).squeeze(1)
    return score + start[tags[:, 0]] + end[last]


class _LogPartition(torch.autograd.Function):
    """log Z, (batch,): the forward algorithm on scaled probabilities.

    Its gradients are expectations: of a tag at a place for the emissions, of a pair of neighbours
    for the transitions. Both come from one pass forwards and one backwards, without a graph.
    """

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        lengths: Tensor,
    ) -> Tensor:
        batch, time, _ = emissions.shape
        kind = emissions.dtype
        # Products of probabilities, not sums of logarithms: one small product a step. Every step
        # is scaled to a sum of one, and the scales are kept. Doubles, because what the transitions
        # allow may be far from what the emissions want.
        emissions, transitions, start, end = (
            part.double() for part in (emissions, transitions, start, end)
        )
        top = emissions.amax(dim=2, keepdim=True)
        local = (emissions - top).exp()
        between, first, last = transitions.exp(), start.exp(), end.exp()
        mask = valid(lengths, time)
        alphas, scales = torch.empty_like(emissions), emissions.new_ones(batch, time)
        alpha = first * local[:, 0]
        for t in range(time):
            if t:
                ahead = (alpha @ between) * local[:, t]
                alpha = torch.where(mask[:, t, None], ahead, alpha)
            scale = torch.where(mask[:, t], alpha.sum(dim=1), 1.0).clamp_min(1e-300)
            alpha = alpha / scale[:, None]
            alphas[:, t], scales[:, t] = alpha, scale
        final = (alpha * last).sum(dim=1).clamp_min(1e-300)
        ctx.kind = kind
        ctx.save_for_backward(alphas, scales, final, local, between, first, last, lengths)
        logs = (scales.log() + top.squeeze(2)).masked_fill(~mask, 0.0)
        return (logs.sum(dim=1) + final.log()).to(kind)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        alphas, scales, final, local, between, _, last, lengths = ctx.saved_tensors
        time = local.shape[1]
        mask, grad = valid(lengths, time), grad.double()
        beta = (last / final[:, None]).expand_as(alphas[:, 0]).contiguous()
        expected = torch.empty_like(alphas)
        pairs = torch.zeros_like(between)
        at_end = beta
        for t in range(time - 1, -1, -1):
            expected[:, t] = alphas[:, t] * beta * mask[:, t, None]
            if t:
                # ahead: what stands behind tag k at t, with its emission: (batch, tags)
                ahead = local[:, t] * beta / scales[:, t, None] * mask[:, t, None]
                pairs += (alphas[:, t - 1] * grad[:, None]).T @ ahead
                beta = torch.where(mask[:, t, None], ahead @ between.T, at_end)
        rows = torch.arange(len(lengths), device=lengths.device)
        ends = expected[rows, lengths - 1]
        expected *= grad[:, None, None]
        starts = expected[:, 0].sum(dim=0)
        found = (expected, pairs * between, starts, (ends * grad[:, None]).sum(dim=0))
        return (*(part.to(ctx.kind) for part in found), None)
