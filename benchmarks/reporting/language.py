"""Language models, and starting from one."""

from __future__ import annotations

import json
import statistics
from typing import Any

from reporting.rows import RESULTS, mean_sd


def language_section() -> list[str]:
    """Return what language models reach, and what starting from one brings."""
    path = RESULTS / "language.jsonl"
    if not path.exists():
        return ["Not measured."]
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines: list[str] = []
    for row in [row for row in rows if row["what"] == "tinyshakespeare"][-1:]:
        loss = row["deployed"]["loss"]
        lines += [
            f"**tinyshakespeare**, last 10 % of the characters: {loss:.4f} nats a character as"
            f" deployed ({row['deployed']['bits_per_character']:.3f} bits;"
            f" {row['baseline']['title']}: {row['baseline']['bits_per_character']:.3f});"
            f" bar ≤ 1.50: {'met' if loss <= 1.5 else '**missed**'}."
            f" {row['layers']} layers of {row['hidden']},"
            f" {len(row['dev_losses'])} of {row['epochs_planned']} planned epochs, 1 seed,"
            f" {row['seconds'] / 60:.0f} min on one core that other work shared (bar: 30 min on"
            f" two)."
            f" By epoch: {', '.join(f'{loss:.3f}' for loss in row['dev_losses'])}.",
            "",
        ]
    started = _runs(rows, "sst2")
    if not started:
        return [*lines, "Starting from a language model: not measured."]
    for row in [row for row in rows if row["what"] == "pretrain imdb+mr"][-1:]:
        counts = row["corpus"]
        lines += [
            f"**sst2**: pretrained on {counts['imdb']:,} reviews of imdb's training part and"
            f" {counts['mr']:,} sentences of mr ({counts['mr_removed']:,} removed because they are"
            f" in sst2, {counts['imdb_removed']:,} of imdb); {row['epochs']} epoch(s) of"
            f" {row.get('epochs_planned', row['epochs'])} planned, perplexity"
            f" {row['dev']['perplexity']:.0f} on 1 % of it,"
            f" {row.get('cpu_seconds', row['seconds']) / 60:.0f} min of one core.",
            "",
        ]
    lines += [
        "| start | seeds | dev, alone | test, alone | dev, + wide | test, + wide | s / run |",
        "|---|---|---|---|---|---|---|",
    ]
    # Of several settings with one seed, what is better on dev counts.
    started.sort(key=lambda row: row["dev"]["loss"], reverse=True)
    newest = {(row["init"] is not None, row["seed"]): row for row in started}
    means: dict[bool, dict[int, float]] = {}
    for init, name in ((False, "scratch"), (True, "language model")):
        runs = [row for key, row in sorted(newest.items()) if key[0] is init]
        if not runs:
            continue
        means[init] = {row["seed"]: row["test"]["accuracy"] for row in runs}
        cells = [
            mean_sd([row[part]["accuracy"] for row in runs if part in row])
            for part in ("dev_alone", "test_alone", "dev", "test")
        ]
        seconds = statistics.fmean(row["seconds"] for row in runs)
        settings = ", ".join(runs[-1]["settings"]) or "defaults"
        lines.append(f"| {name} ({settings}) | {len(runs)} | {' | '.join(cells)} | {seconds:.0f} |")
    if len(means) == 2:
        same = sorted(means[True].keys() & means[False].keys())
        gains = [100 * (means[True][seed] - means[False][seed]) for seed in same]
        met = "met" if statistics.fmean(gains) >= 2 else "**missed**"
        lines += [
            "",
            f"With the wide branch: {statistics.fmean(gains):+.1f} points on test, mean over seeds"
            f" {', '.join(map(str, same))}; bar ≥ +2.0: {met}.",
        ]
    else:
        lines += ["", "The other start is not measured yet (bar: ≥ +2.0 points from a model)."]
    return [*lines, *_others(rows)]


def _runs(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return all runs on a set; those of accuracy.py and tagging.py started from nothing."""
    found = [row for row in rows if row["what"] == name]
    for file in ("accuracy.jsonl", "tagging.jsonl"):
        path = RESULTS / file
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for row in map(json.loads, lines):
            if row["set"] == name and row.get("share", 1.0) == 1.0:
                alone = {"test_alone": row["lstm_alone"]} if "lstm_alone" in row else {}
                found.append({**row, "what": name, "init": None, "settings": [], **alone})
    return found


def _others(rows: list[dict[str, Any]]) -> list[str]:
    """Return what starting from a language model brings to other sets than sst2."""
    lines: list[str] = []
    for name, metric, bar in (
        ("imdb", "accuracy", "bar ≥ 0.925"),
        ("wnut17", "f1", "bar: not worse than from scratch, see the table of tagging"),
        ("resume_ner", "f1", "bar: not worse than from scratch"),
    ):
        shown = []
        for init, start in ((True, "language model"), (False, "scratch")):
            chosen = [row for row in _runs(rows, name) if (row["init"] is not None) == init]
            if init:  # of several settings what is better on dev; of scratch the newest
                chosen.sort(key=lambda row: row["dev"][metric])
            best = {row["seed"]: row for row in chosen}
            if best:
                settings = ", ".join(chosen[-1]["settings"]) or chosen[-1].get("config", "defaults")
                test = mean_sd([row["test"][metric] for row in best.values()])
                dev = mean_sd([row["dev"][metric] for row in best.values()])
                shown.append(f"from {start} {test} on test, {dev} on dev ({settings})")
        if shown:
            lines += ["", f"**{name}**, {metric}; {bar}: {'; '.join(shown)}."]
    return lines
