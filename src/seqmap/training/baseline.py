"""The linear baseline that every model is shown beside: TF-IDF n-grams and logistic regression.

A model that does not beat it has learnt nothing from the order of the words (Wang & Manning 2012,
"Baselines and Bigrams"). The choices below are fixed: nothing is tuned on what is measured.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.char import CharCodec
from seqmap.codecs.labels import LabelCodec
from seqmap.config import TextConfig
from seqmap.data import Example
from seqmap.errors import DataError
from seqmap.scripts import UNSPACED
from seqmap.tasks.base import Evaluation
from seqmap.tasks.classify import Classify, Codecs, LabelSet
from seqmap.training.job import Reference

# A character of a script without blanks, a word, or a punctuation mark.
_TOKEN = rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]"
_UNSPACED = re.compile(f"[{UNSPACED}]")
_LOOKED_AT = 1000  # texts that are looked at for their script
_INVERSE_PENALTY = 10.0  # scikit-learn's C
_ROUNDS = 1000


@dataclass(frozen=True)
class Baseline:
    """How well the linear model does.

    Attributes:
        evaluation: Its figures and report, as a model's.
        probabilities: Its answers, (texts, classes), the classes in the order of their names.
        ngrams: The longest n-gram.
        features: How many n-grams it weighs.
        seconds: Time to fit it and to answer.
    """

    evaluation: Evaluation
    probabilities: NDArray[np.float64]
    ngrams: int
    features: int
    seconds: float

    @property
    def metrics(self) -> dict[str, float]:
        """Named figures, as those of `evaluate`."""
        return self.evaluation.metrics


def classify_reference(
    train: Sequence[Example], test: Sequence[Example], targets: LabelSet
) -> Reference:
    """Return what the linear baseline reaches, to be shown beside a model."""
    found = linear_baseline(train, test, multi=targets.multi)
    return Reference("linear baseline (TF-IDF + logistic regression)", dict(found.metrics))


def linear_baseline(
    train: Sequence[Example], test: Sequence[Example], *, multi: bool = False
) -> Baseline:
    """Fit the linear baseline on `train` and measure it on `test`.

    Words count as 1-2-grams; where a tenth of the texts is in a script without blanks, such as
    Chinese, words and characters count as 1-3-grams.

    Args:
        train: Examples to learn from.
        test: Examples to measure on.
        multi: Whether an example may carry several labels.

    Raises:
        DataError: There are fewer than two labels, or no text holds a word.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    started = time.perf_counter()
    names = LabelCodec.fit(example.labels for example in train)
    if len(names) < 2:
        raise DataError("training needs at least two different labels")
    task, codecs = Classify(), Codecs(CharCodec.fit((), config=TextConfig()), names, multi)
    longest = 3 if _is_unspaced(train) else 2
    vectorizer = TfidfVectorizer(
        token_pattern=_TOKEN, ngram_range=(1, longest), sublinear_tf=True, dtype=np.float32
    )
    try:
        known = vectorizer.fit_transform([example.text for example in train])
    except ValueError:  # scikit-learn: "empty vocabulary"
        raise DataError("no text holds a word: there is nothing to learn from") from None
    asked = vectorizer.transform([example.text for example in test])
    targets = task.encode_targets(train, codecs)
    answer = _several if multi else _single
    probabilities = answer(known, targets, asked)
    evaluation = task.evaluate(probabilities, task.encode_targets(test, codecs), codecs)
    seconds = time.perf_counter() - started
    return Baseline(evaluation, probabilities, longest, known.shape[1], seconds)


def _is_unspaced(examples: Sequence[Example]) -> bool:
    looked = [_UNSPACED.search(example.text) is not None for example in examples[:_LOOKED_AT]]
    return 10 * sum(looked) >= max(len(looked), 1)


def _single(known: Any, targets: NDArray[np.float32], asked: Any) -> NDArray[np.float64]:
    """Return the probability of each class, (texts, classes)."""
    model = _fit(known, targets.argmax(axis=1))
    probabilities = np.zeros((asked.shape[0], targets.shape[1]))
    probabilities[:, model.classes_] = model.predict_proba(asked)
    return probabilities


def _several(known: Any, targets: NDArray[np.float32], asked: Any) -> NDArray[np.float64]:
    """Return the probability of each label by itself, (texts, classes)."""
    probabilities = np.zeros((asked.shape[0], targets.shape[1]))
    for label, column in enumerate((targets > 0.5).T):
        if column.all() or not column.any():
            probabilities[:, label] = float(column[0])
        else:
            probabilities[:, label] = _fit(known, column).predict_proba(asked)[:, 1]
    return probabilities


def _fit(known: Any, truth: NDArray[Any]) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close enough for a baseline
        # As many labels as texts may be a mistake, but it is not a regression.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return LogisticRegression(C=_INVERSE_PENALTY, max_iter=_ROUNDS).fit(known, truth)
