"""The tagger as an estimator, by scikit-learn's conventions as far as they fit sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

from seqmap.config import Config
from seqmap.data.tagging import Sentence, spans_of, tags_of
from seqmap.data.tagging.schemes import TagError, detect_scheme
from seqmap.errors import DataError
from seqmap.evaluate import evaluate
from seqmap.fitted import SessionEstimator
from seqmap.runtime.tag import TagSession
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.tag import TagSet
from seqmap.tasks.tag_data import tokeniser_of
from seqmap.tasks.tag_results import Tagging
from seqmap.training import Epoch, train

Given = str | Sequence[str]
"""A raw text, or a list of tokens."""
Truth = Sequence[Any]
"""Tags, one a token, in any scheme; or spans of a raw text: (start, end, type)."""


class Tagger(SessionEstimator[TagSession]):
    """Text → spans or labels of tokens.

    The parameters are the ones most often changed; `config` takes any other, as nested dicts or
    dotted keys: `Tagger(config={"tag.decoder": "softmax"})`.

    Args:
        encoder: `lstm`, `gru`, `rnn`, `transformer` or `lstm-transformer`.
        hidden: Units per layer and direction.
        layers: Stacked layers.
        epochs: At most this many passes over the data.
        decoder: `crf` chooses the tags of a sentence together, `softmax` each by itself.
        features: `window` adds weights of words and affixes around each token; `none` does not.
        seed: Seed of initialisation, order and dropout.
        config: Further settings.
        verbose: Print a line an epoch to stderr.

    Attributes:
        classes_: The types of spans, or the labels.
        history_: One entry an epoch.
    """

    def __init__(
        self,
        *,
        encoder: Literal["lstm", "gru", "rnn", "transformer", "lstm-transformer"] = "lstm",
        hidden: int = 128,
        layers: int = 1,
        epochs: int = 20,
        decoder: Literal["crf", "softmax"] = "crf",
        features: Literal["window", "none"] = "window",
        seed: int = 42,
        config: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.encoder = encoder
        self.hidden = hidden
        self.layers = layers
        self.epochs = epochs
        self.decoder = decoder
        self.features = features
        self.seed = seed
        self.config = config
        self.verbose = verbose

    def fit(
        self,
        X: Iterable[Given],  # noqa: N803
        y: Iterable[Truth],
        *,
        dev: tuple[Iterable[Given], Iterable[Truth]] | None = None,
    ) -> Self:
        """Train on sentences and their tags, or on texts and their spans.

        Args:
            X: Lists of tokens, or raw texts.
            y: For tokens, as many tags, in any scheme; for raw texts, lists of spans
                (start, end, type) in characters.
            dev: The same to choose on; None holds a part out.

        Raises:
            UserError: The sentences, tags or settings cannot be used.
        """
        examples, spans = _sentences(X, y)
        chosen = None if dev is None else _sentences(*dev)[0]
        trained = train(
            find_task("tag"),
            examples,
            chosen,
            config=self._configuration(),
            targets=TagSet(spans, tokeniser_of(examples)),
            watch=self._watch(),
        )
        self.session_ = TagSession(trained.archive)
        self.classes_ = self.session_.labels
        self.history_: tuple[Epoch, ...] = trained.history
        return self

    def predict(self, X: Iterable[Given]) -> list[list[str]]:  # noqa: N803
        """Return the tags of each sentence: IOB2, or the labels."""
        return [list(answer.tags) for answer in self.answers(X)]

    def answers(self, X: Iterable[Given], *, min_confidence: float = 0.0) -> list[Tagging]:  # noqa: N803
        """Return entities with their places and calibrated probabilities.

        Args:
            X: Raw texts, or lists of tokens.
            min_confidence: Entities that are less probable are left out.
        """
        return self._fitted().with_answers(min_confidence=min_confidence).predict(X)

    def evaluate(self, X: Iterable[Given], y: Iterable[Truth]) -> Evaluation:  # noqa: N803
        """Return metrics and the report on tagged sentences."""
        return evaluate(self._fitted(), _sentences(X, y)[0])

    def score(self, X: Iterable[Given], y: Iterable[Truth]) -> float:  # noqa: N803
        """Return F1 of exact spans, or the accuracy of plain labels."""
        metrics = self.evaluate(X, y).metrics
        return metrics["f1" if self._fitted().codecs.target.spans else "accuracy"]

    def _configuration(self) -> Config:
        base = find_task("tag").config()
        base = base.replace(
            encoder__name=self.encoder,
            encoder__hidden=self.hidden,
            encoder__layers=self.layers,
            train__epochs=self.epochs,
            train__seed=self.seed,
            tag__decoder=self.decoder,
            tag__features=self.features,
        )
        return self._adjusted(base)


def _sentences(given: Iterable[Given], truth: Iterable[Truth]) -> tuple[list[Sentence], bool]:
    """Return tagged sentences in IOB2 or with labels, and whether tags mark spans."""
    inputs, targets = list(given), list(truth)
    if isinstance(given, str) or len(inputs) != len(targets):
        raise DataError("texts and tags differ in number", given=f"{len(inputs)}, {len(targets)}")
    tokens = [(i, t) for i, t in zip(inputs, targets, strict=True) if not isinstance(i, str)]
    for place, (sentence, tags) in enumerate(tokens):
        if len(sentence) != len(tags):
            given_ = f"{len(sentence)}, {len(tags)}"
            raise DataError("tokens and tags differ in number", line=place + 1, given=given_)
    try:
        scheme = detect_scheme([list(map(str, tags)) for _, tags in tokens])
    except TagError as error:
        raise DataError(f"the tags are of no one scheme: {error}") from None
    spans = scheme != "none"
    if not spans and len(tokens) < len(inputs):
        raise DataError("spans of raw texts and plain labels cannot be learned together")
    found = []
    for number, (one, target) in enumerate(zip(inputs, targets, strict=True), start=1):
        if isinstance(one, str):
            found.append(_with_spans(one, target, number))
            continue
        tags = list(map(str, target))
        if spans:
            tags = tags_of(spans_of(tags), len(tags), "iob2")
        found.append(Sentence.of_tokens(tuple(one), tuple(tags), line=number))
    return found, spans


def _with_spans(text: str, spans: Truth, number: int) -> Sentence:
    from seqmap.data.tagging.spans import Record, spanned

    try:
        plain = [[int(s), int(e), str(k)] for s, e, k in spans]
    except (TypeError, ValueError):
        raise DataError(
            "raw texts take spans",
            path="y",
            line=number,
            given=spans,
            allowed="a list of (start, end, type) in characters",
            remedy="Give lists of tokens instead of texts, if there is a tag a token",
        ) from None
    return spanned(Record({"text": text}, "y", number), text, plain, "word")[0]
