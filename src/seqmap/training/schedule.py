"""The learning rate over the steps of a training."""

from __future__ import annotations

import math

from seqmap.config import TrainConfig


def learning_rate(step: int, total: int, config: TrainConfig) -> float:
    """Return the rate at a step: a linear warm-up, then the schedule down to zero.

    Args:
        step: 0-based number of the step; may pass `total`.
        total: Steps in all, as far as is known: epochs may differ in their batches.
        config: Peak, warm-up share, kind of schedule.
    """
    warmup = config.warmup * total
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    if config.schedule == "constant":
        return config.learning_rate
    # Beyond the end the rate stays at zero: it would turn negative, or rise again.
    done = min((step - warmup) / max(1.0, total - warmup), 1.0)
    if config.schedule == "linear":
        return config.learning_rate * (1 - done)
    # Loshchilov & Hutter 2017, eq. 5, one cycle.
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
