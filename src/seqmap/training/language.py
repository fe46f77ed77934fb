"""The recipe of language models: codec, encoded corpus, LSTM with carried state.

After Merity et al. 2018, "Regularizing and Optimizing LSTM Language Models": dropped recurrent
weights, variational dropout, tied weights, averaged weights, windows that begin elsewhere in each
epoch.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seqmap.config import Config, TrainConfig
from seqmap.data.corpus import corpus_fingerprint, pieces_of
from seqmap.errors import DataError
from seqmap.nn.embedding import DEVIATION
from seqmap.nn.language import LanguageNetwork
from seqmap.nn.model import to_arrays
from seqmap.nn.native_lstm import State
from seqmap.runtime.archive import Archive
from seqmap.tasks.language import Language, check_config, figures, measured_pieces
from seqmap.training.cooccurrence import MOST_SYMBOLS, cooccurrence_vectors
from seqmap.training.job import Job, Trained
from seqmap.training.learner import Learner, Score
from seqmap.training.loop import Trainer
from seqmap.training.package import finite, manifest, put_away
from seqmap.training.setup import choose_precision, torch_set_up
from seqmap.training.tokens import Tokens, token_files

LARGE = 8192
"""A vocabulary above this is trained with sampled softmax, unless the configuration decides."""
CANDIDATES = 1024
_ROWS = 32
"""Pieces of dev that are measured side by side."""
_SCORED = 1024
"""Symbols whose scores are in memory together."""


def train_language(job: Job) -> Trained:
    """Train a language model.

    Raises:
        ConfigError: The configuration is no language model's.
        DataError: The corpus cannot be trained on.
        OutputError: The archive or the encoded corpus cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task, config = job.task, job.config
    assert isinstance(task, Language)
    check_config(config)
    fitting, choosing = job.parts()
    codecs = task.fit_codecs(pieces_of(fitting), config)
    folder = None if job.out is None else job.out.resolve().parent
    digest = corpus_fingerprint(fitting)
    parts = (fitting, choosing)
    with token_files(parts, codecs.source, folder, job.group) as (data, dev):
        counts = _counted(data, codecs.source.size)
        characters = sum(corpus.characters for corpus in choosing)
        with torch_set_up(config.train, job.group) as device:
            network = LanguageNetwork(codecs.source.size, config)
            with torch.no_grad():
                # Where the score of a symbol starts that says nothing yet.
                network.head.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))
                if config.embedding.start == "cooccurrence":
                    _start_vectors(network.embedding.weight, data)
            choose_precision(network, config.train)
            learner = LanguageLearner(
                network.to(device), config, data, dev, counts=counts, characters=characters
            )
            trainer = Trainer(
                learner,
                config.train,
                identity={"config": config.to_dict(), "data": digest},
                checkpoint=job.checkpoint,
                watch=job.watch,
                group=job.group,
            )
            trainer.fit(resume=job.resume)
            metrics = learner.score().metrics
            arrays: dict[str, NDArray[Any]] = dict(to_arrays(network.state_dict()))
        symbols = {"train": len(data), "dev": len(dev)}
    entries, codec_arrays = task.codec_state(codecs)
    described = {
        **entries,
        **job.facts,
        "metrics": {"dev": finite(metrics)},
        "data": {"fingerprint": digest, "unit": "symbols", **symbols},
    }
    archive = Archive(manifest(task, config, described), {**arrays, **codec_arrays})
    put_away(archive, job, interrupted=trainer.interrupted)
    return Trained(
        archive,
        tuple(trainer.history),
        metrics,
        seconds=time.perf_counter() - started,
        interrupted=trainer.interrupted,
        cost=metrics["loss"],
        notes=(f"{codecs.source.size:,} symbols, {symbols['train']:,} of them in train",),
    )


