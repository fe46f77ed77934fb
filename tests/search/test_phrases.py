from __future__ import annotations

import pytest

from seqmap.search.phrases import ROOT, Phrases


def test_what_texts_gain() -> None:
    found = Phrases.of(["new york", "york", "ann"], spaced=True)
    for text, gained in (
        ("new york", 8 + 0),
        ("york", 4),
        ("in york", 4),
        ("new yorker", 0),
        ("a new york ann", 11),
        ("anna", 0),
        ("joann", 0),
        ("ann ann", 6),
        ("", 0),
    ):
        assert found.gained(text) == gained, text


def test_a_longer_phrase_adds_only_its_rest() -> None:
    found = Phrases.of(["new york", "new york times"], spaced=True)
    assert found.gained("new york") == 8
    assert found.gained("new york times") == 14
    assert found.gained("new york time") == 8


def test_what_is_pending_is_taken_back() -> None:
    found = Phrases.of(["abc"], spaced=True)
    state, worth = found.start, []
    for character in "abx":
        state, gained = found.advance(state, character)
        worth.append(found.pending(state) + gained)
    assert worth == [1, 2, 0]
    assert found.end(state) == 0


def test_scripts_without_blanks() -> None:
    found = Phrases.of(["北京", "京都"], spaced=False)
    assert found.words == frozenset("北京都")
    assert found.gained("去北京") == 2 and found.gained("北京都") == 4 and found.gained("北") == 0


@pytest.mark.parametrize("spaced", [True, False])
def test_no_phrase(spaced: bool) -> None:
    found = Phrases.of(["", "  "], spaced=spaced)
    assert found.texts == () and found.start == ROOT and found.gained("a b") == 0
