"""`seqmap train`: read, report, train, evaluate, save."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqmap.commands.console import Screen
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.data import Dataset, Example, ReadOptions, hold_out, inspect
from seqmap.errors import OutputError
from seqmap.evaluate import evaluate
from seqmap.runtime.archive import save
from seqmap.runtime.session import Session
from seqmap.tasks import Evaluation, Task, find_task
from seqmap.training import Trained, train
from seqmap.training.baseline import linear_baseline


@dataclass(frozen=True)
class TrainRequest:
    """What `seqmap train` was asked for.

    Attributes:
        task: Name of the task.
        train: File of labelled examples.
        dev: Another to choose on, or None to hold a part out.
        test: Another to measure on, or None.
        out: Where the archive goes.
        config: Sizes, dropouts, rates.
        options: How the files are read.
        seeds: How many seeds to train; the figures are then mean and deviation.
        resume: Go on from the checkpoint beside `out`.
        baseline: Whether to fit the linear baseline on the same split.
    """

    task: str
    train: str
    dev: str | None
    test: str | None
    out: Path
    config: Config
    options: ReadOptions
    seeds: int = 1
    resume: bool = False
    baseline: bool = True


@dataclass(frozen=True)
class _Parts:
    """The three parts of the data; `test` is empty when none was given."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    multi: bool


def run_train(request: TrainRequest, screen: Screen) -> None:
    """Train as asked, and show and save what came out.

    Raises:
        UserError: Something that was given cannot be used.
    """
    task = find_task(request.task)
    check_writable(request.out)
    parts = _read(task, request, screen)
    runs: list[tuple[Trained, Evaluation | None]] = []
    for number in range(request.seeds):
        seed = request.config.train.seed + number
        if request.seeds > 1:
            screen.note(f"seed {seed} ({number + 1} of {request.seeds})")
        runs.append(_one(task, request, parts, seed, screen))
    best, evaluation = min(runs, key=lambda run: run[0].metrics["loss"])
    if request.seeds > 1:
        save(best.archive, request.out)
    _show(best, evaluation, request, screen)
    summary = _summary(task, runs, best, evaluation, request)
    if request.seeds > 1:
        shown = ", ".join(f"{k} {m:.4f} ± {s:.4f}" for k, (m, s) in summary["mean_sd"].items())
        screen.result(f"over {request.seeds} seeds: {shown}")
    if request.baseline:
        summary["baseline"] = _baseline(parts, screen)
    screen.close(summary)


def check_writable(path: Path) -> None:
    """Refuse early what could not be saved after an hour of training.

    Raises:
        OutputError: The folder is missing or cannot be written.
    """
    folder = path.parent
    if path.is_dir():
        raise OutputError("the output is a folder; a file is needed", path=path)
    if not folder.is_dir():
        raise OutputError("the folder for the output does not exist", path=folder)
    if not os.access(folder, os.W_OK):
        raise OutputError("the folder for the output cannot be written", path=folder)


def _read(task: Task, request: TrainRequest, screen: Screen) -> _Parts:
    def load(path: str | None) -> Dataset | None:
        if path is None:
            return None
        dataset = task.read(path, request.options)
        screen.note(f"{path}: {dataset.layout.describe()}")
        return dataset

    given, dev, test = load(request.train), load(request.dev), load(request.test)
    assert given is not None
    if dev is None:
        share = request.config.train.holdout
        fitting, choosing = hold_out(given.examples, share)
        screen.note(f"no --dev: {len(choosing):,} examples held out ({share:.0%}, seed 42)")
    else:
        fitting, choosing = given.examples, dev.examples
    tested = () if test is None else test.examples
    report = inspect(fitting, choosing, tested or None)
    for line in report.describe():
        screen.note(line)
    return _Parts(tuple(fitting), tuple(choosing), tuple(tested), given.multi_label)


def _one(
    task: Task, request: TrainRequest, parts: _Parts, seed: int, screen: Screen
) -> tuple[Trained, Evaluation | None]:
    config = replace(request.config, train=replace(request.config.train, seed=seed))
    with TrainingProgress(screen) as watch:
        trained = train(
            task,
            parts.train,
            parts.dev or None,
            config=config,
            multi=parts.multi,
            out=request.out,
            resume=request.resume,
            watch=watch,
        )
    if trained.interrupted:
        screen.note("interrupted: the best model so far is kept; --resume goes on")
    if not parts.test:
        return trained, None
    return trained, evaluate(Session(trained.archive), parts.test)


def _show(
    trained: Trained, evaluation: Evaluation | None, request: TrainRequest, screen: Screen
) -> None:
    figures = trained.metrics if evaluation is None else evaluation.metrics
    part = "dev" if evaluation is None else "test"
    calibration = trained.archive.manifest["calibration"]
    if evaluation is not None:
        screen.result(evaluation.report())
    screen.result(f"{part}: " + "  ".join(f"{name} {value:.4f}" for name, value in figures.items()))
    screen.note(
        f"calibrated on dev: ECE {calibration['ece_before']:.4f} → {calibration['ece_after']:.4f}"
    )
    size = request.out.stat().st_size / 2**20
    screen.result(f"saved {request.out} ({size:.1f} MiB) after {trained.seconds:.1f} s")


def _baseline(parts: _Parts, screen: Screen) -> dict[str, float]:
    """Fit and show the linear model on the same split."""
    on, name = (parts.test, "test") if parts.test else (parts.dev, "dev")
    baseline = linear_baseline(parts.train, on, multi=parts.multi)
    shown = "  ".join(f"{key} {value:.4f}" for key, value in baseline.metrics.items())
    screen.result(f"linear baseline (TF-IDF + logistic regression), {name}: {shown}")
    return dict(baseline.metrics)


def _summary(
    task: Task,
    runs: list[tuple[Trained, Evaluation | None]],
    best: Trained,
    evaluation: Evaluation | None,
    request: TrainRequest,
) -> dict[str, Any]:
    figures = [t.metrics if e is None else e.metrics for t, e in runs]
    spread = {
        name: (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)
        for name in figures[0]
        for values in [[figure[name] for figure in figures]]
    }
    manifest = best.archive.manifest
    return {
        "task": task.name,
        "metrics": best.metrics if evaluation is None else evaluation.metrics,
        "dev_metrics": best.metrics,
        "mean_sd": spread,
        "seeds": len(runs),
        "train_seconds": best.seconds,
        "epochs": len(best.history),
        "history": [asdict(epoch) for epoch in best.history],
        "calibration": manifest["calibration"],
        "data": manifest["data"],
        "model": str(request.out),
        "size_bytes": request.out.stat().st_size,
    }
