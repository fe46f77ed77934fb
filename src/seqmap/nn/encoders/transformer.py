"""The Transformer encoder (Vaswani et al. 2017), pre-norm."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqmap.config import EncoderConfig
from seqmap.errors import ConfigError
from seqmap.nn.attention import attend, projected
from seqmap.nn.dropout import Dropout, dropout
from seqmap.nn.encoders.base import Encoder
from seqmap.nn.masks import valid


class TransformerEncoder(Encoder):
    """Projection, sinusoidal positions, a stack of layers, a final norm."""

    directions = 1

    def __init__(self, input_size: int, config: EncoderConfig) -> None:
        super().__init__(input_size, config)
        if config.hidden % config.heads:
            raise ConfigError(
                "encoder.hidden must be a multiple of encoder.heads",
                given=f"hidden {config.hidden}, heads {config.heads}",
            )
        self.width = config.hidden
        self.project = nn.Linear(input_size, config.hidden)
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden)
        self.dropout = config.dropout

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Encode, (batch, time, size) -> (batch, time, hidden)."""
        mask = valid(lengths, x.shape[1])
        x = self.project(x) + positions(x.shape[1], self.width).to(x)
        x = dropout(x, self.dropout, self.training)
        for layer in self.layers:
            x = layer(x, mask)
        encoded: Tensor = self.norm(x)
        return encoded


class TransformerLayer(nn.Module):
    """Self-attention, then a feed-forward network, each on normed input and added to the stream."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width, inner = config.hidden, config.feedforward or 4 * config.hidden
        self.heads = config.heads
        self.dropout = Dropout(config.dropout)
        self.norm1 = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.feed1 = nn.Linear(width, inner)
        self.feed2 = nn.Linear(inner, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Run one layer.

        Args:
            x: (batch, time, width).
            mask: (batch, time) bool, True = valid.

        Returns:
            (batch, time, width).
        """
        x = x + self.dropout(self.attend(self.norm1(x), mask))
        x = x + self.dropout(self.feed2(torch.relu(self.feed1(self.norm2(x)))))
        return x

    def attend(self, x: Tensor, mask: Tensor) -> Tensor:
        """Let each step look at all valid ones, (batch, time, width) -> (batch, time, width)."""
        query, key, value = projected(x, (self.query, self.key, self.value))
        seen = mask[:, None, None, :]
        attended: Tensor = self.output(
            attend(query, key, value, seen, heads=self.heads, dropout=self.dropout)
        )
        return attended


def positions(time: int, width: int) -> Tensor:
    """Sinusoidal positions, §3.5 of Vaswani et al. 2017.

    Args:
        time: How many steps.
        width: Features; even places hold the sine, odd ones the cosine.

    Returns:
        (time, width) float32.
    """
    step = torch.arange(time, dtype=torch.float64)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width))
    table = torch.zeros(time, width, dtype=torch.float64)
    table[:, 0::2] = torch.sin(step * rate)
    table[:, 1::2] = torch.cos(step * rate)[:, : width // 2]
    return table.float()
