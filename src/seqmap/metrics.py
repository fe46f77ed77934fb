"""Figures that say how well a model answers, in NumPy alone.

Every figure is defined as scikit-learn defines it and agrees with it to the digit (the tests
compare them); the expected calibration error is that of Guo et al. (2017), section 2.

Single-label truth and predictions are class numbers `(n,)`; multi-label ones are 0/1 indicators
`(n, classes)`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_NUMBERS = 41  # columns of a report taken by precision, recall, F1 and support


@dataclass(frozen=True)
class ClassScore:
    """Precision, recall and F1 of one class, or of an average over classes."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    """How many examples truly carry the label."""
    predicted: int
    """How many examples were given the label."""


@dataclass(frozen=True)
class ClassReport:
    """The figures of a classification, per class and averaged."""

    classes: tuple[ClassScore, ...]
    averages: tuple[ClassScore, ...]
    """Macro and weighted; for several labels per example micro comes first."""
    accuracy: float
    """Share of examples that are right altogether."""
    examples: int

    def average(self, name: str) -> ClassScore:
        """Return the average called `name`: "macro", "weighted" or (multi-label) "micro"."""
        return {score.name: score for score in self.averages}[name]

    @property
    def macro_f1(self) -> float:
        """Unweighted mean of the classes' F1."""
        return self.average("macro").f1

    def table(self, width: int = 80) -> str:
        """Return the report as text of at most `width` columns (wide characters count twice)."""
        rows = [*self.classes, *self.averages]
        labels = [*(s.name for s in self.classes), *(f"{s.name} average" for s in self.averages)]
        # A tab or a line break in a name would break the table.
        labels = ["".join(c if c.isprintable() else " " for c in label) for label in labels]
        room = max(width - _NUMBERS, 12)
        column = min(max(display_width(label) for label in [*labels, "accuracy"]), room)
        rule = "─" * (column + _NUMBERS)
        lines = [f"{_fit('class', column)}  precision    recall        F1   support", rule]
        lines += [_row(label, score, column) for label, score in zip(labels, rows, strict=True)]
        accuracy = f"{_fit('accuracy', column)}{self.accuracy:>31.4f}{self.examples:>10,}"
        lines[2 + len(self.classes) : 2 + len(self.classes)] = [rule, accuracy]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dicts, as JSON takes them."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "examples": self.examples,
            "classes": {score.name: _numbers(score) for score in self.classes},
            "averages": {score.name: _numbers(score) for score in self.averages},
        }


