"""scikit-learn estimators over the same training and the same deployed model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqmap.config import Config
from seqmap.data import Example
from seqmap.data.soft import SUM_TOLERANCE
from seqmap.errors import DataError, MissingExtraError
from seqmap.evaluate import evaluate
from seqmap.fitted import SessionEstimator
from seqmap.runtime.classify import ClassifySession
from seqmap.tables import Labels, name_of, texts_of
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.classify import THRESHOLD, LabelSet
from seqmap.training import Epoch, train

try:
    from sklearn.base import ClassifierMixin
except ImportError:
    raise MissingExtraError("scikit-learn", "train") from None


class Classifier(ClassifierMixin, SessionEstimator[ClassifySession]):  # type: ignore[misc]
    """Text → label, or several labels, by scikit-learn's conventions.

    The parameters are the ones most often changed; `config` takes any other, as nested dicts or
    dotted keys: `Classifier(config={"head.pooling": "attention"})`.

    Args:
        encoder: `lstm`, `gru`, `rnn`, `transformer` or `lstm-transformer`.
        hidden: Units per layer and direction.
        layers: Stacked layers.
        epochs: At most this many passes over the data.
        wide: `ngram` fuses a linear n-gram branch with the network; `none` leaves it out.
        unit: What a symbol is; `auto` goes by the script.
        seed: Seed of initialisation, order and dropout.
        config: Further settings.
        verbose: Print a line an epoch to stderr.

    Attributes:
        classes_: The labels, in the order of `predict_proba`'s columns.
        history_: One entry an epoch.
    """

    def __init__(
        self,
        *,
        encoder: Literal["lstm", "gru", "rnn", "transformer", "lstm-transformer"] = "lstm",
        hidden: int = 128,
        layers: int = 1,
        epochs: int = 12,
        wide: Literal["ngram", "none"] = "ngram",
        unit: Literal["auto", "word", "char", "subword", "literal"] = "auto",
        seed: int = 42,
        config: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.encoder = encoder
        self.hidden = hidden
        self.layers = layers
        self.epochs = epochs
        self.wide = wide
        self.unit = unit
        self.seed = seed
        self.config = config
        self.verbose = verbose

    def fit(
        self,
        X: Iterable[str],  # noqa: N803
        y: Iterable[Any],
        *,
        dev: tuple[Iterable[str], Iterable[Any]] | None = None,
        soft: ArrayLike | None = None,
    ) -> Self:
        """Train on texts and labels.

        Args:
            X: Texts.
            y: A label for each; or a list of labels for each (several labels); or zeros and ones,
                (texts, classes), as scikit-learn marks several labels.
            dev: Texts and labels to choose on; None holds a stratified part out.
            soft: A teacher's probabilities to learn from instead of `y`, (texts, classes), the
                classes in sorted order, as in scikit-learn (distillation, Hinton et al. 2015).

        Raises:
            UserError: The texts, labels or settings cannot be used.
        """
        given = Labels.of(y)
        names = [name_of(label) for label in given.classes]
        examples = _examples(X, given)
        if soft is not None:
            examples = _softened(examples, np.asarray(soft, dtype=np.float64), given)
        chosen = None if dev is None else _examples(dev[0], Labels.of(dev[1]))
        trained = train(
            find_task("classify"),
            examples,
            chosen,
            config=self._configuration(),
            targets=LabelSet(tuple(names), given.several),
            watch=self._watch(),
        )
        self.session_ = ClassifySession(trained.archive)
        self.classes_ = given.classes
        self.history_: tuple[Epoch, ...] = trained.history
        self._indicators = given.indicators
        return self

    def predict(self, X: Iterable[str]) -> NDArray[Any] | list[tuple[Any, ...]]:  # noqa: N803
        """Return the label of each text, or what `fit` was given where there may be several."""
        probabilities = self.predict_proba(X)
        if not self._fitted().codecs.multi:
            return np.asarray(self.classes_[probabilities.argmax(axis=1)])
        chosen = probabilities > THRESHOLD
        if self._indicators:
            return chosen.astype(np.int64)
        return [tuple(self.classes_[row].tolist()) for row in chosen]

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float64]:  # noqa: N803
        """Return calibrated probabilities, (texts, classes)."""
        return self._fitted().predict_proba(texts_of(X))

    def evaluate(self, X: Iterable[str], y: Iterable[Any]) -> Evaluation:  # noqa: N803
        """Return metrics and the report on labelled texts."""
        return evaluate(self._fitted(), _examples(X, Labels.of(y)))

    def score(
        self,
        X: Iterable[str],  # noqa: N803
        y: Iterable[Any],
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return the accuracy; with several labels a text, all of them must be right."""
        if not self._fitted().codecs.multi:
            return float(super().score(X, y, sample_weight))
        if sample_weight is not None:
            raise DataError("several labels a text are scored without weights")
        return self.evaluate(X, y).metrics["accuracy"]

    def _configuration(self) -> Config:
        base = Config().replace(
            encoder__name=self.encoder,
            encoder__hidden=self.hidden,
            encoder__layers=self.layers,
            train__epochs=self.epochs,
            train__seed=self.seed,
            wide__kind=self.wide,
            text__unit=self.unit,
        )
        return self._adjusted(base)

    def __sklearn_tags__(self) -> Any:
        """Say that texts are wanted, one a sample."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        return tags


def _examples(given: Iterable[str], labels: Labels) -> list[Example]:
    texts = texts_of(given)
    if len(texts) != len(labels.rows):
        raise DataError(
            "texts and labels differ in number", given=f"{len(texts)}, {len(labels.rows)}"
        )
    return [
        Example(text, tuple(map(name_of, row)))
        for text, row in zip(texts, labels.rows, strict=True)
    ]


def _softened(
    examples: Sequence[Example], soft: NDArray[np.float64], labels: Labels
) -> list[Example]:
    classes = len(labels.classes)
    if soft.shape != (len(examples), classes):
        raise DataError(
            "soft labels need a row a text and a column a class",
            given=f"shape {soft.shape}",
            allowed=f"shape {(len(examples), classes)}",
        )
    if not (np.isfinite(soft).all() and (soft >= 0).all() and (soft <= 1 + 1e-6).all()):
        raise DataError("soft labels are probabilities", allowed="0 to 1")
    off = np.abs(soft.sum(axis=1) - 1.0) > SUM_TOLERANCE
    if off.any() and not labels.several:
        place = int(off.argmax())
        raise DataError(
            f"the soft labels of text {place} do not sum to 1", given=f"{soft[place].sum():g}"
        )
    return [
        replace(example, soft=tuple(row))
        for example, row in zip(examples, soft.tolist(), strict=True)
    ]
