"""How an LSTM decoder attends to the source: by a product, or by a small network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Attention(nn.Module, ABC):
    """Scores every state of the source for every step of the target.

    Args:
        query_size: Width of the decoder's states.
        memory_size: Width of the encoder's states.
    """

    @abstractmethod
    def keys(self, memory: Tensor) -> Tensor:
        """Return what is compared with queries, (batch, source, …); once a sentence."""

    @abstractmethod
    def scores(self, query: Tensor, keys: Tensor, covered: Tensor | None = None) -> Tensor:
        """Score.

        Args:
            query: (batch, target, query_size).
            keys: What `keys` gave.
            covered: Attention that each source state received so far, (batch, source).

        Returns:
            (batch, target, source).
        """

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        memory: Tensor,
        mask: Tensor,
        covered: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return contexts (batch, target, memory_size) and weights (batch, target, source)."""
        scores = self.scores(query, keys, covered)
        scores = scores.masked_fill(~mask[:, None, :], torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1)
        return weights @ memory, weights


class LuongAttention(Attention):
    """score = qᵀ W m / √d: `general` of Luong et al. 2015, eq. 8, scaled."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(memory_size, query_size, bias=False)
        self.scale = query_size**-0.5

    def keys(self, memory: Tensor) -> Tensor:
        """Return W m, (batch, source, query_size)."""
        projected: Tensor = self.key(memory)
        return projected

    def scores(self, query: Tensor, keys: Tensor, covered: Tensor | None = None) -> Tensor:
        """Return (batch, target, source)."""
        scores: Tensor = (query * self.scale) @ keys.transpose(1, 2)
        return scores


class BahdanauAttention(Attention):
    """score = vᵀ tanh(W q + U m + b + w·covered): Bahdanau et al. 2015, A.1.2; Tu et al. 2016."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(memory_size, query_size)
        self.query = nn.Linear(query_size, query_size, bias=False)
        self.covered = nn.Parameter(torch.zeros(query_size))
        self.score = nn.Parameter(torch.empty(query_size).uniform_(-0.1, 0.1))

    def keys(self, memory: Tensor) -> Tensor:
        """Return U m + b, (batch, source, query_size)."""
        projected: Tensor = self.key(memory)
        return projected

    def scores(self, query: Tensor, keys: Tensor, covered: Tensor | None = None) -> Tensor:
        """Return (batch, target, source)."""
        if covered is not None:
            keys = keys + covered[:, :, None] * self.covered
        # inner: (batch, target, source, query_size)
        inner = torch.tanh(self.query(query)[:, :, None, :] + keys[:, None, :, :])
        scores: Tensor = inner @ self.score
        return scores


ATTENTIONS: dict[str, type[LuongAttention] | type[BahdanauAttention]] = {
    "luong": LuongAttention,
    "bahdanau": BahdanauAttention,
}
