"""Forecasts from every step of a held-out stretch, and how well they and plain ones do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.tasks.base import Evaluation

Floats = NDArray[np.float64]

TITLES = {
    "model": "the model",
    "naive": "naive: the last value",
    "seasonal": "seasonal naive",
    "linear": "linear (its linear branch alone)",
}
FIGURES = ("mse", "mae", "mse_scaled", "rse", "mase")


@dataclass(frozen=True)
class Backtest:
    """Forecasts beside what came; NaN in `truth` where a value is missing.

    Attributes:
        truth: (origins, horizon).
        points: (origins, horizon) of the model and of each plain forecast, by name.
        lower: (origins, horizon).
        upper: The same.
        spread: Standard deviation of the training values of each origin's series, (origins,).
        step: Mean change of the naive forecast on the training values, (origins,), for MASE.
        coverage: What the intervals were to hold.
        season: Steps of the seasonal naive forecast.
        series: Name of each origin's series.
    """

    truth: Floats
    points: dict[str, Floats]
    lower: Floats
    upper: Floats
    spread: Floats
    step: Floats
    coverage: float
    season: int
    series: tuple[str, ...]


def figures_of(back: Backtest, name: str) -> dict[str, float]:
    """Measure one forecast.

    Returns:
        `mse`, `mae` in the values' own units; `mse_scaled` after division by the standard
        deviation of the training values; `rse`, the root of the squared error over that of the
        mean, at the last step of the horizon (Lai et al. 2018, "LSTNet", section 4.3); `mase`, the
        absolute error over the mean change from one step to the next (Hyndman & Koehler 2006).
        What the truth does not define is left out: `rse` of a single value, or of equal ones.
    """
    known = np.isfinite(back.truth)
    if not known.any():
        return {}
    error = back.points[name] - back.truth
    last = back.truth[:, -1]
    around = last - np.nanmean(last) if known[:, -1].any() else np.zeros(1)
    total = float(np.nansum(around**2))
    found = {
        "mse": float(np.nanmean(error**2)),
        "mae": float(np.nanmean(np.abs(error))),
        "mse_scaled": float(np.nanmean((error / back.spread[:, None]) ** 2)),
        "rse": float(np.sqrt(np.nansum(error[:, -1] ** 2) / total)) if total > 0 else math.nan,
        "mase": float(np.nanmean(np.abs(error) / back.step[:, None])),
    }
    return {name: figure for name, figure in found.items() if math.isfinite(figure)}


def evaluation_of(back: Backtest) -> Evaluation:
    """Measure the model, its intervals, and every plain forecast."""
    known = np.isfinite(back.truth)
    inside = (back.truth >= back.lower) & (back.truth <= back.upper)
    rows = {name: figures_of(back, name) for name in back.points}
    metrics = {
        **rows["model"],
        "coverage": float(inside[known].mean()),
        "width": float((back.upper - back.lower)[known].mean()),
    }
    details: dict[str, Any] = {
        "baselines": {name: row for name, row in rows.items() if name != "model"},
        "coverage_wanted": back.coverage,
        "coverage_by_step": [
            float(inside[known[:, h], h].mean()) if known[:, h].any() else None
            for h in range(back.truth.shape[1])
        ],
        "mse_by_step": _mse_by_step(back, known),
        "origins": len(back.truth),
        "season": back.season,
    }
    if len(set(back.series)) > 1:
        details["by_series"] = _by_series(back)
    return Evaluation(metrics, _table(back, rows, metrics), details)


def _mse_by_step(back: Backtest, known: NDArray[np.bool_]) -> list[float | None]:
    given = np.asarray(known.any(axis=0))
    error = (back.points["model"] - back.truth) ** 2
    error[:, ~given] = 0.0  # a mean of nothing would warn
    means = np.nanmean(error, axis=0).tolist()
    return [mean if one else None for mean, one in zip(means, given.tolist(), strict=True)]


def _by_series(back: Backtest) -> dict[str, dict[str, float]]:
    names = np.array(back.series)
    found = {}
    for name in dict.fromkeys(back.series):
        rows = names == name
        if not np.isfinite(back.truth[rows]).any():
            continue
        found[name] = {
            kind: float(np.nanmean((points[rows] - back.truth[rows]) ** 2))
            for kind, points in back.points.items()
        }
    return found


def _table(back: Backtest, rows: dict[str, dict[str, float]], metrics: dict[str, float]) -> str:
    lines = [f"{'forecast':<34}" + "".join(f"{name:>11}" for name in ("mse", "mae", "rse", "mase"))]
    lines.append("─" * 78)
    for name, row in rows.items():
        title = TITLES[name]
        if name == "seasonal":
            title += f": {back.season} steps ago"
        shown = "".join(f"{_short(row.get(key)):>11}" for key in ("mse", "mae", "rse", "mase"))
        lines.append(f"{title:<34}{shown}")
    lines.append("─" * 78)
    lines.append(
        f"{back.coverage:.0%} intervals held {metrics['coverage']:.1%} of the truth; "
        f"{len(back.truth):,} origins, {back.truth.shape[1]} steps ahead"
    )
    return "\n".join(lines)


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if 1e-3 < abs(value) < 1e5 else f"{value:.3e}"
