"""The recipe of forecasting: scales, linear branch, network, fusion, conformal margins."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqmap.config import Config
from seqmap.data.series import Series
from seqmap.errors import ConfigError
from seqmap.nn.forecast import ForecastModel
from seqmap.runtime import conformal
from seqmap.runtime.archive import Archive
from seqmap.runtime.forecast import ForecastSession, levels_of
from seqmap.tasks.forecast import ForecastTask, Known, digest
from seqmap.training.forecast_linear import Prepared, block_of, prepare
from seqmap.training.job import Job, Trained
from seqmap.training.learner import Learner, Score
from seqmap.training.loop import Trainer
from seqmap.training.package import manifest, put_away
from seqmap.training.ridge import Rows, fuse
from seqmap.training.setup import choose_precision, torch_set_up

CHUNK = 256
"""Steps of a training example whose forecasts are learned."""
WARM = 96
"""Steps before them that only fill the network's state."""


def train_forecaster(job: Job) -> Trained:
    """Train a forecaster.

    Raises:
        ConfigError: The encoder also looks ahead.
        DataError: The series cannot be learned from.
        OutputError: The archive cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task = job.task
    assert isinstance(task, ForecastTask)
    config = _checked(job.config)
    fitting, choosing = job.parts()
    held_out = job.dev is None and fitting is not choosing
    known = job.targets or Known()
    prepared = prepare(fitting, choosing, known, config)
    job.watch.tell(prepared.note)
    levels = levels_of(config.forecast.coverage)
    block = block_of(config)
    with torch_set_up(config.train, job.group) as device:
        model = ForecastModel(prepared.codec.size, block, levels, config).to(device)
        choose_precision(model, config.train)
        learner = ForecastLearner(model, prepared)
        identity = {"config": config.to_dict(), "data": [digest(one) for one in fitting]}
        trainer = Trainer(
            learner,
            config.train,
            identity=identity,
            checkpoint=job.checkpoint,
            watch=job.watch,
            group=job.group,
        )
        trainer.fit(resume=job.resume)
        outputs = learner.outputs(prepared.choosing)
        arrays: dict[str, NDArray[Any]] = _arrays(model)
    arrays["linear.weight"] = prepared.linear.weights.astype(np.float32)
    linear = prepared.choosing.inputs(prepared.codec) @ prepared.linear.weights
    a, b = fuse([linear, outputs[:, :, 0].astype(np.float64)], prepared.choosing.target)
    factors = {"linear": a, "network": b}
    pairs = len(levels) // 2
    arrays["conformal.margins"] = np.zeros((pairs, config.forecast.horizon))
    arrays["conformal.rates"] = np.zeros((pairs, config.forecast.horizon))
    described = {
        "source": prepared.codec.to_state(),
        "input": {"ends": _ends(job.train)},
        **job.facts,
        "calibration": factors,
        "data": {
            "fingerprint": _fingerprint(job.train),
            "train": sum(map(len, fitting)),
            "dev": sum(len(one) - one.start for one in choosing),
        },
    }
    archive = Archive(manifest(task, config, described), arrays)
    archive = _calibrated(archive, choosing)
    evaluation = ForecastSession(archive).evaluate(choosing)
    deployed = dict(archive.arrays)
    if held_out and config.train.closing:
        # The latest steps are the nearest to the next ones: in twelve rolling splits of four sets
        # the error behind them was smaller in eight, larger in three, 0.2 % smaller in the mean.
        # Figures and margins are those of before.
        deployed["linear.weight"] = prepared.with_held_out().astype(np.float32)
    archive = Archive({**archive.manifest, "metrics": {"dev": evaluation.metrics}}, deployed)
    put_away(archive, job, interrupted=trainer.interrupted)
    return Trained(
        archive,
        tuple(trainer.history),
        evaluation.metrics,
        seconds=time.perf_counter() - started,
        interrupted=trainer.interrupted,
        cost=evaluation.metrics["mse"],
        notes=(f"weights chosen on dev: linear {a:.2f}, network {b:.2f}", evaluation.report()),
    )


class ForecastLearner(Learner):
    """A network that learns to look ahead by itself: its errors are others than a linear map's.

    Args:
        model: The network.
        prepared: What it learns from and is measured on.
    """

    def __init__(self, model: ForecastModel, prepared: Prepared) -> None:
        self.network: ForecastModel = model
        self._prepared = prepared
        self._device = next(model.parameters()).device
        self._chunks: list[tuple[int, int, int]] = []
        self._residuals: list[NDArray[np.float32]] = []
        rows = prepared.fitting
        for k, (steps, origins, target) in enumerate(
            zip(rows.steps, rows.origins, rows.targets, strict=True)
        ):
            left = np.full((len(steps.z), target.shape[1]), np.nan, np.float32)
            if len(origins):
                left[origins] = target
                end = int(origins[-1]) + 1
                for first in range(int(origins[0]), end, CHUNK):
                    self._chunks.append((k, max(first - WARM, 0), min(first + CHUNK, end)))
            self._residuals.append(left)
        self.lengths = np.array([end - begin for _, begin, end in self._chunks], dtype=np.int64)

    def weight(self, rows: NDArray[np.int64]) -> float:
        """Return how many values are to be foretold."""
        known = 0
        for k, begin, end in (self._chunks[row] for row in rows):
            warm = WARM if begin else 0
            known += int(np.isfinite(self._residuals[k][begin + warm : end]).sum())
        return float(known)

    def loss(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss of some chunks."""
        chunks = [self._chunks[row] for row in rows]
        longest = max(end - begin for _, begin, end in chunks)
        features = self._prepared.fitting.steps[0].features.shape[1]
        x = np.zeros((len(rows), longest, features), np.float32)
        target = np.full((len(rows), longest, self.network.block), np.nan, np.float32)
        for place, (k, begin, end) in enumerate(chunks):
            x[place, : end - begin] = self._prepared.fitting.steps[k].features[begin:end]
            warm = WARM if begin else 0
            target[place, warm : end - begin] = self._residuals[k][begin + warm : end]
        lengths = torch.tensor([end - begin for _, begin, end in chunks])
        found = self.network(torch.from_numpy(x).to(self._device), lengths.to(self._device))
        return self.network.loss(found, torch.from_numpy(target).to(self._device))

    def score(self) -> Score:
        """Return the dev loss, and the squared error beside that of the linear branch alone."""
        rows = self._prepared.choosing
        outputs = self.outputs(rows)
        target = torch.from_numpy(rows.target.astype(np.float32)).to(self._device)
        found = torch.from_numpy(outputs).to(self._device)
        loss = float(self.network.loss(found[None], target[None]))
        mse = float(np.nanmean((outputs[:, :, 0] - rows.target) ** 2))
        return Score(loss, {"mse": mse, "linear_mse": self._prepared.linear.cost})

    @torch.no_grad()
    def outputs(self, rows: Rows) -> NDArray[np.float32]:
        """Return what the network answers at all origins, (origins, block, 1 + levels)."""
        self.network.eval()
        found = []
        for steps, origins in zip(rows.steps, rows.origins, strict=True):
            if not len(origins):
                continue
            x = torch.from_numpy(steps.features)[None].to(self._device)
            states = self.network(x, torch.tensor([x.shape[1]]).to(self._device))[0]
            found.append(states[torch.from_numpy(origins)].float().cpu().numpy())
        return np.concatenate(found)


