"""The table, the figure and the page of a comparison."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqmap import plots
from seqmap.compare.probes import CHANCE, Probed
from seqmap.compare.runs import Outcome

_COLOURS = ("#1b6ca8", "#c8553d", "#4b8f5a", "#8a5fa8", "#c9962b", "#3c3f44")
_STYLE = """
body { font: 15px/1.55 system-ui, "Noto Sans SC", "PingFang SC", sans-serif; color: #1c2329;
  background: #fff; max-width: 960px; margin: 0 auto; padding: 12px 16px; }
h1 { font-size: 21px; margin: 8px 0 2px; } h2 { font-size: 16px; margin: 26px 0 4px; }
p, li { margin: 5px 0; } .soft { color: #5c6670; font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; width: 100%; }
th, td { padding: 4px 10px 4px 0; text-align: right; border-bottom: 1px solid #e6e8eb;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; height: auto; }
"""


@dataclass(frozen=True)
class Comparison:
    """All that was measured.

    Attributes:
        task: The task.
        data: What was learned from, in words.
        budget: What was the same for all, in words.
        metric: The figure that counts.
        lower: Whether a lower one is better.
        outcomes: What each encoder reached and cost.
        memory: Bytes of a training step by length, for each encoder.
        probes: What each did on the probes; empty where they were left out.
        device: Where it was measured.
    """

    task: str
    data: str
    budget: str
    metric: str
    outcomes: tuple[Outcome, ...]
    memory: dict[str, dict[int, int]]
    probes: dict[str, Probed]
    device: str

    def front(self) -> tuple[str, ...]:
        """Return the encoders that no other one beats in both the figure and the speed."""
        return tuple(
            one.name
            for one in self.outcomes
            if not any(
                other.mean(self.metric) >= one.mean(self.metric)
                and other.us_per_token <= one.us_per_token
                and (other.mean(self.metric), -other.us_per_token)
                != (one.mean(self.metric), -one.us_per_token)
                for other in self.outcomes
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "front": list(self.front())}


def rows(found: Comparison) -> list[list[str]]:
    """Return the table, the first row being its head."""
    head = ["encoder", found.metric.replace("_", "-"), "parameters", "train s", "µs/token"]
    lengths = sorted({length for each in found.memory.values() for length in each})
    if lengths:
        head.append(f"MiB at {lengths[0]} → {lengths[-1]}")
    head += [f"{which} at {max(d)}" for which, d in _deepest(found).items()]
    table = [head]
    best = found.front()
    for one in found.outcomes:
        mark = " *" if one.name in best else ""
        row = [
            one.name + mark,
            f"{one.mean(found.metric):.4f} ± {one.spread(found.metric):.4f}",
            f"{one.parameters:,}",
            f"{sum(one.seconds) / len(one.seconds):.1f}",
            f"{one.us_per_token:.2f}",
        ]
        if lengths:
            memory = found.memory.get(one.name, {})
            ends = [memory.get(lengths[0]), memory.get(lengths[-1])]
            row.append(" → ".join("–" if m is None else f"{m / 2**20:.1f}" for m in ends))
        for which, distances in _deepest(found).items():
            row.append(f"{found.probes[one.name].score[which][max(distances)]:.0%}")
        table.append(row)
    return table


def table(found: Comparison) -> str:
    """Return the table for a terminal."""
    cells = rows(found)
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join([*lines, "* no other one is both better and faster"])


def draw(found: Comparison, path: Path) -> None:
    """Draw the Pareto front, gradients over distance, memory over length, and the probes.

    Raises:
        OutputError: The file cannot be written.
    """
    names = [one.name for one in found.outcomes]
    colours = dict(zip(names, _COLOURS, strict=False))
    title = f"{found.task}: {found.data}"
    with plots.drawn_on(path, title, (11.0, 7.6), note=found.device) as figure:
        axes = figure.subplots(2, 2)
        _pareto(axes[0][0], found, colours)
        _gradients(axes[0][1], found, colours)
        _memory(axes[1][0], found, colours)
        _probes(axes[1][1], found, colours)


def page(found: Comparison, picture: Path) -> str:
    """Return a self-contained page with the picture inside."""
    data = base64.b64encode(picture.read_bytes()).decode()
    head, *body = rows(found)
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    said = "".join(f"<li>{html.escape(line)}</li>" for line in findings(found))
    title = html.escape(f"Encoders side by side: {found.task}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"<p>{html.escape(found.data)}</p>\n<p>{html.escape(found.budget)}</p>\n"
        f'<p class="soft">{html.escape(found.device)}</p>\n'
        f'<div class="wide"><table><tr>{cells}</tr>{lines}</table></div>\n'
        '<p class="soft">* no other one is both better and faster. ± is the standard deviation over'
        " seeds.</p>\n"
        f"<h2>What was found here</h2>\n<ul>{said}</ul>\n<h2>Pictures</h2>\n"
        f'<img alt="Pareto front, gradients, memory and probes" src="data:image/png;base64,{data}">'
        "\n<h2>How it was measured</h2>\n"
        + "".join(f"<p>{html.escape(line)}</p>\n" for line in _METHOD)
        + "</body>\n</html>\n"
    )


_METHOD = (
    "Every encoder learns from the same examples with the same settings and as many passes; each"
    " tries the same learning rates once, the better one on dev counts. Nothing is chosen on test.",
    "µs/token: the deployed model answers one input at a time on one thread; the LSTM runs on the"
    " native core, the others in NumPy, so that this compares what is deployed, not arithmetic"
    " alone.",
    "MiB: what a forward and a backward pass over 8 texts of that length add to the memory of a"
    " process at their peak, in training.",
    "Gradients: the norm of the gradient of the last state with respect to an input so many steps"
    " before, untrained, 32 units, as a share of the largest.",
    "Probes (32 units, left to right): recall names the first of many symbols at the end; adding"
    " adds two marked numbers, right within 0.1; copy repeats eight symbols after a blank stretch."
    " Each has a fixed number of training steps and the same two learning rates; a probe that is"
    " not solved may be solved with more of them.",
)


def findings(found: Comparison) -> list[str]:
    """Say in words what the figures of this comparison show, and no more."""
    by_metric = sorted(found.outcomes, key=lambda one: -one.mean(found.metric))
    best, seeds = by_metric[0], len(by_metric[0].metrics)
    lines = [
        f"Best {found.metric.replace('_', '-')}: {best.name}, {best.mean(found.metric):.4f}"
        f" (mean of {seeds} seed{'s' if seeds > 1 else ''})."
    ]
    if len(by_metric) > 1:
        second = by_metric[1]
        gap = best.mean(found.metric) - second.mean(found.metric)
        noise = max(best.spread(found.metric), second.spread(found.metric))
        clear = seeds > 1 and gap > 2 * noise
        lines.append(
            f"Next: {second.name}, {gap:.4f} behind"
            + (", more than twice the spread over seeds." if clear else "; that may be chance.")
        )
    fastest = min(found.outcomes, key=lambda one: one.us_per_token)
    quickest = min(found.outcomes, key=lambda one: sum(one.seconds))
    lines.append(f"Fastest answers: {fastest.name}, {fastest.us_per_token:.2f} µs a token.")
    seconds = sum(quickest.seconds) / len(quickest.seconds)
    lines.append(f"Shortest training: {quickest.name}, {seconds:.1f} s.")
    lines += _about_gradients(found) + _about_memory(found)
    return lines


def _about_gradients(found: Comparison) -> list[str]:
    ends = {name: probed.gradients[-1] for name, probed in found.probes.items()}
    if not ends:
        return []
    length = len(next(iter(found.probes.values())).gradients)
    shown = ", ".join(f"{name} {value:.1e}" for name, value in ends.items())
    return [f"Gradient that is left {length - 1} steps back, untrained: {shown}."]


def _about_memory(found: Comparison) -> list[str]:
    grown = {}
    for name, memory in found.memory.items():
        lengths = sorted(memory)
        if len(lengths) > 1 and memory[lengths[0]]:
            grown[name] = (memory[lengths[-1]] / memory[lengths[0]], lengths[-1] / lengths[0])
    if not grown:
        return []
    shown = ", ".join(f"{name} {factor:.1f}×" for name, (factor, _) in grown.items())
    times = next(iter(grown.values()))[1]
    return [f"Memory of a training step when texts are {times:.0f} times as long: {shown}."]


def _deepest(found: Comparison) -> dict[str, list[int]]:
    """Return the distances of each probe."""
    if not found.probes:
        return {}
    first = next(iter(found.probes.values()))
    return {which: list(scores) for which, scores in first.score.items()}


def _pareto(axes: Any, found: Comparison, colours: dict[str, str]) -> None:
    front = set(found.front())
    for one in found.outcomes:
        axes.errorbar(
            one.us_per_token,
            one.mean(found.metric),
            yerr=one.spread(found.metric) or None,
            color=colours[one.name],
            marker="o" if one.name in front else "s",
            markersize=9 if one.name in front else 6,
            markerfacecolor=colours[one.name] if one.name in front else "white",
            capsize=3,
            label=f"{one.name}, {one.parameters / 1000:,.0f}k",
        )
    line = sorted((o for o in found.outcomes if o.name in front), key=lambda o: o.us_per_token)
    axes.plot(
        [o.us_per_token for o in line],
        [o.mean(found.metric) for o in line],
        color="#8a8f98",
        linestyle="--",
        zorder=0,
        label="Pareto front",
    )
    axes.set_xscale("log")
    plots.logarithmic(axes.xaxis)
    plots.plain_axes(axes, "µs a token, deployed", found.metric.replace("_", "-"))
    axes.legend(frameon=False, fontsize=8)


def _gradients(axes: Any, found: Comparison, colours: dict[str, str]) -> None:
    if not found.probes:
        _nothing(axes, "gradients and probes were left out")
        return
    for name, probed in found.probes.items():
        axes.plot(
            [max(value, 1e-30) for value in probed.gradients], color=colours[name], label=name
        )
    axes.set_yscale("log")
    plots.logarithmic(axes.yaxis)
    plots.plain_axes(axes, "steps back", "gradient, share of the largest")
    axes.legend(frameon=False, fontsize=8)


def _memory(axes: Any, found: Comparison, colours: dict[str, str]) -> None:
    if not any(found.memory.values()):
        _nothing(axes, "the memory of a training step was not measured")
        return
    for name, memory in found.memory.items():
        lengths = sorted(memory)
        sizes = [memory[length] / 2**20 for length in lengths]
        axes.plot(lengths, sizes, marker=".", color=colours[name], label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        plots.logarithmic(axis)
    plots.plain_axes(axes, "symbols in a text", "MiB of a training step, 8 texts")
    axes.legend(frameon=False, fontsize=8)


def _nothing(axes: Any, why: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", color="#8a8f98")


def _probes(axes: Any, found: Comparison, colours: dict[str, str]) -> None:
    if not found.probes:
        _nothing(axes, "")
        return
    which = _deepest(found)
    width = 0.8 / max(len(found.probes), 1)
    labels: Sequence[str] = [f"{w} {d}" for w, distances in which.items() for d in distances]
    for place, (name, probed) in enumerate(found.probes.items()):
        heights = [probed.score[w][d] for w, distances in which.items() for d in distances]
        spots = [n + (place + 0.5) * width - 0.4 for n in range(len(heights))]
        axes.bar(spots, heights, width, color=colours[name], label=name)
    levels = [CHANCE[w] for w, distances in which.items() for _ in distances]
    for n, level in enumerate(levels):
        axes.plot([n - 0.4, n + 0.4], [level, level], color="#1c2329", linewidth=1)
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right", fontsize=8)
    axes.set_ylim(0, 1.02)
    plots.plain_axes(axes, "probe and distance (line: guessing)", "share right")
