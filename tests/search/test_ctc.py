"""CTC against enumeration of all paths, against torch, and the beam against all readings."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from seqmap.search.ctc import align, best_path, log_chances, total_chance
from seqmap.search.ctc_beam import BeamOptions, BeamSearch
from seqmap.search.kneser_ney import fit_ngrams
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import END
from seqmap.search.phrases import Phrases

TABLE = ("", "a", "b", " ")
MODEL = fit_ngrams([["a", "b"], ["ab"], ["a"], ["b", "a", "ab"]], 2)
ALL = BeamOptions(
    beam=100_000, weight=0.7, bonus=0.3, unknown=-0.4, boost=0.8, cutoff=1e9, sure=1.0
)


def rows(time: int, seed: int, classes: int = 4) -> np.ndarray:
    return log_chances(2 * np.random.default_rng(seed).normal(size=(time, classes)))


def joined(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(k for k, _ in itertools.groupby(path) if k)


@pytest.mark.parametrize("seed", range(4))
def test_totals_and_alignments_against_all_paths(seed: int) -> None:
    chances = rows(5, seed)
    totals: dict[tuple[int, ...], float] = {}
    best: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for path in itertools.product(range(4), repeat=5):
        score = float(sum(chances[t, k] for t, k in enumerate(path)))
        key = joined(path)
        totals[key] = np.logaddexp(totals.get(key, -np.inf), score)
        best[key] = max(best.get(key, (-np.inf, path)), (score, path))
    assert np.logaddexp.reduce(list(totals.values())) == pytest.approx(0, abs=1e-5)
    for key, total in totals.items():
        assert total_chance(chances, list(key)) == pytest.approx(total, abs=1e-5)
        spans = align(chances, list(key))
        score = sum(
            float(chances[first:last, number].sum())
            for number, (first, last) in zip(key, spans, strict=True)
        )
        inside = {t for first, last in spans for t in range(first, last)}
        score += sum(float(chances[t, 0]) for t in range(5) if t not in inside)
        assert score == pytest.approx(best[key][0], abs=1e-5)
    first = max(best.values())[1]
    assert best_path(chances) == list(joined(first))


def test_totals_are_those_of_torch() -> None:
    chances = rows(30, 1, 8)
    numbers = [3, 3, 1, 7, 2]
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(chances)[:, None],
        torch.tensor([numbers]),
        torch.tensor([30]),
        torch.tensor([5]),
        reduction="sum",
    )
    assert total_chance(chances, numbers) == pytest.approx(-float(loss), abs=1e-3)


def worth(
    lexicon: Lexicon, options: BeamOptions, numbers: tuple[int, ...], chances: np.ndarray
) -> float:  # noqa: E501
    """The definition: everything that a reading is worth, from its text."""
    text = "".join(TABLE[k] for k in numbers)
    model, total = lexicon.model, total_chance(chances, list(numbers))
    if model is not None:
        history = model.begin
        for word in text.split():
            number = model.number(word)
            chance = model.score(history, number)
            if number == 0 and lexicon.phrases is not None and word in lexicon.phrases.words:
                chance = lexicon.rare
            total += options.weight * chance
            total += 0.0 if lexicon.knows(word) else options.unknown
            history = model.after(history, number)
        total += options.weight * model.score(history, END)
    total += options.bonus * len(text.split())
    if lexicon.phrases is not None:
        total += options.boost * lexicon.phrases.gained(text)
    return total


@pytest.mark.parametrize("seed", range(6))
def test_the_beam_against_all_readings(seed: int) -> None:
    chances = rows(4, seed)
    phrases = Phrases.of(["ba", "a b"], spaced=True) if seed % 2 else None
    model = MODEL if seed % 3 else None
    lexicon = Lexicon.of(TABLE, spaced=True, model=model, phrases=phrases)
    search = BeamSearch(lexicon, ALL)
    for row in chances:
        search.feed(row[None])
    found = {words_of(r.numbers): r.score for r in search.readings(100_000)}
    wanted: dict[str, float] = {}
    for size in range(5):
        for numbers in itertools.product((1, 2, 3), repeat=size):
            score = worth(lexicon, ALL, numbers, chances)
            if np.isfinite(score):
                text = words_of(numbers)
                wanted[text] = np.logaddexp(wanted.get(text, -np.inf), score)
    assert found.keys() == wanted.keys()
    assert all(found[k] == pytest.approx(wanted[k], abs=1e-5) for k in wanted)


def words_of(numbers: tuple[int, ...]) -> str:
    return " ".join("".join(TABLE[k] for k in numbers).split())


def test_a_narrow_beam_finds_what_is_clear() -> None:
    chances = np.full((9, 4), np.log(0.02), np.float32)
    for t, k in enumerate([0, 1, 1, 0, 3, 0, 2, 2, 0]):
        chances[t, k] = np.log(0.94)
    lexicon = Lexicon.of(TABLE, spaced=True, model=MODEL)
    for beam in (1, 2, 8):
        search = BeamSearch(lexicon, BeamOptions(beam=beam, weight=0.5, bonus=0.5))
        search.feed(chances)
        assert search.best() == (1, 3, 2)
        assert search.readings()[0].numbers == (1, 3, 2)


def test_without_model_and_phrases_it_sums_paths_where_the_best_path_does_not() -> None:
    # Graves 2012: each path of "a" is less likely than the blank path, all of them are not.
    chances = np.log(np.array([[0.6, 0.4], [0.6, 0.4]], np.float32))
    assert best_path(chances) == []
    search = BeamSearch(Lexicon.of(("", "a"), spaced=False), BeamOptions())
    search.feed(chances)
    assert search.readings()[0].numbers == (1,)
    assert search.readings()[0].score == pytest.approx(np.log(0.64), abs=1e-6)


def test_the_history_goes_on_behind_a_part() -> None:
    lexicon = Lexicon.of(TABLE, spaced=True, model=MODEL)
    search = BeamSearch(lexicon, ALL)
    search.feed(rows(3, 0))
    reading = search.readings(closed=False)[0]
    word = "".join(TABLE[k] for k in reading.numbers).split()[-1]
    assert reading.history == (MODEL.number(word),)
