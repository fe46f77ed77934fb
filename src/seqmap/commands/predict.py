"""`seqmap predict`: one answer a line, in the order of the input, in constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from seqmap.commands.console import Screen
from seqmap.commands.memory import remembered
from seqmap.data import ReadOptions, iter_texts
from seqmap.data.source import Source
from seqmap.errors import UserError
from seqmap.runtime.session import CHUNK, load
from seqmap.tasks import MultiClassification


def run_predict(
    model: str, source: str | None, text: str | None, options: ReadOptions, screen: Screen
) -> None:
    """Predict the labels of one text, of a file, or of standard input (`-`).

    Raises:
        UserError: The model or the input cannot be used.
    """
    if (source is None) == (text is None):
        raise UserError(
            "predict needs one input", allowed="a FILE, - for standard input, or --text"
        )
    session = load(model)
    texts: Iterator[str]
    if text is not None:
        texts = iter([text])
    else:
        path = str(source)
        options = remembered(path, options, session.archive.manifest.get("input"), labelled=False)
        texts = (found for _, found in iter_texts(path, options))
    count = 0
    # Whoever writes to a pipe may wait for the answer; a file is read in larger pieces.
    waited_for = source is not None and Source(source).is_stream
    for answer in session.predict_iter(texts, chunk=1 if waited_for else CHUNK):
        count += 1
        print(_json(answer) if screen.as_json else _line(answer), flush=waited_for)
    screen.close({"task": session.task.name, "count": count})


def _json(answer: Any) -> str:
    return json.dumps(asdict(answer), ensure_ascii=False)


def _line(answer: Any) -> str:
    """Return the label and its probability, separated by a tab."""
    if isinstance(answer, MultiClassification):
        shares = [f"{answer.probabilities[label]:.4f}" for label in answer.labels]
        return "|".join(answer.labels) + "\t" + "|".join(shares)
    return f"{answer.label}\t{answer.probability:.4f}"
