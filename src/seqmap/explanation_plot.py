"""Explanations as one PNG: of a label, or of a translation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqmap.plot_fonts import presentable
from seqmap.plots import drawn_on, plain_axes
from seqmap.runtime.alignment import Alignment
from seqmap.runtime.explain.explanation import Explanation, reduced
from seqmap.runtime.speak_page import SpokenPage

_MOST = 60
"""More symbols than this are drawn without their names."""


def picture(explanation: Explanation | Alignment | SpokenPage, path: str | Path) -> None:
    """Draw what a model's `explain` gave.

    Raises:
        OutputError: The file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    if isinstance(explanation, Alignment):
        alignment_picture(explanation, path)
    elif isinstance(explanation, SpokenPage):
        spoken_picture(explanation, path)
    else:
        explanation_picture(explanation, path)


def alignment_picture(alignment: Alignment, path: str | Path) -> None:
    """Draw which pieces of a text each piece of its translation attended to.

    Raises:
        OutputError: The file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    rows, lost = presentable(list(alignment.rows))
    columns, lost_too = presentable(list(alignment.columns))
    note = "No installed font has the characters of some pieces: #n is piece n."
    width = float(np.clip(0.36 * len(columns) + 2.4, 4, 20))
    height = float(np.clip(0.3 * len(rows) + 1.8, 3, 20))
    shown = "" if lost else alignment.answer.text
    with drawn_on(
        path,
        f"Attention: {shown}" if shown else "Attention",
        (width, height),
        names=[*rows, *columns],
        note=note if lost or lost_too else "",
    ) as figure:
        axes = figure.subplots()
        if rows:
            image = axes.imshow(alignment.weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
            figure.colorbar(image, ax=axes, label="share of the attention")
        plain_axes(axes, "read", "written")
        axes.grid(False)
        axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", fontsize=8)
        axes.set_yticks(range(len(rows)), rows, fontsize=8)


def spoken_picture(page: SpokenPage, path: str | Path) -> None:
    """Draw which symbol is spoken when, and below it the spectrum.

    Raises:
        OutputError: The file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    names, lost = presentable(list(page.symbols))
    note = "No installed font has the characters of some symbols: #n is symbol n." if lost else ""
    seconds = len(page.weights) * page.step
    width = float(np.clip(2.5 * seconds + 3, 6, 20))
    height = float(np.clip(0.22 * len(names) + 4, 5, 20))
    title = f"Spoken: {page.answer.text}"
    with drawn_on(path, title, (width, height), names=[*names, title], note=note) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(height - 3, 2.2))
        plain_axes(upper, "", "read")
        plain_axes(lower, "seconds", "band")
        for axes in (upper, lower):
            axes.grid(False)
        if names:
            edges = (0.0, seconds, len(names) - 0.5, -0.5)
            upper.imshow(
                page.weights.T,
                cmap="Blues",
                vmin=0,
                vmax=1,
                aspect="auto",
                extent=edges,
                interpolation="nearest",
            )
            upper.set_yticks(range(len(names)), names, fontsize=8)
            bands = page.answer.frames.T
            edges = (0.0, seconds, -0.5, len(bands) - 0.5)
            lower.imshow(bands, cmap="magma", aspect="auto", extent=edges, origin="lower")


def explanation_picture(explanation: Explanation, path: str | Path) -> None:
    """Draw attributions as bars over the symbols, and below them gates and cells.

    Raises:
        OutputError: The file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    tokens = [token.text for token in explanation.tokens]
    shown, lost = presentable(tokens)
    note = "No installed font has the characters of some symbols: #n is symbol n." if lost else ""
    panels = [
        (f"{layer}: {name}", rows, name in ("cell", "state"))
        for layer, gates in explanation.layers.items()
        for name, rows in gates.items()
        if name in ("input", "forget", "output", "cell")
    ]
    width = float(np.clip(0.24 * len(tokens) + 3, 7, 18))
    title = f"{explanation.target}: what speaks for it"
    names = [*shown, explanation.target]
    size = (width, 3.0 + 0.9 * len(panels))
    with drawn_on(path, title, size, names=names, note=note) as figure:
        heights = [2.4, *(0.8 for _ in panels)]
        axes = np.atleast_1d(figure.subplots(len(heights), 1, height_ratios=heights, sharex=True))
        places = np.arange(len(tokens))
        bars = [("without it (log-odds)", explanation.occlusion, "#c8553d")]
        if explanation.integrated is not None:
            bars.append(("integrated gradients", explanation.integrated, "#1b6ca8"))
        for number, (name, values, colour) in enumerate(bars):
            axes[0].bar(places + 0.4 * number - 0.2, values, 0.4, color=colour, label=name)
        axes[0].legend(frameon=False, fontsize=8)
        plain_axes(axes[0], "", "attribution")
        for panel, (name, rows, signed) in zip(axes[1:], panels, strict=True):
            most = float(np.abs(rows).max(initial=1e-9)) if signed else 1.0
            low = -most if signed else 0.0
            panel.imshow(reduced(rows), aspect="auto", cmap="RdBu", vmin=low, vmax=most)
            panel.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
            panel.set_yticks([])
        if len(tokens) <= _MOST:
            axes[-1].set_xticks(places, shown, rotation=60, ha="right", fontsize=8)
