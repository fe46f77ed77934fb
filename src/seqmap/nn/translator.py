"""The networks of text → text: tables of vectors, an encoder, a decoder, scores of all pieces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import BOUNDARY
from seqmap.config import Config, EmbeddingConfig
from seqmap.errors import ConfigError
from seqmap.nn.decoders import build_decoder
from seqmap.nn.decoders.base import Memory
from seqmap.nn.decoders.lstm import CarriedLSTM
from seqmap.nn.dropout import dropout
from seqmap.nn.embedding import variational_dropout
from seqmap.nn.encoders import build_encoder
from seqmap.nn.encoders.lstm import set_precision
from seqmap.nn.masks import valid
from seqmap.nn.native_lstm import Precision
from seqmap.nn.piece_loss import piece_loss


@dataclass(frozen=True)
class PairBatch:
    """Pairs side by side, as numbers.

    Attributes:
        source: (batch, source) int64, boundary at the end of each row and beyond.
        source_lengths: (batch,), the boundary included.
        target: (batch, target) int64: what shall be written, boundary at the end and beyond.
        target_lengths: (batch,), the boundary included.
    """

    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor


class Vectors(nn.Module):
    """A table of vectors, (pieces, size), with the dropouts of small data.

    In training a piece is replaced by the unknown one with probability `word_dropout`, and
    components are dropped over whole sequences (Gal & Ghahramani 2016).
    """

    def __init__(self, pieces: int, config: EmbeddingConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(pieces, config.size))
        # As output weights these must give scores of about one size whatever the dimension.
        nn.init.normal_(self.weight, std=config.size**-0.5)
        self.config = config

    def forward(self, ids: Tensor) -> Tensor:
        """Look pieces up, (batch, time) int64 -> (batch, time, size)."""
        if self.training and self.config.word_dropout > 0:
            dropped = torch.rand(ids.shape, device=ids.device) < self.config.word_dropout
            ids = ids.masked_fill(dropped & (ids != BOUNDARY), UNKNOWN)
        # Scaled, as in §3.4 of Vaswani et al. 2017: small as outputs, of size one as inputs.
        vectors = F.embedding(ids, self.weight) * self.config.size**0.5
        return variational_dropout(vectors, self.config.dropout, self.training)


class Member(nn.Module):
    """One network that writes.

    Args:
        source: Number of source ids.
        target: Number of target ids.
        config: Sizes and dropouts.
    """

    precision: Precision = "fp32"

    def __init__(self, *, source: int, target: int, config: Config) -> None:
        super().__init__()
        own, size = config.translate, config.embedding.size
        if own.tie == "all" and own.vocabulary != "joint":
            raise ConfigError(
                "only a joint vocabulary can share one table",
                given="translate.tie = all, translate.vocabulary = separate",
                remedy="Set translate.tie = 'target'",
            )
        self.config = config
        self.source = Vectors(source, config.embedding)
        self.target = Vectors(target, config.embedding) if own.tie != "all" else None
        self.output = Vectors(target, config.embedding) if own.tie == "none" else None
        self.bias = nn.Parameter(torch.zeros(target))
        self.encoder = build_encoder(size, config.encoder)
        self.decoder = build_decoder(size, self.encoder.width, own)

    @property
    def target_vectors(self) -> Vectors:
        """The table of the words that were written."""
        return self.target or self.source

    @property
    def output_weight(self) -> Tensor:
        """The vectors that the decoder's are compared with, (target ids, size)."""
        return (self.output or self.target_vectors).weight

    def decode(self, batch: PairBatch) -> Tensor:
        """Return a vector for each valid step, one after the other, (steps, size)."""
        memory = self.encode(batch.source, batch.source_lengths)
        before = F.pad(batch.target, (1, 0), value=BOUNDARY)[:, :-1]
        mask = valid(batch.target_lengths, batch.target.shape[1])
        chance = self.config.translate.scheduled_sampling
        if self.training and chance > 0:
            before = self._mixed(before, mask, batch, memory, chance)
        vectors = self._decoded(before, batch.target_lengths, memory)[mask]
        return dropout(vectors, self.config.head.dropout, self.training)

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """Read the source."""
        states = self.encoder(self.source(source), lengths)
        return Memory(states, valid(lengths, source.shape[1]))

    def scores(self, vectors: Tensor) -> Tensor:
        """Compare with every piece, (steps, size) -> (steps, target ids)."""
        return vectors @ self.output_weight.T + self.bias

    def smoothed_loss(self, batch: PairBatch, truth: Tensor) -> Tensor:
        """Return the mean smoothed cross-entropy of a batch whose valid pieces are (steps,)."""
        return piece_loss(
            self.decode(batch),
            self.output_weight,
            self.bias,
            truth,
            smoothing=self.config.head.label_smoothing,
            half=self.precision == "bf16",
        )

    def _decoded(self, before: Tensor, lengths: Tensor, memory: Memory) -> Tensor:
        words = self.target_vectors(before)
        # LSTM layers choose their arithmetic themselves; of a Transformer, products in bf16.
        half = self.precision == "bf16" and self.config.translate.decoder == "transformer"
        with torch.autocast(words.device.type, torch.bfloat16, enabled=half and self.training):
            found: Tensor = self.decoder(words, lengths, memory)
        return found.float()

    def _mixed(
        self, before: Tensor, mask: Tensor, batch: PairBatch, memory: Memory, chance: float
    ) -> Tensor:
        """Put what the model itself says in place of some words (Mihaylova & Martins 2019, §3)."""
        with torch.no_grad():
            said = torch.zeros_like(before)
            vectors = self._decoded(before, batch.target_lengths, memory)
            said[mask] = self.scores(vectors[mask]).argmax(dim=-1)
            own = F.pad(said, (1, 0), value=BOUNDARY)[:, :-1]
            chosen = torch.rand(before.shape, device=before.device) < chance
            chosen[:, 0] = False
        return torch.where(chosen & mask, own, before)


