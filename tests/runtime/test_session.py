"""Sessions: what a loaded model answers."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.errors import ArchiveError, UserError
from seqmap.features.ngrams import NgramSpec
from seqmap.features.space import NgramSpace
from seqmap.features.wide import WideModel
from seqmap.runtime import plan
from seqmap.runtime.archive import Archive, from_bytes, save, to_bytes
from seqmap.runtime.numpy_network import NumpyNetwork
from seqmap.runtime.session import load, restore
from seqmap.tasks.classify import Classification, MultiClassification

Make = Callable[..., Archive]
ENCODERS = ["lstm", "gru", "rnn", "transformer", "lstm-transformer"]
TEXTS = ["a plain sentence", "", "It isn't long, it is 漢字 .", "unseen wörds only", "a " * 40]


@pytest.fixture(autouse=True)
def _numpy_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about sessions over NumPy, whatever the machine has."""
    monkeypatch.setattr(plan, "BACKENDS", (plan._numpy,))


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention", "mean-max"])
def test_texts_do_not_influence_each_other(make_archive: Make, name: str, pooling: str) -> None:
    session = restore(make_archive(encoder__name=name, head__pooling=pooling))
    together = session.predict_proba(TEXTS)
    assert together.shape == (5, 3)
    np.testing.assert_allclose(together.sum(axis=1), 1)
    for place, text in enumerate(TEXTS):
        np.testing.assert_allclose(session.predict_proba([text])[0], together[place], atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=12), st.integers(0, 3))
def test_any_texts_in_any_order(make_archive: Make, texts: list[str], seed: int) -> None:
    session = restore(make_archive(encoder__layers=2))
    found = session.predict_proba(texts)
    assert found.shape == (len(texts), 3)
    assert np.isfinite(found).all()
    order = np.random.default_rng(seed).permutation(len(texts))
    again = session.predict_proba([texts[place] for place in order])
    np.testing.assert_allclose(again, found[order], atol=1e-6)


def test_results_and_properties(make_archive: Make, tmp_path: Path) -> None:
    save(make_archive(), tmp_path / "m.seqmap")
    session = load(tmp_path / "m.seqmap")
    assert session.labels == ("bad", "good", "so-so")
    assert session.task.name == "classify"
    assert session.config.encoder.hidden == 8
    assert session.metrics == {"dev": {"accuracy": 0.5}}
    answer = session.predict(["a plain sentence"])[0]
    probabilities = session.predict_proba(["a plain sentence"])[0]
    assert isinstance(answer, Classification)
    assert answer.label == session.labels[int(probabilities.argmax())]
    assert answer.probability == probabilities.max()
    assert answer.probabilities == dict(zip(session.labels, probabilities, strict=True))


def test_several_labels(make_archive: Make) -> None:
    session = restore(make_archive(multi=True))
    answers = session.predict(TEXTS)
    for answer, row in zip(answers, session.predict_proba(TEXTS), strict=True):
        assert isinstance(answer, MultiClassification)
        chosen = [name for name, share in zip(session.labels, row, strict=True) if share > 0.5]
        assert list(answer.labels) == chosen
    assert any(abs(sum(a.probabilities.values()) - 1) > 1e-3 for a in answers)


