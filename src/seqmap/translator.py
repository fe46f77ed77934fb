"""The translator as an estimator, by scikit-learn's conventions as far as they fit sequences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

from seqmap.config import Config
from seqmap.data.pairs import Pair
from seqmap.errors import DataError
from seqmap.evaluate import evaluate
from seqmap.fitted import SessionEstimator
from seqmap.runtime.translate import TranslateSession
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.translate_results import Translation
from seqmap.training import Epoch, train


class Translator(SessionEstimator[TranslateSession]):
    """Text → text: translation, normalisation, transliteration, short summaries.

    The parameters are the ones most often changed; `config` takes any other, as nested dicts or
    dotted keys: `Translator(config={"translate.attention": "bahdanau"})`.

    Args:
        encoder: `lstm`, `gru`, `rnn`, `transformer` or `lstm-transformer`.
        decoder: `lstm`, `lstm-feeding` or `transformer`.
        hidden: Units of the encoder, per layer and direction, and of the decoder.
        unit: What is read and written: `subword`, `word` or `char`; `auto` goes by the script.
        vocabulary: At most so many pieces.
        epochs: At most this many passes over the data.
        seed: Seed of initialisation, order and dropout.
        config: Further settings.
        verbose: Print a line an epoch to stderr.

    Attributes:
        history_: One entry an epoch.
    """

    def __init__(
        self,
        *,
        encoder: Literal["lstm", "gru", "rnn", "transformer", "lstm-transformer"] = "lstm",
        decoder: Literal["lstm", "lstm-feeding", "transformer"] = "lstm",
        hidden: int = 256,
        unit: Literal["auto", "subword", "word", "char"] = "subword",
        vocabulary: int = 6000,
        epochs: int = 25,
        seed: int = 42,
        config: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.hidden = hidden
        self.unit = unit
        self.vocabulary = vocabulary
        self.epochs = epochs
        self.seed = seed
        self.config = config
        self.verbose = verbose

    def fit(
        self,
        X: Iterable[str],  # noqa: N803
        y: Iterable[str],
        *,
        dev: tuple[Iterable[str], Iterable[str]] | None = None,
    ) -> Self:
        """Train on texts and what each shall become.

        Args:
            X: Texts.
            y: As many texts.
            dev: The same to choose on; None holds a part out.

        Raises:
            UserError: The texts or settings cannot be used.
        """
        trained = train(
            find_task("translate"),
            _pairs(X, y),
            None if dev is None else _pairs(*dev),
            config=self._configuration(),
            watch=self._watch(),
        )
        self.session_ = TranslateSession(trained.archive)
        self.history_: tuple[Epoch, ...] = trained.history
        return self

    def predict(self, X: Iterable[str]) -> list[str]:  # noqa: N803
        """Return the text that each becomes."""
        return [answer.text for answer in self.answers(X)]

    def answers(self, X: Iterable[str], *, n_best: int = 1, **search: Any) -> list[Translation]:  # noqa: N803
        """Return answers with scores and alignments.

        Args:
            X: Texts.
            n_best: How many answers to give for each.
            **search: Settings of the search, such as `beam=8`, `prefix="Ein"`, `sample=0.8`.
        """
        return self._fitted().with_answers(n_best=n_best).with_search(**search).predict(X)

    def evaluate(self, X: Iterable[str], y: Iterable[str]) -> Evaluation:  # noqa: N803
        """Return BLEU, chrF and the share of exact answers, with sacrebleu's signatures."""
        return evaluate(self._fitted(), _pairs(X, y))

    def score(self, X: Iterable[str], y: Iterable[str]) -> float:  # noqa: N803
        """Return BLEU."""
        return self.evaluate(X, y).metrics["bleu"]

    def _configuration(self) -> Config:
        base = find_task("translate").config()
        base = base.replace(
            encoder__name=self.encoder,
            encoder__hidden=self.hidden,
            translate__decoder=self.decoder,
            translate__hidden=self.hidden,
            text__unit=self.unit,
            text__vocabulary=self.vocabulary,
            train__epochs=self.epochs,
            train__seed=self.seed,
        )
        return self._adjusted(base)


def _pairs(given: Iterable[str], truth: Iterable[str]) -> list[Pair]:
    sources, targets = list(given), list(truth)
    if isinstance(given, str) or isinstance(truth, str) or len(sources) != len(targets):
        counts = f"{len(sources)}, {len(targets)}"
        raise DataError("texts and targets differ in number", given=counts)
    found = []
    for number, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
        if not isinstance(source, str) or not isinstance(target, str):
            raise DataError("a translator maps texts to texts", line=number, given=(source, target))
        if source.strip() and target.strip():
            found.append(Pair(source, target, number))
    if not found:
        raise DataError("there is no pair of texts")
    return found
