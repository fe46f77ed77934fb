"""What the commands that train read: examples to learn from, to choose on, to measure on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqmap.commands.console import Screen
from seqmap.data import ReadOptions
from seqmap.errors import DataError
from seqmap.tasks import Dataset, Task


@dataclass(frozen=True)
class Files:
    """Where examples are.

    Attributes:
        train: Files to learn from; more than one for a corpus that has several.
        dev: A file to choose on, or None to hold a part out.
        test: A file to measure on, or None.
        options: How they are read.
    """

    train: Sequence[str]
    dev: str | None
    test: str | None
    options: ReadOptions


@dataclass(frozen=True)
class Parts:
    """The three parts of the data.

    Attributes:
        given: The training file.
        train: What is learned from; all of `given` unless a part of it is held out.
        dev: What is chosen on.
        test: What is measured on; empty when none was given.
    """

    given: Dataset
    train: Sequence[Any]
    dev: Sequence[Any]
    test: Sequence[Any]
    held_out: bool


def read_parts(task: Task, files: Files, holdout: float, screen: Screen) -> Parts:
    """Read, check and report what is learned from, chosen on and measured on.

    Args:
        task: What is learned.
        files: Where the examples are.
        holdout: Share of the training file that is held out where no dev file is given.
        screen: Where to report.

    Raises:
        UserError: A file cannot be used.
    """

    def load(path: str | None) -> Dataset | None:
        if path is None:
            return None
        dataset = task.read(path, files.options)
        screen.note(f"{path}: {dataset.layout.describe()}")
        return dataset

    given, dev, test = load(files.train[0]), load(files.dev), load(files.test)
    assert given is not None
    for path in files.train[1:]:
        further = load(path)
        assert further is not None
        given = _joined(given, further)
    task.check_trainable(given)
    dev, test = (None if part is None else task.conform(part, given) for part in (dev, test))
    if dev is None:
        fitting, choosing = _held_out(task, given.examples, holdout, screen)
    else:
        fitting, choosing = given.examples, dev.examples
    tested = () if test is None else test.examples
    for line in task.inspect(fitting, choosing, tested or None):
        screen.note(line)
    return Parts(given, fitting, choosing, tested, held_out=dev is None)


def _joined(first: Any, second: Dataset) -> Dataset:
    """Return the examples of two files of a corpus under the name of the first."""
    joined: Dataset = replace(first, examples=(*first.examples, *second.examples))
    return joined


def _held_out(
    task: Task, examples: Sequence[Any], share: float, screen: Screen
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Split as `train` itself does, to report on both parts."""
    try:
        fitting, choosing = task.hold_out(examples, share)
    except DataError as error:
        screen.note(f"no --dev, and {error.problem}: choosing on the training data itself")
        return examples, examples
    screen.note(f"no --dev: {task.count(choosing)} held out ({share:.0%}, {task.held_out})")
    return fitting, choosing
