"""`seqmap predict`: one answer a line, in the order of the input, in constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqmap.commands.ahead import in_parts
from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder, write_file
from seqmap.commands.options import expecting
from seqmap.config import parse_setting
from seqmap.data import ReadOptions
from seqmap.data.source import comes_once
from seqmap.errors import UserError
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import Session, load, restore


@dataclass(frozen=True)
class PredictRequest:
    """What `seqmap predict` was asked for.

    Attributes:
        model: The archive.
        source: A file, or `-` for standard input.
        text: One text, instead of a file.
        options: How the file is read.
        precision: What the native core computes in, or None as the archive says.
        min_confidence: What is less probable is left out.
        n_best: How many readings of an input to give.
        phrases: A file of phrases that are expected in speech, one a line.
        search: Settings of a search, `key=value` each.
        out: A folder for the answers to a folder of files, or for the files that answers are; None
            takes the task's for these.
        engine: What answers a folder: `local` or `ray`; None where no folder is meant.
    """

    model: str
    source: str | None
    text: str | None
    options: ReadOptions
    precision: str | None = None
    min_confidence: float = 0.0
    n_best: int = 1
    phrases: str | None = None
    search: Sequence[str] = ()
    out: Path | None = None
    engine: str | None = None


def run_predict(request: PredictRequest, screen: Screen) -> None:
    """Answer one text, a file, or standard input (`-`).

    Raises:
        UserError: The model or the input cannot be used.
    """
    if (request.source is None) == (request.text is None):
        raise UserError(
            "predict needs one input", allowed="a FILE, - for standard input, or --text"
        )
    session = opened(request)
    task = session.task
    folder = make_folder(request.out or Path(task.writes)) if task.writes else None
    count = 0
    # Whoever writes to a pipe may wait for the answer.
    waited_for = request.source is not None and comes_once(request.source)
    for answer in answers(session, request.source, request.text, request.options):
        count += 1
        if folder is not None:
            name, content = task.file_of(answer)
            place = folder / f"{count:04d}-{name}"
            write_file(place, content)
            answer = task.placed(answer, str(place))
        record = json.dumps(task.record(answer), ensure_ascii=False) if screen.as_json else None
        print(task.line(answer) if record is None else record, flush=waited_for)
    screen.close({"task": session.task.word, "count": count})


def opened(request: PredictRequest, archive: Archive | None = None) -> Session:
    """Return the model, answering as it was asked to.

    Args:
        request: The model, and how it shall answer.
        archive: The model, where it has been read.

    Raises:
        UserError: The model cannot be used, or not so.
    """
    if archive is None:
        session = load(request.model, precision=request.precision)
    else:
        session = restore(archive, precision=request.precision)
    session = session.with_answers(min_confidence=request.min_confidence, n_best=request.n_best)
    session = expecting(session, request.phrases)
    if request.search:
        session = session.with_search(**dict(map(_setting, request.search)))
    return session


def answers(
    session: Session, source: str | None, text: str | None, options: ReadOptions
) -> Iterator[Any]:
    """Answer a text, or what a file or a pipe holds, as it comes."""
    task = session.task
    if source is None:
        inputs: Iterator[Any] = iter([task.input_of(str(text))])
    else:
        memory = session.archive.manifest.get("input")
        inputs = task.inputs(source, task.recall(source, options, memory, labelled=False))
    if source is not None and comes_once(source):  # somebody may wait for the answer
        return session.predict_parts(in_parts(inputs, session.at_once))
    return session.predict_iter(inputs, chunk=session.at_once)


def _setting(given: str) -> tuple[str, Any]:
    if "=" not in given:
        raise UserError("--search needs the form key=value", given=given)
    return parse_setting(given)
