"""What a task is: a torch-free declaration of a mapping of sequences.

A task says how its data is read, which codecs turn source and target into numbers, which head
answers, and how answers are scored and shown. Training (torch) and deployment (no torch) share it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import TextCodec
from seqmap.codecs.labels import LabelCodec
from seqmap.config import Config

if TYPE_CHECKING:
    # Reading files drags half of the standard library in; a deployed model may never read one.
    from seqmap.data import Dataset, Example, ReadOptions


@dataclass(frozen=True)
class Codecs:
    """The two sides of a mapping: what turns sources and targets into numbers and back."""

    source: TextCodec
    target: LabelCodec
    multi: bool = False
    """Whether one source may carry several labels."""


@dataclass(frozen=True)
class Evaluation:
    """How well predictions fit the truth.

    Attributes:
        metrics: Named figures, under the fixed `--json` keys.
        table: The same for reading, in at most 80 columns.
        details: More for plots and pages, as plain JSON-able values (confusion matrix, names, …).
    """

    metrics: dict[str, float]
    table: str
    details: dict[str, Any]

    def report(self) -> str:
        """Return the figures as a table to read."""
        return self.table


class Task(ABC):
    """A mapping of sequences; one subclass and one line in `TASKS` each."""

    name: ClassVar[str]
    """The word on the command line."""

    @abstractmethod
    def read(self, path: str, options: ReadOptions) -> Dataset:
        """Read labelled examples from a file."""

    @abstractmethod
    def head(self, codecs: Codecs) -> str:
        """Return which head answers: a key of `seqmap.nn.heads.HEADS`."""

    @abstractmethod
    def fit_codecs(
        self,
        examples: Sequence[Example],
        config: Config,
        *,
        multi: bool,
        labels: Sequence[str] | None = None,
    ) -> Codecs:
        """Build the codecs from training data; labels that are given keep their order."""

    @abstractmethod
    def restore_codecs(self, manifest: dict[str, Any], arrays: dict[str, Any]) -> Codecs:
        """Rebuild the codecs from an archive."""

    @abstractmethod
    def codec_state(self, codecs: Codecs) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what `restore_codecs` needs: manifest entries and arrays."""

    @abstractmethod
    def encode_targets(self, examples: Sequence[Example], codecs: Codecs) -> NDArray[np.float32]:
        """Turn the examples' targets into the array that the head's loss compares with."""

    @abstractmethod
    def evaluate(
        self, probabilities: NDArray[np.float64], targets: NDArray[np.float32], codecs: Codecs
    ) -> Evaluation:
        """Score predicted probabilities against targets."""

    @abstractmethod
    def results(self, probabilities: NDArray[np.float64], codecs: Codecs) -> list[Any]:
        """Turn scores into what the user sees: one frozen dataclass an input."""
