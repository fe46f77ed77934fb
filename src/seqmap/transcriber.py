"""The transcriber as an estimator, by scikit-learn's conventions as far as they fit recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

from seqmap.config import Config
from seqmap.data.audio import usual_rate
from seqmap.evaluate import evaluate
from seqmap.fitted import SessionEstimator
from seqmap.runtime.sounds import recordings_of
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.runtime.transcribe_stream import TranscribeStream
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.tasks.transcribe_results import Transcript
from seqmap.training import Epoch, train

Given = Any
"""A path, samples with their rate (samples, rate), or what `seqmap.data.audio` gives."""


class Transcriber(SessionEstimator[TranscribeSession]):
    """Audio → text.

    The parameters are the ones most often changed; `config` takes any other, as nested dicts or
    dotted keys: `Transcriber(config={"transcribe.order": 2})`.

    Args:
        hidden: Units per layer and direction.
        layers: Stacked layers.
        direction: `both` hears whole recordings, `forward` also while somebody speaks.
        epochs: At most this many passes over the data.
        unit: `char` or `subword`: what the network writes.
        seed: Seed of initialisation, order and dropout.
        config: Further settings.
        verbose: Print a line an epoch to stderr.

    Attributes:
        history_: One entry an epoch.
    """

    def __init__(
        self,
        *,
        hidden: int = 192,
        layers: int = 3,
        direction: Literal["both", "forward"] = "both",
        epochs: int = 80,
        unit: Literal["char", "subword"] = "char",
        seed: int = 42,
        config: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden = hidden
        self.layers = layers
        self.direction = direction
        self.epochs = epochs
        self.unit = unit
        self.seed = seed
        self.config = config
        self.verbose = verbose

    def fit(
        self,
        X: Iterable[Given],  # noqa: N803
        y: Iterable[str],
        *,
        dev: tuple[Iterable[Given], Iterable[str]] | None = None,
    ) -> Self:
        """Train on recordings and what is said in them.

        Args:
            X: Recordings.
            y: As many texts.
            dev: The same to choose on; None holds a part out.

        Raises:
            UserError: The recordings, texts or settings cannot be used.
        """
        examples = recordings_of(X, y)
        trained = train(
            find_task("transcribe"),
            examples,
            None if dev is None else recordings_of(*dev),
            config=self._configuration(),
            targets=AudioSet(usual_rate(examples)),
            watch=self._watch(),
        )
        self.session_ = TranscribeSession(trained.archive)
        self.history_: tuple[Epoch, ...] = trained.history
        return self

    def predict(self, X: Iterable[Given]) -> list[str]:  # noqa: N803
        """Return the text of each recording."""
        return [answer.text for answer in self.answers(X)]

    def answers(
        self,
        X: Iterable[Given],  # noqa: N803
        *,
        phrases: Iterable[str] = (),
        n_best: int = 1,
    ) -> list[Transcript]:
        """Return words with their times and calibrated confidence.

        Args:
            X: Recordings.
            phrases: What is expected: names and words that the training may never have had.
            n_best: How many readings of each to give.
        """
        session = self._fitted().with_answers(n_best=n_best)
        return session.with_phrases(phrases).predict(X)

    def stream(self, *, rate: int | None = None) -> TranscribeStream:
        """Begin to hear while somebody speaks; `direction` must be `forward`."""
        return self._fitted().stream(rate=rate)

    def evaluate(self, X: Iterable[Given], y: Iterable[str]) -> Evaluation:  # noqa: N803
        """Return error rates and the report on transcribed recordings."""
        return evaluate(self._fitted(), recordings_of(X, y))

    def score(self, X: Iterable[Given], y: Iterable[str]) -> float:  # noqa: N803
        """Return one minus the word error rate."""
        return 1.0 - self.evaluate(X, y).metrics["wer"]

    def _configuration(self) -> Config:
        base = find_task("transcribe").config()
        base = base.replace(
            encoder__hidden=self.hidden,
            encoder__layers=self.layers,
            encoder__direction=self.direction,
            text__unit=self.unit,
            train__epochs=self.epochs,
            train__seed=self.seed,
        )
        return self._adjusted(base)
