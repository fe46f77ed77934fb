from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqmap.config import Config
from seqmap.data import Example
from seqmap.errors import DataError
from seqmap.evaluate import evaluate
from seqmap.runtime.session import load, restore
from seqmap.tasks import find_task
from seqmap.tasks.classify import LabelSet
from seqmap.training import Trained, Watch, train

CONFIG = Config().replace(
    encoder__hidden=8, embedding__size=8, train__epochs=6, train__threads=1, train__batch_size=8
)
CLASSIFY = find_task("classify")


def examples(count: int = 160, seed: int = 0) -> list[Example]:
    """Texts whose label is one word among others."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(count):
        label = ["good", "poor", "plain"][place % 3]
        words = [f"w{i}" for i in rng.integers(0, 40, size=5)]
        words.insert(int(rng.integers(0, 6)), label + "ish")
        found.append(Example(" ".join(words), (label,), line=place + 1))
    return found


def test_both_branches_learn_and_are_fused(tmp_path: Path) -> None:
    out = tmp_path / "m.seqmap"
    trained = train(CLASSIFY, examples(), config=CONFIG, out=out)
    calibration = trained.archive.manifest["calibration"]
    assert calibration["deep"] > 0 and calibration["wide"] > 0
    assert trained.metrics["accuracy"] > 0.9
    session = load(out)
    result = evaluate(session, examples(60, seed=1))
    assert result.metrics["accuracy"] > 0.9
    assert "goodish" not in session.labels and session.labels == ("good", "plain", "poor")
    alone = session.without_wide()
    texts = [example.text for example in examples(20, seed=2)]
    assert not np.allclose(alone.predict_proba(texts), session.predict_proba(texts))
    again = restore(trained.archive).predict_proba(texts)
    np.testing.assert_array_equal(again, session.predict_proba(texts))


@pytest.mark.parametrize("encoder", ["gru", "rnn", "transformer", "lstm-transformer"])
@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_what_is_deployed_is_what_was_trained(encoder: str, pooling: str) -> None:
    config = CONFIG.replace(
        encoder__name=encoder,
        encoder__layers=2,
        encoder__heads=2,
        head__pooling=pooling,
        train__epochs=1,
        wide__kind="none",
    )
    trained = train(CLASSIFY, examples(40), examples(20, seed=1), config=config)
    session = restore(trained.archive)
    measured = evaluate(session, examples(20, seed=1)).metrics
    # The loss that training saw on dev, in torch, is the one that the deployed model gives.
    assert measured["loss"] == pytest.approx(trained.metrics["loss"], rel=1e-4)


def test_several_labels() -> None:
    data = []
    for place, example in enumerate(examples(200)):
        labels = example.labels + (("odd",) if place % 2 else ())
        text = example.text + (" oddly" if place % 2 else "")
        data.append(Example(text, labels))
    trained = train(CLASSIFY, data, config=CONFIG, targets=LabelSet(multi=True))
    answer = restore(trained.archive).predict(["w1 goodish oddly w2", "w3 poorish"])
    assert set(answer[0].labels) == {"good", "odd"}
    assert answer[1].labels == ("poor",)
    assert trained.metrics["f1"] > 0.9


def test_soft_labels_teach_the_teachers_doubt() -> None:
    rng = np.random.default_rng(0)
    data = []
    for _ in range(300):
        word = rng.choice(["sure", "torn"])
        share = 0.98 if word == "sure" else 0.6
        data.append(Example(f"{word} w{rng.integers(9)}", ("a",), (share, 1 - share)))
        data.append(Example(f"not w{rng.integers(9)}", ("b",), (0.05, 0.95)))
    trained = train(CLASSIFY, data, config=CONFIG.replace(head__label_smoothing=0.0))
    session = restore(trained.archive)
    sure, torn, against = session.predict_proba(["sure w1", "torn w2", "not w3"])[:, 0]
    assert sure > 0.9 > 0.7 > torn > 0.5 > 0.15 > against


def test_class_weights_raise_the_rare_class() -> None:
    rng = np.random.default_rng(1)
    data = [
        Example(
            f"w{rng.integers(4)} w{rng.integers(4)}", ("rare" if rng.random() < 0.1 else "usual",)
        )
        for _ in range(400)
    ]
    config = CONFIG.replace(wide__kind="none", train__epochs=3)
    plain, weighted = (
        restore(
            train(CLASSIFY, data, config=config.replace(train__class_weights=kind)).archive
        ).without_wide()
        for kind in ("none", "balanced")
    )
    texts = [example.text for example in data[:50]]
    rare = plain.labels.index("rare")
    assert (
        weighted.predict_proba(texts)[:, rare].mean()
        > 2 * plain.predict_proba(texts)[:, rare].mean()
    )


def _with_vectors(path: Path) -> tuple[Trained, list[str]]:
    notes: list[str] = []
    config = CONFIG.replace(text__vectors=str(path), train__epochs=1, wide__kind="none")
    trained = train(CLASSIFY, examples(40), config=config, watch=Watch(note=notes.append))
    return trained, notes


def test_word_vectors_are_used_and_their_coverage_told(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("3 4\ngoodish 1 0 0 0\nw1 0 2 0 0\nunused 0 0 3 0\n")
    trained, notes = _with_vectors(path)
    assert trained.archive.arrays["embedding.weight"].shape[1] == 4
    assert any("word vectors" in note and "2 of" in note for note in notes)


def test_word_vectors_that_match_nothing_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("zzz 1 0\nyyy 0 1\n")
    with pytest.raises(DataError):
        _with_vectors(path)


def test_hard_texts_predict_without_failing() -> None:
    session = restore(train(CLASSIFY, examples(60), config=CONFIG).archive)
    texts = [
        "",
        " ",
        "😀😀",
        "zzz qqq",
        "a" * 1_000_000,
        "x " * 300_000,
        "\x00\x85\u2028",
        "\ud800",
    ]
    probabilities = session.predict_proba(texts)
    assert probabilities.shape == (len(texts), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_what_was_held_out_is_learned_from_in_the_end() -> None:
    told: list[str] = []
    given = examples()

    def run(dev: list[Example] | None, closing: int) -> Trained:
        config = CONFIG.replace(train__closing=closing, train__epochs=2)
        return train(CLASSIFY, given, dev, config=config, watch=Watch(note=told.append))

    closed, open_ended = run(None, 2), run(None, 0)
    assert len(told) == 1 and "held-out" in told[0]
    # The figures and the calibration are those of before, the network is another.
    assert closed.metrics == open_ended.metrics
    assert closed.archive.manifest["calibration"] == open_ended.archive.manifest["calibration"]
    weights = [run.archive.arrays["embedding.weight"] for run in (closed, open_ended)]
    assert not np.array_equal(*weights)
    assert len(closed.history) == 2
    run(given[:20], 2)
    assert len(told) == 1


def test_resume_refuses_another_dev_file_and_other_soft_labels(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def cut(epoch: object) -> None:
        raise Stop

    out = tmp_path / "m.seqmap"
    config = CONFIG.replace(train__epochs=2, wide__kind="none")
    teacher = np.eye(3) * 0.7 + 0.1
    data = [replace(e, soft=tuple(teacher[n % 3])) for n, e in enumerate(examples(30))]
    dev = examples(12, seed=1)
    with pytest.raises(Stop):
        train(CLASSIFY, data, dev, config=config, out=out, watch=Watch(epoch=cut))
    with pytest.raises(DataError, match=r"another training \(different: dev\)"):
        train(CLASSIFY, data, dev[:-1], config=config, out=out, resume=True)
    other = [replace(data[0], soft=(0.2, 0.2, 0.6)), *data[1:]]
    with pytest.raises(DataError, match=r"another training \(different: data\)"):
        train(CLASSIFY, other, dev, config=config, out=out, resume=True)
    assert len(train(CLASSIFY, data, dev, config=config, out=out, resume=True).history) == 2
