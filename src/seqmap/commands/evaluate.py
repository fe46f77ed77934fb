"""`seqmap evaluate`: metrics and the report of a model on labelled data."""

from __future__ import annotations

from seqmap.commands.console import Screen
from seqmap.data import ReadOptions
from seqmap.evaluate import evaluate
from seqmap.runtime.session import Session, load
from seqmap.tasks import Dataset


def run_evaluate(
    model: str, data: str, precision: str | None, options: ReadOptions, screen: Screen
) -> None:
    """Evaluate, and show the report.

    Raises:
        UserError: The model or the data cannot be used.
    """
    session = load(model, precision=precision)
    dataset = read_labelled(session, data, options, screen)
    evaluation = evaluate(session, dataset.examples)
    screen.result(evaluation.report())
    screen.result("  ".join(f"{name} {value:.4f}" for name, value in evaluation.metrics.items()))
    screen.close(
        {
            "task": session.task.word,
            "metrics": evaluation.metrics,
            "examples": len(dataset.examples),
            **evaluation.details,
        }
    )


def read_labelled(session: Session, data: str, options: ReadOptions, screen: Screen) -> Dataset:
    """Read examples of the kind that a model was trained on.

    Raises:
        DataError: They cannot be read, or have a target that the model does not know.
    """
    task = session.task
    options = task.recall(data, options, session.archive.manifest.get("input"), labelled=True)
    dataset = task.read(data, options)
    screen.note(f"{data}: {dataset.layout.describe()}")
    task.check_known(dataset, session.codecs)
    return dataset
