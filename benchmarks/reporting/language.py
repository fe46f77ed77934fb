"""Language models, and starting from one."""

from __future__ import annotations

import json
import statistics

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
    started = [row for row in rows if row["what"] == "sst2"]
    if not started:
        return [*lines, "Starting from a language model: not measured."]
    for row in [row for row in rows if row["what"].startswith("pretrain")][-1:]:
        counts = row["corpus"]
        lines += [
            f"**sst2**: pretrained on {counts['imdb']:,} reviews of imdb's training part and"
            f" {counts['mr']:,} sentences of mr ({counts['mr_removed']:,} removed because they are"
            f" in sst2, {counts['imdb_removed']:,} of imdb); {row['epochs']} epoch(s) of"
            f" {row.get('epochs_planned', row['epochs'])} planned, perplexity"
            f" {row['dev']['perplexity']:.0f} on 1 % of it, {row['seconds'] / 60:.0f} min.",
            "",
        ]
    lines += [
        "| start | seeds | dev, alone | test, alone | dev, + wide | test, + wide | s / run |",
        "|---|---|---|---|---|---|---|",
    ]
    # Of several settings with one seed, what is better on dev counts.
    started.sort(key=lambda row: row["dev"]["loss"], reverse=True)
    newest = {(row["init"] is not None, row["seed"]): row for row in started}
    means: dict[bool, float] = {}
    for init, name in ((False, "scratch"), (True, "language model")):
        runs = [row for key, row in sorted(newest.items()) if key[0] is init]
        if not runs:
            continue
        means[init] = statistics.fmean(row["test"]["accuracy"] for row in runs)
        cells = [
            mean_sd([row[part]["accuracy"] for row in runs])
            for part in ("dev_alone", "test_alone", "dev", "test")
        ]
        seconds = statistics.fmean(row["seconds"] for row in runs)
        lines.append(f"| {name} | {len(runs)} | {' | '.join(cells)} | {seconds:.0f} |")
    if len(means) == 2:
        gain = 100 * (means[True] - means[False])
        met = "met" if gain >= 2 else "**missed**"
        lines += ["", f"With the wide branch: {gain:+.1f} points on test; bar ≥ +2.0: {met}."]
    else:
        lines += ["", "The other start is not measured yet (bar: ≥ +2.0 points from a model)."]
    return lines
