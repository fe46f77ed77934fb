"""Text to label, or to several labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs import fit_codec, restore_codec
from seqmap.codecs.labels import LabelCodec
from seqmap.config import Config
from seqmap.tasks.base import Codecs, Evaluation, Task

if TYPE_CHECKING:
    from seqmap.data import Dataset, Example, ReadOptions

# A label of several is given when its probability passes this.
THRESHOLD = 0.5


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

    def read(self, path: str, options: ReadOptions) -> Dataset:
        """Read labelled texts."""
        from seqmap.data import read_examples

        return read_examples(path, options)

    def head(self, codecs: Codecs) -> str:
        """Return the head for single or for several labels."""
        return "multi-label" if codecs.multi else "label"

    def fit_codecs(
        self,
        examples: Sequence[Example],
        config: Config,
        *,
        multi: bool,
        labels: Sequence[str] | None = None,
    ) -> Codecs:
        """Build symbols and labels from training data.

        Raises:
            DataError: There are fewer than two labels.
        """
        from seqmap.data import check_trainable

        check_trainable(examples)
        target = (
            LabelCodec.fit(e.labels for e in examples) if labels is None else LabelCodec(labels)
        )
        source = fit_codec((example.text for example in examples), config.text)
        return Codecs(source, target, multi)

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
            DataError: A label that training did not know.
        """
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
