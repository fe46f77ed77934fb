"""What every decoder of the runtime can do, step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.runtime.ops.weights import Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class DecoderState:
    """Where the writing of some sentences stands.

    Attributes:
        rows: Arrays with a row for each hypothesis, (sentences * width, …).
        fixed: Arrays with an entry for each sentence, (sentences, …).
        width: Hypotheses of each sentence.
        step: Steps that were taken.
    """

    rows: dict[str, NDArray[Any]]
    fixed: dict[str, NDArray[Any]]
    width: int
    step: int = 0

    def select(self, sentences: Ints, parents: Ints) -> DecoderState:
        """Keep some sentences; hypothesis k of each goes on from `parents[:, k]`."""
        index = (sentences[:, None] * self.width + parents).ravel()
        rows = {name: array[index] for name, array in self.rows.items()}
        count = next(iter(self.fixed.values())).shape[0]
        if len(sentences) == count:
            return replace(self, rows=rows)
        fixed = {name: array[sentences] for name, array in self.fixed.items()}
        return replace(self, rows=rows, fixed=fixed)


class Decoder(ABC):
    """Reads the vector of the last word, gives a vector for the next one."""

    @abstractmethod
    def begin(self, memory: Floats, mask: NDArray[np.bool_], width: int) -> DecoderState:
        """Return the state before the first word.

        Args:
            memory: States of the source, (sentences, source, features), zero beyond its end.
            mask: (sentences, source), True = valid.
            width: Hypotheses of each sentence.
        """

    @abstractmethod
    def step(self, state: DecoderState, words: Floats) -> tuple[Floats, Floats, DecoderState]:
        """Take a step.

        Args:
            state: Not changed.
            words: Vectors of the last words, (sentences * width, size).

        Returns:
            Vectors for the next words (sentences * width, size), the attention
            (sentences, width, source), and the state after the step.
        """


def shut(mask: NDArray[np.bool_]) -> Floats:
    """Return what is added to scores: zero where valid, else a number that leaves no weight."""
    return np.where(mask, np.float32(0), np.float32(-1e30)).astype(np.float32)
