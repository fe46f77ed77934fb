"""The network that hears: steps of features -> encoder -> symbols of CTC."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.codecs.transcript import BLANK
from seqmap.config import Config
from seqmap.nn.embedding import variational_dropout
from seqmap.nn.encoders import build_encoder


class TranscriberNetwork(nn.Module):
    """What is trained.

    Args:
        size: Features of a step.
        classes: Symbols, the blank included.
        config: Sizes and dropouts.
    """

    def __init__(self, size: int, classes: int, config: Config) -> None:
        super().__init__()
        self.dropout = config.head.dropout
        self.encoder = build_encoder(size, config.encoder)
        self.output = nn.Linear(self.encoder.width, classes)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Score symbols, (batch, time, size) -> (batch, time, classes)."""
        states = self.encoder(x, lengths)
        states = variational_dropout(states, self.dropout, self.training)
        scores: Tensor = self.output(states)
        return scores


def ctc(scores: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Return -log p(target | sound), Graves et al. 2006, eq. 8; mean over symbols, then recordings.

    Args:
        scores: (batch, time, classes).
        lengths: Steps of each, (batch,).
        targets: All targets one after the other, (symbols,).
        target_lengths: (batch,).
    """
    chances = scores.float().log_softmax(dim=-1).transpose(0, 1)
    return F.ctc_loss(
        chances,
        targets.to(scores.device),
        lengths,
        target_lengths,
        blank=BLANK,
        reduction="mean",
        zero_infinity=True,
    )


def padded(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Put sequences side by side, (time, size) each; returns them and their lengths."""
    lengths = torch.tensor([len(part) for part in parts])
    return nn.utils.rnn.pad_sequence(parts, batch_first=True), lengths
