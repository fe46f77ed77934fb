"""Symbols to vectors, with the two dropouts that matter on small data."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.codecs.base import PAD, UNKNOWN
from seqmap.config import EmbeddingConfig

DEVIATION = 0.1
"""Standard deviation of a random vector's components."""


class TokenEmbedding(nn.Module):
    """A table of vectors, (size, dim); row `PAD` stays zero.

    In training a symbol is replaced by the unknown one with probability `word_dropout` (so that the
    unknown vector is trained too, and no single word decides), and components are dropped over
    whole sequences (variational dropout, Gal & Ghahramani 2016).
    """

    sparse = True
    """Whether only the rows in a batch get a gradient (see training.optimizer.RowAdam)."""

    def __init__(self, size: int, config: EmbeddingConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, config.size))
        nn.init.normal_(self.weight, std=DEVIATION)
        with torch.no_grad():
            self.weight[PAD].zero_()
        self.config = config

    def forward(self, ids: Tensor) -> Tensor:
        """Look symbols up.

        Args:
            ids: (batch, time) int64.

        Returns:
            (batch, time, dim).
        """
        if self.training and self.config.word_dropout > 0:
            dropped = torch.rand(ids.shape, device=ids.device) < self.config.word_dropout
            ids = ids.masked_fill(dropped & (ids != PAD), UNKNOWN)
        sparse = self.sparse and self.training
        vectors = F.embedding(ids, self.weight, padding_idx=PAD, sparse=sparse)
        return variational_dropout(vectors, self.config.dropout, self.training)


def variational_dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Drop the same components at every step of a sequence.

    Args:
        x: (batch, time, features).
        rate: Share of components that are dropped.
        training: Return `x` unchanged when False.

    Returns:
        (batch, time, features), scaled by 1 / (1 - rate).
    """
    if not training or rate == 0:
        return x
    mask = torch.empty(x.shape[0], 1, x.shape[2], device=x.device, dtype=x.dtype)
    return x * mask.bernoulli_(1 - rate).div_(1 - rate)