class LanguageLearner(Learner):
    """A network that reads a corpus in several places at once, and carries its state on.

    Args:
        network: The network.
        config: Window, rows, candidates.
        data: The corpus that it learns from, (symbols,).
        dev: The one that it is measured on.
        counts: How often each symbol occurs in `data`, at least 1, (vocabulary,).
        characters: Of the text that `dev` is.

    Raises:
        DataError: There are too few symbols.
    """

    def __init__(
        self,
        network: LanguageNetwork,
        config: Config,
        data: Tokens,
        dev: Tokens,
        *,
        counts: NDArray[np.float32],
        characters: int,
    ) -> None:
        if len(data) < 16 or len(dev) < 2:
            raise DataError(
                "too few symbols to learn from", given=f"{len(data)}, {len(dev)} in dev"
            )
        self.network: LanguageNetwork = network
        self.lengths = np.array([len(data)], np.int64)
        self._steps = config.language.steps
        self._device = next(network.parameters()).device
        self._data, self._dev, self._characters = data, dev, characters
        self._state: list[State] | None = None
        self._starts = np.zeros(1, np.int64)
        self._q = torch.from_numpy(counts / counts.sum()).to(self._device)
        wanted = config.language.candidates
        if wanted < 0:
            wanted = CANDIDATES if len(counts) > LARGE else 0
        self._candidates = wanted if wanted < len(counts) else 0

    def plan(self, config: TrainConfig, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Cut the corpus into rows to be read side by side, and these into windows.

        Returns:
            The steps of each window, (time,), the same for all rows.
        """
        steps, symbols = self._steps, len(self._data)
        # Symbol 0 is only context, and the last one only a target.
        first = 1 + int(rng.integers(0, max(1, min(steps, symbols // 8))))
        rows = max(1, min(config.batch_size, (symbols - 1 - first) // (2 * steps)))
        width = (symbols - 1 - first) // rows
        rank, size = self.part
        self._starts = first + width * np.arange(rank, rows, size, dtype=np.int64)
        self._state = None
        return [np.arange(t, min(t + steps, width)) for t in range(0, width, steps)]

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the window itself: it is the places that processes share."""
        return rows

    def most_processes(self) -> int:
        """Return at how many places the corpus can be read side by side, wherever it begins."""
        return max(1, (len(self._data) - 1 - self._steps) // (2 * self._steps))

    def weight(self, rows: NDArray[np.int64]) -> float:
        """Return the symbols of a window, at all of this process's places."""
        return float(len(self._starts) * len(rows))

    def loss(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss of a window; the state goes on to the next, its gradient does not.

        Where the network reads in both directions, that is the mean of the two losses.
        """
        places = self._starts[:, None] + rows
        ahead, back, after = self.network(self._tensor(self._data[places]), self._state)
        self._state = [(h.detach(), c.detach()) for h, c in after]
        loss = self._compared(ahead, self._data[places + 1])
        if back is None:
            return loss
        return 0.5 * (loss + self._compared(back, self._data[places - 1]))

    @torch.no_grad()
    def score(self) -> Score:
        """Measure on dev, in pieces that are read after some context; see `measured_pieces`."""
        self.network.eval()
        pieces = measured_pieces(len(self._dev))
        totals = np.zeros(2)
        for begin in range(0, len(pieces), _ROWS):
            totals += self._measured(pieces[begin : begin + _ROWS])
        symbols = len(self._dev) - 1
        metrics = figures(float(totals[0]), symbols, self._characters)
        if self.network.encoder.directions == 1:
            return Score(metrics["loss"], metrics)
        backward = float(totals[1]) / symbols
        metrics["backward_loss"] = backward
        return Score(metrics["loss"], metrics, cost=0.5 * (metrics["loss"] + backward))

    def _measured(self, pieces: Sequence[tuple[int, int, int]]) -> NDArray[np.float64]:
        """Return the summed losses ahead and back of some pieces, (2,)."""
        begin, start, end = (np.array(column, np.int64) for column in zip(*pieces, strict=True))
        # The symbol before each that counts is read, too.
        longest = int((end - 1 - begin).max())
        totals = np.zeros(2)
        state: list[State] | None = None
        for first in range(0, longest, self._steps):
            places = begin[:, None] + np.arange(first, min(first + self._steps, longest))
            counts = (places + 1 >= start[:, None]) & (places + 1 < end[:, None])
            inside = np.minimum(places, len(self._dev) - 2)
            ahead, back, state = self.network(self._tensor(self._dev[inside]), state)
            mask = self._tensor(counts)
            totals[0] += self._summed(ahead[mask], self._dev[inside + 1][counts])
            if back is not None:
                # Each symbol but the last, from those behind it in the window.
                totals[1] += self._summed(back[mask], self._dev[np.maximum(inside - 1, 0)][counts])
        return totals

    def _summed(self, features: Tensor, targets: Tokens) -> float:
        wanted = self._tensor(targets).long()
        total = 0.0
        for begin in range(0, len(wanted), _SCORED):
            part = slice(begin, begin + _SCORED)
            scores = self.network.head.scores(features[part])
            total += float(F.cross_entropy(scores, wanted[part], reduction="sum"))
        return total

    def _compared(self, features: Tensor, targets: Tokens) -> Tensor:
        head, flat = self.network.head, features.flatten(0, 1)
        wanted = self._tensor(targets).long().flatten()
        if not self._candidates:
            return head.loss(flat, wanted)
        drawn = torch.multinomial(self._q, self._candidates, replacement=True)
        # Half-precision products are the processor's; on a GPU they would gain little here.
        precision = self.network.precision if flat.device.type == "cpu" else "fp32"
        return head.sampled_loss(flat, wanted, drawn, self._q, precision=precision)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        kind = values.dtype if values.dtype == np.bool_ else np.int64
        return torch.from_numpy(np.asarray(values, kind)).to(self._device)


def _start_vectors(table: torch.nn.Parameter, data: Tokens) -> None:
    """Start symbols' vectors from the company they keep, as long as random ones."""
    vectors = cooccurrence_vectors(
        [data[:MOST_SYMBOLS].astype(np.int32)], *table.shape, deviation=DEVIATION
    )
    known = vectors.any(axis=1)
    table[torch.from_numpy(known)] = torch.from_numpy(vectors[known])


def _counted(data: Tokens, vocabulary: int) -> NDArray[np.float32]:
    """Return how often each symbol occurs; one that does not counts as one, (vocabulary,)."""
    counts = np.zeros(vocabulary, np.int64)
    for begin in range(0, len(data), 1 << 24):
        counts += np.bincount(data[begin : begin + (1 << 24)], minlength=vocabulary)
    return np.maximum(counts, 1).astype(np.float32)
