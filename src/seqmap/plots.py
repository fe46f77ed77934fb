"""Pictures of a training and of a model, as PNG files.

Drawn with matplotlib's Agg canvas alone: no window, no pyplot, no global state.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqmap.errors import MissingExtraError, OutputError
from seqmap.metrics import reliability as reliability_bins
from seqmap.plot_fonts import OWN_FONT, families_for, presentable

_BLUE, _RED, _GREY = "#1b6ca8", "#c8553d", "#8a8f98"  # told apart by the colour-blind, too
_DOTS_PER_INCH = 150
_COUNTS_UP_TO = 16  # with more classes the cells are too small for numbers
_NAMES_UP_TO = 64


class EpochFigures(Protocol):
    """What is drawn of an epoch."""

    @property
    def number(self) -> int:
        """Its number, from 1."""

    @property
    def train_loss(self) -> float:
        """Mean loss in training."""

    @property
    def dev_loss(self) -> float:
        """Mean loss on the dev part."""

    @property
    def dev_metrics(self) -> dict[str, float]:
        """Figures on the dev part."""


def learning_curves(
    history: Sequence[EpochFigures],
    path: str | Path,
    *,
    title: str = "Learning curves",
    metric: str = "accuracy",
    baselines: Mapping[str, float] | None = None,
) -> None:
    """Draw loss and a dev figure over the epochs; the epoch with the lowest dev loss is marked.

    Args:
        history: One entry an epoch.
        path: Where the PNG goes.
        title: Line above the picture.
        metric: Key of `dev_metrics`.
        baselines: Other values of the figure, by name, drawn as dashed lines.

    Raises:
        OutputError: The file cannot be written.
    """
    numbers = [epoch.number for epoch in history]
    best = min(history, key=lambda epoch: epoch.dev_loss, default=None)
    name = metric.replace("_", "-")
    with drawn_on(path, title, (9.0, 3.6)) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(numbers, [e.train_loss for e in history], color=_GREY, marker=".", label="train")
        left.plot(numbers, [e.dev_loss for e in history], color=_BLUE, marker=".", label="dev")
        right.plot(
            numbers,
            [e.dev_metrics.get(metric, np.nan) for e in history],
            color=_BLUE,
            marker=".",
            label=f"dev {name}",
        )
        for other, value in (baselines or {}).items():
            right.axhline(value, color=_RED, linestyle="--", label=f"{other}: {value:.3f}")
        if best is not None:
            ring = {"s": 70, "facecolors": "none", "edgecolors": _RED, "zorder": 3}
            left.scatter([best.number], [best.dev_loss], label=f"best: {best.number}", **ring)
            if metric in best.dev_metrics:
                right.scatter([best.number], [best.dev_metrics[metric]], **ring)
        for axes, what in ((left, "loss"), (right, name)):
            plain_axes(axes, "epoch", what)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend(frameon=False)
        left.set_ylim(bottom=0)


class Ahead(Protocol):
    """What is drawn of a forecast."""

    @property
    def values(self) -> tuple[float, ...]:
        """What is expected at each step."""

    @property
    def lower(self) -> tuple[float, ...]:
        """Lower end of the interval at each step."""

    @property
    def upper(self) -> tuple[float, ...]:
        """Upper end."""

    @property
    def coverage(self) -> float:
        """Share of the truth that the intervals hold."""


def forecast(
    values: npt.ArrayLike, ahead: Ahead, path: str | Path, *, title: str = "Forecast"
) -> None:
    """Draw the end of a series with a forecast and its intervals; steps count from the forecast.

    Args:
        values: (time,), with what came after the forecast's origin if that is known: its end is
            the end of the forecast then.
        ahead: The forecast of the last steps.
        path: Where the PNG goes.
        title: Line above the picture.

    Raises:
        OutputError: The file cannot be written.
    """
    given, size = np.asarray(values, dtype=np.float64), len(ahead.values)
    shown = given[-min(len(given), 8 * size + 1) :]
    places = np.arange(len(shown)) - (len(shown) - size)
    future = np.arange(size)
    with drawn_on(path, title, (9.0, 3.6)) as figure:
        axes = figure.subplots()
        label = f"{ahead.coverage:.0%} interval"
        axes.fill_between(future, ahead.lower, ahead.upper, color=_BLUE, alpha=0.2, label=label)
        axes.plot(places, shown, color=_GREY, label="series")
        axes.plot(future, ahead.values, color=_BLUE, label="forecast")
        axes.axvline(-0.5, color=_RED, linestyle="--", linewidth=0.8)
        plain_axes(axes, "steps from the forecast", "")
        axes.legend(frameon=False)


def confusion(
    matrix: npt.ArrayLike,
    names: Sequence[str],
    path: str | Path,
    *,
    title: str = "Confusion matrix",
) -> None:
    """Draw a confusion matrix; colours are shares of a row, numbers are counts.

    Args:
        matrix: Counts by true (rows) and predicted (columns) class, `(classes, classes)`.
        names: The class names in the order of the rows.
        path: Where the PNG goes.
        title: Line above the picture.

    Raises:
        OutputError: The file cannot be written.
        ValueError: There are not as many names as rows.
    """
    counts = np.asarray(matrix)
    size = len(names)
    if counts.shape != (size, size):
        raise ValueError(f"a matrix of shape {counts.shape} for {size} names")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shown, note = presentable(names)
    side = float(np.clip(0.62 * size, 2.6, 12.0))
    with drawn_on(path, title, (side + 2.2, side + 1.4), names=shown, note=note) as figure:
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
        plain_axes(axes, "predicted", "true")
        axes.grid(False)
        if size <= _NAMES_UP_TO:
            small = 9 if size <= _COUNTS_UP_TO else 6
            crowded = size > 4 and max(map(len, shown)) > 6
            slanted = {"rotation": 45, "ha": "right"} if crowded else {}
            axes.set_xticks(range(size), shown, fontsize=small, **slanted)
            axes.set_yticks(range(size), shown, fontsize=small)
        if size <= _COUNTS_UP_TO:
            for row, column in np.ndindex(size, size):
                colour = "white" if shares[row, column] > 0.55 else "#222222"
                text = f"{counts[row, column]:,}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def reliability(
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    path: str | Path,
    *,
    title: str = "Reliability",
    bins: int = 15,
) -> None:
    """Draw how often answers of each confidence are right (Guo et al. 2017, figure 1).

    Args:
        curves: A name for each pair of probabilities `(n, classes)` and truth, as `metrics.ece`
            takes them; for instance before and after calibration.
        path: Where the PNG goes.
        title: Line above the picture.
        bins: How many bins the confidence is cut into.

    Raises:
        OutputError: The file cannot be written.
    """
    with drawn_on(path, title, (5.2, 4.8)) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="ideal")
        for colour, (name, (probabilities, truth)) in zip(
            (_RED, _BLUE, "#3a7d44", "#7a4b94"), curves.items(), strict=False
        ):
            confidence, right, count = reliability_bins(probabilities, truth, bins)
            held = count > 0
            total = max(int(count.sum()), 1)
            error = float(np.sum(count * np.abs(confidence - right)) / total)
            axes.plot(confidence[held], right[held], color=colour, label=f"{name}: ECE {error:.3f}")
            axes.scatter(confidence[held], right[held], 200 * count[held] / total + 8, color=colour)
        plain_axes(axes, "confidence", "share that is right")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.legend(frameon=False, loc="upper left")


@contextmanager
def drawn_on(
    path: str | Path,
    title: str,
    size: tuple[float, float],
    *,
    names: Iterable[str] = (),
    note: str = "",
) -> Iterator[Any]:
    """Give an empty figure; when all is drawn, write it to `path`."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingExtraError("matplotlib", "train") from None

    families = families_for("".join((title, note, *names))) or [OWN_FONT]
    with matplotlib.rc_context({"font.family": families, "text.parse_math": False}):
        figure = Figure(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained")
        figure.suptitle(textwrap.fill(title, int(size[0] * 13)), fontsize=11)
        yield figure
        if note:
            figure.supxlabel(textwrap.fill(note, int(size[0] * 13)), fontsize=7, color=_GREY)
        canvas = BytesIO()
        figure.savefig(canvas, format="png")
    try:
        Path(path).write_bytes(canvas.getvalue())
    except OSError as error:
        raise OutputError(f"cannot write the picture: {error.strerror}", path=path) from None


def plain_axes(axes: Any, below: str, beside: str) -> None:
    """Name the axes and take their frame away."""
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    axes.grid(color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def logarithmic(axis: Any) -> None:
    """Give a logarithmic axis plain numbers: matplotlib would write powers as formulas."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if _decades(axis) < 2 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _decades(axis: Any) -> float:
    low, high = axis.get_view_interval()
    return float(np.log10(high / low)) if low > 0 else 0.0
