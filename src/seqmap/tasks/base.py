"""What a task is: a torch-free declaration of a mapping of sequences.

A task says how its data is read, checked, split, described and remembered, and how an answer is
shown. The commands go through it and know nothing of any one task. What turns data into numbers
and scores into answers is the task's own business, shared by its training recipe
(`seqmap.training`) and its session (`seqmap.runtime`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from seqmap.config import Config
from seqmap.errors import UserError

if TYPE_CHECKING:
    # Reading files drags half of the standard library in; a deployed model may never read one.
    from seqmap.data import ReadOptions


class Layout(Protocol):
    """What was found in a file."""

    def describe(self) -> str:
        """Return one line of facts, and one line for each note."""


class Dataset(Protocol):
    """The examples of one file."""

    @property
    def path(self) -> str:
        """Where they come from."""

    @property
    def examples(self) -> tuple[Any, ...]:
        """Examples of the task's own kind."""

    @property
    def layout(self) -> Layout:
        """What was found in the file."""


@dataclass(frozen=True)
class Evaluation:
    """How well predictions fit the truth.

    Attributes:
        metrics: Named figures, under the fixed `--json` keys.
        table: The same for reading, in at most 80 columns.
        details: More for plots and pages, as plain JSON-able values (confusion matrix, names, …).
    """

    metrics: dict[str, float]
    table: str
    details: dict[str, Any]

    def report(self) -> str:
        """Return the figures as a table to read."""
        return self.table


class Task(ABC):
    """A mapping of sequences; one subclass and one line in `TASKS` each."""

    name: ClassVar[str]
    """The word on the command line."""
    mapping: ClassVar[str] = ""
    """What it maps to what, such as `text → label`."""
    headline: ClassVar[tuple[str, ...]]
    """The metrics that are shown for each epoch, as far as they are measured."""

    held_out: ClassVar[str] = "seed 42"
    """How `hold_out` chooses."""

    @property
    def word(self) -> str:
        """What it is called on the command line."""
        return self.name

    def count(self, examples: Sequence[Any]) -> str:
        """Say how many examples these are."""
        return f"{len(examples):,} examples"

    def config(self) -> Config:
        """Return the defaults, which a configuration file and `--set` change."""
        return Config()

    @abstractmethod
    def read(self, path: str, options: ReadOptions) -> Dataset:
        """Read labelled examples from a file.

        Raises:
            DataError: The file, or a line of it, cannot be used.
        """

    @abstractmethod
    def targets(self, dataset: Dataset) -> Any:
        """Return what is known of all targets of the training file: the recipe is told."""

    @abstractmethod
    def check_trainable(self, dataset: Dataset) -> None:
        """Refuse a training file from which nothing can be learned.

        Raises:
            DataError: There is nothing to learn.
        """

    def conform(self, other: Dataset, train: Dataset) -> Dataset:
        """Check a dev or test part against the training part; return it in the latter's terms.

        Raises:
            DataError: They do not belong together.
        """
        return other

    @abstractmethod
    def check_known(self, dataset: Dataset, codecs: Any) -> None:
        """Refuse targets that a model cannot know.

        Raises:
            DataError: There is one.
        """

    @abstractmethod
    def hold_out(
        self, examples: Sequence[Any], share: float
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Split off a part to choose on, the same one each time.

        Raises:
            DataError: Nothing can be spared.
        """

    @abstractmethod
    def inspect(
        self, train: Sequence[Any], dev: Sequence[Any], test: Sequence[Any] | None
    ) -> tuple[str, ...]:
        """Return lines about the parts: counts, and what their reader should know."""

    def memory(self, dataset: Dataset, options: ReadOptions) -> dict[str, Any]:
        """Return what a model remembers of its training file, for the manifest."""
        return {}

    def recall(
        self,
        path: str,
        options: ReadOptions,
        memory: Mapping[str, Any] | None,
        *,
        labelled: bool,
    ) -> ReadOptions:
        """Complete the options for a file by what `memory` kept of the training file."""
        return options

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what a model cannot do, for its card, a line each."""
        return ()

    @abstractmethod
    def inputs(self, path: str, options: ReadOptions) -> Iterator[Any]:
        """Read what is to be answered from a file or a pipe, as it comes.

        Raises:
            DataError: It cannot be read.
        """

    def input_of(self, text: str) -> Any:
        """Return the input that is given as `--text`.

        Raises:
            UserError: The task does not map from text.
        """
        raise UserError(f"{self.name} does not answer a text", remedy="Give a FILE")

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of what `input_from` takes."""
        return {"type": "string"}

    def input_from(self, value: Any) -> Any:
        """Return the input that is given as a value of JSON.

        Raises:
            UserError: The task does not map from such a value.
        """
        if not isinstance(value, str):
            raise UserError(f"{self.name} takes a text", given=value, allowed="a string")
        return self.input_of(value)

    @abstractmethod
    def line(self, answer: Any) -> str:
        """Show an answer in one line."""

    writes: ClassVar[str | None] = None
    """The folder that files of answers go to, if nothing else is said; None where there are none.
    """

    def file_of(self, answer: Any) -> tuple[str, bytes]:
        """Return name and content of the file that an answer is, where the task writes files."""
        raise NotImplementedError

    def placed(self, answer: Any, path: str) -> Any:
        """Return an answer that knows where its file is."""
        raise NotImplementedError

    def record(self, answer: Any) -> dict[str, Any]:
        """Return an answer as plain values for JSON."""
        return asdict(answer)
