"""The words and tables that `seqmap demo` prints, at most 80 columns wide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seqmap.config import Config
from seqmap.demo.deployed import Deployed
from seqmap.metrics import display_width
from seqmap.samples.reviews import SYNTHETIC_NOTICE, Reviews, sentences
from seqmap.training import Epoch, Trained
from seqmap.training.baseline import Baseline

WIDTH = 80

# Figures of both models on the whole test part, and on either kind of review.
Comparison = dict[str, dict[str, float]]


def heading(text: str) -> str:
    """Return a line that opens a section."""
    return f"\n── {text} {'─' * (WIDTH - 4 - display_width(text))}"


def data(parts: Reviews) -> str:
    """Say what the data is, and show three reviews."""
    shown: dict[str, str] = {}
    for example, sentence in zip(parts.train, sentences(400), strict=False):
        wanted = sentence.pattern in ("hearsay", "negation", "reference")
        if wanted and sentence.pattern not in shown and len(example.text) < 200:
            shown[sentence.pattern] = wrap(f"{example.labels[0]}  {example.text}", indent=12)
    return "\n".join(
        [
            SYNTHETIC_NOTICE,
            f"{len(parts.train):,} to learn from, {len(parts.dev):,} to choose on, "
            f"{len(parts.test):,} to measure on; half Chinese. Three:",
            "",
            *shown.values(),
            "",
            "What is said first is kept or turned around many words later.",
        ]
    )


def network(config: Config) -> str:
    """Describe the network in one line."""
    encoder = config.encoder
    ways = "in both directions" if encoder.direction == "both" else "left to right"
    return (
        f"symbols → embedding {config.embedding.size} → {encoder.name.upper()} {encoder.hidden}, "
        f"{ways} → {config.head.pooling} → softmax"
    )


def curves(trained: Trained) -> str:
    """Sum a training up in three lines."""
    history = trained.history
    best = min(history, key=lambda epoch: epoch.dev_loss)

    def line(name: str, values: list[float]) -> str:
        return f"{name:<13}{spark(values)}  {values[0]:.3f} → {values[best.number - 1]:.3f}"

    return "\n".join(
        [
            line("dev loss", [epoch.dev_loss for epoch in history]),
            line("dev accuracy", [_accuracy(epoch) for epoch in history]),
            f"{len(history)} epochs, the best is {best.number}; {trained.seconds:.1f} s in all",
        ]
    )


def comparison(figures: Comparison, baseline: Baseline, trained: Trained) -> str:
    """Show both models beside each other."""
    titles = {
        "all": "all reviews",
        "plain": "those that say what they mean",
        "turned": "those that hang on far-off words",
    }
    lines = [f"{'accuracy':<36}{'reviews':>9}{'linear':>10}{'LSTM':>10}"]
    for kind, title in titles.items():
        row = figures[kind]
        lines.append(f"{title:<36}{row['examples']:>9,}{row['linear']:>10.4f}{row['lstm']:>10.4f}")
    return "\n".join(
        [
            *lines,
            f"{'seconds':<45}{baseline.seconds:>10.1f}{trained.seconds:>10.1f}",
            f"linear: TF-IDF of 1-{baseline.ngrams}-grams ({baseline.features:,} of them) "
            "and logistic regression.",
            "The grammar was made to be out of its reach; on real text both are far closer.",
        ]
    )


def deployment(model: Path, deployed: Deployed) -> str:
    """Show size and times of the model in a process without torch."""
    rows = [
        ("the file", f"{model.stat().st_size / 2**10:,.0f} KiB"),
        ("import in a new process", f"{deployed.import_seconds * 1e3:,.0f} ms"),
        ("load the model", f"{deployed.load_seconds * 1e3:,.0f} ms"),
        (f"one text ({deployed.backend})", f"{deployed.seconds_per_text * 1e6:,.0f} µs"),
        ("of torch, sklearn, scipy, matplotlib", ", ".join(deployed.imported) or "none imported"),
    ]
    return "\n".join(f"{name:<40}{value:>15}" for name, value in rows)


def answers(pairs: Sequence[tuple[str, str, str, str]], deployed: Deployed) -> str:
    """Show what the model answers to both texts of each pair `(before, one, other, after)`."""
    found = iter(deployed.answers)
    lines = []
    for before, one, other, _ in pairs:
        lines.append(wrap(f"{before.rstrip()} …", indent=2))
        for phrase in (one, other):
            answer = next(found)
            lines.append(f"    {answer['label']} {answer['probability']:.3f}  … {phrase}")
    return "\n".join(lines)


def spark(values: Sequence[float]) -> str:
    """Draw values as a line of blocks, the lowest as the smallest."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round(7 * (value - low) / span)] for value in values)


def wrap(text: str, *, indent: int) -> str:
    """Break a text into lines of `WIDTH` columns; all but the first are indented."""
    # A wide character, with the punctuation that must not begin a line, may stand alone.
    pieces = re.findall(r"[\u2e80-\uffef][，。；：、！？》”]*|[^\s\u2e80-\uffef]+|\s+", text)
    lines, line = [], " " * 2
    for piece in pieces:
        if display_width(line + piece.rstrip()) > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = " " * indent + piece.lstrip()
        else:
            line += piece
    return "\n".join([*lines, line.rstrip()])


def _accuracy(epoch: Epoch) -> float:
    return epoch.dev_metrics["accuracy"]
