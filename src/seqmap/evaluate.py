"""Measure a deployed model on labelled examples; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seqmap.data import Example
from seqmap.errors import DataError
from seqmap.runtime.session import Session
from seqmap.tasks import Evaluation


def evaluate(session: Session, examples: Sequence[Example]) -> Evaluation:
    """Score a model's calibrated probabilities against the labels (not a teacher's shares).

    Raises:
        DataError: There is no example, or a label that training did not know.
    """
    if not examples:
        raise DataError("there is nothing to evaluate: no examples")
    hard = [replace(example, soft=None) for example in examples]
    targets = session.task.encode_targets(hard, session.codecs)
    probabilities = session.predict_proba([example.text for example in examples])
    return session.task.evaluate(probabilities, targets, session.codecs)
