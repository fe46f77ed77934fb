"""What the training loop needs for tagging: batches of sentences, the CRF's loss, dev F1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seqmap.batch import plan_batches
from seqmap.codecs.base import UNKNOWN
from seqmap.config import Config
from seqmap.features.form_codec import Form, FormCodec
from seqmap.nn.heads.crf import CRF
from seqmap.nn.tagger import TagInputs, TagNetwork, TagOutputs
from seqmap.training.learner import Learner, Score

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TagData:
    """Sentences as numbers.

    Attributes:
        forms: The distinct tokens.
        places: Which form stands where, per sentence, (tokens,).
        pairs: Ids of pairs, per sentence, (tokens,).
        pair_features: Places in the table of features, per sentence, (tokens, 3), -1 for none.
        tags: Per sentence, (tokens,).
        intents: (sentences,), -1 where there is none.
    """

    forms: Sequence[Form]
    places: Sequence[Ints]
    pairs: Sequence[NDArray[np.int32]]
    pair_features: Sequence[NDArray[np.int32]]
    tags: Sequence[Ints]
    intents: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens of each sentence, (sentences,)."""
        return np.array([len(places) for places in self.places], np.int64)


def encode(
    codec: FormCodec,
    sentences: Sequence[Sequence[str]],
    tags: Sequence[Ints],
    intents: Ints,
) -> TagData:
    """Turn sentences into numbers."""
    numbers: dict[str, int] = {}
    forms: list[Form] = []
    places, pairs, pair_features = [], [], []
    for tokens in sentences:
        for token in tokens:
            if token not in numbers:
                numbers[token] = len(forms)
                forms.append(codec.forms[token])
        here = np.array([numbers[token] for token in tokens], np.int64)
        vectors, features = codec.encode_pairs([forms[place] for place in here])
        places.append(here)
        pairs.append(vectors)
        pair_features.append(features)
    return TagData(forms, places, pairs, pair_features, tags, intents)


@dataclass(frozen=True)
class DevOutputs:
    """What the network says about the dev part.

    Attributes:
        deep: Emissions of the networks, their mean, (tokens, tags) each.
        wide: Those of the lexical features, or None.
        intents: Logits, (sentences, intents), or None.
        loss: Of the networks alone, their mean, a token.
    """

    deep: list[Floats]
    wide: list[Floats] | None
    intents: Floats | None
    loss: float


class Batcher:
    """Makes batches of a part of the data."""

    def __init__(self, data: TagData, device: torch.device) -> None:
        self.data, self.device = data, device
        forms = data.forms
        self._words = np.array([form.word for form in forms], np.int64)
        self._shapes = np.array([form.shape for form in forms], np.int64)
        self._letter_lengths = np.array([len(form.letters) for form in forms], np.int64)
        width = int(self._letter_lengths.max(initial=1))
        self._letters = np.zeros((len(forms), width), np.int64)
        for row, form in enumerate(forms):
            self._letters[row, : len(form.letters)] = form.letters
        self._key_counts = np.array([len(form.keys) for form in forms], np.int64)
        self._key_starts = np.concatenate([[0], np.cumsum(self._key_counts)])
        self._keys = np.concatenate([np.zeros(0, np.int32), *(form.keys for form in forms)])

    def batch(self, rows: Ints, *, unknown: NDArray[np.bool_] | None = None) -> TagInputs:
        """Put sentences side by side.

        Args:
            rows: Which ones.
            unknown: Forms whose word is read as unknown this time, (forms,).
        """
        data = self.data
        lengths = np.array([len(data.places[row]) for row in rows], np.int64)
        flat = np.concatenate([data.places[row] for row in rows])
        used, inverse = np.unique(flat, return_inverse=True)
        mask = np.arange(int(lengths.max()))[None, :] < lengths[:, None]
        places = np.zeros(mask.shape, np.int64)
        places[mask] = inverse
        pairs = np.zeros(mask.shape, np.int64)
        pairs[mask] = np.concatenate([data.pairs[row] for row in rows])
        words = self._words[used]
        if unknown is not None:
            words = np.where(unknown[used], UNKNOWN, words)
        letter_lengths = self._letter_lengths[used]
        letters = self._letters[used, : int(letter_lengths.max())]
        features, offsets = self._features(flat, rows)
        arrays = (
            words, letters, letter_lengths, self._shapes[used], places, pairs,
            features, offsets, lengths,
        )  # fmt: skip
        return TagInputs(*(torch.from_numpy(array).to(self.device) for array in arrays))

    def tags(self, rows: Ints) -> Tensor:
        """Return the true tags, (batch, time), zero beyond a row's length.

        A tag that training did not see, which dev may hold, is taken for the first one.
        """
        found = [np.maximum(self.data.tags[row], 0) for row in rows]
        padded = np.zeros((len(rows), max(map(len, found))), np.int64)
        for place, tags in enumerate(found):
            padded[place, : len(tags)] = tags
        return torch.from_numpy(padded).to(self.device)

    def _features(self, flat: Ints, rows: Ints) -> tuple[Ints, Ints]:
        """Return the features of all tokens one after the other, and where each token's begin."""
        counts = self._key_counts[flat]
        own_total = int(counts.sum())
        starts = np.cumsum(counts) - counts
        index = np.repeat(self._key_starts[flat] - starts, counts) + np.arange(own_total)
        own, owner = self._keys[index], np.repeat(np.arange(len(flat)), counts)
        neighbours = np.concatenate([self.data.pair_features[row] for row in rows])
        there = neighbours >= 0
        both = np.concatenate([own, neighbours[there]]).astype(np.int64)
        owners = np.concatenate([owner, np.nonzero(there)[0]])
        order = np.argsort(owners, kind="stable")
        sizes = np.bincount(owners, minlength=len(flat))
        return both[order], np.cumsum(sizes) - sizes


