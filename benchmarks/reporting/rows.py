"""What all sections read and format."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent


RESULTS = HERE / "results"


Row = dict[str, Any]


def mean_sd(values: list[float]) -> str:
    """Format mean ± standard deviation."""
    if len(values) < 2:
        return f"{values[0]:.4f} (1 seed)"
    return f"{statistics.fmean(values):.4f} ± {statistics.stdev(values):.4f}"
