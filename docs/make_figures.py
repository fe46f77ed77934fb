"""Draws docs/figures: models are trained on the embedded samples, and looked into.

python docs/make_figures.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from seqmap.demo import classify as reviews_demo
from seqmap.demo import tag as entities_demo
from seqmap.demo import transcribe as speech_demo
from seqmap.plots import drawn_on
from seqmap.runtime.session import restore
from seqmap.samples.entities import entities
from seqmap.samples.reviews import reviews
from seqmap.samples.syllables import RATE, speech
from seqmap.tasks import find_task
from seqmap.tasks.tag import TagSet
from seqmap.tasks.transcribe import AudioSet
from seqmap.training import train

FIGURES = Path(__file__).with_name("figures")
REVIEW = "My neighbour had told me that the soup was awful. It turned out to be true, all of it."
NAMES = "Dr. Okafor left Lincoln Bank for Port Hale Labs in May"
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
    data = reviews(train=3000)
    config = reviews_demo.CONFIG.replace(
        encoder__direction="forward", encoder__hidden=32, train__epochs=8
    )
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
    data = entities(train=300)
    config = entities_demo.CONFIG.replace(train__epochs=4)
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
            corner = (place - 0.48, row - 0.48)
            frame = Rectangle(corner, 0.96, 0.96, fill=False, edgecolor="#c8553d", linewidth=1.8)
            axes.add_patch(frame)
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
    data = reviews(train=2000)
    config = reviews_demo.CONFIG.replace(
        encoder__name="lstm-transformer",
        encoder__direction="forward",
        encoder__heads=4,
        train__epochs=5,
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


def draw_ctc() -> None:
    """What a transcriber says at each step of a recording: spikes between blanks."""
    spoken = speech(170)
    recordings = [one.recording for one in spoken]
    config = speech_demo.demo_config().replace(encoder__hidden=64, train__epochs=14)
    trained = train(
        find_task("transcribe"), recordings[:140], recordings[140:160], config=config,
        targets=AudioSet(RATE),
    )  # fmt: skip
    session: Any = restore(trained.archive)
    example = recordings[160]
    rows = np.exp(session.acoustics.chances(
        [session.codecs.source.encode(example.sound.samples(session.rate))]
    )[0])  # fmt: skip
    step = session.options.step
    names = ["blank", *("␣" if piece == " " else piece for piece in session.codecs.target.pieces)]
    shown = [k for k in range(len(names)) if k == 0 or rows[:, k].max() >= 0.2]
    answer = session.predict([example])[0].text
    title = f"P(symbol) at each step; heard: {answer}"
    with drawn_on(FIGURES / "ctc.png", title, (10, 4)) as figure:
        axes = figure.subplots()
        axes.imshow(
            rows[:, shown].T, aspect="auto", cmap=BLUES, vmin=0, vmax=1,
            extent=(0, len(rows) * step, len(shown) - 0.5, -0.5),
        )  # fmt: skip
        axes.set_yticks(range(len(shown)), [names[k] for k in shown], fontsize=8)
        axes.set_xlabel("seconds")


DRAWN = {"gates": draw_gates, "crf": draw_crf, "attention": draw_attention, "ctc": draw_ctc}

if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or DRAWN:
        DRAWN[name]()
