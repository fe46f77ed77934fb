"""The network of a language model: embedding -> LSTM with carried state -> scores of symbols."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.codecs.base import PAD
from seqmap.config import Config
from seqmap.nn.embedding import TokenEmbedding, variational_dropout
from seqmap.nn.encoders.lstm import LSTMEncoder
from seqmap.nn.native_lstm import State


class LanguageHead(nn.Module):
    """From a state to the scores of all symbols: E·(P·h + p) + b.

    E is the embedding itself (Press & Wolf 2017; Inan et al. 2017), or a table of its own. P is
    there only where states and vectors differ in size.

    Args:
        hidden: Numbers in a state.
        embedding: (vocabulary, size).
        config: `language.output`, `head.dropout`.
    """

    def __init__(self, hidden: int, embedding: nn.Parameter, config: Config) -> None:
        super().__init__()
        vocabulary, size = embedding.shape
        free = config.language.output == "free"
        self.project = None if free or hidden == size else nn.Linear(hidden, size)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.weight = nn.Parameter(torch.empty(vocabulary, hidden)) if free else None
        if self.weight is not None:
            nn.init.normal_(self.weight, std=hidden**-0.5)
        # Held in a tuple, so that torch does not list the embedding twice.
        self._shared = (embedding,)

    @property
    def table(self) -> Tensor:
        """What states are compared with, (vocabulary, size)."""
        return self._shared[0] if self.weight is None else self.weight

    def features(self, states: Tensor) -> Tensor:
        """Bring states to the size of the table's rows."""
        return states if self.project is None else self.project(states)

    def scores(self, features: Tensor) -> Tensor:
        """Return logits, (tokens, size) -> (tokens, vocabulary); padding never follows."""
        logits = F.linear(features, self.table, self.bias)
        logits[:, PAD] = -torch.inf
        return logits

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over all symbols, (tokens, size), (tokens,) -> scalar."""
        return F.cross_entropy(self.scores(features), targets)

    def sampled_loss(
        self, features: Tensor, targets: Tensor, candidates: Tensor, q: Tensor
    ) -> Tensor:
        """Return the loss against some wrong symbols only (Jean et al. 2015, eq. 8-10).

        Args:
            features: (tokens, size).
            targets: (tokens,).
            candidates: Symbols drawn with the probabilities `q`, (candidates,).
            q: (vocabulary,).
        """
        table, draws = self.table, len(candidates)
        # Each score is corrected by how often its symbol is to be expected among the candidates.
        expected = torch.log(q * draws)
        right = (features * F.embedding(targets, table)).sum(dim=-1)
        right = right + (self.bias - expected)[targets]
        wrong = F.linear(
            features, F.embedding(candidates, table), (self.bias - expected)[candidates]
        )
        wrong = wrong.masked_fill(candidates[None] == targets[:, None], -torch.inf)
        total = torch.logaddexp(torch.logsumexp(wrong, dim=-1), right)
        return (total - right).mean()


class LanguageNetwork(nn.Module):
    """What is trained.

    Args:
        vocabulary: Number of symbol ids.
        config: Sizes and dropouts.
    """

    def __init__(self, vocabulary: int, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = TokenEmbedding(vocabulary, config.embedding)
        self.embedding.sparse = False  # as the head's table, it gets a gradient in every row
        self.encoder = LSTMEncoder(config.embedding.size, config.encoder)
        self.head = LanguageHead(config.encoder.hidden, self.embedding.weight, config)

    def forward(
        self, ids: Tensor, state: list[State] | None
    ) -> tuple[Tensor, Tensor | None, list[State]]:
        """Read on.

        Args:
            ids: (batch, time) int64.
            state: Of each layer, after what came before; None starts anew.

        Returns:
            Features of what was read up to each symbol, (batch, time, size); those of what comes
            from each symbol on, where the network also reads backwards; and the state.
        """
        states, after = self.encoder.carry(self.embedding(ids), state)
        states = variational_dropout(states, self.config.head.dropout, self.training)
        hidden = self.config.encoder.hidden
        ahead = self.head.features(states[..., :hidden])
        back = None
        if self.encoder.directions == 2:
            back = self.head.features(states[..., hidden:])
        return ahead, back, after
