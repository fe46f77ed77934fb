"""The Transformer decoder (Vaswani et al. 2017), pre-norm, over any encoder's states."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqmap.config import TranslateConfig
from seqmap.errors import ConfigError
from seqmap.nn.attention import attend, projected
from seqmap.nn.decoders.base import Decoder, Memory
from seqmap.nn.dropout import Dropout, dropout
from seqmap.nn.encoders.transformer import positions


class TransformerDecoder(Decoder):
    """Projection, sinusoidal positions, a stack of layers, a norm, and back to a word's size."""

    def __init__(self, input_size: int, memory_size: int, config: TranslateConfig) -> None:
        super().__init__(input_size, memory_size, config)
        if config.hidden % config.heads:
            raise ConfigError(
                "translate.hidden must be a multiple of translate.heads",
                given=f"hidden {config.hidden}, heads {config.heads}",
            )
        self.project = nn.Linear(input_size, config.hidden)
        self.layers = nn.ModuleList(DecoderLayer(memory_size, config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden)
        self.combine = nn.Linear(config.hidden, input_size)

    def forward(self, words: Tensor, lengths: Tensor, memory: Memory) -> Tensor:
        """Decode, (batch, target, input_size) -> (batch, target, input_size)."""
        steps = words.shape[1]
        x = self.project(words) + positions(steps, self.config.hidden).to(words)
        x = dropout(x, self.config.dropout, self.training)
        # past: (1, 1, target, target), True where a step may look
        past = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril()[None, None]
        for layer in self.layers:
            x = layer(x, past, memory)
        combined: Tensor = self.combine(self.norm(x))
        return combined


class DecoderLayer(nn.Module):
    """Attention to the words so far, to the source, and a feed-forward network, all on a stream."""

    def __init__(self, memory_size: int, config: TranslateConfig) -> None:
        super().__init__()
        width, inner = config.hidden, config.feedforward or 2 * config.hidden
        self.dropout = Dropout(config.dropout)
        self.norm1 = nn.LayerNorm(width)
        self.own = HeadedAttention(width, width, config)
        self.norm2 = nn.LayerNorm(width)
        self.cross = HeadedAttention(width, memory_size, config)
        self.norm3 = nn.LayerNorm(width)
        self.feed1 = nn.Linear(width, inner)
        self.feed2 = nn.Linear(inner, width)

    def forward(self, x: Tensor, past: Tensor, memory: Memory) -> Tensor:
        """Run one layer, (batch, target, width) -> (batch, target, width)."""
        own = self.norm1(x)
        x = x + self.dropout(self.own(own, own, past))
        x = x + self.dropout(self.cross(self.norm2(x), memory.states, memory.mask[:, None, None]))
        x = x + self.dropout(self.feed2(torch.relu(self.feed1(self.norm3(x)))))
        return x


class HeadedAttention(nn.Module):
    """Attention with several heads to what a layer below or an encoder gave."""

    def __init__(self, width: int, memory_size: int, config: TranslateConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(memory_size, width)
        self.value = nn.Linear(memory_size, width)
        self.output = nn.Linear(width, width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Attend.

        Args:
            x: What asks, (batch, target, width).
            memory: What is asked, (batch, source, memory_size).
            mask: True where it may be looked at; broadcasts to (batch, heads, target, source).

        Returns:
            (batch, target, width).
        """
        if x is memory:
            query, key, value = projected(x, (self.query, self.key, self.value))
        else:
            query = self.query(x)
            key, value = projected(memory, (self.key, self.value))
        attended: Tensor = self.output(
            attend(query, key, value, mask, heads=self.heads, dropout=self.dropout)
        )
        return attended
