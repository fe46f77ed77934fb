"""What the loop needs of speech recognition: a loss over varied recordings, and a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqmap.codecs.audio import AudioCodec, Floats
from seqmap.codecs.transcript import TranscriptCodec
from seqmap.config import Config, TrainConfig
from seqmap.nn.transcriber import TranscriberNetwork, ctc, disagreement, padded
from seqmap.search.ctc import best_path
from seqmap.training.heard import HeardPart
from seqmap.training.hearing import paced, step_counts, varied
from seqmap.training.learner import Learner, Score
from seqmap.transcript_metrics import error_rates

LEAST_BATCHES = 16
"""Batches of an epoch, at least: few recordings come several times, each time varied."""
_AT_ONCE = 32


class TranscribeLearner(Learner):
    """A network that hears, trained on recordings that are varied each time.

    Args:
        network: The network.
        codec: What brings bands into steps.
        target: What the numbers mean.
        train: What is learned from.
        dev: What is chosen on.
        config: How recordings are varied.
    """

    def __init__(
        self,
        network: TranscriberNetwork,
        *,
        codec: AudioCodec,
        target: TranscriptCodec,
        train: HeardPart,
        dev: HeardPart,
        config: Config,
    ) -> None:
        self.network: TranscriberNetwork = network
        self._codec, self._target = codec, target
        self._train, self._dev = train, dev
        self._config = config
        self._device = next(network.parameters()).device
        self._rng = np.random.default_rng([config.train.seed, 2])
        self._ready = dev.steps(codec)
        self.lengths = step_counts([copies[0] for copies in train.bands], codec)

    def plan(self, config: TrainConfig, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Decide on the batches of an epoch, and on how its recordings will be varied.

        The loop gives a generator of seed and epoch, so that a resumed training goes on alike.
        """
        found = super().plan(config, rng)
        while len(found) < LEAST_BATCHES:
            found += super().plan(config, rng)
        self._rng = np.random.default_rng(rng.integers(2**63))
        return found

    def loss(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss of some recordings, each varied; twice, if hearings shall agree."""
        audio = self._config.audio
        times = 2 if audio.consistency > 0 else 1
        hearings: list[list[Floats]] = [[] for _ in range(times)]
        for row in rows:
            copies = self._train.bands[row]
            which = int(self._rng.integers(len(copies)))
            bands = paced(copies[which].astype(np.float32), audio, self._rng)
            voice = self._train.voices[row][which]
            for parts in hearings:
                parts.append(varied(bands, self._codec, audio, self._rng, voice))
        targets = [self._train.targets[row] for row in rows] * times
        scores, lengths = self._scores([part for parts in hearings for part in parts])
        symbols, sizes = _in_a_row(targets)
        loss = ctc(scores, lengths, symbols, sizes)
        if times > 1:
            loss = loss + audio.consistency * disagreement(scores, lengths, sizes)
        return loss

    @torch.no_grad()
    def score(self) -> Score:
        """Return loss and greedy error rates on the dev part."""
        order = np.argsort([len(one) for one in self._ready], kind="stable")
        total, said = 0.0, [""] * len(order)
        for begin in range(0, len(order), _AT_ONCE):
            rows = order[begin : begin + _AT_ONCE]
            scores, lengths = self._scores([self._ready[row] for row in rows])
            loss = ctc(scores, lengths, *_in_a_row([self._dev.targets[row] for row in rows]))
            total += float(loss) * len(rows)
            for row, one, count in zip(rows, scores.cpu().numpy(), lengths, strict=True):
                said[row] = self._target.decode(best_path(one[: int(count)]))
        rates = error_rates(self._dev.texts, said)
        return Score(total / max(len(order), 1), rates, cost=rates["cer"] + rates["wer"])

    def _scores(self, parts: Sequence[Floats]) -> tuple[Tensor, Tensor]:
        x, lengths = padded([torch.from_numpy(part) for part in parts])
        return self.network(x.to(self._device), lengths.to(self._device)), lengths


def _in_a_row(targets: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Return targets one after the other, (symbols,), and their lengths, (recordings,)."""
    sizes = torch.tensor([len(one) for one in targets])
    return torch.from_numpy(np.concatenate(targets)), sizes
