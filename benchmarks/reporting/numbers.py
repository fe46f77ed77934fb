"""Forecasts and signals."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict

from reporting.rows import RESULTS, Row, mean_sd

# set -> (metric, bar); of the others the model must beat both naive forecasts.
FORECAST_BARS = {"ETTh1": ("mse_scaled", 0.0255), "exchange_rate": ("rse", 0.0171)}


def forecast_table() -> list[str]:
    """Return the table of forecasts, in Markdown."""
    path = RESULTS / "forecast.jsonl"
    if not path.exists():
        return ["No result is recorded yet."]
    sets: dict[str, dict[int, Row]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sets[row["set"]][row["seed"]] = row
    lines = [
        "| set | horizon | figure | naive | seasonal naive | linear | model | bar | met "
        "| 90% intervals held | one update |",
        "|---" * 11 + "|",
    ]
    for name, seeds in sets.items():
        rows = list(seeds.values())
        metric, bar = FORECAST_BARS.get(name, ("mae", None))
        plain = [rows[0]["baselines"][k][metric] for k in ("naive", "seasonal", "linear")]
        found = [row["test"][metric] for row in rows]
        mean = statistics.fmean(found)
        # A bar is met to the digits in which it was set.
        met = mean < min(plain[:2]) if bar is None else round(mean, 4) <= bar
        shown = " | ".join(f"{value:.4f}" for value in plain)
        wanted = "< both naive" if bar is None else f"≤ {bar}"
        held = mean_sd([100 * row["test"]["coverage"] for row in rows])
        spent = statistics.median(row["update_us"] for row in rows)
        lines.append(
            f"| {name} | {rows[0]['horizon']} | {metric} | {shown} | {mean_sd(found)} | {wanted} "
            f"| {'yes' if met else '**no**'} | {held} | {spent:.0f} µs |"
        )
    return lines


SIGNAL_BARS = {"japanesevowels": 0.98, "basicmotions": 0.975, "indoor_movement": 0.90}


def signal_table() -> list[str]:
    """Return the table of signals, in Markdown."""
    path = RESULTS / "signals.jsonl"
    if not path.exists():
        return ["No result is recorded yet."]
    sets: dict[str, dict[int, Row]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sets[row["set"]][row["seed"]] = row
    lines = ["| set | 1-NN DTW | model | seeds | bar | met |", "|---" * 6 + "|"]
    for name, seeds in sets.items():
        rows = list(seeds.values())
        found = [row["test"]["accuracy"] for row in rows]
        met = "yes" if statistics.fmean(found) >= SIGNAL_BARS[name] else "**no**"
        lines.append(
            f"| {name} | {rows[0]['baseline']['accuracy']:.4f} | {mean_sd(found)} | {len(rows)} "
            f"| ≥ {SIGNAL_BARS[name]} | {met} |"
        )
    return lines