def test_saved_and_loaded_answers_are_equal(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive(encoder__layers=2, head__pooling="attention")
    save(archive, tmp_path / "m.seqmap")
    again = load(tmp_path / "m.seqmap").predict_proba(TEXTS)
    assert np.array_equal(again, restore(archive).predict_proba(TEXTS))


def test_nothing_to_predict(make_archive: Make) -> None:
    session = restore(make_archive())
    assert session.predict([]) == []
    assert session.predict_proba(iter([])).shape == (0, 3)


def test_truncation_follows_the_configuration(make_archive: Make) -> None:
    long = "a plain sentence , it is the second one"
    for side, kept in [
        ("end", "a plain sentence"),
        ("start", "the second one"),
        ("middle", "a plain one"),
    ]:
        archive = make_archive(text__max_length=3, text__truncate=side)
        whole = restore(archive).predict_proba([long, kept])
        np.testing.assert_allclose(whole[0], whole[1], atol=1e-6)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("given_texts", ["one text", [None], ["fine", 3], [b"bytes"]])
def test_what_is_no_list_of_texts(make_archive: Make, method: str, given_texts: Any) -> None:
    with pytest.raises(UserError, match="takes") as caught:
        getattr(restore(make_archive()), method)(given_texts)
    if isinstance(given_texts, list):
        assert f"line {len(given_texts)}" in str(caught.value)


def test_endless_input_is_answered_as_it_comes(make_archive: Make) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield f"a plain sentence {number}"

    answers = restore(make_archive()).predict_iter(endless(), chunk=4)
    for expected in (4, 4, 4, 4, 8):
        next(answers)
        assert taken == expected


def test_calibration_is_applied(make_archive: Make) -> None:
    archive = make_archive()
    plain = np.log(restore(archive).predict_proba(TEXTS))
    archive.manifest["calibration"] = {"deep": 2.0, "wide": 0.0, "bias": [0.5, 0.0, -0.5]}
    found = np.log(restore(archive).predict_proba(TEXTS))
    # log p = 2 log q + bias + const
    rest = found - 2 * plain - [0.5, 0.0, -0.5]
    np.testing.assert_allclose(rest - rest[:, :1], 0, atol=1e-6)


def _with_wide(archive: Archive, **factors: float) -> tuple[Archive, WideModel]:
    """Add a wide branch with random weights."""
    labels = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]
    space = NgramSpace.fit(TEXTS, labels, spec=NgramSpec()).space
    weights = np.random.default_rng(3).normal(size=(space.size, 3)).astype(np.float32)
    wide = WideModel(space, weights, np.array([0.1, 0.2, -0.3], np.float32))
    manifest = {**archive.manifest, "wide": wide.to_state(), "calibration": factors}
    return Archive(manifest, {**archive.arrays, **wide.to_arrays()}), wide


def test_the_wide_branch_is_added(make_archive: Make) -> None:
    plain = make_archive(wide__kind="ngram", encoder__direction="forward")
    archive, wide = _with_wide(plain, deep=0.7, wide=1.5)
    session = restore(from_bytes(to_bytes(archive)))
    deep = np.log(restore(plain).predict_proba(TEXTS))
    rest = np.log(session.predict_proba(TEXTS)) - 0.7 * deep - 1.5 * wide.logits(TEXTS)
    np.testing.assert_allclose(rest - rest[:, :1], 0, atol=1e-6)
    with pytest.raises(UserError, match="wide branch needs the whole text"):
        session.stream()


def test_a_wide_branch_without_weight_is_left_out(make_archive: Make) -> None:
    plain = make_archive(wide__kind="ngram", encoder__direction="forward")
    session = restore(_with_wide(plain, deep=1.0, wide=0.0)[0])
    assert np.array_equal(session.predict_proba(TEXTS), restore(plain).predict_proba(TEXTS))
    with session.stream() as stream:
        assert stream.feed("a plain ") == 2


def test_a_wide_branch_for_other_labels_is_refused(make_archive: Make) -> None:
    archive, _ = _with_wide(make_archive(labels=("one", "two")), deep=1.0, wide=1.0)
    with pytest.raises(ArchiveError, match="wide branch does not fit its labels"):
        restore(archive)


def test_threads_may_share_a_session(make_archive: Make) -> None:
    words = [f"w{number}" for number in range(400)]
    texts = [" ".join(words[begin : begin + 20]) for begin in range(0, 400, 5)]
    archive = make_archive(texts=[" ".join(words)])
    expected = restore(archive).predict_proba(texts)
    session, wrong = restore(archive), []

    def ask() -> None:
        for place in np.random.default_rng().permutation(len(texts)):
            found = session.predict_proba([texts[place]])[0]
            if not np.allclose(found, expected[place], atol=1e-6):
                wrong.append(place)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_first_backend_that_can_is_taken(
    make_archive: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(NumpyNetwork):
        backend = "other"

    asked: list[str] = []

    def picky(arrays: Any, config: Any, vocabulary: int, classes: int, *rest: Any) -> Any:
        asked.append(config.encoder.name)
        if config.encoder.name != "lstm":
            return None
        return Other(arrays, config, vocabulary=vocabulary, classes=classes)

    monkeypatch.setattr(plan, "BACKENDS", (picky, plan._numpy))
    assert restore(make_archive()).network.backend == "other"
    assert restore(make_archive(encoder__name="gru")).network.backend == "numpy"
    assert asked == ["lstm", "gru"]
