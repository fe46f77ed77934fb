"""The plain model of text → text: words by themselves, in the order in which they stand.

IBM's first model (Brown et al. 1993, §4.3) learns from the pairs which word stands for which; each
source word then becomes its most probable target word. What a translator adds to that is order,
agreement, and everything that hangs on more than one word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from seqmap.codecs.pieces import BLANK, WordPieces
from seqmap.codecs.vocabulary import Vocabulary
from seqmap.data.pairs import Pair
from seqmap.errors import MissingExtraError
from seqmap.tasks.translate_scores import score_texts
from seqmap.training.job import Reference

_ROUNDS = 5
_PAIRS = 30_000
"""Pairs that are learned from: more change little, and this is plain Python."""
_LONGEST = 60  # words of a side that count
_NOTHING = ""  # what stands for words that have no counterpart


def translate_reference(train: Sequence[Pair], test: Sequence[Pair], targets: Any) -> Reference:
    """Return what a dictionary reaches, to be shown beside a model."""
    title = "word by word (IBM model 1)"
    known = Dictionary.fit(train[:_PAIRS])
    try:
        metrics = score_texts([known.translate(pair.source) for pair in test], test).metrics
    except MissingExtraError:
        right = [known.translate(pair.source) == pair.target for pair in test]
        metrics = {"exact": sum(right) / max(1, len(right))}
    return Reference(title, metrics)


class Dictionary:
    """The most probable target word of each source word."""

    def __init__(self, best: dict[str, str]) -> None:
        self.best = best
        self._words = WordPieces(Vocabulary(()))

    @classmethod
    def fit(cls, pairs: Sequence[Pair]) -> Dictionary:
        """Learn t(target | source) by expectation maximisation."""
        words = WordPieces(Vocabulary(()))
        sides = [
            ([*words.pieces(p.source)[:_LONGEST], _NOTHING], words.pieces(p.target)[:_LONGEST])
            for p in pairs
        ]
        table: dict[str, dict[str, float]] = {}
        for _ in range(_ROUNDS):
            counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
            for sources, targets in sides:
                rows = [(counts[s], table.get(s)) for s in sources]
                for target in targets:
                    chances = [1.0 if row is None else row.get(target, 0.0) for _, row in rows]
                    total = sum(chances)
                    if total <= 0:
                        continue
                    for (count, _), chance in zip(rows, chances, strict=True):
                        if chance > 1e-4 * total:
                            count[target] += chance / total
            table = {s: _shares(found) for s, found in counts.items()}
        best = {s: max(found, key=lambda t: (found[t], t)) for s, found in table.items() if s}
        return cls(best)

    def translate(self, text: str) -> str:
        """Return each word's counterpart; what is not known stays as it is."""
        found = (self.best.get(piece, piece) for piece in self._words.pieces(text))
        return self._words.join(found).removeprefix(BLANK).strip()


def _shares(found: dict[str, float]) -> dict[str, float]:
    total = sum(found.values())
    return {target: value / total for target, value in found.items() if value > 1e-4 * total}
