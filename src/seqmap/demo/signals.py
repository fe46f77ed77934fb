"""The steps of `seqmap demo --task classify --signals`: gestures, and answers before their end."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from seqmap import plots
from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.data.signals import Signal
from seqmap.demo import show
from seqmap.runtime.session import load
from seqmap.runtime.signal import SignalSession
from seqmap.samples.signals import SYNTHETIC_NOTICE, gestures
from seqmap.tasks import find_task
from seqmap.training import train
from seqmap.training.warping import signal_reference

SURE = 0.95


def run_demo(out: Path, screen: Screen, *, config: Config | None = None) -> None:
    """Go from data to a deployed model, and show each step.

    Args:
        out: Folder for the model and the picture; it is made when missing.
        screen: Where to write.
        config: Another configuration than the demo's.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    model, task = make_folder(out) / "gestures.seqmap", find_task("signal")
    signals = gestures(300)
    parts = signals[:150], signals[150:200], signals[200:]
    screen.result(show.heading("Data") + f"\n{SYNTHETIC_NOTICE}")
    screen.result("\n".join(task.inspect(*parts)))
    chosen = config or task.config().replace(encoder__direction="forward", train__epochs=12)
    screen.result(show.heading("Training") + "\nleft to right, so that it can answer early")
    with TrainingProgress(screen, task.headline) as watch:
        trained = train(task, parts[0], parts[1], config=chosen, out=model, watch=watch)
    session = load(model)
    assert isinstance(session, SignalSession)
    found = session.evaluate(parts[2])
    plain = signal_reference(parts[0], parts[2], None)
    screen.result(
        show.heading("Test: 100 gestures that training never saw") + "\n" + found.report()
    )
    screen.result(f"{plain.title}: accuracy {plain.metrics['accuracy']:.4f}")
    early = _early(session, parts[2])
    screen.result(show.heading(f"Answers as soon as they are {SURE:.0%} sure"))
    screen.result(
        f"answered before the end: {early['answered']:.0%} of the gestures, in the median after "
        f"{early['median_share']:.0%} of the signal\nright of these: {early['right']:.1%}"
    )
    picture = out / "gestures-confusion.png"
    plots.confusion(
        found.details["confusion"], found.details["labels"], picture, title="Test (synthetic)"
    )
    seconds = time.perf_counter() - started
    screen.result(show.heading("Written") + f"\n  {model}\n  {picture}\nDone in {seconds:.0f} s.")
    screen.close(
        {
            "task": "classify",
            "synthetic": True,
            "metrics": found.metrics,
            "baseline": plain.metrics,
            "early": early,
            "train_seconds": trained.seconds,
            "seconds": seconds,
            "model": str(model),
            "size_bytes": model.stat().st_size,
            "pictures": [str(picture)],
        }
    )


def _early(session: SignalSession, signals: list[Signal]) -> dict[str, float]:
    """Feed each signal until the model is sure; return how often, how early and how rightly."""
    shares, right = [], []
    for one in signals:
        stream = session.stream()
        for step in one.values:
            stream.feed(step)
            if stream.sure(SURE):
                if stream.steps < len(one.values):
                    shares.append(stream.steps / len(one.values))
                    right.append(stream.result().label == one.labels[0])
                break
    return {
        "answered": len(shares) / len(signals),
        "median_share": float(np.median(shares)) if shares else 1.0,
        "right": float(np.mean(right)) if right else 0.0,
    }
