"""The linear model on n-grams."""

from __future__ import annotations

import numpy as np
import pytest

from seqmap.errors import ArchiveError
from seqmap.features.ngrams import NgramSpec
from seqmap.features.space import NgramSpace
from seqmap.features.wide import WideModel

TEXTS = ["good good film", "a good one", "bad film", "so bad", "a so-so film"]
FITTED = NgramSpace.fit(TEXTS, np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2]], spec=NgramSpec())
RANDOM = np.random.default_rng(1)
WEIGHTS = RANDOM.normal(size=(FITTED.space.size, 3)).astype(np.float32)
MODEL = WideModel(FITTED.space, WEIGHTS, np.array([0.5, 0, -1], np.float32))
ASKED = [*TEXTS, "", "这里什么都没有", "film \ud800 " * 500] * 60


def test_logits_are_the_matrix_product_with_weights_rounded_to_eight_bits() -> None:
    dense = np.zeros(FITTED.x.shape)
    dense[FITTED.x.rows, FITTED.x.indices] = FITTED.x.values
    q = MODEL.weights.astype(np.float64)
    rounded = q * np.abs(q) * MODEL.steps
    # Half a step of q at most: the error grows with the root of the weight.
    allowed = np.sqrt(np.abs(WEIGHTS) * MODEL.steps) + MODEL.steps
    assert (np.abs(rounded - WEIGHTS) <= allowed).all()
    assert np.abs(q).max(axis=0).tolist() == [127, 127, 127]
    assert MODEL.logits(TEXTS) == pytest.approx(dense @ rounded + MODEL.bias, abs=1e-5)
    assert MODEL.logits([]).shape == (0, 3)


def test_a_text_of_unknown_ngrams_gets_the_bias() -> None:
    model = WideModel(
        NgramSpace.fit(
            TEXTS, np.eye(2, dtype=np.float32)[[0, 0, 1, 1, 1]], spec=NgramSpec(0, 5)
        ).space,
        np.ones((FITTED.space.size - len(FITTED.space.keys["words"]), 2), np.float32),
        np.array([2, 3], np.float32),
    )
    assert model.logits(["", "这里"]).tolist() == [[2, 3], [2, 3]]


def test_a_restored_model_gives_the_same_bits_for_one_and_many() -> None:
    again = WideModel.from_state(MODEL.to_state(), {**MODEL.to_arrays(), "other": WEIGHTS})
    expected = MODEL.logits(ASKED)
    assert again.logits(ASKED).tolist() == expected.tolist()
    for row in (0, 5, 6, 7, 300):
        assert again.logits([ASKED[row]])[0].tolist() == expected[row].tolist()


def test_damaged_states_are_refused() -> None:
    state, arrays = MODEL.to_state(), MODEL.to_arrays()
    for name in arrays:
        missing = {other: array for other, array in arrays.items() if other != name}
        for bad in (missing, arrays | {name: arrays[name][:1].astype(np.float64)}):
            with pytest.raises(ArchiveError, match="wide branch"):
                WideModel.from_state(state, bad)
        if name != "wide.steps":
            with pytest.raises(ArchiveError, match="wide branch"):
                WideModel.from_state(state, arrays | {name: arrays[name][:-1]})
    with pytest.raises(ArchiveError, match="wide branch"):
        WideModel.from_state({"words": 3}, arrays)
    mixed = arrays["wide.words.keys"][::-1].copy()
    with pytest.raises(ArchiveError, match="wide branch"):
        WideModel.from_state(state, arrays | {"wide.words.keys": mixed})
