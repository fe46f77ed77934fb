"""Training of the wide branch: which n-grams, how strong a penalty, the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from seqmap.calibration import log_softmax
from seqmap.codecs import choose_unit
from seqmap.config import WideConfig
from seqmap.features.ngrams import NgramSpec
from seqmap.features.space import Fitted, NgramSpace, Sparse
from seqmap.features.wide import WideModel
from seqmap.training.logistic import Floats, Linear, fit_logistic

# Inverse penalties that are tried, weak data first; the search stops when the dev loss rises.
STRENGTHS = (1.0, 4.0, 16.0, 64.0)
# Steps of L-BFGS: more change the dev loss by less than a hundredth.
CHOOSING_STEPS, FINAL_STEPS = 30, 60
# Texts longer than this many words on average say enough in whole words: letters only cost time.
LONG = 100
SHORT_CHARACTERS = 5


@dataclass(frozen=True)
class Part:
    """Texts with what they should be given.

    Attributes:
        texts: The texts.
        targets: (texts, classes).
        importance: What each text counts, (texts, 1), or each of its labels, (texts, classes).
    """

    texts: Sequence[str]
    targets: Floats
    importance: Floats | None = None


def fit_wide(
    train: Part, dev: Part, config: WideConfig, *, multi: bool, refit: bool
) -> tuple[WideModel, NDArray[np.float64]] | None:
    """Fit n-gram weights; the strength of the penalty is chosen on dev.

    Args:
        train: What to learn from.
        dev: What to choose on.
        config: Which n-grams; `none` gives None.
        multi: Whether labels are independent of each other.
        refit: Learn from dev too once everything is chosen, because it was held out of the
            training data. A convex problem has no epochs to choose; the network has.

    Returns:
        The model, and the logits (texts, classes) that the model of `train` alone gives on dev:
        only those may be calibrated on.
    """
    if config.kind == "none":
        return None
    spec = _spec(config, train.texts)
    fitted = NgramSpace.fit(train.texts, train.targets, spec=spec, independent=multi)
    chosen = _choose(fitted, train, dev, multi)
    if not refit:
        linear = chosen.linear
        return WideModel(fitted.space, linear.weights, linear.bias), chosen.logits
    texts = [*train.texts, *dev.texts]
    targets = np.concatenate([train.targets, dev.targets])
    importance = None
    if train.importance is not None and dev.importance is not None:
        importance = np.concatenate([train.importance, dev.importance])
    final = NgramSpace.fit(texts, targets, spec=spec, independent=multi)
    linear = fit_logistic(
        _matrix(final.x),
        targets,
        strength=chosen.strength,
        multi=multi,
        prior=final.prior,
        importance=importance,
        iterations=FINAL_STEPS,
    )
    return WideModel(final.space, linear.weights, linear.bias), chosen.logits


def _spec(config: WideConfig, texts: Sequence[str]) -> NgramSpec:
    """Decide which n-grams fit the texts, where the configuration leaves it open."""
    characters = config.char_ngrams
    if characters < 0:
        sample = texts[:: max(1, len(texts) // 1000)]
        words = sum(len(text.split()) for text in sample) / max(1, len(sample))
        spaced = choose_unit(sample) == "word"
        characters = SHORT_CHARACTERS if spaced and words <= LONG else 0
    return NgramSpec(config.word_ngrams, characters)


@dataclass(frozen=True)
class _Choice:
    """The penalty with the lowest dev loss, and what it gave."""

    loss: float
    strength: float
    linear: Linear
    logits: NDArray[np.float64]


def _choose(fitted: Fitted, train: Part, dev: Part, multi: bool) -> _Choice:
    x, dev_x = _matrix(fitted.x), _matrix(fitted.space.transform(dev.texts))
    best: _Choice | None = None
    linear: Linear | None = None
    for strength in STRENGTHS:
        linear = fit_logistic(
            x,
            train.targets,
            strength=strength,
            multi=multi,
            start=linear,
            prior=fitted.prior,
            importance=train.importance,
            iterations=CHOOSING_STEPS,
        )
        logits = np.asarray(dev_x @ linear.weights + linear.bias, dtype=np.float64)
        loss = _loss(logits, dev, multi)
        if best is not None and loss >= best.loss:
            break
        best = _Choice(loss, strength, linear, logits)
    assert best is not None
    return best


def _matrix(x: Sparse) -> csr_matrix:
    return csr_matrix((x.values, x.indices, x.indptr), shape=x.shape)


def _loss(logits: NDArray[np.float64], part: Part, multi: bool) -> float:
    counts = 1.0 if part.importance is None else part.importance
    if multi:
        return float(np.sum(counts * (np.logaddexp(0, logits) - part.targets * logits)))
    return float(-np.sum(counts * part.targets * log_softmax(logits)))
