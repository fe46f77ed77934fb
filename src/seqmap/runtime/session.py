"""A deployed model: load, predict, evaluate, stream. Needs NumPy and no torch.

What all models have in common is here; each task has a subclass of `Session` in a file of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from seqmap.config import Config, from_dict
from seqmap.errors import ArchiveError, ConfigError, UserError
from seqmap.lazy import imported
from seqmap.runtime.archive import Archive, read
from seqmap.runtime.wishes import Wish, granted
from seqmap.tasks import Evaluation, Task, find_task

if TYPE_CHECKING:
    from pathlib import Path

    from seqmap.runtime.live.base import Live

SESSIONS: dict[str, str] = {
    "classify": "seqmap.runtime.classify:ClassifySession",
    "forecast": "seqmap.runtime.forecast:ForecastSession",
    "language": "seqmap.runtime.language:LanguageSession",
    "signal": "seqmap.runtime.signal:SignalSession",
    "speak": "seqmap.runtime.speak:SpeakSession",
    "tag": "seqmap.runtime.tag:TagSession",
    "transcribe": "seqmap.runtime.transcribe:TranscribeSession",
    "translate": "seqmap.runtime.translate:TranslateSession",
}
"""The session of each task."""

CHUNK = 256
"""Inputs that `predict_iter` takes at once."""


PRECISIONS = ("fp32", "bf16", "int8")
"""What the native core can compute a network in; NumPy always takes fp32."""


def load(path: str | Path, *, precision: str | None = None) -> Session:
    """Load a model.

    Args:
        path: The archive.
        precision: What the native core computes in: fp32, bf16 or int8. None means what the model
            was exported for, fp32 if it was not.

    Raises:
        ArchiveError: There is no such file, or it cannot be used.
        ConfigError: An unknown precision.
    """
    archive = read(path)
    try:
        return restore(archive, precision=precision)
    except ArchiveError as error:
        raise ArchiveError(
            error.problem,
            path=path,
            given=error.given,
            allowed=error.allowed,
            remedy=error.remedy,
        ) from None


def restore(archive: Archive, *, precision: str | None = None) -> Session:
    """Return the session of an archive that was read or trained.

    Args:
        archive: The model.
        precision: As for `load`.

    Raises:
        ArchiveError: It cannot be used.
        ConfigError: An unknown precision.
    """
    if precision is not None and precision not in PRECISIONS:
        raise ConfigError("a model cannot be computed so", given=precision, allowed=PRECISIONS)
    task = archive.manifest.get("task")
    if task is None:
        raise ArchiveError("the model's description is incomplete", given="no task")
    if not isinstance(task, str) or task not in SESSIONS:
        raise ArchiveError("the model is of a task that is not known", given=task, allowed=SESSIONS)
    session: Session = imported(SESSIONS[task])(archive, precision)
    return session


class Session(ABC):
    """A model that answers. It never changes, so threads may share it.

    Args:
        archive: What was read or trained.
        precision: What the native core computes in; None goes by the archive.

    Attributes:
        archive: The same.
        precision: What was asked for, or what the archive was exported for.
        task: What it does.
        config: What it was built from.
        codecs: What turns inputs and targets into numbers and back.

    Raises:
        ArchiveError: Its parts are incomplete or do not fit together.
    """

    codecs: Any
    takes = "texts"
    """What its inputs are, for messages."""
    at_once = CHUNK
    """Inputs that `seqmap predict` answers together."""
    explains = False
    """Whether `explain` works."""
    hears: int | None = None
    """Of models of speech: samples a second."""
    wishes: ClassVar[Mapping[str, Wish]] = {}
    """What a request to a server may set; see `with_wishes`."""
    made_texts = 300
    """At most so many texts `bench` makes to measure with, when none are given."""
    made_symbols = 60
    """How many symbols half of these have at most."""

    def __init__(self, archive: Archive, precision: str | None = None) -> None:
        self.archive = archive
        try:
            self.precision = precision or _stored_precision(archive)
            self.task: Task = find_task(archive.manifest["task"])
            self.config: Config = from_dict(archive.manifest["config"])
            self._restore(archive)
        except ArchiveError:
            raise
        except ConfigError as error:
            raise ArchiveError(
                f"the model's configuration is not understood: {error.problem}", given=error.given
            ) from None
        except UserError as error:
            raise ArchiveError(f"the model is not understood: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArchiveError(
                "the model's description is incomplete", given=f"{type(error).__name__}: {error}"
            ) from None

    @abstractmethod
    def _restore(self, archive: Archive) -> None:
        """Rebuild codecs and network; what is raised becomes an ArchiveError."""

    @abstractmethod
    def _answer(self, inputs: Sequence[Any], begin: int) -> Sequence[Any]:
        """Answer some inputs, one result of the task each; `begin` came before them.

        Raises:
            UserError: One of them is not what the task takes.
        """

    @abstractmethod
    def evaluate(self, examples: Sequence[Any]) -> Evaluation:
        """Measure the model on labelled examples of its task."""

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures that were measured when the model was trained."""
        return dict(self.archive.manifest.get("metrics") or {})

    @property
    @abstractmethod
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""

    @cached_property
    def digest(self) -> str:
        """What identifies the model: the archive's digest."""
        return self.archive.digest()

    def predict(self, inputs: Iterable[Any]) -> list[Any]:
        """Answer every input: one result of the task each, in order.

        Raises:
            UserError: This is one string, or holds something that the task does not take.
        """
        return list(self.predict_iter(inputs))

    def predict_iter(self, inputs: Iterable[Any], *, chunk: int = CHUNK) -> Iterator[Any]:
        """Answer inputs as they come, in order, in constant memory.

        Args:
            inputs: Any number of them.
            chunk: How many are waited for before the next answers are given; 1 answers at once.

        Raises:
            UserError: As for `predict`.
        """
        self._refuse_one(inputs, "predict")
        coming = iter(inputs)
        yield from self.predict_parts(iter(lambda: list(islice(coming, chunk)), []))

    def predict_parts(self, parts: Iterable[Sequence[Any]]) -> Iterator[Any]:
        """Answer inputs that come in parts, each part at once, in order, in constant memory.

        Args:
            parts: Any number of them, none of them empty.

        Raises:
            UserError: As for `predict`.
        """
        begin = 0
        for part in parts:
            yield from self._answer(part, begin)
            begin += len(part)

    def stream(self, state: bytes | None = None) -> Any:
        """Begin a stream: answers for an input that arrives piece by piece.

        Args:
            state: What the stream's `to_bytes` gave, to go on from there.

        Raises:
            UserError: This model does not stream.
        """
        raise UserError(f"a model of the task {self.task.name} does not stream")

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of what the model takes; see `Task.input_from`."""
        return self.task.input_schema()

    def input_from(self, value: Any) -> Any:
        """Return the input that is given as a value of JSON.

        Raises:
            UserError: The model does not map from such a value.
        """
        return self.task.input_from(value)

    def live(self, options: Mapping[str, Any]) -> Live:
        """Begin a stream of plain values, as a server gives it.

        Args:
            options: What the request wants; see `wishes`.

        Raises:
            UserError: This model does not stream, or an option is not known.
        """
        from seqmap.runtime.live.base import TextLive

        return TextLive(self.with_wishes(options))

    def with_wishes(self, options: Mapping[str, Any]) -> Session:
        """Return the same model as a request to a server wants it.

        Args:
            options: Names of `wishes`, and values.

        Raises:
            ConfigError: An option is not known, or its value is out of range.
        """
        given = granted(options, self.wishes)
        return self._wished(given) if given else self

    def _wished(self, given: Mapping[str, Any]) -> Session:
        """Return the same model with what was granted."""
        raise NotImplementedError

    def with_answers(self, *, min_confidence: float = 0.0, n_best: int = 1) -> Session:
        """Return the same model with other answers.

        Args:
            min_confidence: What is less probable is left out of an answer.
            n_best: How many readings of an input to give.

        Raises:
            UserError: The task has no such thing.
        """
        if min_confidence == 0.0 and n_best == 1:
            return self
        raise UserError(
            f"a model of the task {self.task.name} has neither --min-confidence nor --n-best"
        )

    def with_phrases(self, phrases: Iterable[str], *, boost: float | None = None) -> Session:
        """Return the same model, expecting some phrases in speech.

        Args:
            phrases: Each of any number of words.
            boost: What each of their characters is worth; None takes the model's own.

        Raises:
            UserError: The model does not hear speech.
        """
        raise UserError(f"a model of the task {self.task.name} expects no phrases")

    def with_search(self, **settings: Any) -> Session:
        """Return the same model with another search for its answers.

        Raises:
            UserError: The task searches for nothing, or a setting cannot be used.
        """
        raise UserError(f"a model of the task {self.task.name} has no search to set")

    def explain(
        self,
        text: Any,
        *,
        target: str | None = None,
        what_if: Sequence[str] = (),
        corpus: Iterable[str] = (),
        token: int | tuple[int, int] | None = None,
    ) -> Any:
        """Explain the answer to a text; see `seqmap.runtime.explain`.

        Args:
            text: What the model is asked.
            target: What is explained; None takes the answer.
            what_if: Other texts to compare with.
            corpus: Texts to look for similar states in.
            token: Number of the symbol whose state is looked for, or those of the first and last
                symbol of a span; None takes the weightiest.

        Raises:
            UserError: This model does not explain itself, or something given cannot be used.
        """
        raise UserError(f"a model of the task {self.task.name} does not explain itself")

    def _refuse_one(self, inputs: Any, method: str) -> None:
        if isinstance(inputs, str):
            raise UserError(
                f"{method} takes a list of {self.takes}", given=inputs, remedy="Use [text]"
            )


def _stored_precision(archive: Archive) -> str:
    """Return what a model was exported for."""
    stored = archive.manifest.get("precision", "fp32")
    if stored not in PRECISIONS:
        raise ArchiveError(
            "the model was exported for an unknown precision", given=stored, allowed=PRECISIONS
        )
    return str(stored)
