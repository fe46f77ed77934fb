from __future__ import annotations

import numpy as np
import pytest

from seqmap.config import WideConfig
from seqmap.training.wide import Part, fit_wide


def part(count: int, seed: int) -> Part:
    """Two classes told apart by a pair of words, a third by one."""
    rng = np.random.default_rng(seed)
    texts, labels = [], rng.integers(0, 3, count)
    for label in labels:
        words = [f"w{i}" for i in rng.integers(0, 30, 8)]
        words[3:5] = [["not", "bad"], ["bad", "not"], ["so", "so"]][label]
        texts.append(" ".join(words))
    return Part(texts, np.eye(3, dtype=np.float32)[labels])


def test_order_of_words_is_learnt() -> None:
    found = fit_wide(part(400, 0), part(100, 1), WideConfig(), multi=False, refit=False)
    assert found is not None
    model, dev_logits = found
    test = part(200, 2)
    right = model.logits(test.texts).argmax(axis=1) == test.targets.argmax(axis=1)
    assert right.mean() > 0.97
    # Without a refit the dev logits are those of the deployed model, up to its rounding.
    np.testing.assert_allclose(model.logits(part(100, 1).texts), dev_logits, atol=0.1)


def test_refit_learns_from_dev_but_its_logits_stay_honest() -> None:
    train, dev = part(60, 0), part(60, 1)
    plain = fit_wide(train, dev, WideConfig(), multi=False, refit=False)
    refit = fit_wide(train, dev, WideConfig(), multi=False, refit=True)
    assert plain is not None and refit is not None
    np.testing.assert_allclose(plain[1], refit[1])
    assert refit[0].space.size > plain[0].space.size


@pytest.mark.parametrize(
    ("config", "texts", "blocks"),
    [
        (WideConfig(), ["a short text"] * 9, ("words", "characters")),
        (WideConfig(), ["long " * 200] * 9, ("words",)),
        (WideConfig(), ["一家很好的酒店"] * 9, ("words",)),
        (WideConfig(char_ngrams=3), ["long " * 200] * 9, ("words", "characters")),
        (WideConfig(char_ngrams=0), ["a short text"] * 9, ("words",)),
    ],
)
def test_which_ngrams_are_taken(
    config: WideConfig, texts: list[str], blocks: tuple[str, ...]
) -> None:
    targets = np.eye(2, dtype=np.float32)[np.arange(len(texts)) % 2]
    found = fit_wide(Part(texts, targets), Part(texts, targets), config, multi=False, refit=False)
    assert found is not None
    assert found[0].space.spec.blocks == blocks


def test_none_gives_none() -> None:
    config = WideConfig(kind="none")
    assert fit_wide(part(9, 0), part(9, 1), config, multi=False, refit=True) is None
