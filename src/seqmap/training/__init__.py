"""Training: needs torch; gives archives that do not."""

import os
import sys

if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
    # GNU's OpenMP, which reads this when torch loads, lets idle threads spin for milliseconds.
    # As soon as anything else runs on the machine they keep those with work from the cores: a step
    # then took 1.4 times as long. Spinning for some 10 µs is enough to bridge two operations.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from seqmap.training.job import Reference, Trained  # noqa: E402
from seqmap.training.loop import Epoch, Progress, Watch  # noqa: E402
from seqmap.training.recipes import reference, train  # noqa: E402

__all__ = ["Epoch", "Progress", "Reference", "Trained", "Watch", "reference", "train"]
