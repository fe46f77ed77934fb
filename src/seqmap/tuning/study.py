"""A search: trials kept in one SQLite file, which can be stopped, resumed and shared.

Values are proposed by a tree-structured Parzen estimator (Bergstra et al. 2011); what falls behind
after some epochs is stopped by successive halving (Jamieson & Talwalkar 2016).
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import RDBStorage
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from seqmap.config import Config
from seqmap.errors import DataError, OutputError, TrainingError, UserError
from seqmap.runtime.archive import to_bytes
from seqmap.runtime.session import restore
from seqmap.tasks import Task
from seqmap.training import Epoch, Trained, Watch, train
from seqmap.tuning.limits import Limits, latency_of
from seqmap.tuning.space import Choice, Range, chosen, proposed

_COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)
FAILURES = 5
"""Trials that may fail one after the other before the search gives up."""


@dataclass(frozen=True)
class Job:
    """What is searched for.

    Attributes:
        task: What is learned.
        train: What is learned from.
        dev: What is chosen on.
        targets: What `Task.targets` tells of the training file.
        inputs: Those of `dev`, as `predict` takes them, to time answers.
        base: What is not searched.
        space: What is.
        limits: What a model must keep to.
        fingerprint: What identifies the data, those to choose on included.
    """

    task: Task
    train: Sequence[Any]
    dev: Sequence[Any]
    targets: Any
    inputs: Sequence[Any]
    base: Config
    space: dict[str, Choice | Range]
    limits: Limits
    fingerprint: str


@dataclass(frozen=True)
class Found:
    """A trial that was trained to its end.

    Attributes:
        number: Its number.
        values: What it proposed.
        metric: The figure that counts, on dev.
        size: Bytes of its model.
        latency: Seconds for an input.
        fits: Whether it keeps to the limits.
        again: The figure with other seeds, where it was trained again.
    """

    number: int
    values: dict[str, Any]
    metric: float
    size: int
    latency: float
    fits: bool
    again: tuple[float, ...] = field(default=())

    @property
    def mean(self) -> float:
        """The figure over all seeds."""
        return float(np.mean((self.metric, *self.again)))

    @property
    def spread(self) -> float:
        """Its standard deviation over seeds; 0 for one."""
        return float(np.std((self.metric, *self.again), ddof=1)) if self.again else 0.0


class Search:
    """Trials of one job.

    Args:
        job: What is searched for.
        path: The SQLite file; it is made when missing, else gone on with.
        tell: Called with a line for each trial.

    Raises:
        DataError: The file belongs to another search.
        OutputError: The file cannot be used.
    """

    def __init__(self, job: Job, path: Path, tell: Callable[[str], None]) -> None:
        self.job, self._tell = job, tell
        self.interrupted = False
        self._path = path
        self._failures = 0
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self._study = self._opened(path)
        self._check(path)

    @property
    def finished(self) -> int:
        """How many trials were trained to their end, or stopped for falling behind."""
        return len(self._study.get_trials(deepcopy=False, states=_COUNTED))

    def run(self, trials: int) -> None:
        """Train until so many trials are over, those of earlier runs included.

        Ctrl-C ends it; what is over is kept.

        Raises:
            UserError: Several trials in a row have failed.
        """
        if self.finished >= trials:
            return
        try:
            self._study.optimize(
                self._attempt,
                callbacks=[MaxTrialsCallback(trials, states=_COUNTED)],
                catch=(TrainingError,),
            )
        except KeyboardInterrupt:
            self.interrupted = True

    def rerun(self, finalists: int, seeds: int) -> None:
        """Train the best trials again with other seeds: one figure alone may be luck.

        Ctrl-C ends it; what is over is kept.
        """
        try:
            self._rerun(finalists, seeds)
        except KeyboardInterrupt:
            self.interrupted = True

    def _rerun(self, finalists: int, seeds: int) -> None:
        for found in self.ranking()[:finalists]:
            if not found.fits:
                continue
            for shift in range(1 + len(found.again), seeds):
                config = chosen(found.values, self.job.base)
                seed = config.train.seed + shift
                trained = self._train(config.replace(train__seed=seed), Watch())
                value = trained.metrics[self.metric]
                self._study.set_user_attr(_again(found.number, shift), value)
                self._tell(f"trial {found.number} again, seed {seed}: {self.metric} {value:.4f}")

    @property
    def metric(self) -> str:
        """The figure that counts; the higher the better."""
        return self.job.task.headline[0]

    def ranking(self) -> list[Found]:
        """Return the finished trials: those within the limits first, the best first."""
        attributes = self._study.user_attrs
        found = []
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            own = trial.user_attrs
            again = [attributes.get(_again(trial.number, shift)) for shift in range(1, 100)]
            assert trial.value is not None
            found.append(
                Found(
                    number=trial.number,
                    values=dict(trial.params),
                    metric=trial.value,
                    size=own["size"],
                    latency=own["latency"],
                    # Of these limits: those of the run that made the trial may have been others.
                    fits=self.job.limits.fits(own["size"], own["latency"]),
                    again=tuple(value for value in again if value is not None),
                )
            )
        # Who was trained again stands before who was not: its figure is known better.
        return sorted(found, key=lambda f: (not f.fits, not f.again, -f.mean))

    def _attempt(self, trial: optuna.Trial) -> float:
        """Run a trial; tell when it fails, and give up when one after the other does.

        Optuna itself counts no failures: a search whose every trial diverges would never end.
        """
        try:
            value = self._objective(trial)
        except TrainingError as error:
            self._failures += 1
            self._tell(f"trial {trial.number}: failed, {error}")
            if self._failures < FAILURES:
                raise
            raise UserError(
                f"{FAILURES} trials in a row have failed, the last one because {error}",
                path=self._path,
                remedy="Fix what makes them fail with --set, such as a lower train.learning_rate,"
                " and take another --out",
            ) from None
        except optuna.TrialPruned:
            self._failures = 0
            raise
        self._failures = 0
        return value

    def _objective(self, trial: optuna.Trial) -> float:
        config = proposed(trial, self.job.space, self.job.base)

        def report(epoch: Epoch) -> None:
            trial.report(epoch.dev_metrics[self.metric], epoch.number)
            if trial.should_prune():
                self._tell(f"trial {trial.number}: stopped after epoch {epoch.number}")
                raise optuna.TrialPruned

        trained = self._train(config, Watch(epoch=report))
        value = trained.metrics[self.metric]
        if math.isnan(value):
            raise TrainingError(f"{self.metric} on dev is not a number")
        size = len(to_bytes(trained.archive))
        latency = latency_of(restore(trained.archive), self.job.inputs)
        for name, part in self.job.limits.excess(size, latency).items():
            trial.set_constraint(name, part)
        trial.set_user_attr("size", size)
        trial.set_user_attr("latency", latency)
        over = "" if self.job.limits.fits(size, latency) else ", beyond the limits"
        self._tell(
            f"trial {trial.number}: {self.metric} {value:.4f}, {size / 1e6:.2f} MB,"
            f" {latency * 1e6:.0f} µs, {trained.seconds:.1f} s{over}"
        )
        return value

    def _train(self, config: Config, watch: Watch) -> Trained:
        """Train to the end.

        Raises:
            KeyboardInterrupt: Also where the training itself ended early on Ctrl-C: the figures of
                a part of it are not those of the configuration.
        """
        job = self.job
        trained = train(
            job.task, job.train, job.dev, config=config, targets=job.targets, watch=watch
        )
        if trained.interrupted:
            raise KeyboardInterrupt
        return trained

    def _opened(self, path: Path) -> optuna.Study:
        epochs = self.job.base.train.epochs
        sampler = optuna.samplers.TPESampler(
            seed=None if path.exists() else self.job.base.train.seed,
            n_startup_trials=8,
            multivariate=True,
        )
        pruner = optuna.pruners.SuccessiveHalvingPruner(
            min_resource=max(1, epochs // 6), reduction_factor=3
        )
        try:
            # Without heartbeats: a machine that slept would have its own trial taken for lost. What
            # a killed process leaves behind as running is in nobody's way.
            storage = RDBStorage(f"sqlite:///{path.resolve()}")
            return optuna.create_study(
                storage=storage,
                study_name="seqmap",
                direction="maximize",
                sampler=sampler,
                pruner=pruner,
                load_if_exists=True,
            )
        except Exception as error:  # noqa: BLE001 - SQLAlchemy's many errors, told in one line
            reason = str(error).split("\n")[0]
            raise OutputError(f"this is no file of a search: {reason}", path=path) from None

    def _check(self, path: Path) -> None:
        """Hold data, settings and space against those of the file."""
        job = self.job
        identity = json.dumps(
            [job.task.name, job.fingerprint, job.base.to_dict(), sorted(job.space)], sort_keys=True
        )
        known = self._study.user_attrs.get("identity")
        if known is None:
            self._study.set_user_attr("identity", identity)
        elif known != identity:
            raise DataError(
                "the search in this file has other data, settings or fixed keys",
                path=path,
                remedy="Use the same ones, or another --out",
            )


def _again(number: int, shift: int) -> str:
    return f"again.{number}.{shift}"
