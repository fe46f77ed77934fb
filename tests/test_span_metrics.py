from __future__ import annotations

import numpy as np
import pytest

from seqmap.data.tagging import spans_of
from seqmap.span_metrics import MISSED, span_report
from seqmap.tasks.tag_scores import risk_coverage, span_ece


def report_of(pairs: list[tuple[str, str]]):  # noqa: ANN201
    """Both columns of one document: true and given tags."""
    truth, given = ([tag for tag, _ in pairs], [tag for _, tag in pairs])
    right = sum(a == b for a, b in pairs)
    return span_report([spans_of(truth)], [spans_of(given)], tokens=len(pairs), right_tokens=right)


def test_counts_precision_recall_f1_as_conlleval_prints_them() -> None:
    # Two of three true phrases, two of four given ones.
    truth = "B-PER I-PER O B-LOC O O B-ORG I-ORG O O"
    given = "B-PER I-PER O B-ORG O B-LOC B-ORG I-ORG O B-LOC"
    report = report_of(list(zip(truth.split(), given.split(), strict=True)))
    assert report.conlleval().splitlines() == [
        "processed 10 tokens with 3 phrases; found: 5 phrases; correct: 2.",
        "accuracy:  70.00%; precision:  40.00%; recall:  66.67%; FB1:  50.00",
        "              LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  2",
        "              ORG: precision:  50.00%; recall: 100.00%; FB1:  66.67  2",
        "              PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1",
    ]
    assert report.confusion == {
        ("PER", "PER"): 1,
        ("LOC", "ORG"): 1,
        ("ORG", "ORG"): 1,
        (MISSED, "LOC"): 2,
    }
    names, table = report.confusion_table()
    assert names[-1] == MISSED and table[names.index("LOC")][names.index("ORG")] == 1
    assert "precision" in report.table() and "all" in report.table()


@pytest.mark.parametrize(
    ("tags", "phrases"),
    [
        # conlleval's rules: I- after O or after another type begins a phrase, B- always does,
        # E- and S- end one.
        ("I-A I-A O I-A", [(0, 2, "A"), (3, 4, "A")]),
        ("I-A I-B I-B", [(0, 1, "A"), (1, 3, "B")]),
        ("B-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("B-A I-B", [(0, 1, "A"), (1, 2, "B")]),
        ("E-A E-A", [(0, 1, "A"), (1, 2, "A")]),
        ("B-A E-A I-A", [(0, 2, "A"), (2, 3, "A")]),
        ("S-A I-A E-A", [(0, 1, "A"), (1, 3, "A")]),
        ("B-A O E-A", [(0, 1, "A"), (2, 3, "A")]),
        ("O O", []),
        ("", []),
    ],
)
def test_phrases_of_unsound_tags(tags: str, phrases: list[tuple[int, int, str]]) -> None:
    assert [tuple(span) for span in spans_of(tags.split())] == phrases


def test_against_a_transcription_of_conlleval() -> None:
    """The chunk rules of conlleval.pl, written down literally, on random tags."""

    def parts(tag: str) -> tuple[str, str]:
        return (tag, "") if tag == "O" else (tag[0], tag[2:])

    def ends(before: str, now: str, before_type: str, now_type: str) -> bool:
        pairs = ("BB", "BO", "BS", "IB", "IO", "IS", "EE", "EI", "EO", "EB", "ES")
        pairs += ("SE", "SI", "SO", "SB", "SS")
        return before + now in pairs or (before != "O" and before_type != now_type)

    def begins(before: str, now: str, before_type: str, now_type: str) -> bool:
        pairs = ("BB", "IB", "OB", "EB", "SB", "OI", "EI", "SI", "OE", "EE", "SE")
        pairs += ("BS", "IS", "OS", "ES", "SS")
        return before + now in pairs or (now != "O" and before_type != now_type)

    def chunks(tags: list[str]) -> list[tuple[int, int, str]]:
        found, start = [], 0
        before, before_type, inside = "O", "", False
        for place, tag in enumerate([*tags, "O"]):
            now, now_type = parts(tag)
            if inside and ends(before, now, before_type, now_type):
                found.append((start, place, before_type))
                inside = False
            if begins(before, now, before_type, now_type):
                start, inside = place, True
            before, before_type = now, now_type
        return found

    rng = np.random.default_rng(0)
    choices = ["O", *(f"{mark}-{kind}" for mark in "BIES" for kind in "XY")]
    for _ in range(3000):
        tags = [choices[i] for i in rng.integers(0, len(choices), size=8)]
        assert [tuple(span) for span in spans_of(tags)] == chunks(tags), tags


def test_calibration_error_and_risk() -> None:
    chances = np.array([0.95, 0.9, 0.9, 0.6, 0.6])
    right = np.array([1, 1, 1, 1, 0])
    assert span_ece(chances, right) == pytest.approx((3 * (1 - 2.75 / 3) + 2 * 0.1) / 5, abs=0.02)
    assert span_ece(np.array([1.0, 1.0]), np.array([1, 1])) == 0.0
    assert span_ece(np.zeros(0), np.zeros(0, np.int64)) == 0.0
    rows = risk_coverage(chances, right)
    assert rows[0] == {"coverage": 1.0, "threshold": 0.6, "risk": pytest.approx(0.2)}
    assert rows[-1]["risk"] == 0.0
    assert risk_coverage(np.zeros(0), np.zeros(0, np.int64)) == []
