"""Tagging: F1 and speed."""

from __future__ import annotations

import json
import statistics

from reporting.rows import RESULTS, Row, mean_sd

# set -> (bar, what was measured on)
TAG_BARS: dict[str, tuple[float, str]] = {
    "resume_ner": (0.945, "official train / dev / test, characters"),
    "wikiann_en": (0.80, "official train / val / test"),
    "wnut17": (0.22, "official train / dev / test"),
    "wikineural_en": (0.87, "val as train, a tenth of it dev; official test"),
}


def tagging_table() -> list[str]:
    """Return the table of F1 of exact spans, in Markdown."""
    lines = [
        "| set | split | feature-window CRF | LSTM + CRF | ECE of spans | bar | met | s / run |",
        "|---|---|---|---|---|---|---|---|",
    ]
    newest: dict[tuple[str, int], Row] = {}
    baselines: dict[str, float] = {}  # the same for every seed, and not fitted again each time
    for row in _rows():
        if row.get("share", 1.0) < 1.0:
            continue
        newest[row["set"], row["seed"]] = row
        if row["baseline"]:
            baselines[row["set"]] = row["baseline"]["f1"]
    for name, (bar, split) in TAG_BARS.items():
        rows = [newest[key] for key in sorted(newest) if key[0] == name]
        if not rows:
            lines.append(f"| {name} | {split} | – | – | – | ≥ {bar:.3f} | not measured | |")
            continue
        f1 = [row["test"]["f1"] for row in rows]
        cells = [
            f"{baselines[name]:.4f}" if name in baselines else "–",
            mean_sd(f1),
            f"{statistics.fmean(row['test']['ece'] for row in rows):.4f}",
            f"≥ {bar:.3f}",
            "yes" if statistics.fmean(f1) >= bar else "**no**",
            f"{statistics.fmean(row['seconds'] for row in rows):.0f}",
        ]
        lines.append(f"| {name} | {split} | {' | '.join(cells)} |")
    return lines


def learning_curves() -> list[str]:
    """Return how F1 grows with the training data, a line a set that was measured so."""
    found: dict[str, dict[float, float]] = {}
    for row in _rows():
        found.setdefault(row["set"], {})[row.get("share", 1.0)] = row["test"]["f1"]
    return [
        f"{name}, F1 on test by share of the training sentences: "
        + ", ".join(f"{share:.0%} {f1:.4f}" for share, f1 in sorted(shares.items()))
        + "."
        for name, shares in found.items()
        if len(shares) > 1
    ]


def _rows() -> list[Row]:
    path = RESULTS / "tagging.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tag_speed(content: Row) -> list[str]:
    """The deployed tagger against torch, sentence by sentence."""
    lines = [
        "## Tagging speed (`benchmarks/tag_speed.py`)",
        "",
        f"Character LSTM 100 + word LSTM 100 + CRF, {content['tokens_per_sentence']} tokens a"
        f" sentence, {content['cores']} cores, {content['rounds']} interleaved rounds; the deployed"
        f" fp32 model gave the spans of torch on {content['same_spans_as_torch']:.1%} of the"
        " sentences. Bars: ≥ 5,000 sentences/s in int8, ≥ 10× torch.",
        "",
        "| way | sentences/s, median (slowest–fastest round) | times torch |",
        "|---|---|---|",
    ]
    for name, row in content["ways"].items():
        span = f"{row['slowest']:,.0f}–{row['fastest']:,.0f}"
        speed = f"{row['sentences_per_second']:,.0f} ({span})"
        lines.append(f"| {name} | {speed} | {row['times_torch']:.1f}× |")
    return lines
