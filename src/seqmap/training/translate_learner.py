"""How a translator learns: pairs as numbers, a smoothed loss, what dev says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seqmap.batch import plan_batches
from seqmap.codecs.pieces import BOUNDARY
from seqmap.config import Config, TrainConfig
from seqmap.data.pairs import Pair
from seqmap.nn.translator import PairBatch, TranslationNetwork
from seqmap.tasks.translate import PairCodecs
from seqmap.training.learner import Learner, Score

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]


@dataclass(frozen=True)
class PairData:
    """Pairs as numbers, without boundaries.

    Attributes:
        pairs: The texts.
        sources: Ids of each, (time,).
        targets: Ids of each, (time,).
    """

    pairs: Sequence[Pair]
    sources: Sequence[Ids]
    targets: Sequence[Ids]

    @property
    def lengths(self) -> Ints:
        """What a pair costs, (pairs,): its longer side, the boundary included."""
        longest = [1 + max(len(s), len(t)) for s, t in zip(self.sources, self.targets, strict=True)]
        return np.array(longest, np.int64)


def encode_pairs(pairs: Sequence[Pair], codecs: PairCodecs, longest: int) -> PairData:
    """Turn texts into numbers; what is too long is cut at its end."""
    return _cut(pairs, codecs.source.encode, codecs.target.encode, longest)


class TranslateLearner(Learner):
    """A network that writes.

    Args:
        network: The network.
        codecs: For cutting texts anew each time.
        config: Label smoothing, sampling of subwords.
        data: What it learns from.
        dev: What it is measured on.
        measure: Given the network, returns named figures of dev; the cost is the first one's
            negative.
    """

    def __init__(
        self,
        network: TranslationNetwork,
        codecs: PairCodecs,
        config: Config,
        data: PairData,
        dev: PairData,
        *,
        measure: Callable[[TranslationNetwork], dict[str, float]],
    ) -> None:
        self.network: TranslationNetwork = network
        self.lengths = data.lengths
        self._codecs, self._config = codecs, config
        self._data, self._dev = data, dev
        self._read = data  # as cut in this epoch
        self._measure = measure
        self._device = next(network.parameters()).device

    def plan(self, config: TrainConfig, rng: np.random.Generator) -> list[Ints]:
        """Batches of a bounded number of pieces, sorted by the longer side within pools.

        Sampled texts (Kudo 2018) are cut for the whole epoch first: planned by their usual lengths,
        a rare long cut among short ones makes up to 40 % of what a decoder computes padding,
        instead of 9 %.
        """
        sharpness = self._config.translate.sampling
        if sharpness > 0:
            draw, codecs = Random(int(rng.integers(1 << 62))), self._codecs
            self._read = _cut(
                self._data.pairs,
                lambda text: codecs.source.sample(text, draw, sharpness),
                lambda text: codecs.target.sample(text, draw, sharpness),
                self._config.text.max_length,
            )
        return plan_batches(
            self._read.lengths,
            batch_size=config.batch_size,
            batch_tokens=config.batch_tokens,
            rng=rng,
        )

    def weight(self, rows: Ints) -> float:
        """Return the pieces to be written, the ends included."""
        return float(sum(len(self._read.targets[row]) + 1 for row in rows))

    def loss(self, rows: Ints) -> Tensor:
        """Return the mean loss per piece of a batch, labels smoothed (Szegedy et al. 2016, §7)."""
        read = self._read
        batch = pair_batch(
            [read.sources[row] for row in rows], [read.targets[row] for row in rows], self._device
        )
        return self.network.loss(batch, _flat(batch.target, batch.target_lengths))

    @torch.no_grad()
    def score(self) -> Score:
        """Return loss and perplexity on dev, and what `measure` finds."""
        self.network.eval()
        total = steps = right = 0.0
        data = self._dev
        for rows in plan_batches(data.lengths, batch_size=128, batch_tokens=2048):
            batch = pair_batch(
                [data.sources[row] for row in rows],
                [data.targets[row] for row in rows],
                self._device,
            )
            logs = self.network(batch)
            truth = _flat(batch.target, batch.target_lengths)
            total += float(F.nll_loss(logs, truth, reduction="sum"))
            right += float((logs.argmax(dim=-1) == truth).sum())
            steps += len(truth)
        loss = total / max(steps, 1.0)
        found = self._measure(self.network)
        metrics = {**found, "perplexity": float(np.exp(min(loss, 50.0))), "accuracy": right / steps}
        # Where answers are not looked at, the share of right pieces stands for them.
        best = next(iter(found.values())) if found else metrics["accuracy"]
        return Score(loss, metrics, -best + 1e-4 * min(loss, 100.0))


def _cut(
    pairs: Sequence[Pair],
    source: Callable[[str], Ids],
    target: Callable[[str], Ids],
    longest: int,
) -> PairData:
    return PairData(
        pairs,
        [source(pair.source)[:longest] for pair in pairs],
        [target(pair.target)[:longest] for pair in pairs],
    )


def pair_batch(sources: Sequence[Ids], targets: Sequence[Ids], device: torch.device) -> PairBatch:
    """Put pairs side by side, a boundary at the end of each."""
    parts = [
        torch.from_numpy(array).to(device) for side in (sources, targets) for array in _padded(side)
    ]
    return PairBatch(*parts)


def _padded(sides: Sequence[Ids]) -> tuple[Ints, Ints]:
    lengths = np.array([len(side) + 1 for side in sides], np.int64)
    found = np.full((len(sides), int(lengths.max())), BOUNDARY, np.int64)
    for place, side in enumerate(sides):
        found[place, : len(side)] = side
    return found, lengths


def _flat(target: Tensor, lengths: Tensor) -> Tensor:
    """Return the valid pieces of padded rows, (steps,)."""
    mask = torch.arange(target.shape[1], device=target.device) < lengths[:, None]
    return target[mask]
