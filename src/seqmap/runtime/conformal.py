"""Intervals that hold what they promise: conformal margins around quantiles.

Conformalised quantile regression (Romano, Patterson & Candès 2019, eq. 6-8): of held-out forecasts
the score is how far the truth lies outside of [low, high] (negative: inside), and both ends are
moved out by that quantile of the scores which the coverage asks for. While forecasting goes on, the
margins follow the hits and misses (Angelopoulos, Candès & Tibshirani 2023, "Conformal PID control",
eq. 5: quantile tracking), so that coverage holds when the series changes its ways.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE = 0.05
"""How fast margins follow, as a share of the scores' spread."""


def scores(low: Floats, high: Floats, truth: Floats) -> Floats:
    """Return how far the truth lies outside, (..., horizon); NaN where it is missing."""
    return np.asarray(np.maximum(low - truth, truth - high))


def fit_margins(found: Floats, coverage: float) -> tuple[Floats, Floats]:
    """Return the margin of each step ahead, and how far it moves after a miss.

    Args:
        found: Scores of held-out forecasts, (origins, horizon).
        coverage: Share of the truth that shall lie inside.
    """
    margins, rates = [], []
    for column in found.T:
        column = column[~np.isnan(column)]
        if not len(column):
            column = np.zeros(1)
        level = min(coverage * (1 + 1 / len(column)), 1.0)
        margins.append(float(np.quantile(column, level)))
        rates.append(RATE * float(np.quantile(column, 0.95) - np.quantile(column, 0.05)))
    return np.array(margins), np.array(rates)


def follow(found: Floats, margins: Floats, rates: Floats, coverage: float) -> Floats:
    """Return the margins that each origin of a rolling forecast uses, (origins, horizon).

    The forecast h steps ahead from origin t is judged when step t + h has come, and no earlier.

    Args:
        found: Scores of consecutive origins, (origins, horizon); NaN counts as not judged.
        margins: Those to begin with, (horizon,).
        rates: How far they move, (horizon,).
        coverage: Share of the truth that shall lie inside.
    """
    origins, horizon = found.shape
    steps = np.arange(1, horizon + 1)
    now, used = margins.copy(), np.empty_like(found)
    for origin in range(origins):
        past = np.maximum(origin - steps, 0)
        # What counts is the interval that was given, not the one that would be given today.
        excess = found[past, steps - 1] - used[past, steps - 1]
        now = moved(now, np.where(origin >= steps, excess, np.nan), rates, coverage)
        used[origin] = now
    return used


def moved(margins: Floats, excess: Floats, rates: Floats, coverage: float) -> Floats:
    """Return margins after some intervals were judged.

    Args:
        margins: As they are, (horizon,).
        excess: How far the truth lies outside of each interval; NaN moves nothing.
        rates: How far margins move.
        coverage: Share of the truth that shall lie inside.
    """
    judged = ~np.isnan(excess)
    missed = np.where(judged, excess, 0.0) > 0
    return np.asarray(margins + np.where(judged, rates * (missed - (1 - coverage)), 0.0))