class TranslationNetwork(Member):
    """What is trained: networks side by side that write together.

    Networks that differ by their first weights and by what dropout hides from them err in other
    places; the mean of what they find probable is more often right than any one of them
    (Sutskever et al. 2014, §3.6).

    Args:
        source: Number of source ids.
        target: Number of target ids.
        config: Sizes, dropouts and how many networks.
    """

    def __init__(self, *, source: int, target: int, config: Config) -> None:
        super().__init__(source=source, target=target, config=config)
        count = config.translate.members
        self.others = nn.ModuleList(
            Member(source=source, target=target, config=config) for _ in range(1, count)
        )

    @property
    def members(self) -> tuple[Member, ...]:
        """All networks."""
        return (self, *(other for other in self.others if isinstance(other, Member)))

    def forward(self, batch: PairBatch) -> Tensor:
        """Return log of the mean probability of each piece at each valid step, (steps, pieces)."""
        found = [member.scores(member.decode(batch)).log_softmax(dim=-1) for member in self.members]
        return torch.stack(found).logsumexp(dim=0) - math.log(len(found))

    def loss(self, batch: PairBatch, truth: Tensor) -> Tensor:
        """Return the mean loss of the networks: each learns as if it were alone.

        Args:
            batch: Pairs.
            truth: Their valid pieces, one after the other, (steps,).
        """
        found = [member.smoothed_loss(batch, truth) for member in self.members]
        return torch.stack(found).mean()

    def set_precision(self, precision: Precision) -> None:
        """Choose the arithmetic of LSTM layers and of the outputs' products."""
        for member in self.members:
            member.precision = precision
            set_precision(member.encoder, precision)
            for module in member.decoder.modules():
                if isinstance(module, CarriedLSTM):
                    module.precision = precision
