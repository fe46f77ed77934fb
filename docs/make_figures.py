"""Draws docs/figures: models are trained on the embedded samples, and looked into.

python docs/make_figures.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from seqmap.demo import classify as reviews_demo
from seqmap.demo import tag as entities_demo
from seqmap.plots import drawn_on
from seqmap.runtime.session import restore
from seqmap.samples.entities import entities
from seqmap.samples.reviews import reviews
from seqmap.tasks import find_task
from seqmap.tasks.tag import TagSet
from seqmap.training import train

FIGURES = Path(__file__).with_name("figures")
REVIEW = "I expected the soup to be awful. None of it turned out to be true."
NAMES = "Jordan moved from Jordan to Lincoln last Friday"
BLUES, GREY = "Blues", "#5c6670"


def heat(axes: Any, rows: np.ndarray, title: str, columns: list[str], **limits: float) -> None:
    """Draw a heat map with a title at its left."""
    colours = "RdBu" if limits.get("vmin", 0) < 0 or "gate" in title else BLUES
    axes.imshow(rows, aspect="auto", cmap=colours, **limits)
    axes.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=8)
    axes.set_yticks([])
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", fontsize=8)


def draw_gates() -> None:
    """Input, forget and output gate, cell and state of an LSTM over a review."""
    data = reviews()
    config = reviews_demo.CONFIG.replace(encoder__direction="forward", encoder__hidden=32)
    session = restore(train(find_task("classify"), data.train, data.dev, config=config).archive)
    found = session.explain(REVIEW)
    tokens = [token.text for token in found.tokens]
    gates = found.layers["0 forward"]
    answer = session.predict([REVIEW])[0]
    title = f"{answer.label} {answer.probability:.3f}: 32 units, ordered by their cell at the end"
    order = np.argsort(gates["cell"][:, -1])
    with drawn_on(FIGURES / "gates.png", title, (9, 6)) as figure:
        axes = figure.subplots(5, 1, sharex=True)
        for panel, (name, rows) in zip(axes, gates.items(), strict=True):
            signed = name in ("cell", "state")
            most = float(np.abs(rows).max()) if signed else 1.0
            low = -most if signed else 0.0
            label = name if signed else f"{name} gate"
            heat(panel, rows[order], label, tokens, vmin=low, vmax=most)


def draw_crf() -> None:
    """Marginals of a CRF over a sentence, and what it learned about neighbours."""
    data = entities()
    config = entities_demo.CONFIG
    trained = train(find_task("tag"), data.train, data.dev, config=config, targets=TagSet())
    found = restore(trained.archive).explain(NAMES)
    tokens = [token.text for token in found.tokens]
    shown = [k for k in range(len(found.names)) if found.marginals[:, k].max() >= 0.01]
    names = [found.names[k] for k in shown]
    with drawn_on(FIGURES / "crf.png", "P(tag) at each token; the answer is framed", (8, 4)) as f:
        axes = f.subplots()
        axes.imshow(found.marginals[:, shown].T, aspect="auto", cmap=BLUES, vmin=0, vmax=1)
        axes.set_xticks(range(len(tokens)), tokens, fontsize=9)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        for place, tag in enumerate(found.best):
            row = shown.index(tag)
            axes.plot(place, row, "s", mfc="none", mec="#c8553d", ms=18, mew=1.5)
            for k, number in enumerate(shown):
                chance = found.marginals[place, number]
                if chance >= 0.005:
                    colour = "white" if chance > 0.6 else GREY
                    axes.text(
                        place,
                        k,
                        f"{chance:.2f}",
                        ha="center",
                        va="center",
                        color=colour,
                        fontsize=8,
                    )


def draw_attention() -> None:
    """Self-attention of a Transformer over the states of an LSTM, head by head."""
    data = reviews()
    config = reviews_demo.CONFIG.replace(
        encoder__name="lstm-transformer",
        encoder__direction="forward",
        encoder__heads=4,
        train__epochs=8,
        train__learning_rate=2e-3,
    )
    session = restore(train(find_task("classify"), data.train, data.dev, config=config).archive)
    found = session.explain(REVIEW)
    tokens = [token.text for token in found.tokens]
    title = "Who looks (rows) at whom (columns): four heads of the layer above the LSTM"
    with drawn_on(FIGURES / "attention.png", title, (10, 3.4)) as figure:
        for number, (axes, weights) in enumerate(
            zip(figure.subplots(1, 4), found.maps["1"], strict=True)
        ):
            axes.imshow(weights, cmap=BLUES, vmin=0)
            axes.set_title(f"head {number + 1}", fontsize=9)
            axes.set_xticks(range(len(tokens)), tokens, rotation=90, fontsize=6)
            axes.set_yticks(range(len(tokens)), tokens if number == 0 else [], fontsize=6)


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    draw_gates()
    draw_crf()
    draw_attention()
