"""Training: needs torch; gives archives that do not."""

import os
import sys

if "torch" not in sys.modules:
    # Threads that spin while they wait make a small operation take a scheduler's time slice (10 ms
    # instead of 10 µs) as soon as anything else runs on the machine. OpenMP reads this when torch
    # loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from seqmap.training.job import Reference, Trained  # noqa: E402
from seqmap.training.loop import Epoch, Progress, Watch  # noqa: E402
from seqmap.training.recipes import reference, train  # noqa: E402

__all__ = ["Epoch", "Progress", "Reference", "Trained", "Watch", "reference", "train"]
