"""The tasks, by their names on the command line. To add one: a file and a line here."""

from __future__ import annotations

from seqmap.errors import UserError, nearest
from seqmap.tasks.base import Codecs, Evaluation, Task
from seqmap.tasks.classify import Classification, Classify, MultiClassification

TASKS: dict[str, Task] = {
    "classify": Classify(),
}


def find_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        UserError: There is none.
    """
    if name not in TASKS:
        close = nearest(name, TASKS)
        remedy = f"Did you mean {close}?" if close else None
        raise UserError("unknown task", given=name, allowed=TASKS, remedy=remedy)
    return TASKS[name]


__all__ = [
    "TASKS",
    "Classification",
    "Classify",
    "Codecs",
    "Evaluation",
    "MultiClassification",
    "Task",
    "find_task",
]
