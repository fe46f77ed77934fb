"""What the training loop needs to know of a task: examples by number, a loss, a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from seqmap.batch import plan_batches
from seqmap.config import TrainConfig


@dataclass(frozen=True)
class Score:
    """How well the network does on the dev part.

    Attributes:
        loss: The dev loss.
        metrics: Named figures.
        cost: What the best epoch is chosen by, the lowest; None takes the loss.
    """

    loss: float
    metrics: dict[str, float]
    cost: float | None = None


class Learner(ABC):
    """A network with the examples that it learns from and is measured on.

    Attributes:
        network: What is trained. The loop sets its mode (`train`, `eval`) and its weights.
        lengths: Symbols, frames or steps of each training example, (examples,): what a batch is
            measured by.
        tables: Embedding tables of the network whose gradients are sparse.
        depths: How deep below the head each weight lies that was pretrained.
        part: Which process of how many this is; set before `plan` where several train together.
    """

    network: nn.Module
    lengths: NDArray[np.int64]
    tables: Sequence[nn.Parameter] = ()
    depths: Mapping[nn.Parameter, int] = MappingProxyType({})
    part: tuple[int, int] = (0, 1)

    def plan(self, config: TrainConfig, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Decide which examples form the batches of an epoch, and their order.

        Where several processes train together, they all decide the same.
        """
        return plan_batches(
            self.lengths,
            batch_size=config.batch_size,
            batch_tokens=config.batch_tokens,
            rng=rng,
        )

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what this process reads of a batch; nothing, if the batch is too small."""
        rank, size = self.part
        return rows[rank::size]

    def most_processes(self) -> int:
        """Return how many processes can train together, so that each has something to read."""
        return len(self.lengths)

    def weight(self, rows: NDArray[np.int64]) -> float:
        """Return how many terms `loss` is the mean of: what a process's share counts."""
        return float(len(rows))

    @abstractmethod
    def loss(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss of the training examples of a batch, a scalar to be minimised."""

    @abstractmethod
    def score(self) -> Score:
        """Measure the network, with the weights that it has now, on the dev part."""
