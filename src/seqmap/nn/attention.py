"""Scaled dot-product attention with several heads, eq. 1 and §3.2.2 of Vaswani et al. 2017."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.nn.dropout import Dropout


def projected(x: Tensor, layers: Sequence[nn.Linear]) -> tuple[Tensor, ...]:
    """Apply layers that read the same as one product: in training a tenth of a step faster.

    Args:
        x: (batch, time, inputs).
        layers: Of any widths.

    Returns:
        What each of them gives, (batch, time, outputs).
    """
    weight = torch.cat([layer.weight for layer in layers])
    bias = torch.cat([layer.bias for layer in layers])
    widths = [layer.out_features for layer in layers]
    return torch.split(F.linear(x, weight, bias), widths, dim=-1)


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, *, heads: int, dropout: Dropout
) -> Tensor:
    """Mix values by how well their keys fit a query: softmax(q kᵀ / √size) v for each head.

    Args:
        query: (batch, target, width).
        key: (batch, source, width).
        value: (batch, source, width).
        mask: True where it may be looked at; broadcasts to (batch, heads, target, source).
        heads: How many; `width` is a multiple of it.
        dropout: Of the weights.

    Returns:
        (batch, target, width).
    """
    batch, steps, width = query.shape
    # each: (batch, heads, time, size)
    query, key, value = (
        x.reshape(batch, -1, heads, width // heads).transpose(1, 2) for x in (query, key, value)
    )
    scores = query @ key.transpose(2, 3)
    # A finite floor: a row that may look nowhere then gets an average instead of NaN.
    shut = torch.zeros(mask.shape, dtype=scores.dtype, device=scores.device)
    shut.masked_fill_(~mask, torch.finfo(scores.dtype).min)
    scores = torch.add(shut, scores, alpha=1 / math.sqrt(width // heads))
    context: Tensor = dropout(scores.softmax(dim=-1)) @ value
    return context.transpose(1, 2).reshape(batch, steps, width)
