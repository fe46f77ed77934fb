"""flashlight's search against every path of small cases."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest

from seqmap.search.ctc import align, log_chances
from seqmap.search.ctc_beam import BeamOptions
from seqmap.search.kneser_ney import fit_ngrams
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import END

pytest.importorskip("flashlight", reason="flashlight-text is not installed")

TABLE = ("", "a", "b", " ")
MODEL = fit_ngrams([["a", "b"], ["ab"], ["a"], ["b", "a", "ab"]], 2)
OPTIONS = BeamOptions(beam=100_000, weight=0.7, bonus=0.3)


def said(numbers: Iterable[int]) -> str:
    return " ".join("".join(TABLE[k] for k in numbers).split())


def wanted(chances: np.ndarray, history: tuple[int, ...]) -> dict[str, float]:
    """What every text of known words is worth: all its paths, the language model, its words."""
    found: dict[str, float] = {}
    for path in itertools.product(range(len(TABLE)), repeat=len(chances)):
        text = said(k for k, _ in itertools.groupby(path))
        if all(word in MODEL.numbers for word in text.split()):
            score = float(sum(chances[t, k] for t, k in enumerate(path)))
            found[text] = float(np.logaddexp(found.get(text, -np.inf), score))
    for text in found:
        before = history
        for word in text.split():
            found[text] += OPTIONS.weight * MODEL.score(before, MODEL.number(word))
            found[text] += OPTIONS.bonus
            before = MODEL.after(before, MODEL.number(word))
        found[text] += OPTIONS.weight * MODEL.score(before, END)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_it_finds_the_best_of_all_readings(seed: int) -> None:
    from seqmap.search.flashlight import FlashlightSearch

    chances = log_chances(2 * np.random.default_rng(seed).normal(size=(5, len(TABLE))))
    history = MODEL.begin if seed % 2 else MODEL.after((), MODEL.number("b"))
    lexicon = Lexicon.of(TABLE, spaced=True, model=MODEL)
    search = FlashlightSearch(
        lexicon, lambda word: [TABLE.index(letter) for letter in word], OPTIONS, history
    )
    for row in chances:
        search.feed(row[None])
    search.best()
    found = search.readings(3)
    texts = [said(one.numbers) for one in found]
    exact = wanted(chances, history)
    assert texts[0] == max(exact, key=exact.__getitem__)
    assert found[0].score == pytest.approx(exact[texts[0]], abs=1e-3)
    after = history
    for word in texts[0].split():
        after = MODEL.after(after, MODEL.number(word))
    assert found[0].history == after


@pytest.mark.parametrize("rows", [[1], [1, 2], [1, 2, 0, 2], [3, 1, 3]])
def test_readings_have_no_symbol_without_a_row(rows: list[int]) -> None:
    from seqmap.search.flashlight import FlashlightSearch

    chances = log_chances(6 * np.eye(len(TABLE), dtype=np.float32)[rows])
    lexicon = Lexicon.of(TABLE, spaced=True, model=MODEL)
    search = FlashlightSearch(
        lexicon, lambda word: [TABLE.index(letter) for letter in word], OPTIONS, MODEL.begin
    )
    search.feed(chances)
    assert not {search.best()[:1], search.best()[-1:]} & {(3,)}
    for one in search.readings(3):
        assert len(one.numbers) <= len(rows)
        assert 3 not in (*one.numbers[:1], *one.numbers[-1:])
        assert len(align(chances, list(one.numbers))) == len(one.numbers)
