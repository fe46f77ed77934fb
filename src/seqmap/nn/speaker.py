"""The network that speaks: symbols -> encoder -> attention that only moves forward -> frames.

After Tacotron 2 (Shen et al. 2018): a pre-net, an LSTM that walks along the text, an LSTM that
gives the frames. Its attention is stepwise monotonic (He, Deng & He 2019) with a location term: at
each step it stays at a symbol or goes on to the next one, and where it goes on from the last one
speech ends. So the end cannot come before the text is through.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.config import Config
from seqmap.nn.decoders.lstm import CarriedLSTM
from seqmap.nn.embedding import variational_dropout
from seqmap.nn.encoders import build_encoder
from seqmap.nn.encoders.lstm import set_precision
from seqmap.nn.masks import valid
from seqmap.nn.native_lstm import Precision

LOCATION_FILTERS = 8
LOCATION_WIDTH = 7
"""Symbols that the location term sees around each one."""


@dataclass(frozen=True)
class SpokenBatch:
    """Texts and what is spoken, side by side.

    Attributes:
        symbols: (batch, source) int64, zero beyond a row's length.
        symbol_lengths: (batch,).
        steps: Frames put together, (batch, steps, frames * mels); zero beyond a row's length.
        frame_lengths: (batch,), in frames.
        step_lengths: (batch,), in steps.
        pace: How much slower than usual each is spoken, logarithm of a ratio, (batch,).
        rows: Numbers of the training recordings, (batch,); None for others.
    """

    symbols: Tensor
    symbol_lengths: Tensor
    steps: Tensor
    frame_lengths: Tensor
    step_lengths: Tensor
    pace: Tensor
    rows: Tensor | None = None


@dataclass(frozen=True)
class SpokenFrames:
    """What the network gives.

    Attributes:
        steps: (batch, steps, frames * mels).
        alignment: Attention, (batch, steps, source).
        passed: How much of the attention is beyond the text after each step, (batch, steps).
    """

    steps: Tensor
    alignment: Tensor
    passed: Tensor


class ForwardAttention(nn.Module):
    """Stays at a symbol or goes on to the next one (He, Deng & He 2019, eq. 9 and 10).

    e(n) = vᵀ tanh(W q + U m(n) + F * α + b) + r, stay(n) = σ(e(n)),
    α'(n) = α(n) stay(n) + α(n-1) (1 - stay(n-1)).

    Args:
        query_size: Width of the query.
        memory_size: Width of the encoder's states.
        size: Inner width.
    """

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, size, bias=False)
        self.key = nn.Linear(memory_size, size)
        self.location = nn.Parameter(torch.zeros(size, LOCATION_WIDTH))
        self.score = nn.Parameter(torch.empty(size).uniform_(-0.1, 0.1))
        # At first half of the attention goes on at each step.
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, query: Tensor, keys: Tensor, alignment: Tensor) -> tuple[Tensor, Tensor]:
        """Take a step.

        Args:
            query: (batch, query_size).
            keys: U m + b, (batch, source, size).
            alignment: The last one, (batch, source).

        Returns:
            The new alignment, and what goes on from each symbol, (batch, source) both.
        """
        around = F.pad(alignment, (LOCATION_WIDTH // 2, LOCATION_WIDTH // 2))
        seen = around.unfold(1, LOCATION_WIDTH, 1) @ self.location.T
        inner = torch.tanh(self.query(query)[:, None] + keys + seen)
        scores = inner @ self.score + self.bias
        going = alignment * torch.sigmoid(-scores)
        staying = alignment - going
        return staying + F.pad(going, (1, 0))[:, :-1], going


class SpeakerNetwork(nn.Module):
    """What is trained.

    Args:
        symbols: Number of symbol ids.
        mels: Bands of a frame.
        recordings: How many are learned from: each has a style of its own, found together with the
            weights (Bojanowski et al. 2018), so that a text's recordings need not be averaged.
        config: Sizes and dropouts.
    """

    def __init__(self, symbols: int, mels: int, recordings: int, config: Config) -> None:
        super().__init__()
        own = config.speak
        self.config, self.mels = config, mels
        self.embedding = nn.Embedding(symbols, config.embedding.size)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.encoder = build_encoder(config.embedding.size, config.encoder)
        width, manner = self.encoder.width, own.style + 1
        self.style = nn.Parameter(0.1 * torch.randn(recordings, own.style))
        self.prenet = nn.ModuleList(
            [nn.Linear(mels, own.prenet), nn.Linear(own.prenet, own.prenet)]
        )
        self.walker = CarriedLSTM(own.prenet + width + manner, own.attention)
        self.attention = ForwardAttention(own.attention, width, own.attention)
        self.writer = CarriedLSTM(own.attention + width + manner, own.hidden)
        self.output = nn.Linear(own.hidden + width, own.frames * mels)

    def forward(self, batch: SpokenBatch) -> SpokenFrames:
        """Speak with the true frames before each step (teacher forcing)."""
        memory = self.read(batch.symbols, batch.symbol_lengths)
        before = F.pad(batch.steps[:, :, -self.mels :], (0, 0, 1, 0))[:, :-1]
        manner = self._manner(batch)[:, None].expand(-1, before.shape[1], -1)
        read = torch.cat([self._before(before), manner], dim=-1)
        queries, contexts, alignment, passed = self._walked(read, memory, batch)
        x = torch.cat([queries, contexts, manner], dim=-1)
        start = x.new_zeros(len(x), self.config.speak.hidden)
        states = self.writer.whole(x.contiguous(), batch.step_lengths, start)
        states = variational_dropout(states, self.config.head.dropout, self.training)
        steps = self.output(torch.cat([states, contexts], dim=-1))
        return SpokenFrames(steps, alignment, passed)

    def read(self, symbols: Tensor, lengths: Tensor) -> Tensor:
        """Encode, (batch, source) -> (batch, source, width), zero beyond a row's length."""
        vectors = variational_dropout(
            self.embedding(symbols), self.config.embedding.dropout, self.training
        )
        states = self.encoder(vectors, lengths)
        masked: Tensor = states * valid(lengths, symbols.shape[1])[:, :, None]
        return masked

    def set_precision(self, precision: Precision) -> None:
        """Choose the arithmetic of the LSTM layers that run over whole sequences."""
        set_precision(self.encoder, precision)
        self.writer.precision = precision

    def _before(self, frames: Tensor) -> Tensor:
        """Bring last frames, (…, mels), to what the walker reads, (…, prenet)."""
        for layer in self.prenet:
            frames = F.dropout(torch.relu(layer(frames)), self.config.speak.dropout, self.training)
        return frames

    def _manner(self, batch: SpokenBatch) -> Tensor:
        """Return pace and style of each, (batch, 1 + style)."""
        if batch.rows is None:
            style = self.style.mean(dim=0).expand(len(batch.pace), -1)
        else:
            style = self.style[batch.rows]
        return torch.cat([batch.pace[:, None], style], dim=1)

    def _walked(
        self, read: Tensor, memory: Tensor, batch: SpokenBatch
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Walk along the text, step by step: queries, contexts, alignment, what is beyond it."""
        keys = self.attention.key(memory)
        rows = torch.arange(len(memory), device=memory.device)
        h = c = memory.new_zeros(len(memory), self.config.speak.attention)
        alignment = memory.new_zeros(memory.shape[:2])
        alignment[:, 0] = 1.0
        context, passed = memory[:, 0], memory.new_zeros(len(memory))
        found: list[list[Tensor]] = [[], [], [], []]
        last = batch.symbol_lengths - 1
        for step in read.unbind(dim=1):
            h, c = self.walker.step(torch.cat([step, context], dim=-1), h, c)
            alignment, going = self.attention(h, keys, alignment)
            passed = passed + going[rows, last]
            alignment = alignment * valid(batch.symbol_lengths, memory.shape[1])
            context = (alignment[:, None] @ memory)[:, 0]
            for kept, value in zip(found, (h, context, alignment, passed), strict=True):
                kept.append(value)
        queries, contexts, weights, beyond = (torch.stack(one, dim=1) for one in found)
        return queries, contexts, weights, beyond
