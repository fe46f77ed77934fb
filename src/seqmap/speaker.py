"""The speaker as an estimator, by scikit-learn's conventions as far as they fit sound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.data.audio import Recording, usual_rate
from seqmap.errors import DataError
from seqmap.evaluate import evaluate
from seqmap.fitted import SessionEstimator
from seqmap.runtime.sounds import recordings_of
from seqmap.runtime.speak import SpeakSession
from seqmap.runtime.speak_stream import SpeakStream
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.tasks.speak_results import Spoken
from seqmap.training import Epoch, train

Given = Any
"""A path, samples with their rate (samples, rate), or what `seqmap.data.audio` gives."""


class Speaker(SessionEstimator[SpeakSession]):
    """Text → audio, in the voice of the recordings that it is given.

    The parameters are the ones most often changed; `config` takes any other, as nested dicts or
    dotted keys: `Speaker(config={"speak.frames": 2})`.

    Args:
        hidden: Units of the LSTM that gives the frames.
        attention: Units of the LSTM that walks along the text.
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
        hidden: int = 256,
        attention: int = 128,
        epochs: int = 80,
        seed: int = 42,
        config: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden = hidden
        self.attention = attention
        self.epochs = epochs
        self.seed = seed
        self.config = config
        self.verbose = verbose

    def fit(
        self,
        X: Iterable[str],  # noqa: N803
        y: Iterable[Given],
        *,
        dev: tuple[Iterable[str], Iterable[Given]] | None = None,
    ) -> Self:
        """Train on texts and recordings in which one voice says them.

        Args:
            X: Texts.
            y: As many recordings.
            dev: The same to choose on; None holds a part out.

        Raises:
            UserError: The texts, recordings or settings cannot be used.
        """
        examples = _spoken(X, y)
        trained = train(
            find_task("speak"),
            examples,
            None if dev is None else _spoken(*dev),
            config=self._configuration(),
            targets=AudioSet(usual_rate(examples)),
            watch=self._watch(),
        )
        self.session_ = SpeakSession(trained.archive)
        self.history_: tuple[Epoch, ...] = trained.history
        return self

    def predict(self, X: Iterable[str]) -> list[NDArray[np.float32]]:  # noqa: N803
        """Return the sound of each text, (samples,) in -1…1, `rate_` samples a second."""
        return [answer.samples for answer in self.answers(X)]

    @property
    def rate_(self) -> int:
        """Samples a second of what is said."""
        return self._fitted().rate

    def answers(self, X: Iterable[str], **search: Any) -> list[Spoken]:  # noqa: N803
        """Return sound with alignment and notes.

        Args:
            X: Texts.
            **search: How they are spoken, such as `pace=1.2`, `seed=7`, `dropout=0.0`.
        """
        return self._fitted().with_search(**search).predict(X)

    def stream(self) -> SpeakStream:
        """Begin to speak a text while it is written, sentence by sentence."""
        return self._fitted().stream()

    def evaluate(self, X: Iterable[str], y: Iterable[Given]) -> Evaluation:  # noqa: N803
        """Return the distance to recordings of the same texts, time warped."""
        return evaluate(self._fitted(), _spoken(X, y))

    def score(self, X: Iterable[str], y: Iterable[Given]) -> float:  # noqa: N803
        """Return the mel-cepstral distortion in dB with a minus: higher is nearer."""
        return -self.evaluate(X, y).metrics["mcd"]

    def _configuration(self) -> Config:
        base = find_task("speak").config()
        base = base.replace(
            speak__hidden=self.hidden,
            speak__attention=self.attention,
            train__epochs=self.epochs,
            train__seed=self.seed,
        )
        return self._adjusted(base)


def _spoken(texts: Iterable[str], given: Iterable[Given]) -> list[Recording]:
    """Return recordings, each with a text: what is not said cannot be learned to be said."""
    found = recordings_of(given, texts)
    for one in found:
        if not one.text.strip():
            raise DataError("a speaker maps texts to recordings", line=one.line, given=one.text)
    return found
