"""How well spans are found: the figures of conlleval (Tjong Kim Sang & Buchholz 2000).

A span counts when both of its ends and its type are right. Precision, recall and F1 are taken over
all spans of all texts (micro) and per type; accuracy is the share of tokens with the right tag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Spans = Iterable[tuple[int, int, str]]

MISSED = "(none)"
"""Stands for no span where types are confused."""


@dataclass(frozen=True)
class SpanScore:
    """Counts of one type, or of all.

    Attributes:
        name: The type.
        correct: Spans that were found exactly.
        found: Spans that were given.
        true: Spans that there are.
    """

    name: str
    correct: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the given spans that are right; 0 where none was given."""
        return self.correct / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the true spans that were found; 0 where there is none."""
        return self.correct / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.correct / (self.found + self.true) if self.found + self.true else 0.0


@dataclass(frozen=True)
class SpanReport:
    """The figures of a tagging.

    Attributes:
        types: Per type, in the order of their names.
        overall: Over all types.
        tokens: How many tokens there are.
        right_tokens: How many of them have the right tag.
        confusion: How often a true type was given as another: (true, given) -> count. The ends must
            agree; a span without counterpart has `MISSED` beside it.
    """

    types: tuple[SpanScore, ...]
    overall: SpanScore
    tokens: int
    right_tokens: int
    confusion: dict[tuple[str, str], int]

    @property
    def accuracy(self) -> float:
        """Share of tokens with the right tag."""
        return self.right_tokens / self.tokens if self.tokens else 0.0

    @property
    def macro_f1(self) -> float:
        """Unweighted mean of the types' F1."""
        return sum(score.f1 for score in self.types) / len(self.types) if self.types else 0.0

    def conlleval(self) -> str:
        """Return the report as conlleval prints it."""
        all_ = self.overall
        lines = [
            f"processed {self.tokens} tokens with {all_.true} phrases; "
            f"found: {all_.found} phrases; correct: {all_.correct}.",
            f"accuracy: {100 * self.accuracy:6.2f}%; {_percents(all_)}",
        ]
        lines += [f"{s.name:>17}: {_percents(s)}  {s.found}" for s in self.types]
        return "\n".join(lines)

    def table(self) -> str:
        """Return the report for reading, in at most 80 columns."""
        rows = [*self.types, self.overall]
        width = min(max(len(row.name) for row in rows), 24)
        head = f"{'type':<{width}}  precision    recall        F1      true     found"
        lines = [head, "─" * len(head)]
        for row in rows:
            if row is self.overall:
                lines.append("─" * len(head))
            lines.append(
                f"{row.name[:width]:<{width}}{row.precision:>11.4f}{row.recall:>10.4f}"
                f"{row.f1:>10.4f}{row.true:>10,}{row.found:>10,}"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts and lists, for JSON."""
        return {
            "types": {s.name: _numbers(s) for s in self.types},
            "overall": _numbers(self.overall),
            "tokens": self.tokens,
            "accuracy": self.accuracy,
        }

    def confusion_table(self) -> tuple[list[str], list[list[int]]]:
        """Return names and counts (true, given), `MISSED` last."""
        names = sorted({name for pair in self.confusion for name in pair} - {MISSED})
        names.append(MISSED)
        return names, [[self.confusion.get((t, g), 0) for g in names] for t in names]


def span_report(
    truth: Sequence[Spans],
    found: Sequence[Spans],
    *,
    tokens: int = 0,
    right_tokens: int = 0,
) -> SpanReport:
    """Compare spans, text by text.

    Args:
        truth: The true spans of each text: (start, end, type).
        found: Those that were given.
        tokens: How many tokens there are.
        right_tokens: How many of them have the right tag.
    """
    correct: Counter[str] = Counter()
    given: Counter[str] = Counter()
    true: Counter[str] = Counter()
    confusion: Counter[tuple[str, str]] = Counter()
    for right, answer in zip(truth, found, strict=True):
        wanted = {(start, end): kind for start, end, kind in right}
        got = {(start, end): kind for start, end, kind in answer}
        true.update(wanted.values())
        given.update(got.values())
        for place, kind in wanted.items():
            other = got.get(place, MISSED)
            correct[kind] += other == kind
            confusion[kind, other] += 1
        confusion.update((MISSED, got[place]) for place in got.keys() - wanted.keys())
    names = sorted(true.keys() | given.keys())
    types = tuple(SpanScore(n, correct[n], given[n], true[n]) for n in names)
    sums = (sum(s.correct for s in types), sum(s.found for s in types), sum(s.true for s in types))
    overall = SpanScore("all", *sums)
    return SpanReport(types, overall, tokens, right_tokens, dict(confusion))


def _percents(score: SpanScore) -> str:
    return (
        f"precision: {100 * score.precision:6.2f}%; recall: {100 * score.recall:6.2f}%; "
        f"FB1: {100 * score.f1:6.2f}"
    )


def _numbers(score: SpanScore) -> dict[str, float]:
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "true": score.true,
        "found": score.found,
        "correct": score.correct,
    }
