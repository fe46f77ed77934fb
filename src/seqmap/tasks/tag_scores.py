"""How good a tagger is: exact spans as conlleval counts them, and whether it knows how sure it is.

The calibration error is taken over the spans that were given: their probability against whether
they are right. A risk-coverage curve (El-Yaniv & Wiener 2010) says what share of them is wrong when
only the surest are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.tagging.schemes import Span, spans_of
from seqmap.metrics import class_report, ece
from seqmap.span_metrics import span_report
from seqmap.tasks.base import Evaluation
from seqmap.tasks.tag_results import Tagging

if TYPE_CHECKING:
    from seqmap.data.tagging import Sentence

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
"""Shares of the given spans, the surest first, at which the risk is told."""


def evaluate_spans(truth: Sequence[Sentence], answers: Sequence[Tagging]) -> Evaluation:
    """Score spans: precision, recall, F1 per type, confusions, calibration, risk."""
    true = [spans_of(s.tags) for s in truth]
    found = [_token_spans(s, a) for s, a in zip(truth, answers, strict=True)]
    pairs = [(t, a) for s, x in zip(truth, answers, strict=True) for t, a in _aligned(s, x)]
    report = span_report(true, found, tokens=len(pairs), right_tokens=sum(t == a for t, a in pairs))
    chances = np.array([e.probability for a in answers for e in a.entities])
    right = np.array(
        [
            span in wanted
            for wanted, given in zip(map(set, true), found, strict=True)
            for span in given
        ],
        dtype=np.int64,
    )
    total = report.overall
    metrics = {
        "f1": total.f1,
        "precision": total.precision,
        "recall": total.recall,
        "macro_f1": report.macro_f1,
        "accuracy": report.accuracy,
        "ece": span_ece(chances, right),
    }
    risks = risk_coverage(chances, right)
    names, confusion = report.confusion_table()
    details: dict[str, Any] = {
        "report": report.to_dict(),
        "conlleval": report.conlleval(),
        "labels": names,
        "confusion": confusion,
        "risk_coverage": risks,
    }
    table = report.table()
    if risks:
        table += "\n\n" + _risk_table(risks)
    return _with_intents(truth, answers, metrics, table, details, right_frames(true, found))


def evaluate_labels(truth: Sequence[Sentence], answers: Sequence[Tagging]) -> Evaluation:
    """Score plain labels, token by token."""
    pairs = [(t, a) for s, x in zip(truth, answers, strict=True) for t, a in _aligned(s, x)]
    names = sorted({label for pair in pairs for label in pair})
    numbers = {name: number for number, name in enumerate(names)}
    right = np.array([numbers[t] for t, _ in pairs], np.int64)
    given = np.array([numbers[a] for _, a in pairs], np.int64)
    report = class_report(right, given, names)
    chances = np.array([p for a in answers for p in a.tag_probabilities])
    metrics = {
        "accuracy": report.accuracy,
        "macro_f1": report.macro_f1,
        "f1": report.macro_f1,
        "ece": span_ece(chances, (right == given).astype(np.int64)),
    }
    whole = [all(t == a for t, a in _aligned(s, x)) for s, x in zip(truth, answers, strict=True)]
    details = {"labels": names, "report": report.to_dict()}
    return _with_intents(truth, answers, metrics, report.table(), details, whole)


def span_ece(chances: NDArray[np.float64], right: NDArray[np.int64]) -> float:
    """Return the expected calibration error of probabilities (spans,) of being right (spans,)."""
    if len(chances) == 0:
        return 0.0
    # One column: the class that is meant is number 0.
    return ece(chances[:, None], 1 - right)


def risk_coverage(chances: NDArray[np.float64], right: NDArray[np.int64]) -> list[dict[str, float]]:
    """Return what share is wrong when only the surest spans are kept."""
    if len(chances) == 0:
        return []
    order = np.argsort(-chances, kind="stable")
    sure, good = chances[order], right[order]
    rows = []
    for coverage in COVERAGES:
        kept = max(1, round(coverage * len(order)))
        rows.append(
            {
                "coverage": coverage,
                "threshold": float(sure[kept - 1]),
                "risk": float(1 - good[:kept].mean()),
            }
        )
    return rows


def right_frames(true: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> list[bool]:
    """Return for each text whether all of its spans, and no others, were found."""
    return [set(t) == set(f) for t, f in zip(true, found, strict=True)]


def _with_intents(
    truth: Sequence[Sentence],
    answers: Sequence[Tagging],
    metrics: dict[str, float],
    table: str,
    details: dict[str, Any],
    frames: Sequence[bool],
) -> Evaluation:
    if answers and answers[0].intent is not None and truth[0].intent is not None:
        right = [s.intent == a.intent for s, a in zip(truth, answers, strict=True)]
        metrics["intent_accuracy"] = float(np.mean(right))
        metrics["frame_accuracy"] = float(
            np.mean([a and b for a, b in zip(right, frames, strict=True)])
        )
        table += (
            f"\n\nintent right {metrics['intent_accuracy']:.4f}, "
            f"intent and all tags right {metrics['frame_accuracy']:.4f}"
        )
    return Evaluation(metrics, table, details)


def _token_spans(sentence: Sentence, answer: Tagging) -> list[Span]:
    """Return an answer's entities in tokens of the sentence that was given."""
    starts = {start: place for place, (start, _) in enumerate(sentence.offsets)}
    ends = {end: place + 1 for place, (_, end) in enumerate(sentence.offsets)}
    # An entity that ends inside a token is wrong wherever it is put: -1 matches nothing.
    return [Span(starts.get(e.start, -1), ends.get(e.end, -1), e.type) for e in answer.entities]


def _aligned(sentence: Sentence, answer: Tagging) -> list[tuple[str, str]]:
    """Return true and given tag of each token; a tag the tokens do not share is missing."""
    if len(sentence.tags) == len(answer.tags):
        return list(zip(sentence.tags, answer.tags, strict=True))
    return [(tag, "") for tag in sentence.tags]


def _risk_table(rows: Sequence[dict[str, float]]) -> str:
    head = "surest spans kept   from probability   wrong among them"
    lines = [head, "─" * len(head)]
    for row in rows:
        lines.append(f"{row['coverage']:>17.0%}{row['threshold']:>19.4f}{row['risk']:>19.4f}")
    return "\n".join(lines)
