from __future__ import annotations

import pytest

from seqmap.transcript_metrics import alignments, error_rates, word_errors


def test_every_kind_of_error() -> None:
    truth = ["one two three", "four", "five six"]
    heard = ["one too three", "", "five and six"]
    found = word_errors(truth, heard)
    assert (found.words, found.right) == (6, 4)
    assert (found.substitutions, found.deletions, found.insertions) == (1, 1, 1)
    assert found.rate == pytest.approx(3 / 6)
    assert set(found.confusions) == {("two", "too", 1), ("four", "", 1), ("", "and", 1)}
    rates = error_rates(truth, heard)
    # Characters: w → o; f, o, u, r missed; "and " put in: 9 of 13 + 4 + 8.
    assert rates == pytest.approx({"wer": 0.5, "cer": 9 / 25})


def test_alignments() -> None:
    assert alignments(["a b c"], ["a c"]) == [[("a", "a"), ("b", ""), ("c", "c")]]
    assert alignments([], []) == []
    assert error_rates([], []) == {"wer": 0.0, "cer": 0.0}
