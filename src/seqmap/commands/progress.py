"""A training as it is seen on the screen."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from seqmap.commands.console import Screen
from seqmap.training import Epoch, Watch
from seqmap.training import Progress as Step


class TrainingProgress:
    """A bar for the running epoch with the time left, and a line for each that is over.

    Args:
        screen: Where to write.
        headline: The metrics of an epoch that are shown, as far as they are measured.
    """

    def __init__(self, screen: Screen, headline: Sequence[str]) -> None:
        self._screen = screen
        self._headline = headline
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            TimeRemainingColumn(),
            console=screen.stderr,
            transient=True,
            disable=screen.quiet or not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("training", total=None, loss=math.nan)
        self._spent = 0.0

    def __enter__(self) -> Watch:
        self._bar.__enter__()
        return Watch(epoch=self._epoch, step=self._step, note=self._screen.note)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def _step(self, step: Step) -> None:
        self._bar.update(
            self._task,
            description=f"epoch {step.epoch}/{step.epochs}",
            completed=(step.epoch - 1) * step.steps + step.step,
            total=step.epochs * step.steps,
            loss=step.loss,
        )

    def _epoch(self, epoch: Epoch) -> None:
        self._spent += epoch.seconds
        figures = "  ".join(
            f"{name.replace('_', '-')} {epoch.dev_metrics[name]:.4f}"
            for name in self._headline
            if name in epoch.dev_metrics
        )
        self._screen.note(
            f"epoch {epoch.number:>3}  loss {epoch.train_loss:.4f}  dev loss {epoch.dev_loss:.4f}"
            f"  {figures}  {epoch.seconds:.1f} s"
        )
