"""Measure a deployed model on labelled examples; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqmap.errors import DataError
from seqmap.runtime.session import Session
from seqmap.tasks import Evaluation


def evaluate(session: Session, examples: Sequence[Any]) -> Evaluation:
    """Score a model's answers against the truth.

    Args:
        session: The model.
        examples: Labelled examples of its task.

    Raises:
        DataError: There is no example, or a target that training did not know.
    """
    if not examples:
        raise DataError("there is nothing to evaluate: no examples")
    return session.evaluate(examples)
