"""How sure a tagger may be: one temperature for all scores, fitted on the spans it gives on dev."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqmap.data.tagging import spans_of
from seqmap.search.tagging import TagSearch
from seqmap.tasks.tag_scores import span_ece

# Temperatures are looked for between these, on a logarithmic scale.
_LOWEST, _HIGHEST = 0.25, 8.0
_STEPS = 12
_GOLDEN = (math.sqrt(5) - 1) / 2


def calibrate_spans(
    search: TagSearch, emissions: Sequence[NDArray[np.float64]], tags: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Fit the temperature by the log loss of "this span is right" (of tags, where they are labels).

    Args:
        search: At temperature 1.
        emissions: Of each dev sentence, (tokens, tags).
        tags: The true ones, in IOB2 or as labels.

    Returns:
        `temperature`, and the expected calibration error before and after.
    """

    def judged(temperature: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        at = TagSearch(search.codec, search.chain, temperature=temperature, kernel=search.kernel)
        return _judged(at, emissions, tags)

    def loss(log_temperature: float) -> float:
        chances, right = judged(math.exp(log_temperature))
        if len(chances) == 0:
            return 0.0
        chances = np.clip(chances, 1e-6, 1 - 1e-6)
        return float(-np.mean(np.where(right == 1, np.log(chances), np.log1p(-chances))))

    low, high = math.log(_LOWEST), math.log(_HIGHEST)
    first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    losses = [loss(first), loss(second)]
    for _ in range(_STEPS):
        if losses[0] < losses[1]:
            high, second, losses[1] = second, first, losses[0]
            first = high - _GOLDEN * (high - low)
            losses[0] = loss(first)
        else:
            low, first, losses[0] = first, second, losses[1]
            second = low + _GOLDEN * (high - low)
            losses[1] = loss(second)
    best = math.exp((low + high) / 2)
    if loss(0.0) <= loss(math.log(best)):
        best = 1.0  # too little was found wrong to tell
    before, after = span_ece(*judged(1.0)), span_ece(*judged(best))
    return {"temperature": best, "ece_before": before, "ece_after": after}


def _judged(
    search: TagSearch, emissions: Sequence[NDArray[np.float64]], tags: Sequence[Sequence[str]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the probability of what is given, and whether it is right."""
    chances: list[float] = []
    right: list[bool] = []
    for found, true in zip(search.search(emissions), tags, strict=True):
        if search.codec.spans:
            wanted = set(spans_of(true))
            chances.extend(found.span_probabilities)
            right.extend(span in wanted for span in found.spans)
        else:
            chances.extend(found.tag_probabilities.tolist())
            given = search.codec.decode(found.numbers)
            right.extend(g == t for g, t in zip(given, true, strict=True))
    return np.array(chances), np.array(right, np.int64)
