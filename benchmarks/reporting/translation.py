"""Translation: BLEU and speed."""

from __future__ import annotations

import json
import statistics

from reporting.rows import RESULTS, Row

# run -> (bar, what was measured on)
TRANSLATION_BARS: dict[str, float] = {
    "en-de-lstm": 36.0,
    "en-de-hybrid": 37.5,
    "en-de-best": 39.0,
    "en-fr-lstm": 57.0,
    "en-fr-hybrid": 57.0,
}


def translation_table() -> list[str]:
    """Return the table of BLEU, in Markdown."""
    lines = [
        "| run | word by word | val BLEU | test BLEU | lower-cased | chrF | int8 BLEU | int8 MB "
        "| seeds | bar | met | s / run (CPU s) |",
        "|---" * 12 + "|",
    ]
    path = RESULTS / "translation.jsonl"
    newest: dict[tuple[str, int], Row] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            newest[row["run"], row["seed"]] = row
    for name, bar in TRANSLATION_BARS.items():
        rows = [newest[key] for key in sorted(newest) if key[0] == name]
        if not rows:
            lines.append(f"| {name} |" + " – |" * 7 + f" 0 | ≥ {bar:.1f} | not measured | |")
            continue
        plain = [row["baseline"]["bleu"] for row in rows if row["baseline"]]
        bleu = [row["test"]["bleu"] for row in rows]

        def mean(part: str, key: str, own: list[Row] = rows) -> str:
            return f"{statistics.fmean(row[part][key] for row in own):.2f}"

        spread = f" ± {statistics.stdev(bleu):.2f}" if len(bleu) > 1 else ""
        cells = [
            f"{statistics.fmean(plain):.2f}" if plain else "–",
            mean("dev", "bleu"),
            f"{statistics.fmean(bleu):.2f}{spread}",
            mean("test", "bleu_lowercase"),
            mean("test", "chrf"),
            mean("test_int8", "bleu"),
            f"{statistics.fmean(row['bytes_int8'] for row in rows) / 1e6:.1f}",
            str(len(rows)),
            f"≥ {bar:.1f}",
            "yes" if statistics.fmean(bleu) >= bar else "**no**",
            f"{statistics.fmean(row['seconds'] for row in rows):.0f} "
            f"({statistics.fmean(row['cpu_seconds'] for row in rows):.0f})",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def translate_speed(content: Row) -> list[str]:
    """Translation in training and deployed."""
    lines = [
        "## Translation speed (`benchmarks/translate_speed.py`)",
        "",
        f"multi30k en-de, {content['isa']}, torch {content['torch']}, {content['rounds']}"
        " interleaved rounds. Bars: training ≥ 2×; deployed int8, beam 4, one sentence a call ≥ 3×"
        " and ≤ 30 ms; archive ≤ 15 MB.",
    ]
    if "train" in content:
        lines += [
            "",
            f"| training, {content['train_threads']} threads{_clock(content['train_clock'])} "
            "| pieces/s (slowest–fastest) "
            "| × torch |",
            "|---|---|---|",
        ]
        for name, row in content["train"].items():
            span = f"{row['slowest']:,.0f}–{row['fastest']:,.0f}"
            speed = f"{row['pieces_per_second']:,.0f} ({span})"
            lines.append(f"| {name} | {speed} | {row['times_torch']:.2f}× |")
    for name, found in content.get("deploy", {}).items():
        lines += [
            "",
            f"{name}: {found['sentences']} sentences, 1 thread{_clock(found['clock'])};"
            f" int8 archive {found['bytes_int8'] / 1e6:.1f} MB; fp32 answers equal torch's on"
            f" {found['same_as_torch']:.0%} of the sentences.",
            "",
            f"| {name}, deployed | ms a sentence | p99 | × torch |",
            "|---|---|---|---|",
        ]
        for way, row in found["ways"].items():
            lines.append(
                f"| {way} | {row['ms']:.2f} | {row['p99_ms']:.2f} | {row['times_torch']:.2f}× |"
            )
    return lines


def _clock(name: str) -> str:
    return ", processor seconds, since other work ran" if name == "cpu" else ""
