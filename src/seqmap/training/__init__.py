"""Training: needs torch; gives archives that do not."""

from seqmap.training.loop import Epoch, Progress, Watch
from seqmap.training.pipeline import Trained, train

__all__ = ["Epoch", "Progress", "Trained", "Watch", "train"]
