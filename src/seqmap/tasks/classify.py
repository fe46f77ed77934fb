"""Text to label, or to several labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs import fit_codec, restore_codec
from seqmap.codecs.base import TextCodec
from seqmap.codecs.labels import LabelCodec
from seqmap.config import Config
from seqmap.errors import DataError
from seqmap.tasks.base import Evaluation, Task

if TYPE_CHECKING:
    # Reading files drags half of the standard library in; a deployed model may never read one.
    from seqmap.data import Dataset, Example, ReadOptions

# A label of several is given when its probability passes this.
THRESHOLD = 0.5


@dataclass(frozen=True)
class LabelSet:
    """What is known of the labels of all training examples.

    Attributes:
        names: The classes in their order, which is also that of soft labels; None collects them.
        multi: Whether an example may carry several labels.
    """

    names: tuple[str, ...] | None = None
    multi: bool = False


@dataclass(frozen=True)
class Codecs:
    """The two sides of the mapping: what turns texts and labels into numbers and back."""

    source: TextCodec
    target: LabelCodec
    multi: bool = False
    """Whether one source may carry several labels."""


@dataclass(frozen=True)
class Classification:
    """The answer for one text.

    Attributes:
        label: The most probable label.
        probability: Its probability.
        probabilities: That of each label.
    """

    label: str
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class MultiClassification:
    """The answer for one text that may carry several labels.

    Attributes:
        labels: The labels more probable than not.
        probabilities: The probability of each label.
    """

    labels: tuple[str, ...]
    probabilities: dict[str, float]


class Classify(Task):
    """Text → label."""

    name = "classify"
    mapping = "text → label"
    headline = ("accuracy", "macro_f1")

    def read(self, path: str, options: ReadOptions) -> Dataset:
        """Read labelled texts."""
        from seqmap.data import read_examples

        return read_examples(path, options)

    def targets(self, dataset: Any) -> LabelSet:
        """Return the labels and whether an example may carry several."""
        return LabelSet(dataset.label_names, dataset.multi_label)

    def check_trainable(self, dataset: Any) -> None:
        """Refuse fewer than two labels."""
        from seqmap.data import check_trainable

        check_trainable(dataset.examples, dataset.path)

    def conform(self, other: Any, train: Any) -> Any:
        """Refuse labels that training does not see; count and order classes as it does."""
        from seqmap.data.names import renumbered
        from seqmap.data.soft import aligned

        other = renumbered(other, train)
        problem = "the training data does not have this label"
        _check_labels(other, train.label_names, problem)
        if not train.multi_label:
            _check_single(other.examples, other.path)
        return aligned(other, train)

    def check_known(self, dataset: Any, codecs: Codecs) -> None:
        """Refuse labels that a model does not know."""
        problem = "the model does not know this label"
        _check_labels(dataset, tuple(codecs.target.names), problem)
        if not codecs.multi:
            _check_single(dataset.examples, dataset.path)

    def hold_out(
        self, examples: Sequence[Example], share: float
    ) -> tuple[Sequence[Example], Sequence[Example]]:
        """Split off a stratified part (seed 42)."""
        from seqmap.data import hold_out

        return hold_out(examples, share)

    def inspect(
        self, train: Sequence[Example], dev: Sequence[Example], test: Sequence[Example] | None
    ) -> tuple[str, ...]:
        """Count classes, duplicates, contradictions, empty texts and overlap."""
        from seqmap.data import inspect

        return inspect(train, dev, test).describe()

    def memory(self, dataset: Any, options: ReadOptions) -> dict[str, Any]:
        """Return columns and format of the training file."""
        from seqmap.data.memory import describe_input

        return describe_input(dataset, options)

    def recall(
        self,
        path: str,
        options: ReadOptions,
        memory: Mapping[str, Any] | None,
        *,
        labelled: bool,
    ) -> ReadOptions:
        """Take the training file's columns where a file has its shape."""
        from seqmap.data.memory import remembered

        return remembered(path, options, memory, labelled=labelled)

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a classifier of texts must not be trusted with."""
        text, target = manifest["config"]["text"], manifest["target"]
        forced = (
            "A text may get no label at all; each label is decided by itself."
            if target["multi"]
            else f"Every text gets one of {len(target['labels'])} labels, one on anything else too."
        )
        return (
            forced,
            "Probabilities hold for texts like those of training; elsewhere they are too sure.",
            f"Of a longer text {text['max_length']} symbols are read ({text['truncate']} dropped).",
            "It repeats what its labels hold, errors and prejudices included.",
        )

    def inputs(self, path: str, options: ReadOptions) -> Iterator[str]:
        """Stream the texts of a file or a pipe."""
        from seqmap.data import iter_texts

        return (text for _, text in iter_texts(path, options))

    def input_of(self, text: str) -> str:
        """Return the text itself."""
        return text

    def line(self, answer: Classification | MultiClassification) -> str:
        """Return the label and its probability, separated by a tab; several by a bar."""
        if isinstance(answer, MultiClassification):
            shares = [f"{answer.probabilities[label]:.4f}" for label in answer.labels]
            return "|".join(answer.labels) + "\t" + "|".join(shares)
        return f"{answer.label}\t{answer.probability:.4f}"

    def head(self, codecs: Codecs) -> str:
        """Return the head for single or for several labels."""
        return "multi-label" if codecs.multi else "label"

    def fit_codecs(
        self,
        examples: Sequence[Example],
        config: Config,
        targets: LabelSet,
        *,
        source: TextCodec | None = None,
    ) -> Codecs:
        """Build symbols and labels from training data; labels that are given keep their order.

        Args:
            examples: The training data.
            config: What a symbol is.
            targets: What is known of the labels.
            source: A codec to take instead of a new one.

        Raises:
            DataError: There are fewer than two labels.
        """
        from seqmap.data import check_trainable

        check_trainable(examples)
        names = targets.names
        target = LabelCodec.fit(e.labels for e in examples) if names is None else LabelCodec(names)
        if source is None:
            source = fit_codec((example.text for example in examples), config.text)
        return Codecs(source, target, targets.multi)

    def codec_state(self, codecs: Codecs) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return manifest entries and arrays that `restore_codecs` reads."""
        state, arrays = codecs.source.to_state()
        labels = {"labels": list(codecs.target.names), "multi": codecs.multi}
        return {"source": state, "target": labels}, arrays

    def restore_codecs(self, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Codecs:
        """Rebuild the codecs from an archive."""
        target = manifest["target"]
        source = restore_codec(manifest["source"], arrays)
        return Codecs(source, LabelCodec(tuple(target["labels"])), bool(target["multi"]))

    def encode_targets(self, examples: Sequence[Example], codecs: Codecs) -> NDArray[np.float32]:
        """Return (examples, classes): one-hot, several ones, or a teacher's probabilities.

        Raises:
            DataError: A label that training did not know, or not one label where it must be one.
        """
        if not codecs.multi:
            # A teacher's shares are a target without a label, too.
            _check_single([example for example in examples if example.soft is None])
        targets = np.zeros((len(examples), len(codecs.target.names)), dtype=np.float32)
        for row, example in enumerate(examples):
            if example.soft is not None:
                targets[row] = example.soft
                continue
            for label in example.labels:
                targets[row, codecs.target.encode(label, line=example.line or None)] = 1.0
        return targets

    def evaluate(
        self, probabilities: NDArray[np.float64], targets: NDArray[np.float32], codecs: Codecs
    ) -> Evaluation:
        """Score probabilities (examples, classes): accuracy, F1, loss, calibration, confusions."""
        from seqmap.metrics import class_report, confusion_matrix, ece, log_loss

        names = list(codecs.target.names)
        truth, predicted = (
            _decisions(targets, codecs.multi),
            _decisions(probabilities, codecs.multi),
        )
        report = class_report(truth, predicted, names)
        metrics = {
            "loss": log_loss(probabilities, truth),
            "accuracy": report.accuracy,
            "macro_f1": report.macro_f1,
            "f1": _main_f1(report, codecs.multi),
            "ece": ece(probabilities, truth),
        }
        details: dict[str, Any] = {"labels": names, "report": report.to_dict()}
        if not codecs.multi:
            details["confusion"] = confusion_matrix(truth, predicted, len(names)).tolist()
        return Evaluation(metrics, report.table(), details)

    def results(
        self, probabilities: NDArray[np.float64], codecs: Codecs
    ) -> list[Classification | MultiClassification]:
        """Turn probabilities (texts, classes) into one answer a text."""
        names = codecs.target.names
        answers: list[Classification | MultiClassification] = []
        for row in probabilities.tolist():
            shares = dict(zip(names, row, strict=True))
            if codecs.multi:
                chosen = tuple(name for name, share in shares.items() if share > THRESHOLD)
                answers.append(MultiClassification(chosen, shares))
            else:
                best = max(shares, key=shares.__getitem__)
                answers.append(Classification(best, shares[best], shares))
        return answers


def _check_labels(dataset: Dataset, known: tuple[str, ...], problem: str) -> None:
    """Refuse labels that are not known, by file and line."""
    allowed = set(known)
    for example in dataset.examples:
        strange = next((label for label in example.labels if label not in allowed), None)
        if strange is not None:
            shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
            raise DataError(
                problem, path=dataset.path, line=example.line, given=strange, allowed=shown
            )


def _check_single(examples: Sequence[Example], path: str | None = None) -> None:
    """Refuse examples that a model of one label each could neither learn nor be measured on."""
    for example in examples:
        if len(example.labels) != 1:
            raise DataError(
                "the example has several labels" if example.labels else "the example has no label",
                path=path,
                line=example.line or None,
                given=", ".join(example.labels) or None,
                allowed="one label for each example, as in the training data",
            )


def _decisions(scores: NDArray[Any], multi: bool) -> NDArray[np.int64]:
    """Return class numbers (examples,), or indicators (examples, classes) for several labels."""
    if multi:
        return (scores > THRESHOLD).astype(np.int64)
    return np.asarray(scores.argmax(axis=-1), dtype=np.int64)


def _main_f1(report: Any, multi: bool) -> float:
    """F1 of the positive class of two (the last by name), the micro or the macro average else."""
    if multi:
        return float(report.average("micro").f1)
    return float(report.classes[-1].f1 if len(report.classes) == 2 else report.macro_f1)
