"""How much the lexical features count beside the network: their share is chosen on dev.

Both branches are CRFs over the same tags. Their product p(y) ∝ p_deep(y) p_wide(y)^r is a CRF too,
with emissions and transitions added up (a product of experts, Hinton 2002), so that what is
deployed is one chain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.data.tagging import Span
from seqmap.search.crf import Chain
from seqmap.search.tagging import TagSearch
from seqmap.span_metrics import span_report

Floats = NDArray[np.float64]

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""What is tried when the training is over."""
LEANS = tuple(step / 4 for step in range(-4, 13))
"""By how much the tag outside of spans is tried to be less likely."""
_NEIGHBOURS = 2
EPOCH_SHARES = (0.0, 0.5, 1.0)
"""What is tried after each epoch: the best epoch is the one of the better model of both."""


@dataclass(frozen=True)
class Branch:
    """One branch's view of some sentences.

    Attributes:
        emissions: Of each, (tokens, tags).
        chain: Its scores between tags.
    """

    emissions: Sequence[Floats]
    chain: Chain


def fuse(deep: Branch, wide: Branch | None, share: float) -> Branch:
    """Add the branches up, the features with their share."""
    if wide is None or share == 0.0:
        return deep
    emissions = [d + share * w for d, w in zip(deep.emissions, wide.emissions, strict=True)]
    return Branch(emissions, fuse_chains(deep.chain, wide.chain, share))


def fuse_chains(deep: Chain, wide: Chain, share: float) -> Chain:
    """Add scores between tags up; what the first forbids stays forbidden."""

    def added(first: Floats, second: Floats) -> Floats:
        return first + share * np.where(np.isfinite(second), second, 0.0)

    return Chain(
        added(deep.transitions, wide.transitions),
        added(deep.start, wide.start),
        added(deep.end, wide.end),
    )


def lean(branch: Branch, amount: float, outside: int) -> Branch:
    """Make the tag outside of spans less likely everywhere, by an amount of score."""
    if amount == 0.0:
        return branch
    shift = np.zeros(branch.emissions[0].shape[1] if branch.emissions else 0)
    shift[outside : outside + 1] = amount
    return Branch([emissions - shift for emissions in branch.emissions], branch.chain)


def choose_lean(
    search: TagSearch, branch: Branch, truth: Sequence[Sequence[Span]], outside: int
) -> float:
    """Return how much less likely the tag outside of spans should be, for the best F1 on dev.

    Where names are rare and new, the most probable tags leave most of them out: precision is then
    far above recall, and F1 gains from finding more. F1 over the amounts is smooth and its estimate
    is not, so that each amount is judged by itself and its neighbours; and nothing is changed for a
    gain of less than half a standard error. On halves of dev this found amounts that were better on
    the other half than those of the best F1, or of the rule of a whole standard error.

    Args:
        search: Finds tags; its own chain is not used.
        branch: Both branches together on dev.
        truth: The true spans.
        outside: The number of the tag.
    """
    scores = [_f1(search, lean(branch, amount, outside), truth) for amount in LEANS]
    width = 2 * _NEIGHBOURS + 1
    padded = np.pad(scores, _NEIGHBOURS, mode="edge")
    smooth = np.convolve(padded, np.full(width, 1 / width), "valid").round(9)
    best = min(range(len(LEANS)), key=lambda place: (-smooth[place], abs(LEANS[place])))
    gain = smooth[best] - smooth[LEANS.index(0.0)]
    return LEANS[best] if gain >= 0.5 * _error(max(scores), truth) else 0.0


def choose_share(
    search: TagSearch, deep: Branch, wide: Branch, truth: Sequence[Sequence[Span]]
) -> float:
    """Return how much the features count, for the best F1 on dev.

    Args:
        search: Finds tags; its own chain is not used.
        deep: The network on dev.
        wide: The features on dev.
        truth: The true spans; where tags are labels, one span a token.
    """
    scores = {share: _f1(search, fuse(deep, wide, share), truth) for share in SHARES}
    return _simplest(scores, truth, usual=1.0)


def _simplest(
    scores: Mapping[float, float], truth: Sequence[Sequence[Span]], *, usual: float
) -> float:
    """Return the choice nearest to the usual one within a standard error of the best F1.

    The rule of Breiman et al. (1984, section 3.4.3): on a small dev part the best of many choices
    is best by chance.
    """
    best = max(scores.values())
    error = _error(best, truth)
    good = [choice for choice, f1 in scores.items() if f1 >= best - error]
    return min(good, key=lambda choice: (abs(choice - usual), -scores[choice]))


def _error(f1: float, truth: Sequence[Sequence[Span]]) -> float:
    """Return about the standard error of F1 on spans."""
    return math.sqrt(f1 * (1 - f1) / max(1, sum(len(spans) for spans in truth)))


def _f1(search: TagSearch, branch: Branch, truth: Sequence[Sequence[Span]]) -> float:
    at = TagSearch(search.codec, branch.chain, kernel=search.kernel)
    found = [at.marked(numbers) for numbers in at.best(branch.emissions)]
    return span_report(truth, found).overall.f1
