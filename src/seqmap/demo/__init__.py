"""`seqmap demo`: the main job of a task from embedded data to a deployed model.

Trains, measures beside a plain model, saves, loads in a process that never imports torch, lets that
process answer, and shows what came out. Needs no download.
"""

from __future__ import annotations

from pathlib import Path

from seqmap.commands.console import Screen
from seqmap.errors import UserError
from seqmap.lazy import imported

DEMOS: dict[str, str] = {
    "classify": "seqmap.demo.classify:run_demo",
    "forecast": "seqmap.demo.forecast:run_demo",
    "language": "seqmap.demo.language:run_demo",
    "signal": "seqmap.demo.signals:run_demo",
    "speak": "seqmap.demo.speak:run_demo",
    "tag": "seqmap.demo.tag:run_demo",
    "transcribe": "seqmap.demo.transcribe:run_demo",
    "translate": "seqmap.demo.translate:run_demo",
}
"""The demo of each task."""


def run_demo(task: str, out: Path, screen: Screen) -> None:
    """Go from data to a deployed model, and show each step.

    Args:
        task: Which demo.
        out: Folder for the model and the pictures; it is made when missing.
        screen: Where to write.

    Raises:
        UserError: There is no such demo, or the folder cannot be written.
        TrainingError: Training failed.
    """
    if task not in DEMOS:
        raise UserError("there is no demo of this task", given=task, allowed=DEMOS)
    imported(DEMOS[task])(out, screen)


__all__ = ["DEMOS", "run_demo"]
