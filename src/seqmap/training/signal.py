"""The recipe of signal classification: augmented signals, prefixes, calibration by length."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqmap.calibration import fit_temperature
from seqmap.codecs.labels import LabelCodec
from seqmap.config import Config, TrainConfig
from seqmap.data import check_trainable
from seqmap.data.signals import Signal
from seqmap.nn.model import to_arrays
from seqmap.nn.signal import SignalModel
from seqmap.runtime.archive import Archive
from seqmap.runtime.signal import SignalSession
from seqmap.tasks.signal import SignalCodec, SignalCodecs, SignalTask
from seqmap.training.job import Job, Trained
from seqmap.training.learner import Learner, Score
from seqmap.training.loop import Epoch, Trainer
from seqmap.training.package import finite, manifest, put_away
from seqmap.training.setup import choose_precision, torch_set_up

LEAST_BATCHES = 8
"""Batches of an epoch, at least."""
PREFIXES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of a signal after which early answers are calibrated."""


def train_signals(job: Job) -> Trained:
    """Train a classifier of signals.

    Without a dev part one is held out for the calibration, and the network is then trained again
    on everything: signals are few.

    Raises:
        DataError: The signals cannot be learned from.
        OutputError: The archive cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task, config = job.task, job.config
    assert isinstance(task, SignalTask)
    fitting, choosing = job.parts()
    check_trainable(fitting)
    names = job.targets.names if job.targets else None
    target = LabelCodec(names) if names else LabelCodec.fit(one.labels for one in job.train)
    codecs = SignalCodecs(SignalCodec.fit(fitting), target)
    arrays, history, interrupted = _fitted(job, codecs, fitting, choosing, job.checkpoint)
    # Of the second training; the first one's stays until both are done.
    second = None if job.checkpoint is None else job.checkpoint.with_suffix(".checkpoint2")
    plain = {"steps": [1.0], "temperatures": [1.0]}
    entries = task.signal_state(codecs)
    draft = Archive(manifest(task, config, {**entries, "calibration": plain}), arrays)
    calibration = _calibration(SignalSession(draft), choosing, task)
    measured = Archive({**draft.manifest, "calibration": calibration}, arrays)
    metrics = SignalSession(measured).evaluate(choosing).metrics
    if job.dev is None and len(fitting) < len(job.train) and not interrupted:
        again = SignalCodecs(SignalCodec.fit(job.train), target)
        try:
            more, _, interrupted = _fitted(job, again, job.train, choosing, second)
        except KeyboardInterrupt:
            if job.group.size > 1:
                raise
            interrupted = True
        if interrupted:
            job.watch.tell("interrupted: the model of the first training is kept")
        else:
            arrays, entries = more, task.signal_state(again)
            job.watch.tell(
                "trained again on all signals; the figures are those of the first training"
            )
    described = {
        **entries,
        **job.facts,
        "calibration": calibration,
        "metrics": {"dev": finite(metrics)},
        "data": {
            "fingerprint": _fingerprint(job.train),
            "train": len(fitting),
            "dev": len(choosing),
        },
    }
    archive = Archive(manifest(task, config, described), arrays)
    put_away(archive, job, interrupted=interrupted)
    if second is not None and not interrupted:
        second.unlink(missing_ok=True)
    return Trained(
        archive,
        history,
        metrics,
        seconds=time.perf_counter() - started,
        interrupted=interrupted,
        cost=metrics["loss"],
    )


class SignalLearner(Learner):
    """A network that labels signals, trained on signals that are varied each time.

    Args:
        model: The network.
        signals: Features of the training signals, (time, size) each.
        targets: (signals, classes).
        dev: The same of the dev part.
        task: Measures.
        codecs: What the measures are named by.
        config: How much signals are varied, and whether prefixes are learned.
    """

    def __init__(
        self,
        model: SignalModel,
        train: Encoded,
        dev: Encoded,
        *,
        task: SignalTask,
        codecs: SignalCodecs,
        config: Config,
    ) -> None:
        self.network: SignalModel = model
        self._train, self._dev = train, dev
        self._task, self._codecs = task, codecs
        self._device = next(model.parameters()).device
        self._config = config
        self._rng = np.random.default_rng([config.train.seed, 1])
        self.lengths = np.array([len(one) for one in train[0]], dtype=np.int64)

    def plan(self, config: TrainConfig, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Decide on the batches of an epoch; few signals come several times, each time varied."""
        found = super().plan(config, rng)
        while len(found) < LEAST_BATCHES:
            found += super().plan(config, rng)
        # The loop gives a generator of seed and epoch: a resumed training varies signals alike.
        self._rng = np.random.default_rng(rng.integers(2**63))
        return found

    def loss(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss of some signals, each varied."""
        prefixes = self._config.encoder.direction == "forward"
        varied = [vary(self._train[0][r], self._config, self._rng, prefixes) for r in rows]
        scores = self.network(*self._padded(varied))
        target = torch.from_numpy(self._train[1][rows]).to(self._device)
        found: Tensor = self.network.head.loss(scores, target)
        return found

    @torch.no_grad()
    def score(self) -> Score:
        """Return loss and figures on the dev part."""
        signals, targets = self._dev
        scores = torch.cat(
            [
                self.network(*self._padded(signals[k : k + 64])).cpu()
                for k in range(0, len(signals), 64)
            ]
        )
        loss = float(self.network.head.loss(scores, torch.from_numpy(targets)))
        chances = scores.softmax(dim=-1).double().numpy()
        coded: Any = self._codecs
        return Score(loss, self._task.evaluate(chances, targets, coded).metrics)

    def _padded(self, signals: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
        lengths = [len(one) for one in signals]
        x = np.zeros((len(signals), max(lengths), signals[0].shape[1]), np.float32)
        for place, one in enumerate(signals):
            x[place, : len(one)] = one
        return torch.from_numpy(x).to(self._device), torch.tensor(lengths).to(self._device)


Encoded = tuple[list[NDArray[np.float32]], NDArray[np.float32]]


def vary(
    x: NDArray[np.float32], config: Config, rng: np.random.Generator, prefix: bool
) -> NDArray[np.float32]:
    """Vary a signal, (time, size): noise, size of each channel, speed, and how much is there.

    After Um et al. 2017, "Data augmentation of wearable sensor data", section 3.
    """
    settings, time_ = config.signal, len(x)
    if settings.warp > 0 and time_ > 4:
        size = max(int(round(time_ * rng.uniform(1 - settings.warp, 1 + settings.warp))), 3)
        at = np.linspace(0, time_ - 1, size)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, time_ - 1)
        part = (at - low)[:, None].astype(np.float32)
        x = x[low] * (1 - part) + x[high] * part
    if prefix and rng.random() < 0.5:
        x = x[: max(int(len(x) * rng.uniform(0.15, 1.0)), 1)]
    channels = x.shape[1] // 2
    scale = 1 + settings.scaling * rng.normal(size=channels)
    noise = settings.noise * rng.normal(size=x.shape)
    return np.asarray(x * np.concatenate([scale, scale]) + noise, dtype=np.float32)


def _fitted(
    job: Job,
    codecs: SignalCodecs,
    fitting: Sequence[Signal],
    choosing: Sequence[Signal],
    checkpoint: Path | None,
) -> tuple[dict[str, NDArray[Any]], tuple[Epoch, ...], bool]:
    config, task = job.config, job.task
    assert isinstance(task, SignalTask)
    coded: Any = codecs
    train, dev = (
        (
            [codecs.source.encode(one.values) for one in part],
            task.encode_targets(part, coded),  # type: ignore[arg-type]
        )
        for part in (fitting, choosing)
    )
    with torch_set_up(config.train, job.group) as device:
        model = SignalModel(codecs.source.size, len(codecs.target.names), config).to(device)
        choose_precision(model, config.train)
        learner = SignalLearner(model, train, dev, task=task, codecs=codecs, config=config)
        identity = {"config": config.to_dict(), "data": _fingerprint(fitting)}
        trainer = Trainer(
            learner,
            config.train,
            identity=identity,
            checkpoint=checkpoint,
            watch=job.watch,
            group=job.group,
        )
        trainer.fit(resume=job.resume)
        arrays: dict[str, NDArray[Any]] = dict(to_arrays(model.state_dict()))
    return arrays, tuple(trainer.history), trainer.interrupted


def _calibration(
    session: SignalSession, choosing: Sequence[Signal], task: SignalTask
) -> dict[str, Any]:
    """Fit a temperature for each share of the signals that has come (Guo et al. 2017)."""
    coded: Any = session.codecs
    truth = task.encode_targets(choosing, coded).argmax(axis=1)  # type: ignore[arg-type]
    usual = float(np.median([len(one.values) for one in choosing]))
    shares = PREFIXES if session.encoder.streams else (1.0,)
    steps, temperatures = [], []
    for share in shares:
        parts = [one.values[: max(int(share * len(one.values)), 1)] for one in choosing]
        steps.append(max(share * usual, 1.0))
        temperatures.append(fit_temperature(session.logits(parts), truth))
    return {"steps": steps, "temperatures": temperatures}


def _fingerprint(signals: Sequence[Signal]) -> str:
    digest = hashlib.sha256()
    for one in signals:
        digest.update(np.ascontiguousarray(one.values).tobytes() + repr(one.labels).encode())
    return digest.hexdigest()[:16]
