"""Synthetic series that the project makes itself: a small shop's sales an hour.

A daily curve that leans on the weekday, a level that wanders and forgets, rain that keeps customers
at home an hour later, and now and then a sale that lifts a whole day after it was announced.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

SYNTHETIC_NOTICE = "Synthetic series, made by this project: an hourly count of a shop's customers."
HOURS = 24 * 7 * 40


def shop(hours: int = HOURS, seed: int = 7) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return times (ISO 8601), customers (hours,) and rain (hours,), the same each time.

    Args:
        hours: How many.
        seed: Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    begin = datetime(2023, 1, 2)
    times = [(begin + timedelta(hours=k)).isoformat(sep=" ") for k in range(hours)]
    hour, day = np.arange(hours) % 24, np.arange(hours) // 24
    curve = np.exp(-(((hour - 11) / 3.0) ** 2)) + 1.3 * np.exp(-(((hour - 18) / 2.5) ** 2))
    week = np.array([0.9, 0.85, 0.9, 1.0, 1.2, 1.5, 0.6])[day % 7]
    level, rain = np.empty(hours), np.empty(hours)
    now, wet = 0.0, 0.0
    for k in range(hours):
        now = 0.995 * now + 0.03 * rng.normal()
        wet = max(0.9 * wet + (rng.random() < 0.03) * rng.uniform(1, 4) - 0.05, 0.0)
        level[k], rain[k] = now, wet
    sale = np.zeros(hours)
    for start in rng.choice(np.arange(7, hours // 24 - 2), size=hours // 240, replace=False):
        sale[start * 24 : (start + 1) * 24] = 0.6
    late = np.concatenate([[0.0], rain[:-1]])
    mean = 40 * (0.05 + curve * week * np.exp(level) * (1 + sale) * np.exp(-0.12 * late))
    return times, np.maximum(mean + rng.normal(size=hours) * np.sqrt(mean), 0.0).round(1), rain
