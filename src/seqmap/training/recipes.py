"""How each task is trained, and what it is measured beside: the tables, and the way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqmap.config import Config
from seqmap.errors import UserError
from seqmap.lazy import imported
from seqmap.tasks.base import Task
from seqmap.training.distributed import ALONE, Group
from seqmap.training.job import Job, Reference, Trained
from seqmap.training.loop import Watch

RECIPES: dict[str, str] = {
    "classify": "seqmap.training.classify:train_classifier",
    "forecast": "seqmap.training.forecast:train_forecaster",
    "language": "seqmap.training.language:train_language",
    "signal": "seqmap.training.signal:train_signals",
    "speak": "seqmap.training.speak:train_speaker",
    "tag": "seqmap.training.tag:train_tagger",
    "transcribe": "seqmap.training.transcribe:train_transcriber",
    "translate": "seqmap.training.translate:train_translator",
}
"""The function that turns a `Job` of a task into a `Trained`."""

STARTED: tuple[str, ...] = ("classify", "tag", "translate")
"""The tasks whose network can start from a language model."""

REFERENCES: dict[str, str] = {
    "classify": "seqmap.training.baseline:classify_reference",
    "language": "seqmap.training.ngram_baseline:language_reference",
    "signal": "seqmap.training.warping:signal_reference",
    "speak": "seqmap.training.speak_baseline:speak_reference",
    "tag": "seqmap.training.tag_baseline:tag_reference",
    "translate": "seqmap.training.translate_baseline:translate_reference",
}
"""The function `(train, test, targets) -> Reference` of a task's plain model, if it has one."""


def train(
    task: Task,
    train: Sequence[Any],
    dev: Sequence[Any] | None = None,
    *,
    config: Config,
    targets: Any = None,
    facts: Mapping[str, Any] | None = None,
    out: Path | None = None,
    resume: bool = False,
    watch: Watch | None = None,
    init: str | Path | None = None,
    group: Group = ALONE,
) -> Trained:
    """Train a model.

    Args:
        task: What is learned.
        train: Examples to learn from.
        dev: Examples to choose and calibrate on; None holds a part of `train` out.
        config: Sizes, dropouts, rates.
        targets: What `Task.targets` tells of the training file; None lets the recipe find out.
        facts: Further entries of the manifest.
        out: Where to save the archive; the checkpoint lies beside it until the training is over.
        resume: Go on from that checkpoint.
        watch: Whom to tell.
        init: The file of a language model to start from.
        group: The processes that train together; each calls this with the same arguments.

    Raises:
        UserError: The task cannot start from a language model, or this is none.
        DataError: The examples cannot be trained on.
        OutputError: `out` cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    job = Job(task, train, dev, config, targets, facts or {}, out, resume, watch or Watch())
    job = replace(job, group=group)
    if init is not None:
        if task.name not in STARTED:
            raise UserError(
                "this task does not start from a language model", given=task.name, allowed=STARTED
            )
        # Imported here: only who starts from a model pays for it.
        from seqmap.training.pretrained import read_pretrained

        job = replace(job, init=read_pretrained(init))
    trained: Trained = imported(RECIPES[task.name])(job)
    return trained


def reference(
    task: Task, train: Sequence[Any], test: Sequence[Any], targets: Any
) -> Reference | None:
    """Fit the task's plain model and measure it on the same split; None where there is none.

    Args:
        task: What is learned.
        train: Examples to learn from.
        test: Examples to measure on.
        targets: What `Task.targets` tells of the training file.
    """
    if task.name not in REFERENCES:
        return None
    found: Reference | None = imported(REFERENCES[task.name])(train, test, targets)
    return found
