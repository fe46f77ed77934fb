"""What a training is asked for, and what it gives; the same for every task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmap.config import Config
from seqmap.errors import DataError
from seqmap.runtime.archive import Archive
from seqmap.tasks.base import Task
from seqmap.training.distributed import ALONE, Group
from seqmap.training.loop import Epoch, Watch

if TYPE_CHECKING:
    from seqmap.training.pretrained import Pretrained


@dataclass(frozen=True)
class Job:
    """A training that was asked for.

    Attributes:
        task: What is learned.
        train: Examples to learn from, of the task's own kind.
        dev: Examples to choose and calibrate on; None holds a part of `train` out.
        config: Sizes, dropouts, rates.
        targets: What `Task.targets` tells of the training file; None lets the recipe find out.
        facts: Further entries of the manifest.
        out: Where the archive goes; the checkpoint lies beside it until the training is over.
        resume: Go on from that checkpoint.
        watch: Whom to tell.
        init: A language model to start from.
        group: The processes that train together, this one among them.
    """

    task: Task
    train: Sequence[Any]
    dev: Sequence[Any] | None
    config: Config
    targets: Any = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    out: Path | None = None
    resume: bool = False
    watch: Watch = field(default_factory=Watch)
    init: Pretrained | None = None
    group: Group = ALONE

    @property
    def checkpoint(self) -> Path | None:
        """Where the state between epochs is kept."""
        return None if self.out is None else self.out.with_name(self.out.name + ".checkpoint")

    def parts(self) -> tuple[list[Any], list[Any]]:
        """Return what is learned from and what is chosen on."""
        given = list(self.train)
        if self.dev is not None:
            return given, list(self.dev)
        try:
            fitting, choosing = self.task.hold_out(given, self.config.train.holdout)
        except DataError:
            # Nothing can be spared: choose on what was learned.
            return given, given
        return list(fitting), list(choosing)


@dataclass(frozen=True)
class Trained:
    """What a training gave.

    Attributes:
        archive: The model, ready to be saved or loaded.
        history: One entry an epoch.
        metrics: Figures on the dev part of the model that was kept, as it is deployed.
        seconds: Time from examples to archive.
        interrupted: Whether Ctrl-C ended it.
        cost: What the best of several trainings is chosen by, the lowest.
        notes: What its reader should know, a line each.
    """

    archive: Archive
    history: tuple[Epoch, ...]
    metrics: dict[str, float]
    seconds: float
    interrupted: bool
    cost: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """How well a plain model does on the same split, to be shown beside the trained one.

    Attributes:
        title: What it is.
        metrics: Named figures, as those of the task.
    """

    title: str
    metrics: dict[str, float]
