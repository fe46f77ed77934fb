"""The tasks, by their names on the command line. To add one: a file and a line here."""

from __future__ import annotations

from functools import cache

from seqmap.errors import UserError, nearest
from seqmap.lazy import imported
from seqmap.tasks.base import Dataset, Evaluation, Task

TASKS: dict[str, str] = {
    "classify": "seqmap.tasks.classify:Classify",
    "forecast": "seqmap.tasks.forecast:ForecastTask",
    "language": "seqmap.tasks.language:Language",
    "signal": "seqmap.tasks.signal:SignalTask",
    "speak": "seqmap.tasks.speak:Speak",
    "tag": "seqmap.tasks.tag:Tag",
    "transcribe": "seqmap.tasks.transcribe:Transcribe",
    "translate": "seqmap.tasks.translate:Translate",
}


def task_for(name: str, path: str, *, recordings: bool = False) -> str:
    """Return the task's name for a file: signals are classified by a task of their own.

    Args:
        name: The word on the command line.
        path: The training file.
        recordings: Whether a column of its table names the recording of each row.
    """
    if name != "classify":
        return name
    from seqmap.data.signals import is_signals

    return "signal" if recordings or is_signals(path) else name


def find_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        UserError: There is none.
    """
    if name not in TASKS:
        close = nearest(name, TASKS)
        remedy = f"Did you mean {close}?" if close else None
        raise UserError("unknown task", given=name, allowed=TASKS, remedy=remedy)
    return _task(TASKS[name])


@cache
def _task(place: str) -> Task:
    task: Task = imported(place)()
    return task


__all__ = ["TASKS", "Dataset", "Evaluation", "Task", "find_task", "task_for"]
