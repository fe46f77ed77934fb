"""`seqmap evaluate`: metrics and the report of a model on labelled data."""

from __future__ import annotations

from seqmap.commands.console import Screen
from seqmap.commands.memory import remembered
from seqmap.data import Dataset, ReadOptions
from seqmap.errors import DataError
from seqmap.evaluate import evaluate
from seqmap.runtime.session import Session, load


def run_evaluate(model: str, data: str, options: ReadOptions, screen: Screen) -> None:
    """Evaluate, and show the report.

    Raises:
        UserError: The model or the data cannot be used.
    """
    session = load(model)
    dataset = read_labelled(session, data, options, screen)
    evaluation = evaluate(session, dataset.examples)
    screen.result(evaluation.report())
    screen.result("  ".join(f"{name} {value:.4f}" for name, value in evaluation.metrics.items()))
    screen.close(
        {
            "task": session.task.name,
            "metrics": evaluation.metrics,
            "examples": len(dataset.examples),
            **evaluation.details,
        }
    )


def read_labelled(session: Session, data: str, options: ReadOptions, screen: Screen) -> Dataset:
    """Read examples of the kind that a model was trained on.

    Raises:
        DataError: They cannot be read, or have a label that the model does not know.
    """
    options = remembered(data, options, session.archive.manifest.get("input"), labelled=True)
    dataset = session.task.read(data, options)
    screen.note(f"{data}: {dataset.layout.describe()}")
    check_labels(dataset, session.labels, "the model does not know this label")
    return dataset


def check_labels(dataset: Dataset, known: tuple[str, ...], problem: str) -> None:
    """Refuse labels that are not known, by file and line.

    Raises:
        DataError: There is one.
    """
    allowed = set(known)
    for example in dataset.examples:
        strange = next((label for label in example.labels if label not in allowed), None)
        if strange is not None:
            shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
            raise DataError(
                problem, path=dataset.path, line=example.line, given=strange, allowed=shown
            )
