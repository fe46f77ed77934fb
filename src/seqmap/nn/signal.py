"""The network that labels signals: encoder -> head, on vectors."""

from __future__ import annotations

from torch import Tensor, nn

from seqmap.config import Config
from seqmap.nn.encoders import build_encoder
from seqmap.nn.heads import HEADS


class SignalModel(nn.Module):
    """What is trained.

    Args:
        size: Features of a step.
        classes: Number of labels.
        config: Sizes and dropouts.
    """

    def __init__(self, size: int, classes: int, config: Config) -> None:
        super().__init__()
        self.encoder = build_encoder(size, config.encoder)
        self.head = HEADS["label"](self.encoder, classes, config.head)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Score whole signals, (batch, time, size) -> (batch, classes)."""
        scores: Tensor = self.head(self.encoder(x, lengths), lengths)
        return scores
