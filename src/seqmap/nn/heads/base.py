"""What all heads have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from seqmap.config import HeadConfig
from seqmap.nn.encoders.base import Encoder


class Head(nn.Module, ABC):
    """Reads the encoder's states and answers.

    Args:
        encoder: What the states come from.
        classes: How many labels there are.
        config: Pooling, dropout, label smoothing.
    """

    def __init__(self, encoder: Encoder, classes: int, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.classes = classes

    @abstractmethod
    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return the scores.

        Args:
            states: (batch, time, width).
            lengths: (batch,).
        """

    @abstractmethod
    def loss(self, scores: Tensor, target: Tensor, class_weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of a batch, a scalar."""
