"""What the loop needs of speech generation: frames, attention and the end; what dev hears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seqmap.config import Config, TrainConfig
from seqmap.nn.masks import valid
from seqmap.nn.speaker import SpeakerNetwork, SpokenBatch, SpokenFrames
from seqmap.training.learner import Learner, Score

Floats = NDArray[np.float32]

LEAST_BATCHES = 8
"""Batches of an epoch, at least."""
_STYLE = 0.01
"""Weight of the squares of styles: they stay near each other."""
_WIDTH = 0.3
"""How far from the diagonal attention may be for free (g of Tachibana et al. 2018, eq. 14)."""


@dataclass(frozen=True)
class SpokenPart:
    """Texts and recordings as numbers.

    Attributes:
        texts: The texts.
        symbols: Their numbers, the end included, (symbols,) each.
        frames: Standardised bands, (frames, mels) each.
        pace: Logarithm of how much slower than expected each is spoken, (recordings,).
    """

    texts: tuple[str, ...]
    symbols: tuple[NDArray[np.int32], ...]
    frames: tuple[Floats, ...]
    pace: Floats

    def batch(
        self,
        rows: Sequence[int] | NDArray[np.int64],
        stack: int,
        *,
        known: bool,
        device: torch.device,
    ) -> SpokenBatch:
        """Put some side by side, `stack` frames a step; the last frame of each fills its step.

        Args:
            rows: Which.
            stack: Frames of a step.
            known: Whether these are learned from, so that each has a style.
            device: Where they shall be.
        """
        symbols = [torch.from_numpy(self.symbols[row].astype(np.int64)) for row in rows]
        filled, counts = [], []
        for row in rows:
            frames = self.frames[row]
            short = -len(frames) % stack
            filled.append(torch.from_numpy(np.pad(frames, ((0, short), (0, 0)), mode="edge")))
            counts.append(len(frames))
        padded = torch.nn.utils.rnn.pad_sequence(filled, batch_first=True)
        steps = padded.reshape(len(padded), padded.shape[1] // stack, -1)
        lengths = torch.tensor(counts)
        return SpokenBatch(
            torch.nn.utils.rnn.pad_sequence(symbols, batch_first=True).to(device),
            torch.tensor([len(one) for one in symbols], device=device),
            steps.to(device),
            lengths.to(device),
            (-(-lengths // stack)).to(device),
            torch.from_numpy(self.pace[np.asarray(rows)]).to(device),
            torch.from_numpy(np.asarray(rows)).to(device) if known else None,
        )


class SpeakLearner(Learner):
    """A network that speaks.

    Args:
        network: The network.
        config: Frames a step, weights.
        train: What is learned from.
        dev: What is chosen on.
        measure: Given the network, returns named figures of dev as it would be deployed; the first
            one is the cost.
    """

    def __init__(
        self,
        network: SpeakerNetwork,
        *,
        config: Config,
        train: SpokenPart,
        dev: SpokenPart,
        measure: Callable[[SpeakerNetwork], dict[str, float]],
    ) -> None:
        self.network: SpeakerNetwork = network
        self._config, self._train, self._dev, self._measure = config, train, dev, measure
        self._device = next(network.parameters()).device
        stack = config.speak.frames
        self.lengths = np.array([-(-len(one) // stack) for one in train.frames], np.int64)

    def plan(self, config: TrainConfig, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Decide on the batches of an epoch; few recordings come several times."""
        found = super().plan(config, rng)
        while len(found) < LEAST_BATCHES:
            found += super().plan(config, rng)
        return found

    def loss(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss of frames, ends and attention."""
        stack = self._config.speak.frames
        batch = self._train.batch(rows, stack, known=True, device=self._device)
        size = self.network.style[rows].square().mean() if self._config.speak.style else 0.0
        return self._loss(self.network(batch), batch) + _STYLE * size

    @torch.no_grad()
    def score(self) -> Score:
        """Return the loss with true frames before each step, and what `measure` finds."""
        total, count = 0.0, len(self._dev.texts)
        for begin in range(0, count, 32):
            rows = range(begin, min(begin + 32, count))
            stack = self._config.speak.frames
            batch = self._dev.batch(rows, stack, known=False, device=self._device)
            total += float(self._loss(self.network(batch), batch)) * len(rows)
        metrics = self._measure(self.network)
        return Score(total / count, metrics, cost=next(iter(metrics.values())))

    def _loss(self, found: SpokenFrames, batch: SpokenBatch) -> Tensor:
        mask = valid(batch.step_lengths, batch.steps.shape[1])
        wrong = (found.steps - batch.steps)[mask]
        frames = wrong.abs().mean() + wrong.square().mean()
        last = F.one_hot(batch.step_lengths - 1, mask.shape[1]).to(wrong.dtype)
        passed = found.passed[mask].clamp(1e-5, 1 - 1e-5)
        ends = F.binary_cross_entropy(passed, last[mask])
        return frames + ends + self._config.speak.guide * guided(found.alignment, batch)


def guided(alignment: Tensor, batch: SpokenBatch) -> Tensor:
    """Return how far attention is from the diagonal (Tachibana et al. 2018, eq. 14).

    mean over steps of Σ_n α(n, t) (1 - exp(-(n / N - t / T)² / 2g²)).

    Args:
        alignment: (batch, steps, source).
        batch: The lengths.
    """
    _, count, symbols = alignment.shape
    steps = torch.arange(count, device=alignment.device)[None, :, None]
    steps = steps / batch.step_lengths[:, None, None]
    places = torch.arange(symbols, device=alignment.device)[None, None]
    places = places / batch.symbol_lengths[:, None, None]
    far = 1 - torch.exp(-((places - steps) ** 2) / (2 * _WIDTH**2))
    return (alignment * far).sum(dim=2)[valid(batch.step_lengths, alignment.shape[1])].mean()


def expected_lengths(
    symbols: Sequence[NDArray[np.int32]], frames: Sequence[Floats], size: int
) -> NDArray[np.float64]:
    """Return how many frames each symbol takes on average, (size,): ridge regression.

    Args:
        symbols: Numbers of each text, the end included.
        frames: What is spoken.
        size: How many symbols there are.
    """
    counts = np.stack([np.bincount(one, minlength=size) for one in symbols]).astype(np.float64)
    lengths = np.array([len(one) for one in frames], np.float64)
    # Towards the mean: what is rare takes as long as any symbol.
    mean = lengths.sum() / counts.sum()
    rest = lengths - mean * counts.sum(axis=1)
    square = counts.T @ counts + np.eye(size)
    return np.asarray(mean + np.linalg.solve(square, counts.T @ rest))
