"""From a trained network to an archive on disk."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

import seqmap
from seqmap.config import Config
from seqmap.runtime.archive import FORMAT, Archive, save
from seqmap.runtime.card import card_entry
from seqmap.tasks.base import Task
from seqmap.training.job import Job


def manifest(task: Task, config: Config, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return what describes a model: what all models tell, and the entries of its own."""
    described = {
        "format": FORMAT,
        "seqmap": seqmap.__version__,
        "task": task.name,
        "config": config.to_dict(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **entries,
    }
    return {**described, "card": card_entry(task, described)}


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that a manifest can hold: some are undefined on few examples."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def put_away(archive: Archive, job: Job, *, interrupted: bool) -> None:
    """Save the model where the job wants it; the checkpoint goes, unless it may be resumed.

    Of several processes that train together, one saves.

    Raises:
        OutputError: The file cannot be written.
    """
    if not job.group.lead:
        return
    if job.out is not None:
        save(archive, job.out)
    if job.checkpoint is not None and not interrupted:
        job.checkpoint.unlink(missing_ok=True)
