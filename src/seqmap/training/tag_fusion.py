"""How much the lexical features count beside the network: their share is chosen on dev.

Both branches are CRFs over the same tags. Their product p(y) ∝ p_deep(y) p_wide(y)^r is a CRF too,
with emissions and transitions added up (a product of experts, Hinton 2002), so that what is
deployed is one chain.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def choose_share(
    search: TagSearch, deep: Branch, wide: Branch, truth: Sequence[Sequence[Span]]
) -> float:
    """Return the share of the features with the best F1 on dev; among equals the one nearest to 1.

    Args:
        search: Finds tags; its own chain is not used.
        deep: The network on dev.
        wide: The features on dev.
        truth: The true spans; where tags are labels, one span a token.
    """
    scores = {share: _f1(search, fuse(deep, wide, share), truth) for share in SHARES}
    best = max(scores.values())
    return min((s for s, f1 in scores.items() if f1 == best), key=lambda share: abs(share - 1))


def _f1(search: TagSearch, branch: Branch, truth: Sequence[Sequence[Span]]) -> float:
    at = TagSearch(search.codec, branch.chain, kernel=search.kernel)
    found = [at.marked(numbers) for numbers in at.best(branch.emissions)]
    return span_report(truth, found).overall.f1