def _checked(config: Config) -> Config:
    if config.encoder.direction != "forward":
        raise ConfigError(
            "a forecaster only looks back", given="encoder.direction=both", allowed="forward"
        )
    if config.encoder.name in ("transformer", "lstm-transformer"):
        raise ConfigError(
            "a forecaster carries a state from step to step",
            given=f"encoder.name={config.encoder.name}",
            allowed="lstm, gru, rnn",
        )
    return config


def _arrays(model: ForecastModel) -> dict[str, NDArray[Any]]:
    state = model.state_dict()
    return {
        name.replace(".ahead.", ".forward.").replace("output.", "head."): value.cpu().numpy()
        for name, value in state.items()
    }


def _calibrated(archive: Archive, choosing: Sequence[Series]) -> Archive:
    """Fit the conformal margins on the dev forecasts of the model as it is deployed."""
    session = ForecastSession(archive)
    found = session.dev_scores(choosing)
    margins, rates = zip(
        *(
            conformal.fit_margins(scores, coverage)
            for scores, coverage in zip(found, session.pairs, strict=True)
        ),
        strict=True,
    )
    arrays = {
        **archive.arrays,
        "conformal.margins": np.stack(margins),
        "conformal.rates": np.stack(rates),
    }
    return Archive(archive.manifest, arrays)


def _ends(series: Sequence[Series]) -> dict[str, Any]:
    return {
        one.name: {"tick": int(one.ticks[-1]), "steps": len(one), "values": digest(one)}
        for one in series
    }


def _fingerprint(series: Sequence[Series]) -> str:
    return hashlib.sha256("".join(digest(one) for one in series).encode()).hexdigest()[:16]
