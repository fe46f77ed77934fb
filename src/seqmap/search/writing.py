"""What a search needs: a network that writes, options, and what it finds.

A hypothesis is a sequence of pieces that ends with the boundary; its score is log P / lp + cp
(Wu et al. 2016, eq. 14):

    lp = ((5 + length) / 6) ** length_penalty
    cp = coverage_penalty * Σ_source log(min(Σ_steps attention, 1))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ConfigError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NEVER = np.float32(-np.inf)
FORCED = np.float32(-30.0)
"""What a forbidden piece is worth where an answer must hold it."""


@dataclass(frozen=True)
class SearchOptions:
    """How answers are searched for."""

    beam: int = 4
    """Hypotheses that are kept; 1 is greedy."""
    length_penalty: float = 1.0
    """How much longer answers are favoured; 0 ranks by log-probability alone."""
    coverage_penalty: float = 0.0
    """How much answers that attend to all of the source are favoured."""
    no_repeat: int = 0
    """An answer never holds the same so many pieces twice; 0 lets it."""
    unknown: bool = False
    """Whether the unknown piece may be written (to be replaced through the alignment)."""
    sample: float = 0.0
    """Draw answers instead, at this temperature; 0 searches for the best."""
    top: int = 0
    """When drawing, only among so many of the most probable pieces; 0: all."""
    seed: int = 0
    """Of the drawing."""

    def __post_init__(self) -> None:
        ranges = {
            "beam": (1, 1000),
            "length_penalty": (0, 10),
            "coverage_penalty": (0, 10),
            "no_repeat": (0, 1000),
            "sample": (0, 100),
            "top": (0, 1 << 30),
            "seed": (0, 2**63 - 1),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(
                    f"{name} of a search is out of range",
                    given=value,
                    allowed=f"{least} to {most:g}",
                )


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was written.

    Attributes:
        pieces: Its ids, without the boundary, (time,).
        log_probability: Of the pieces and the end.
        score: What it is ranked by.
        attention: How each piece, and the end, attended to the source and its boundary,
            (time + 1, source + 1).
    """

    pieces: NDArray[np.int32]
    log_probability: float
    score: float
    attention: Floats


class Writer(Protocol):
    """A network that writes; `width` hypotheses of each sentence stand side by side."""

    def begin(self, sources: Sequence[NDArray[np.int32]], width: int) -> Any:
        """Read the sources; return the state before the first piece."""

    def step(self, state: Any, pieces: Ints) -> tuple[Floats, Floats, Any]:
        """Take a step.

        Args:
            state: What `begin`, `step` or `select` gave.
            pieces: The last one of each hypothesis, (sentences, width).

        Returns:
            Scores of all pieces, not normalised, (sentences * width, pieces), which the caller may
            overwrite; the attention, (sentences, width, source); the state after the step.
        """

    def select(self, state: Any, sentences: Ints, parents: Ints) -> Any:
        """Keep some sentences; in each, hypothesis k goes on from `parents[:, k]`."""


class Kernel(Protocol):
    """What computes: NumPy, or the native core."""

    def best(self, scores: Floats, count: int) -> tuple[Floats, Floats, Ints]:
        """Return of each row log Σ exp, and its `count` highest with their places, best first."""


class NumpyKernel:
    """The search's two reductions in NumPy."""

    def best(self, scores: Floats, count: int) -> tuple[Floats, Floats, Ints]:
        """Return (rows,), (rows, count), (rows, count)."""
        rows = np.arange(len(scores))[:, None]
        most = scores.max(axis=1, keepdims=True)
        most[most == NEVER] = 0.0  # where everything is forbidden, so is the sum
        with np.errstate(divide="ignore"):
            logs = np.log(np.exp(scores - most).sum(axis=1))
        total = most[:, 0] + logs
        if count == 1:
            places = scores.argmax(axis=1)[:, None]
            return total, scores[rows, places], places
        places = np.argpartition(-scores, min(count, scores.shape[1] - 1), axis=1)[:, :count]
        places = np.sort(places, axis=1)  # equal scores: the lower id first
        order = np.argsort(-scores[rows, places], axis=1, kind="stable")
        places = np.take_along_axis(places, order, axis=1)
        return total, scores[rows, places], places


def normalised(
    log_probability: float, length: int, attention: Floats, options: SearchOptions
) -> float:
    """Return the score of a hypothesis of `length` pieces, its end included."""
    score = log_probability / penalty(length, options)
    if options.coverage_penalty > 0:
        covered = np.clip(attention.sum(axis=0), 1e-9, 1.0)
        score += options.coverage_penalty * float(np.log(covered).sum())
    return score


def penalty(length: int, options: SearchOptions) -> float:
    """Return what the log-probability of so many pieces is divided by."""
    return float(((5 + length) / 6) ** options.length_penalty)


def repeats(written: NDArray[np.int32], length: int) -> list[int]:
    """Return the pieces that would complete `length` pieces in a row that are there already."""
    count = len(written)
    if count < length:
        return []
    tail = tuple(written[count - length + 1 :].tolist())
    known = written.tolist()
    return [
        known[begin + length - 1]
        for begin in range(count - length + 1)
        if tuple(known[begin : begin + length - 1]) == tail
    ]
