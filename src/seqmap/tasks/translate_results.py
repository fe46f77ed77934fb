"""What a translator answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidate:
    """One of the answers that were found.

    Attributes:
        text: What was written.
        score: What the search ranks by: log-probability over the length penalty.
        log_probability: Of exactly these pieces, their end included.
    """

    text: str
    score: float
    log_probability: float


@dataclass(frozen=True)
class Translation:
    """The answer for one text.

    Attributes:
        text: What was written.
        score: What the search ranks by.
        log_probability: Of exactly these pieces, their end included.
        source: What was read.
        source_tokens: Its pieces.
        tokens: The pieces that were written.
        alignment: How much each written piece attended to each source piece, and after these to
            the boundary, (tokens, source tokens + 1); rows add up to 1.
        alternatives: The best answers, the first one included, where more were asked for.
    """

    text: str
    score: float
    log_probability: float
    source: str
    source_tokens: tuple[str, ...]
    tokens: tuple[str, ...]
    alignment: NDArray[np.float32]
    alternatives: tuple[Candidate, ...] = ()