def accuracy(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Share of examples that are right altogether; for indicators, the subset accuracy."""
    same = np.asarray(truth) == np.asarray(predicted)
    if same.shape[:1] == (0,):
        return 0.0
    return float(np.mean(same.all(axis=1) if same.ndim == 2 else same))


def macro_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Unweighted mean of F1 over the classes that occur in the truth or in the predictions."""
    hits, guesses, support = _counts(np.asarray(truth), np.asarray(predicted))
    return _mean(_ratios(hits, guesses, support)[2][guesses + support > 0])


def micro_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """F1 over all decisions together; for single labels it equals the accuracy."""
    hits, guesses, support = _counts(np.asarray(truth), np.asarray(predicted))
    return _ratio(2 * int(hits.sum()), int(guesses.sum() + support.sum()))


def class_report(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, names: Sequence[str]
) -> ClassReport:
    """Score every class.

    Args:
        truth: Class numbers `(n,)`, or indicators `(n, classes)` for several labels per example.
        predicted: The same of what the model answered.
        names: The class names in the order of their numbers.

    Raises:
        ValueError: The shapes differ, or a class number has no name.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    hits, guesses, support = _counts(truth, predicted, len(names))
    precision, recall, f1 = _ratios(hits, guesses, support)
    classes = tuple(
        ClassScore(
            name=str(name),
            precision=float(precision[k]),
            recall=float(recall[k]),
            f1=float(f1[k]),
            support=int(support[k]),
            predicted=int(guesses[k]),
        )
        for k, name in enumerate(names)
    )
    total, guessed = int(support.sum()), int(guesses.sum())
    present = guesses + support > 0
    weights = support / max(total, 1)

    def mean(name: str, figures: list[float]) -> ClassScore:
        return ClassScore(name, figures[0], figures[1], figures[2], total, guessed)

    ratios = (precision, recall, f1)
    averages = [
        mean("macro", [_mean(values[present]) for values in ratios]),
        mean("weighted", [float(weights @ values) for values in ratios]),
    ]
    if truth.ndim == 2:
        right = int(hits.sum())
        pairs = ((right, guessed), (right, total), (2 * right, guessed + total))
        averages.insert(0, mean("micro", [_ratio(part, whole) for part, whole in pairs]))
    return ClassReport(classes, tuple(averages), accuracy(truth, predicted), len(truth))


def confusion_matrix(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> IntArray:
    """Count examples by true class (rows) and predicted class (columns): `(classes, classes)`."""
    truth, predicted = _numbers_of(truth, classes), _numbers_of(predicted, classes)
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(
        classes, classes
    )


def log_loss(probabilities: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean negative log-likelihood, in nats.

    Args:
        probabilities: `(n, classes)`.
        truth: Class numbers `(n,)`, or indicators `(n, classes)`: then the mean is over all
            n × classes yes/no decisions.
    """
    chances, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    if len(chances) == 0:
        return 0.0
    tiny = np.finfo(np.asarray(probabilities).dtype if _is_float(probabilities) else float).eps
    chances = np.clip(chances, tiny, 1 - tiny)
    if truth.ndim == 2:
        return float(-np.mean(np.where(truth != 0, np.log(chances), np.log1p(-chances))))
    return float(-np.mean(np.log(chances[np.arange(len(truth)), truth])))


def ece(probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over equal-width bins.

    Guo et al. (2017), "On Calibration of Modern Neural Networks", equation 3.

    Args:
        probabilities: `(n, classes)`.
        truth: Class numbers `(n,)`, or indicators `(n, classes)`: then each of the n × classes
            yes/no decisions counts.
        bins: How many bins of equal width the confidence is cut into.
    """
    confidence, right, count = reliability(probabilities, truth, bins)
    return float(np.sum(count * np.abs(confidence - right)) / max(int(count.sum()), 1))


def reliability(
    probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = 15
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return mean confidence, accuracy and count of each confidence bin, `(bins,)` each."""
    chances, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    if truth.ndim == 2:
        confidence = np.maximum(chances, 1 - chances).ravel()
        right = ((chances > 0.5) == (truth != 0)).ravel()
    else:
        confidence = chances.max(axis=1, initial=0.0)
        right = chances.argmax(axis=1) == truth if len(truth) else np.zeros(0, dtype=bool)
    # Bin k holds k/bins < confidence <= (k+1)/bins.
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    share = np.maximum(count, 1)
    return (
        np.bincount(place, weights=confidence, minlength=bins) / share,
        np.bincount(place, weights=right, minlength=bins) / share,
        count,
    )


def display_width(text: str) -> int:
    """Columns that `text` takes in a terminal: 2 for wide characters, 0 for combining ones."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _fit(text: str, columns: int) -> str:
    """Pad `text` to `columns`, or cut it there and end it with an ellipsis."""
    if display_width(text) > columns:
        kept, used = "", 0
        for character in text:
            used += _columns(character)
            if used > columns - 1:
                break
            kept += character
        text = kept + "…"
    return text + " " * (columns - display_width(text))


def _row(label: str, score: ClassScore, column: int) -> str:
    # A share of nothing is shown as a dash: it is counted as 0, but it was not measured.
    precision = f"{score.precision:.4f}" if score.predicted else "–"
    recall = f"{score.recall:.4f}" if score.support else "–"
    f1 = f"{score.f1:.4f}" if score.predicted or score.support else "–"
    return f"{_fit(label, column)}{precision:>11}{recall:>10}{f1:>10}{score.support:>10,}"


def _numbers(score: ClassScore) -> dict[str, float | int]:
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "support": score.support,
    }


def _numbers_of(values: npt.ArrayLike, classes: int) -> IntArray:
    numbers = np.asarray(values)
    if numbers.ndim != 1:
        raise ValueError(f"class numbers must have shape (n,), not {numbers.shape}")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
        raise ValueError(f"class numbers must lie in 0..{classes - 1}")
    return numbers.astype(np.int64)


def _counts(
    truth: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: int | None = None
) -> tuple[IntArray, IntArray, IntArray]:
    """Return hits, predictions and true occurrences per class, `(classes,)` each."""
    if truth.shape != predicted.shape:
        raise ValueError(f"shapes differ: truth {truth.shape}, predicted {predicted.shape}")
    if truth.ndim == 2:
        if classes is not None and truth.shape[1] != classes:
            raise ValueError(f"{truth.shape[1]} indicators for {classes} names")
        yes, guessed = truth != 0, predicted != 0
        return (yes & guessed).sum(axis=0), guessed.sum(axis=0), yes.sum(axis=0)
    if classes is None:
        classes = 1 + int(max(truth.max(initial=-1), predicted.max(initial=-1)))
    truth, predicted = _numbers_of(truth, classes), _numbers_of(predicted, classes)
    hits = np.bincount(truth[truth == predicted], minlength=classes)
    return hits, np.bincount(predicted, minlength=classes), np.bincount(truth, minlength=classes)


def _ratios(
    hits: IntArray, guesses: IntArray, support: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Precision, recall and F1 per class; 0 where nothing can be divided."""
    return (
        hits / np.maximum(guesses, 1),
        hits / np.maximum(support, 1),
        2 * hits / np.maximum(guesses + support, 1),
    )


def _mean(values: FloatArray) -> float:
    return float(np.mean(values)) if values.size else 0.0


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _is_float(values: npt.ArrayLike) -> bool:
    return bool(np.issubdtype(np.asarray(values).dtype, np.floating))
