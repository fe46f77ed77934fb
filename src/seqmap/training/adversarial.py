"""Virtual adversarial training: an answer should not change with a small change of the vectors.

Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification",
section 3: r = ε g / |g| with g = ∇ KL[p(s) || p(s + d)] at a small random d, and
KL[p(s) || p(s + r)] joins the loss. It needs no label.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from seqmap.nn.masks import valid
from seqmap.nn.model import SequenceModel

_PROBE = 0.1
"""Length of the random change that shows the worst direction, as a share of that of the change."""


def virtual_adversarial_loss(
    model: SequenceModel, ids: Tensor, lengths: Tensor, share: float, *, multi: bool
) -> Tensor:
    """Return how far answers move under the worst small change, a scalar.

    All passes run without dropout, so that only the change makes a difference; the gradient reaches
    encoder and head. The model is in training mode afterwards.

    Args:
        model: The network.
        ids: (batch, time).
        lengths: (batch,).
        share: Length of the change of a sequence's vectors, as a share of their own.
        multi: Whether labels are independent of each other.
    """
    model.eval()
    with torch.no_grad():
        vectors = model.embedding(ids)
        vectors = vectors * valid(lengths, ids.shape[1])[:, :, None]
        truth = model.score(vectors, lengths)
    size = share * vectors.flatten(1).norm(dim=1)
    probe = _of_size(torch.randn_like(vectors), _PROBE * size, vectors).requires_grad_()
    moved = _divergence(truth, model.score(vectors + probe, lengths), multi)
    (direction,) = torch.autograd.grad(moved, probe)
    worst = _of_size(direction, size, vectors)
    loss = _divergence(truth, model.score(vectors + worst, lengths), multi)
    model.train()
    return loss


def _of_size(change: Tensor, size: Tensor, vectors: Tensor) -> Tensor:
    """Scale each sequence's change to a length; where there is no symbol, nothing changes."""
    change = change * (vectors.abs().sum(dim=-1, keepdim=True) > 0)
    norm = change.flatten(1).norm(dim=1).clamp(min=1e-12)
    scaled: Tensor = change * (size / norm)[:, None, None]
    return scaled


def _divergence(truth: Tensor, scores: Tensor, multi: bool) -> Tensor:
    """Return KL[truth || scores], the mean over sequences; both are logits."""
    if multi:
        shares = truth.sigmoid()
        cross = F.binary_cross_entropy_with_logits(scores, shares, reduction="none").sum(dim=-1)
        own = F.binary_cross_entropy_with_logits(truth, shares, reduction="none").sum(dim=-1)
        return (cross - own).mean()
    own = F.log_softmax(truth, dim=-1)
    return F.kl_div(F.log_softmax(scores, dim=-1), own, log_target=True, reduction="batchmean")
