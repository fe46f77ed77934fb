import numpy as np
import pytest
from scipy.sparse import csr_matrix

from seqmap.config import Config
from seqmap.data import Example
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training import train
from seqmap.training.class_weights import class_weights, importance, overlooked
from seqmap.training.logistic import fit_logistic

BALANCED = Config().replace(train__class_weights="balanced").train


def one_hot(numbers: list[int], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[numbers]


def test_classes_weigh_the_same_in_total() -> None:
    targets = one_hot([0] * 8 + [1] * 2, 2)
    assert class_weights(targets, Config().train) is None
    weights = class_weights(targets, BALANCED)
    assert weights == pytest.approx([0.625, 2.5])
    counts = importance(targets, weights, multi=False)
    assert counts is not None and counts[:8].sum() == pytest.approx(counts[8:].sum())
    assert counts.mean() == pytest.approx(1.0)
    several = importance(targets, weights, multi=True)
    assert several is not None and several[0].tolist() == [0.625, 1.0]


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_weight_is_as_good_as_a_repetition(classes: int, multi: bool) -> None:
    random = np.random.default_rng(classes)
    x = random.normal(size=(30, 5)).astype(np.float32)
    targets = one_hot(random.integers(0, classes, 30).tolist(), classes)
    counts = random.integers(1, 4, 30)
    weighted = fit_logistic(
        csr_matrix(x),
        targets,
        strength=1.0,
        multi=multi,
        importance=counts[:, None].astype(np.float32),
    )
    repeated = fit_logistic(
        csr_matrix(np.repeat(x, counts, axis=0)),
        np.repeat(targets, counts, axis=0),
        strength=1.0,
        multi=multi,
    )
    np.testing.assert_allclose(weighted.weights, repeated.weights, atol=2e-3)
    np.testing.assert_allclose(weighted.bias, repeated.bias, atol=2e-3)


def test_a_rare_class_that_is_overlooked_gets_a_hint() -> None:
    targets, dev = one_hot([0] * 95 + [1] * 5, 2), one_hot([0] * 90 + [1] * 10, 2)
    (hint,) = overlooked(targets, dev, one_hot([0] * 98 + [1] * 2, 2), ["fine", "bad"])
    assert "'bad' (5.0%" in hint and "20% of its dev" in hint and "class_weights=balanced" in hint
    assert overlooked(targets, dev, dev, ["fine", "bad"]) == ()
    few = one_hot([0] * 90 + [1] * 4, 2)
    assert overlooked(targets, few, one_hot([0] * 94, 2), ["fine", "bad"]) == ()


@pytest.mark.parametrize("kind", ["ngram", "none"])
def test_balanced_weights_reach_the_answers(kind: str) -> None:
    random = np.random.default_rng(0)
    words = [f"word{n}" for n in range(40)]
    # The mark of the rare label stands in one common text of ten as well.
    examples = []
    for n in range(400):
        rare = n % 20 == 0
        text = random.choice(words, 6).tolist()
        if rare or random.random() < 0.1:
            text[2] = "awful"
        examples.append(Example(" ".join(text), ("rare" if rare else "common",)))
    found = {}
    for weights in ("none", "balanced"):
        config = Config().replace(
            train__class_weights=weights, train__epochs=4, encoder__hidden=8, wide__kind=kind
        )
        archive = train(find_task("classify"), examples, config=config).archive
        chances = restore(archive).predict_proba(["word1 word2 awful word3 word4 word5"])
        found[weights] = float(chances[0, 1])
    assert found["balanced"] > 0.5 > found["none"]


def test_a_class_without_examples_weighs_one() -> None:
    weights = class_weights(one_hot([0] * 8 + [2] * 2, 3), BALANCED)
    assert weights == pytest.approx([0.625, 1.0, 2.5])
