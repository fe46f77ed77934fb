"""Synthetic signals that the project makes itself: a hand that draws figures in the air."""

from __future__ import annotations

import numpy as np

from seqmap.data.signals import Signal

SYNTHETIC_NOTICE = (
    "Synthetic signals, made by this project: a hand draws figures, seen by a sensor."
)
FIGURES = ("circle", "circle back", "eight", "swipe", "tremble")


def gestures(count: int, seed: int = 11) -> list[Signal]:
    """Return recordings of three channels, the same each time; figures take turns.

    They differ in size, speed, place, angle and noise, and end when the figure is drawn.

    Args:
        count: How many.
        seed: Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        label = FIGURES[k % len(FIGURES)]
        steps = int(rng.integers(40, 110))
        t = np.linspace(0, 1, steps) ** rng.uniform(0.8, 1.25)
        turn = 2 * np.pi * (t + rng.uniform(0, 1) * (label in ("circle", "circle back")))
        sign = -1 if label == "circle back" else 1
        x = {
            "circle": np.cos(turn),
            "circle back": np.cos(sign * turn),
            "eight": np.sin(turn),
            "swipe": 2 * t - 1,
            "tremble": 0.3 * np.sin(12 * turn) * np.sin(np.pi * t),
        }[label]
        y = {
            "circle": np.sin(turn),
            "circle back": np.sin(sign * turn),
            "eight": np.sin(2 * turn) / 2,
            "swipe": 0.3 * np.sin(np.pi * t),
            "tremble": 0.3 * np.cos(11 * turn),
        }[label]
        angle, size = rng.normal(scale=0.4), rng.uniform(0.6, 1.4)
        plane = size * np.stack(
            [np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y]
        )
        depth = np.cumsum(rng.normal(scale=0.05, size=steps))
        values = np.stack([*plane, depth], axis=1) + rng.normal(scale=0.15, size=(steps, 3))
        found.append(Signal(values.astype(np.float32), (label,), f"{label} {k}"))
    return found
