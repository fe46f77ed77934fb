"""Masks over time: True = valid."""

from __future__ import annotations

import torch
from torch import Tensor


def valid(lengths: Tensor, time: int) -> Tensor:
    """Return which places of padded rows hold a symbol.

    Args:
        lengths: (batch,).
        time: Width of the padded rows.

    Returns:
        (batch, time) bool, True = valid.
    """
    return torch.arange(time, device=lengths.device) < lengths[:, None]


def reverse_index(lengths: Tensor, time: int) -> Tensor:
    """Return the index that turns each row around within its own length; padding stays in place.

    Args:
        lengths: (batch,).
        time: Width of the padded rows.

    Returns:
        (batch, time) int64, to gather along time.
    """
    steps = torch.arange(time, device=lengths.device).expand(len(lengths), time)
    return torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
