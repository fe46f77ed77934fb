"""The network that tags: words by form and letters -> encoder -> emissions (+ wide) -> CRF."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.codecs.base import PAD, UNKNOWN
from seqmap.config import Config
from seqmap.features.forms import SHAPES
from seqmap.features.window import REACH, WIDTH
from seqmap.nn.embedding import variational_dropout
from seqmap.nn.encoders import build_encoder
from seqmap.nn.heads.crf import CRF
from seqmap.nn.masks import valid
from seqmap.nn.pooling import Pooling


@dataclass(frozen=True)
class TagSizes:
    """How many there are of each.

    Attributes:
        words: Word ids.
        letters: Letter ids.
        pairs: Ids of neighbouring pairs; 0 leaves their vectors out.
        features: Lexical features of the wide branch; 0 leaves it out.
        tags: Tags.
        intents: Labels of a whole text; 0 leaves them out.
    """

    words: int
    letters: int
    pairs: int
    features: int
    tags: int
    intents: int = 0


@dataclass(frozen=True)
class TagInputs:
    """A batch; distinct words are read once.

    Attributes:
        words: Ids of the distinct words, (forms,).
        letters: Their letters, (forms, letters), zero beyond a word's end.
        letter_lengths: (forms,).
        shapes: Shape classes, (forms,).
        places: Which form stands where, (batch, time).
        pairs: Ids of the pair that begins at each token, (batch, time).
        features: Ids of lexical features, those of all valid tokens one after the other.
        feature_offsets: Where the features of each valid token begin, (tokens,).
        lengths: (batch,).
    """

    words: Tensor
    letters: Tensor
    letter_lengths: Tensor
    shapes: Tensor
    places: Tensor
    pairs: Tensor
    features: Tensor
    feature_offsets: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class MemberOutputs:
    """What one network says about a batch.

    Attributes:
        emissions: (batch, time, tags).
        intents: Logits of the whole texts, (batch, intents), or None.
    """

    emissions: Tensor
    intents: Tensor | None


@dataclass(frozen=True)
class TagOutputs:
    """What a batch gave.

    Attributes:
        members: What each network says.
        wide: Emissions of the lexical features, (batch, time, tags), or None.
    """

    members: tuple[MemberOutputs, ...]
    wide: Tensor | None


class Table(nn.Module):
    """Vectors by id whose gradient is sparse, (rows, size)."""

    def __init__(self, rows: int, size: int, *, deviation: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(rows, size).normal_(std=deviation))

    def forward(self, ids: Tensor) -> Tensor:
        """Look ids up, (...) -> (..., size); `PAD` gets no gradient."""
        return F.embedding(ids, self.weight, padding_idx=PAD, sparse=self.training)


class LetterReader(nn.Module):
    """A bidirectional LSTM over the letters of each word (Lample et al. 2016, section 4.1)."""

    def __init__(self, letters: int, config: Config) -> None:
        super().__init__()
        tag = config.tag
        self.embedding = nn.Embedding(letters, tag.character_size, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=0.3)
        with torch.no_grad():
            self.embedding.weight[PAD].zero_()
        reader = Config().replace(
            encoder__hidden=tag.character_hidden, encoder__layers=1, encoder__direction="both"
        )
        self.encoder = build_encoder(tag.character_size, reader.encoder)
        self.pooling = Pooling("last", self.encoder.width, self.encoder.directions)
        self.width = self.encoder.width

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        """Read words, (forms, letters) -> (forms, width)."""
        states = self.encoder(self.embedding(letters), lengths)
        read: Tensor = self.pooling(states, lengths)
        return read


class Member(nn.Module):
    """One network that tags.

    Args:
        sizes: How many words, letters and tags there are.
        allowed: Which tag may follow which; see `CRF`.
        config: Sizes and dropouts.
    """

    def __init__(self, sizes: TagSizes, allowed: Tensor, config: Config) -> None:
        super().__init__()
        self.config, self.sizes = config, sizes
        tag, size = config.tag, config.embedding.size
        self.words = Table(sizes.words, size, deviation=0.1)
        self.letters = LetterReader(sizes.letters, config) if tag.characters == "lstm" else None
        self.shapes = nn.Embedding(len(SHAPES), tag.shape_size) if tag.shape_size else None
        self.pairs = Table(sizes.pairs, tag.pair_size, deviation=0.1) if sizes.pairs else None
        width = size + tag.shape_size + (tag.pair_size if sizes.pairs else 0)
        width += self.letters.width if self.letters else 0
        self.encoder = build_encoder(width, config.encoder)
        self.output = nn.Linear(self.encoder.width, sizes.tags)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.crf = CRF(allowed)
        if sizes.intents:
            self.pooling = Pooling(config.head.pooling, self.encoder.width, self.encoder.directions)
            self.intent = nn.Linear(self.pooling.width, sizes.intents)

    def read(self, batch: TagInputs) -> MemberOutputs:
        """Read a batch."""
        states = self.encoder(self._inputs(batch), batch.lengths)
        states = variational_dropout(states, self.config.head.dropout, self.training)
        intents = None
        if self.sizes.intents:
            intents = self.intent(self.pooling(states, batch.lengths))
        return MemberOutputs(self.output(states), intents)

    def _inputs(self, batch: TagInputs) -> Tensor:
        """Return (batch, time, size): what each word is, by place."""
        rate = self.config.embedding.word_dropout
        words = batch.words
        if self.training and rate > 0:
            dropped = torch.rand(words.shape, device=words.device) < rate
            words = words.masked_fill(dropped & (words != PAD), UNKNOWN)
        parts = [self.words(words)]
        if self.letters is not None:
            parts.append(self.letters(batch.letters, batch.letter_lengths))
        if self.shapes is not None:
            parts.append(self.shapes(batch.shapes))
        # forms: (forms, size) -> (batch, time, size)
        x = torch.cat(parts, dim=1)[batch.places]
        if self.pairs is not None:
            x = torch.cat([x, self.pairs(batch.pairs)], dim=2)
        return variational_dropout(x, self.config.embedding.dropout, self.training)


class TagNetwork(Member):
    """What is trained: networks side by side, and the lexical features.

    Networks that differ by their first weights and by what dropout hides from them err in other
    places; the mean of their scores is again a CRF's (a product of experts, Hinton 2002).

    Args:
        sizes: How many words, letters, features and tags there are.
        allowed: Which tag may follow which; see `CRF`.
        config: Sizes, dropouts and how many networks.
    """

    def __init__(self, sizes: TagSizes, allowed: Tensor, config: Config) -> None:
        super().__init__(sizes, allowed, config)
        weights = WIDTH * sizes.tags
        self.features = Table(sizes.features, weights, deviation=0.0) if sizes.features else None
        # The branches are trained apart, each with transitions of its own, and fused afterwards.
        # Trained together, the features soon explain every training text, and the network is left
        # without a gradient.
        self.wide_crf = CRF(allowed) if sizes.features else None
        others = (Member(sizes, allowed, config) for _ in range(1, config.tag.members))
        self.others = nn.ModuleList(others)

    @property
    def members(self) -> tuple[Member, ...]:
        """All networks, the first one with the features beside it."""
        return (self, *(other for other in self.others if isinstance(other, Member)))

    @property
    def tables(self) -> list[nn.Parameter]:
        """The tables with sparse gradients."""
        tables = [table for member in self.members for table in (member.words, member.pairs)]
        return [table.weight for table in (*tables, self.features) if table is not None]

    def forward(self, batch: TagInputs) -> TagOutputs:
        """Read a batch."""
        members = tuple(member.read(batch) for member in self.members)
        return TagOutputs(members, None if self.features is None else self._wide(batch))

    def _wide(self, batch: TagInputs) -> Tensor:
        """Return what lexical features say, (batch, time, tags); see `features.window`."""
        assert self.features is not None
        rows, time = batch.places.shape
        kept = None
        rate = self.config.tag.feature_dropout
        if self.training and rate > 0:
            kept = torch.rand(len(batch.features), device=batch.features.device)
            kept = (kept >= rate).float() / (1 - rate)
        found = F.embedding_bag(
            batch.features,
            self.features.weight,
            batch.feature_offsets,
            mode="sum",
            sparse=self.training,
            per_sample_weights=kept,
        )
        mask = valid(batch.lengths, time)
        brought = found.new_zeros(rows, time, WIDTH * self.sizes.tags)
        brought[mask] = found
        brought = brought.view(rows, time, WIDTH, self.sizes.tags)
        total = found.new_zeros(rows, time, self.sizes.tags)
        for place in range(WIDTH):
            # What the token at t + shift says about the one at t.
            shift = place - REACH
            here = slice(max(0, -shift), time - max(0, shift))
            there = slice(max(0, shift), time - max(0, -shift))
            total[:, here] += brought[:, there, place]
        return total
