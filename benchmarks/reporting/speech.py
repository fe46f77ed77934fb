"""The tables of speech recognition in RESULTS.md."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

Row = dict[str, Any]

# set -> (bar of the greedy word error rate, bar with the language model)
AN4_BARS = {"an4": (0.15, 0.08), "an4_stream": (0.20, 0.12)}
DIGIT_BARS = {"fsdd": 0.99, "fsdd_voices": 0.93}
_FACTOR, _BYTES, _MEMORY = 0.01, 8e6, 2**20


def speech_section(path: Path) -> list[str]:
    """Return the section, from the lines of benchmarks/results/speech.jsonl."""
    rows: dict[str, dict[tuple[int, str], Row]] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.setdefault(row["set"], {})[row["seed"], row.get("speaker", "")] = row
    lines = [
        "## Speech recognition (`benchmarks/speech.py`)",
        "",
        "Word error rates on the official test part. The language model of the search is that of",
        "the training transcripts. Factor: processor seconds of one core for a second of sound, in",
        "int8 with the search. One seed has no deviation.",
        "",
        "| set | seeds | greedy | with search | int8 | bars | met | ECE | factor | MB | s / run |",
        "|---" * 11 + "|",
    ]
    for name, bars in AN4_BARS.items():
        if name not in rows:
            lines.append(
                f"| {name} | 0 | – | – | – | ≤ {bars[0]}, ≤ {bars[1]} | not measured |||||"
            )
            continue
        lines.append(_an4(name, list(rows[name].values()), bars))
    lines += ["", *_digits(rows), "", *_streams(rows)]
    return lines


def _an4(name: str, rows: list[Row], bars: tuple[float, float]) -> str:
    greedy, search, int8 = (_wer(rows, key) for key in ("greedy", "test", "int8"))
    factor = statistics.fmean(row["factor_search"] for row in rows)
    size = statistics.fmean(row["bytes_int8"] for row in rows)
    means = [statistics.fmean(r[key]["wer"] for r in rows) for key in ("greedy", "test")]
    met = means[0] <= bars[0] and means[1] <= bars[1]
    met = met and factor <= _FACTOR and size <= _BYTES
    seconds = [row["seconds"] for row in rows if row["seconds"]]
    cells = [
        name,
        str(len(rows)),
        greedy,
        search,
        int8,
        f"≤ {bars[0]} greedy, ≤ {bars[1]}; factor ≤ {_FACTOR}; ≤ 8 MB",
        "yes" if met else "**no**",
        f"{statistics.fmean(row['test']['ece'] for row in rows):.3f}",
        f"{factor:.4f}",
        f"{size / 1e6:.1f}",
        f"{statistics.fmean(seconds):.0f}" if seconds else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _digits(rows: dict[str, dict[tuple[int, str], Row]]) -> list[str]:
    lines = [
        "Share of digits that are right (fsdd). The baseline is logistic regression on the band",
        "means of eight stretches.",
        "",
        "| set | seeds | baseline | model | each speaker | bar | met |",
        "|---" * 7 + "|",
    ]
    for name, bar in DIGIT_BARS.items():
        found = list(rows.get(name, {}).values())
        if not found:
            lines.append(f"| {name} | 0 | – | – | – | ≥ {bar} | not measured |")
            continue
        mean = statistics.fmean(row["test"]["accuracy"] for row in found)
        plain = statistics.fmean(row["baseline"]["accuracy"] for row in found)
        each = ", ".join(
            f"{row['speaker']} {row['test']['accuracy']:.3f}" for row in found if "speaker" in row
        )
        seeds = len({row["seed"] for row in found})
        met = "yes" if mean >= bar else "**no**"
        lines.append(f"| {name} | {seeds} | {plain:.4f} | {mean:.4f} | {each} | ≥ {bar} | {met} |")
    return lines


def _streams(rows: dict[str, dict[tuple[int, str], Row]]) -> list[str]:
    found = [row["stream"] for own in rows.values() for row in own.values() if "stream" in row]
    if not found:
        return []
    mean = {key: statistics.fmean(one[key] for one in found if one[key]) for key in found[0]}
    met = "met" if mean["peak_bytes"] <= _MEMORY else "**not met**"
    return [
        f"A stream: the final text is there {mean['close_ms_p50']:.1f} ms (p95"
        f" {mean['close_ms_p95']:.1f} ms) of processor time after the last 0.1 s came; the last"
        f" word is known {mean['lag_seconds_p50']:.2f} s after its last symbol. What is kept of"
        f" a stream is {mean['state_bytes'] / 1024:.0f} KiB, the peak of its memory"
        f" {mean['peak_bytes'] / 1024:.0f} KiB (bar: 1 MiB, {met}).",
    ]


def _wer(rows: list[Row], key: str) -> str:
    values = [row[key]["wer"] for row in rows]
    if len(values) < 2:
        return f"{values[0]:.4f}"
    return f"{statistics.fmean(values):.4f} ± {statistics.stdev(values):.4f}"
