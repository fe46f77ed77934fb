"""One label, or several, for a whole sequence: pooling, dropout, a dense layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.config import HeadConfig
from seqmap.nn.encoders.base import Encoder
from seqmap.nn.heads.base import Head
from seqmap.nn.pooling import Pooling


class LabelHead(Head):
    """Softmax over labels that exclude each other; targets are distributions (batch, classes)."""

    def __init__(self, encoder: Encoder, classes: int, config: HeadConfig) -> None:
        super().__init__(encoder, classes, config)
        self.pooling = Pooling(config.pooling, encoder.width, encoder.directions)
        self.output = nn.Linear(self.pooling.width, classes)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return logits, (batch, time, width) -> (batch, classes)."""
        pooled = F.dropout(self.pooling(states, lengths), self.config.dropout, self.training)
        logits: Tensor = self.output(pooled)
        return logits

    def loss(self, scores: Tensor, target: Tensor, class_weights: Tensor | None = None) -> Tensor:
        """Cross-entropy with target distributions (one-hot or a teacher's), weighted by class."""
        smoothing = self.config.label_smoothing if self.training else 0.0
        target = target * (1 - smoothing) + smoothing / self.classes
        losses = -(target * scores.log_softmax(dim=-1))
        if class_weights is not None:
            losses = losses * class_weights
        return losses.sum(dim=-1).mean()


class MultiLabelHead(LabelHead):
    """A sigmoid for each label; targets are probabilities of each, (batch, classes)."""

    def loss(self, scores: Tensor, target: Tensor, class_weights: Tensor | None = None) -> Tensor:
        """Binary cross-entropy, summed over labels."""
        smoothing = self.config.label_smoothing if self.training else 0.0
        target = target * (1 - smoothing) + smoothing / 2
        losses = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
        if class_weights is not None:
            losses = losses * torch.where(target > 0.5, class_weights, 1.0)
        return losses.sum(dim=-1).mean()