class TagLearner(Learner):
    """A network that tags.

    Args:
        network: The network.
        config: Dropouts and the weight of intents.
        data: What it learns from.
        dev: What it is measured on.
        measure: Turns what the network says about dev into the score.
    """

    def __init__(
        self,
        network: TagNetwork,
        config: Config,
        data: TagData,
        dev: TagData,
        *,
        measure: Callable[[DevOutputs], Score],
    ) -> None:
        self.network: TagNetwork = network
        self.lengths = data.lengths
        self.tables = network.tables
        self._config = config
        device = next(network.parameters()).device
        self._data, self._dev = Batcher(data, device), Batcher(dev, device)
        self._measure = measure
        counts = np.zeros(len(data.forms), np.int64)
        for places in data.places:
            np.add.at(counts, places, 1)
        self._rare = counts == 1

    def with_data(self, data: TagData) -> TagLearner:
        """Return a learner of the same network that learns from other sentences."""
        other = TagLearner(self.network, self._config, data, self._dev.data, measure=self._measure)
        other.depths = self.depths
        return other

    def weight(self, rows: Ints) -> float:
        """Return the tokens of a batch."""
        return float(self.lengths[rows].sum())

    def loss(self, rows: Ints) -> Tensor:
        """Return the mean loss of a batch per token; intents join it with their weight."""
        chance = self._config.tag.singleton_dropout
        unknown = None
        if chance > 0:
            # torch's generator, so that a resumed training draws the same.
            draw = torch.rand(len(self._rare)).numpy()
            unknown = self._rare & (draw < chance)
        batch = self._data.batch(rows, unknown=unknown)
        out = self.network(batch)
        tags = self._data.tags(rows)
        loss = self._deep(out, tags, batch.lengths)
        if out.wide is not None and self.network.wide_crf is not None:
            loss = loss + self._loss(out.wide, self.network.wide_crf, tags, batch.lengths)
        if self.network.sizes.intents:
            intents = self._intents(out, self._data.data.intents[rows])
            loss = loss + self._config.tag.intent_weight * intents
        return loss

    def _deep(self, out: TagOutputs, tags: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean loss of the networks: each learns as if it were alone."""
        found = [
            self._loss(said.emissions, member.crf, tags, lengths)
            for said, member in zip(out.members, self.network.members, strict=True)
        ]
        return torch.stack(found).mean()

    def _intents(self, out: TagOutputs, intents: Ints) -> Tensor:
        """Return the mean loss of the intents that are known."""
        found = _logits(out)
        if (intents < 0).all():
            # The mean of nothing is NaN; a zero that still reaches the weights moves them nowhere.
            return torch.stack([logits.sum() for logits in found]).mean() * 0.0
        truth = torch.from_numpy(intents).to(found[0].device)
        losses = [F.cross_entropy(logits, truth, ignore_index=-1) for logits in found]
        return torch.stack(losses).mean()

    def _loss(self, emissions: Tensor, crf: CRF, tags: Tensor, lengths: Tensor) -> Tensor:
        if self._config.tag.decoder == "crf":
            return crf.loss(emissions, tags, lengths)
        mask = torch.arange(tags.shape[1], device=tags.device) < lengths[:, None]
        return F.cross_entropy(emissions[mask], tags[mask])

    def score(self) -> Score:
        """Measure on dev."""
        return self._measure(self.outputs())

    @torch.no_grad()
    def outputs(self) -> DevOutputs:
        """Return what the network says about dev."""
        self.network.eval()
        data = self._dev.data
        sizes = self.network.sizes
        deep: list[Floats] = [np.zeros((0, sizes.tags))] * len(data.places)
        wide = list(deep) if sizes.features else None
        intents = np.zeros((len(data.places), sizes.intents)) if sizes.intents else None
        loss = 0.0
        for planned in plan_batches(data.lengths, batch_size=128, batch_tokens=8192):
            rows = planned[data.lengths[planned] > 0]
            if len(rows) == 0:
                continue
            batch = self._dev.batch(rows)
            out = self.network(batch)
            tags = self._dev.tags(rows)
            together = torch.stack([said.emissions for said in out.members]).mean(dim=0)
            mean = self._deep(out, tags, batch.lengths)
            loss += float(mean) * int(data.lengths[rows].sum())
            for place, row in enumerate(rows):
                length = len(data.places[row])
                deep[row] = together[place, :length].double().cpu().numpy()
                if wide is not None and out.wide is not None:
                    wide[row] = out.wide[place, :length].double().cpu().numpy()
            if intents is not None:
                logits = torch.stack(_logits(out)).mean(dim=0)
                intents[rows] = logits.double().cpu().numpy()
        return DevOutputs(deep, wide, intents, loss / max(1, int(data.lengths.sum())))


def _logits(out: TagOutputs) -> list[Tensor]:
    """Return each network's logits of intents."""
    return [said.intents for said in out.members if said.intents is not None]
