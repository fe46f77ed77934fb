"""The language model as an estimator, by scikit-learn's conventions as far as they fit."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from seqmap.config import Config, from_dict
from seqmap.data.corpus import Corpus, TextCorpus, read_corpus
from seqmap.data.records import ReadOptions
from seqmap.errors import DataError
from seqmap.fitted import SessionEstimator
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.sampling import Sampling
from seqmap.runtime.session import restore
from seqmap.tables import texts_of
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.language import PRETRAINING, Written
from seqmap.training import Epoch, train


class LanguageModel(SessionEstimator[LanguageSession]):
    """Text → the text that follows.

    The parameters are the ones most often changed; `config` takes any other, as nested dicts or
    dotted keys: `LanguageModel(config={"language.steps": 256})`.

    Args:
        unit: `literal` (every character), `char`, `word`, `subword`, or `auto` by the script.
        hidden: Units per layer.
        layers: Stacked layers; None takes what is usual for the purpose.
        epochs: At most this many passes over the corpus.
        purpose: `write` reads from left to right; `init` takes the defaults of `seqmap pretrain`:
            a model for others to start from (then `unit`, `hidden` and `layers` still count).
        seed: Seed of initialisation and dropout.
        config: Further settings.
        verbose: Print a line an epoch to stderr.

    Attributes:
        history_: One entry an epoch.
    """

    def __init__(
        self,
        *,
        unit: Literal["auto", "word", "char", "subword", "literal"] = "literal",
        hidden: int = 256,
        layers: int | None = None,
        epochs: int = 15,
        purpose: Literal["write", "init"] = "write",
        seed: int = 42,
        config: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.unit = unit
        self.hidden = hidden
        self.layers = layers
        self.epochs = epochs
        self.purpose = purpose
        self.seed = seed
        self.config = config
        self.verbose = verbose

    def fit(
        self,
        X: Iterable[str] | str | Path,  # noqa: N803
        y: None = None,
        *,
        dev: Iterable[str] | str | Path | None = None,
    ) -> Self:
        """Train on running text.

        Args:
            X: Texts, each of which ends a line; or the path of a file, which is read as a stream.
            y: Ignored; there for pipelines.
            dev: The same to choose on; None holds the end of `X` out.

        Raises:
            UserError: The text or a setting cannot be used.
        """
        trained = train(
            find_task("language"),
            _corpora(X),
            None if dev is None else _corpora(dev),
            config=self._configuration(),
            watch=self._watch(),
        )
        session = restore(trained.archive)
        assert isinstance(session, LanguageSession)
        self.session_ = session
        self.history_: tuple[Epoch, ...] = trained.history
        return self

    def predict(self, X: Iterable[str]) -> list[Written]:  # noqa: N803
        """Return how probable each text is, and a continuation."""
        return self._fitted().predict(texts_of(X))

    def generate(self, text: str = "", **sampling: Any) -> str:
        """Return a continuation of a text.

        Args:
            text: What it begins with; empty begins a line.
            sampling: Fields of `seqmap.runtime.sampling.Sampling`: `length`, `temperature`,
                `top_k`, `top_p`, `seed`.

        Raises:
            ConfigError: A number is out of range.
        """
        return self._fitted().write(text, Sampling(**sampling) if sampling else None)

    def evaluate(self, X: Iterable[str] | str | Path, y: None = None) -> Evaluation:  # noqa: N803
        """Return loss, perplexity and bits per character on running text."""
        return self._fitted().evaluate(_corpora(X))

    def score(self, X: Iterable[str] | str | Path, y: None = None) -> float:  # noqa: N803
        """Return the mean log-probability of a symbol, in nats: the higher the better."""
        return -self.evaluate(X).metrics["loss"]

    def _configuration(self) -> Config:
        base = find_task("language").config()
        if self.purpose == "init":
            base = from_dict(PRETRAINING, base=base)
        base = base.replace(
            text__unit=self.unit,
            encoder__hidden=self.hidden,
            encoder__layers=self.layers or base.encoder.layers,
            train__epochs=self.epochs,
            train__seed=self.seed,
        )
        return self._adjusted(base)


def _corpora(given: Iterable[str] | str | Path) -> list[Corpus]:
    if isinstance(given, str | Path):
        if isinstance(given, str) and ("\n" in given or not os.path.isfile(given)):
            raise DataError(
                "a corpus is a list of texts, or the path of a file",
                given=given,
                remedy="Use [text]",
            )
        return list(read_corpus(given, ReadOptions()).examples)
    return [TextCorpus(tuple(texts_of(given)))]
