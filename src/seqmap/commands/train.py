"""`seqmap train`: read, report, train, evaluate, save."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from seqmap.commands.console import Screen, in_bytes
from seqmap.commands.parts import Files, Parts, read_parts
from seqmap.commands.progress import TrainingProgress
from seqmap.commands.seeds import contents, identity_of, keep, kept_seed, place_of, tidy
from seqmap.commands.train_request import TrainRequest
from seqmap.evaluate import evaluate
from seqmap.runtime.archive import check_output, save
from seqmap.runtime.session import restore
from seqmap.tasks import Evaluation, Task, find_task
from seqmap.training import Trained, reference, train
from seqmap.training.distributed import Group, joined

_Run = tuple[Trained, Evaluation | None]


def run_train(request: TrainRequest, screen: Screen) -> None:
    """Train as asked, and show and save what came out.

    Raises:
        UserError: Something that was given cannot be used.
    """
    with joined(request.config.train) as group:
        # One process tells what happens; the others only do it.
        told = screen if group.lead else Screen(quiet=True, as_json=True)
        _run(request, told, group)


def _run(request: TrainRequest, screen: Screen, group: Group) -> None:
    task = find_task(request.task)
    check_output(request.out)
    files = Files((request.train, *request.more), request.dev, request.test, request.options)
    parts = read_parts(task, files, request.config.train.holdout, screen)
    runs = _train_all(task, request, parts, screen, group)
    if not group.lead:
        return
    best, evaluation = min(runs, key=lambda run: run[0].cost)
    if request.seeds > 1:
        save(best.archive, request.out)
        tidy(request, runs, screen)
    _show(best, evaluation, request, screen)
    summary = _summary(task, runs, best, evaluation, request)
    if request.seeds > 1:
        shown = ", ".join(f"{k} {m:.4f} ± {s:.4f}" for k, (m, s) in summary["mean_sd"].items())
        screen.result(f"over {len(runs)} seeds: {shown}")
    if request.baseline:
        summary["baseline"] = _baseline(task, parts, screen)
    screen.close(summary)


def _train_all(
    task: Task, request: TrainRequest, parts: Parts, screen: Screen, group: Group
) -> list[_Run]:
    runs: list[_Run] = []
    files = contents(request) if request.seeds > 1 and group.lead else None
    try:
        for number in range(request.seeds):
            if request.seeds > 1:
                seed = request.config.train.seed + number
                screen.note(f"seed {seed} ({number + 1} of {request.seeds})")
            trained = _trained(task, request, parts, number, files, screen, group)
            if trained is None:  # the first process has this seed from an earlier run
                continue
            measure = bool(parts.test) and group.lead
            evaluation = evaluate(restore(trained.archive), parts.test) if measure else None
            runs.append((trained, evaluation))
            if trained.interrupted:
                screen.note("interrupted: the best model so far is kept; --resume goes on")
                break
    except KeyboardInterrupt:
        # Before the first epoch of a further seed was over, or while it was measured.
        if not runs or group.size > 1:
            raise
        screen.note("interrupted: the best model so far is kept; --resume goes on")
    return runs


def _trained(
    task: Task,
    request: TrainRequest,
    parts: Parts,
    number: int,
    files: list[Any] | None,
    screen: Screen,
    group: Group,
) -> Trained | None:
    """Train a seed, or take what an earlier run made of it; None where another process has that."""
    if request.seeds == 1:
        return _one(task, request, parts, number, screen, group)
    identity = identity_of(request, number, files)
    kept = kept_seed(request, number, identity) if request.resume and group.lead else None
    if request.resume and group.told(kept is not None):
        screen.note(f"done by an earlier run: {place_of(request, number)}")
        return kept
    trained = _one(task, request, parts, number, screen, group)
    if group.lead and not trained.interrupted:
        keep(request, number, trained, identity)
    return trained


def _one(
    task: Task, request: TrainRequest, parts: Parts, number: int, screen: Screen, group: Group
) -> Trained:
    config = request.config.replace(train__seed=request.config.train.seed + number)
    with TrainingProgress(screen, task.headline) as watch:
        return train(
            task,
            parts.given.examples,
            None if parts.held_out else parts.dev,
            config=config,
            targets=task.targets(parts.given),
            facts={
                "input": task.memory(parts.given, request.options),
                "card": dict(request.card),
            },
            out=place_of(request, number),
            resume=request.resume,
            watch=watch,
            init=request.init,
            group=group,
        )


def _show(
    trained: Trained, evaluation: Evaluation | None, request: TrainRequest, screen: Screen
) -> None:
    figures = trained.metrics if evaluation is None else evaluation.metrics
    part = "dev" if evaluation is None else "test"
    if evaluation is not None:
        screen.result(evaluation.report())
    screen.result(f"{part}: " + "  ".join(f"{name} {value:.4f}" for name, value in figures.items()))
    for note in trained.notes:
        screen.note(note)
    size = in_bytes(request.out.stat().st_size)
    screen.result(f"saved {request.out} ({size}) after {trained.seconds:.1f} s")


def _baseline(task: Task, parts: Parts, screen: Screen) -> dict[str, float] | None:
    """Fit and show the task's plain model on the same split."""
    on, name = (parts.test, "test") if parts.test else (parts.dev, "dev")
    found = reference(task, parts.train, on, task.targets(parts.given))
    if found is None:
        return None
    shown = "  ".join(f"{key} {value:.4f}" for key, value in found.metrics.items())
    screen.result(f"{found.title}, {name}: {shown}")
    return found.metrics


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
        "task": task.word,
        "metrics": best.metrics if evaluation is None else evaluation.metrics,
        "dev_metrics": best.metrics,
        "mean_sd": spread,
        "seeds": len(runs),
        "train_seconds": best.seconds,
        "epochs": len(best.history),
        "history": [asdict(epoch) for epoch in best.history],
        "calibration": manifest.get("calibration"),
        "data": manifest["data"],
        "model": str(request.out),
        "size_bytes": request.out.stat().st_size,
    }
