"""What `seqmap train` is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqmap.config import Config
from seqmap.data import ReadOptions


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
        resume: Go on from the checkpoint beside `out`; of several seeds, those that are done are
            taken as they are.
        baseline: Whether to fit the plain model of the task on the same split.
        card: What the user says about the model: `about`, `licence`.
        more: Further training files, of a corpus that has several.
        init: A language model to start from.
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
    card: Mapping[str, str | None] = field(default_factory=dict)
    more: Sequence[str] = ()
    init: str | None = None
