"""What a search found: a table, the Pareto chart, the winner's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqmap import plots
from seqmap.tuning.limits import Limits
from seqmap.tuning.study import Found

_BLUE, _RED, _GREY = "#1b6ca8", "#c8553d", "#8a8f98"


def table(ranking: Sequence[Found], metric: str, count: int = 8) -> str:
    """Return the best trials as lines."""
    name = metric.replace("_", "-")
    lines = [f"{'trial':>5}  {name:>16}  {'seeds':>5}  {'MB':>7}  {'µs/input':>8}  "]
    for found in ranking[:count]:
        figure = f"{found.mean:.4f} ± {found.spread:.4f}" if found.again else f"{found.metric:.4f}"
        lines.append(
            f"{found.number:>5}  {figure:>16}  {1 + len(found.again):>5}  {found.size / 1e6:>7.2f}"
            f"  {found.latency * 1e6:>8.0f}  {'' if found.fits else 'beyond the limits'}"
        )
    return "\n".join(line.rstrip() for line in lines)


def front(ranking: Sequence[Found]) -> list[Found]:
    """Return the trials that no other one beats in both figure and latency, the fastest first."""
    kept: list[Found] = []
    for found in sorted(ranking, key=lambda f: (f.latency, -f.mean)):
        if not kept or found.mean > kept[-1].mean:
            kept.append(found)
    return kept


def draw(ranking: Sequence[Found], winner: Found, limits: Limits, metric: str, path: Path) -> None:
    """Draw the figure over latency and over size, with limits, front and winner.

    Raises:
        OutputError: The file cannot be written.
    """
    title = f"{len(ranking)} trials; the winner is ringed"
    with plots.drawn_on(path, title, (10.0, 4.2)) as figure:
        left, right = figure.subplots(1, 2)
        for axes, key, scale, limit, what in (
            (left, "latency", 1e6, limits.latency, "µs an input"),
            (right, "size", 1e-6, limits.size, "MB of the model"),
        ):
            for fits, colour, label in ((True, _BLUE, "trial"), (False, _GREY, "beyond a limit")):
                some = [f for f in ranking if f.fits is fits]
                if some:
                    places = [getattr(f, key) * scale for f in some]
                    axes.scatter(places, [f.mean for f in some], color=colour, label=label, s=26)
            axes.scatter(
                [getattr(winner, key) * scale],
                [winner.mean],
                s=130,
                facecolors="none",
                edgecolors=_RED,
                label=f"winner: {winner.number}",
            )
            if limit is not None:
                axes.axvline(limit * scale, color=_RED, linestyle="--", label="limit")
            plots.plain_axes(axes, what, f"{metric.replace('_', '-')} on dev")
        line = front(ranking)
        left.plot(
            [f.latency * 1e6 for f in line],
            [f.mean for f in line],
            color=_GREY,
            linestyle="--",
            zorder=0,
            label="Pareto front",
        )
        for axes in (left, right):
            axes.legend(frameon=False, fontsize=8)
