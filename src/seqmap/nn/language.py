"""The network of a language model: embedding -> LSTM with carried state -> scores of symbols."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.codecs.base import PAD
from seqmap.config import Config
from seqmap.nn.embedding import TokenEmbedding, variational_dropout
from seqmap.nn.encoders.lstm import LSTMEncoder, LSTMLayer
from seqmap.nn.native_lstm import Precision, State


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
        self,
        features: Tensor,
        targets: Tensor,
        candidates: Tensor,
        q: Tensor,
        *,
        precision: Precision = "fp32",
    ) -> Tensor:
        """Return the loss against some wrong symbols only (Jean et al. 2015, eq. 8-10).

        Args:
            features: (tokens, size).
            targets: (tokens,).
            candidates: Symbols drawn with the probabilities `q`, (candidates,).
            q: (vocabulary,).
            precision: Of the products; sums and exponentials are in fp32.
        """
        table, draws = self.table, len(candidates)
        # Each score is corrected by how often its symbol is to be expected among the candidates.
        bias = self.bias - torch.log(q * draws)
        right = (features * F.embedding(targets, table)).sum(dim=-1) + bias[targets]
        rows = F.embedding(candidates, table)
        same = candidates[None] == targets[:, None]
        kind = torch.bfloat16 if precision == "bf16" else features.dtype
        loss: Tensor = _SampledLoss.apply(  # type: ignore[no-untyped-call]
            features, rows, bias[candidates], right, same, kind
        )
        return loss


class _SampledLoss(torch.autograd.Function):
    """mean(log(e^r + Σ_j e^(x·w_j + b_j)) - r), with its gradient written out.

    The scores are held once and overwritten by their shares of the sum, which is all that the
    gradient needs; left to autograd, passes over them take as long as the products.
    """

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        rows: Tensor,
        bias: Tensor,
        right: Tensor,
        same: Tensor,
        kind: torch.dtype,
    ) -> Tensor:
        """Return the mean loss.

        Args:
            ctx: What backward needs.
            features: x, (tokens, size).
            rows: w, (candidates, size).
            bias: b, (candidates,).
            right: r, (tokens,).
            same: Candidates that are the right symbol and do not count, (tokens, candidates).
            kind: What the products are computed in.
        """
        features, rows = features.to(kind), rows.to(kind)
        shares = (features @ rows.T).to(bias.dtype).add_(bias)
        shares.masked_fill_(same, -torch.inf)
        top = torch.maximum(shares.amax(dim=1), right)
        total = shares.sub_(top[:, None]).exp_().sum(dim=1) + torch.exp(right - top)
        shares.div_(total[:, None])
        logs = torch.log(total) + top - right
        ctx.save_for_backward(features, rows, shares.to(kind), logs)
        return logs.mean()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what `forward` was given."""
        features, rows, shares, logs = ctx.saved_tensors
        scale = gradient / len(features)
        return (
            (shares @ rows).to(logs.dtype).mul_(scale),
            (shares.T @ features).to(logs.dtype).mul_(scale),
            shares.sum(dim=0, dtype=logs.dtype).mul_(scale),
            # The right symbol's share, less one.
            torch.expm1(-logs).mul_(scale),
            None,
            None,
        )


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

    @property
    def precision(self) -> Precision:
        """The arithmetic of its LSTM, and of the products in the loss."""
        layer = self.encoder.layers[0]
        assert isinstance(layer, LSTMLayer)
        return layer.precision

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
