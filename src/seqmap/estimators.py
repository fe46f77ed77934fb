"""scikit-learn estimators over the same training and the same deployed model."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqmap.config import Config, from_dict
from seqmap.data import Example
from seqmap.errors import DataError, MissingExtraError
from seqmap.evaluate import evaluate
from seqmap.runtime.archive import from_bytes, save, to_bytes
from seqmap.runtime.session import Session
from seqmap.tasks import TASKS, Evaluation
from seqmap.training import Epoch, Watch, train

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import NotFittedError
except ImportError:
    raise MissingExtraError("scikit-learn", "train") from None


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
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
        epochs: int = 8,
        wide: Literal["ngram", "none"] = "ngram",
        unit: Literal["auto", "word", "char", "subword"] = "auto",
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
    ) -> Self:
        """Train on texts and labels.

        Args:
            X: Texts.
            y: A label for each; or a list of labels for each (several labels).
            dev: Texts and labels to choose on; None holds a stratified part out.

        Raises:
            UserError: The texts, labels or settings cannot be used.
        """
        labels = list(y)
        multi = bool(labels) and isinstance(labels[0], list | tuple | set | frozenset)
        examples = _examples(X, labels)
        chosen = None if dev is None else _examples(dev[0], list(dev[1]))
        trained = train(
            TASKS["classify"],
            examples,
            chosen,
            config=self._configuration(),
            multi=multi,
            watch=Watch(epoch=_say) if self.verbose else None,
        )
        # Labels come back as they were given: numbers stay numbers.
        given = {_name(label): label for label in ([] if multi else labels)}
        self.session_ = Session(trained.archive)
        self.classes_ = np.array([given.get(n, n) for n in self.session_.labels])
        self.history_: tuple[Epoch, ...] = trained.history
        return self

    def predict(self, X: Iterable[str]) -> NDArray[Any] | list[tuple[str, ...]]:  # noqa: N803
        """Return the label of each text (a tuple of labels each where it may carry several)."""
        session = self._fitted()
        texts = _texts(X)
        if session.codecs.multi:
            return [answer.labels for answer in session.predict(texts)]
        return self.classes_[session.predict_proba(texts).argmax(axis=1)]  # type: ignore[no-any-return]

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float64]:  # noqa: N803
        """Return calibrated probabilities, (texts, classes)."""
        return self._fitted().predict_proba(_texts(X))

    def evaluate(self, X: Iterable[str], y: Iterable[Any]) -> Evaluation:  # noqa: N803
        """Return metrics and the report on labelled texts."""
        return evaluate(self._fitted(), _examples(X, list(y)))

    def save(self, path: str | Path) -> None:
        """Write the model as one file; `seqmap.load` reads it without torch."""
        save(self._fitted().archive, Path(path))

    def _fitted(self) -> Session:
        if not hasattr(self, "session_"):
            raise NotFittedError("this Classifier is not fitted yet; call fit first")
        session: Session = self.session_
        return session

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
        return base if self.config is None else from_dict(self.config, base=base)

    def __getstate__(self) -> dict[str, Any]:
        """Travel as the archive's bytes: joblib and copy need no torch object."""
        state = dict(super().__getstate__())
        if "session_" in state:
            state["session_"] = to_bytes(state["session_"].archive)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        packed = state.get("session_")
        if packed is not None:
            self.session_ = Session(from_bytes(packed))


def _texts(given: Iterable[str]) -> list[str]:
    if isinstance(given, str):
        raise DataError("a list of texts is needed", given=given, remedy="Use [text]")
    texts = list(given)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"text {place} is not a string", given=repr(text))
    return [str(text) for text in texts]


def _examples(given: Iterable[str], labels: Sequence[Any]) -> list[Example]:
    texts = _texts(given)
    if len(texts) != len(labels):
        raise DataError("texts and labels differ in number", given=f"{len(texts)}, {len(labels)}")
    return [
        Example(text, _names(label, place), line=place)
        for place, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]


def _names(label: Any, place: int) -> tuple[str, ...]:
    if isinstance(label, list | tuple | set | frozenset):
        return tuple(sorted(_name(part) for part in label))
    if label is None or (isinstance(label, float) and np.isnan(label)):
        raise DataError(f"label {place} is missing", given=repr(label))
    return (_name(label),)


def _name(label: ArrayLike) -> str:
    return str(label.item() if isinstance(label, np.generic) else label)


def _say(epoch: Epoch) -> None:
    import sys

    now = time.strftime("%H:%M:%S")
    print(
        f"{now} epoch {epoch.number} loss {epoch.train_loss:.4f} dev loss {epoch.dev_loss:.4f}",
        file=sys.stderr,
    )
