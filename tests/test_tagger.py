from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from seqmap import Tagger, load
from seqmap.errors import DataError
from seqmap.samples.entities import entities

SMALL = {
    "hidden": 12,
    "epochs": 2,
    "config": {"embedding.size": 12, "train.threads": 1, "train.learning_rate": 0.02},
}
SAMPLE = entities(train=120, dev=20, test=20)
TOKENS = [list(s.tokens) for s in SAMPLE.train]
TAGS = [list(s.tags) for s in SAMPLE.train]


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(**SMALL).fit(TOKENS, TAGS)  # type: ignore[arg-type]


def test_conventions(tagger: Tagger, tmp_path: object) -> None:
    fresh = clone(tagger)
    assert fresh.get_params() == tagger.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(TOKENS[:1])
    answers = tagger.predict(TOKENS[:5])
    assert [len(tags) for tags in answers] == [len(tokens) for tokens in TOKENS[:5]]
    again = pickle.loads(pickle.dumps(tagger))
    assert again.predict(TOKENS[:5]) == answers
    assert copy.deepcopy(tagger).predict(TOKENS[:5]) == answers
    assert list(tagger.classes_) == ["ORG", "PERSON", "PLACE", "TIME"]
    assert len(tagger.history_) == 2
    score = tagger.score(TOKENS, TAGS)
    assert score == tagger.evaluate(TOKENS, TAGS).metrics["f1"] > 0.2
    path = f"{tmp_path}/m.seqmap"
    tagger.save(path)
    assert [list(a.tags) for a in load(path).predict(TOKENS[:5])] == answers


def test_other_schemes_and_raw_texts_with_spans_give_the_same() -> None:
    from seqmap.data.tagging import spans_of, tags_of

    bioes = [tags_of(spans_of(tags), len(tags), "bioes") for tags in TAGS]
    texts = [s.text for s in SAMPLE.train]
    spans = [
        [(s.offsets[a][0], s.offsets[b - 1][1], kind) for a, b, kind in spans_of(s.tags)]
        for s in SAMPLE.train
    ]
    one = {**SMALL, "epochs": 1}
    first = Tagger(**one).fit(TOKENS, bioes)  # type: ignore[arg-type]
    second = Tagger(**one).fit(texts, spans)  # type: ignore[arg-type]
    for name, array in first.session_.archive.arrays.items():
        assert np.array_equal(array, second.session_.archive.arrays[name]), name
    entity = second.answers(texts[:3], min_confidence=0.0)[0].entities
    assert all(texts[0][e.start : e.end] == e.text for e in entity)


@pytest.mark.parametrize(
    ("X", "y", "problem"),
    [
        ([["a", "b"]], [["O"]], "differ in number"),
        ([["a"]], [["O"], ["O"]], "differ in number"),
        ([["a", "b", "c"]], [["B-X", "M-X", "I-X"]], "no one scheme"),
        (["abc"], [[(0, 9, "X")]], "outside the text"),
        (["I flew to Oslo"], [["O", "O", "O", "B-CITY"]], r"take spans.*\(start, end, type\)"),
        (["I flew to Oslo"], [["ABC"]], r"take spans.*\(start, end, type\)"),
        (["ab", "cd"], [[], [(0, "two", "X")]], r"y:2.*\(start, end, type\)"),
        (["I flew to Oslo"], [None], r"\(start, end, type\)"),
        (["ab cd", ["a", "b"]], [[(0, 2, "X")], ["DET", "NOUN"]], "cannot be learned together"),
    ],
)
def test_bad_input(X: list[object], y: list[object], problem: str) -> None:  # noqa: N803
    with pytest.raises(DataError, match=problem):
        Tagger(**SMALL).fit(X, y)  # type: ignore[arg-type]
