"""LSTM decoders with attention over the source."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqmap.config import TranslateConfig
from seqmap.nn.decoders.attention import ATTENTIONS, Attention
from seqmap.nn.decoders.base import Decoder, Memory
from seqmap.nn.embedding import variational_dropout
from seqmap.nn.encoders.lstm import LSTMDirection
from seqmap.nn.native_lstm import Precision, lstm_layer, usable


class CarriedLSTM(LSTMDirection):
    """One layer from left to right that begins in a given state; on the native core if it can."""

    precision: Precision = "fp32"

    def whole(self, x: Tensor, lengths: Tensor, start: Tensor) -> Tensor:
        """Read all steps.

        Args:
            x: (batch, time, size).
            lengths: (batch,).
            start: The first state h, (batch, hidden); the first cell is zero.

        Returns:
            (batch, time, hidden).
        """
        if usable(x):
            return lstm_layer(
                x, lengths, self.w_ih, self.w_hh, self.bias, start, precision=self.precision
            )[0]
        weights = [self.w_ih, self.w_hh, self.bias, torch.zeros_like(self.bias)]
        carried = (start[None].contiguous(), torch.zeros_like(start)[None])
        return torch.lstm(x, carried, weights, True, 1, 0.0, self.training, False, True)[0]

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Take one step, (batch, size) and the state -> the state after it."""
        gates = x @ self.w_ih.T + h @ self.w_hh.T + self.bias
        i, f, g, o = gates.chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class _Attending(Decoder):
    """What both LSTM decoders have: attention, first states, and the vector that comes out."""

    attention: Attention
    layers: nn.ModuleList

    def __init__(self, input_size: int, memory_size: int, config: TranslateConfig) -> None:
        super().__init__(input_size, memory_size, config)
        self.attention = ATTENTIONS[config.attention](config.hidden, memory_size)
        self.start = nn.Linear(memory_size, config.layers * config.hidden)
        self.combine = nn.Linear(config.hidden + memory_size, input_size)

    @property
    def cells(self) -> list[CarriedLSTM]:
        """The layers, the lowest first."""
        return cast(list[CarriedLSTM], list(self.layers))

    def first(self, memory: Tensor, mask: Tensor) -> Tensor:
        """Return the first states, tanh(W · mean of the source), (layers, batch, hidden)."""
        valid = mask[:, :, None].to(memory.dtype)
        mean = (memory * valid).sum(dim=1) / valid.sum(dim=1).clamp(min=1)
        start = torch.tanh(self.start(mean)).view(len(mean), self.config.layers, -1)
        return start.transpose(0, 1)


class LSTMDecoder(_Attending):
    """An LSTM stack whose first layer attends; nothing that comes out goes back in.

    The first layer reads the words; attention is asked by its states; the layers above read state
    and context (as in Wu et al. 2016, §3). So every layer can run over a whole sequence at once in
    training, and attention is one product for all steps.
    """

    def __init__(self, input_size: int, memory_size: int, config: TranslateConfig) -> None:
        super().__init__(input_size, memory_size, config)
        above = [config.hidden + memory_size] * (config.layers - 1)
        self.layers = nn.ModuleList(
            CarriedLSTM(size, config.hidden) for size in [input_size, *above]
        )

    def forward(self, words: Tensor, lengths: Tensor, memory: Memory) -> Tensor:
        """Decode, (batch, target, input_size) -> (batch, target, input_size)."""
        rate, training = self.config.dropout, self.training
        start = self.first(memory.states, memory.mask)
        # states: (batch, target, hidden)
        states = self.cells[0].whole(words, lengths, start[0])
        keys = self.attention.keys(memory.states)
        query = variational_dropout(states, rate, training)
        # context: (batch, target, memory_size)
        context, _ = self.attention.attend(query, keys, memory.states, memory.mask)
        context = variational_dropout(context, rate, training)
        states = query
        for layer, first in zip(self.cells[1:], start[1:], strict=True):
            above = layer.whole(torch.cat([states, context], dim=-1), lengths, first)
            states = states + variational_dropout(above, rate, training)
        combined: Tensor = torch.tanh(self.combine(torch.cat([states, context], dim=-1)))
        return combined


class FeedingDecoder(_Attending):
    """Input feeding: each step also reads the vector that the last one gave (Luong et al. 2015).

    With `coverage` the scores see how much attention each source state has received (Tu et al.
    2016; needs the Bahdanau score). Trains step by step: slower by the length of the target.
    """

    def __init__(self, input_size: int, memory_size: int, config: TranslateConfig) -> None:
        super().__init__(input_size, memory_size, config)
        above = [config.hidden] * (config.layers - 1)
        self.layers = nn.ModuleList(
            CarriedLSTM(size, config.hidden) for size in [2 * input_size, *above]
        )

    def forward(self, words: Tensor, lengths: Tensor, memory: Memory) -> Tensor:
        """Decode, (batch, target, input_size) -> (batch, target, input_size)."""
        batch, steps, size = words.shape
        rate, training = self.config.dropout, self.training
        keys = self.attention.keys(memory.states)
        h = list(self.first(memory.states, memory.mask))
        c = [torch.zeros_like(h[0]) for _ in h]
        # One mask a sequence, as variational dropout wants it: (batch, 1, hidden) for each layer.
        ones = words.new_ones(batch, 1, self.config.hidden)
        masks = [variational_dropout(ones, rate, training)[:, 0] for _ in h]
        fed = words.new_zeros(batch, size)
        covered = memory.states.new_zeros(memory.mask.shape)
        found = []
        for t in range(steps):
            x = torch.cat([words[:, t], fed], dim=-1)
            for number, layer in enumerate(self.cells):
                h[number], c[number] = layer.step(x, h[number], c[number])
                x = h[number] * masks[number]
            context, weights = self.attention.attend(
                x[:, None], keys, memory.states, memory.mask, self._seen(covered)
            )
            covered = covered + weights[:, 0]
            fed = torch.tanh(self.combine(torch.cat([x, context[:, 0]], dim=-1)))
            found.append(fed)
        return torch.stack(found, dim=1)

    def _seen(self, covered: Tensor) -> Tensor | None:
        return covered if self.config.coverage == "sum" else None
