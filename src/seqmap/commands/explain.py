"""`seqmap explain`: why a model answers as it does, as one HTML file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from seqmap.commands.console import Screen
from seqmap.errors import OutputError, UserError
from seqmap.runtime.session import load

MOST_TEXTS = 20_000
"""Texts of a corpus that are looked at."""


@dataclass(frozen=True)
class ExplainRequest:
    """What `seqmap explain` was asked for.

    Attributes:
        model: File of the model.
        text: What is explained.
        target: The label to explain; None takes the answer.
        what_if: Texts to compare with.
        corpus: File of texts to look for similar states in.
        token: Number of the symbol whose state is looked for, or those of a span's first and last.
        out: Where the page goes.
        png: Where a picture goes.
    """

    model: str
    text: str
    target: str | None
    what_if: Sequence[str]
    corpus: str | None
    token: int | tuple[int, int] | None
    out: Path | None
    png: Path | None


def run_explain(request: ExplainRequest, screen: Screen) -> None:
    """Explain, show the weightiest symbols, and write what was asked for.

    Raises:
        UserError: The model does not explain, or something given cannot be used, as a page's name
            that ends like a picture's.
    """
    _check_names(request)
    session = load(request.model)
    texts: Iterable[str] = ()
    if request.corpus is not None:
        from seqmap.data import ReadOptions

        memory = session.archive.manifest.get("input")
        options = session.task.recall(request.corpus, ReadOptions(), memory, labelled=False)
        texts = islice(session.task.inputs(request.corpus, options), MOST_TEXTS)
    explanation = session.explain(
        request.text,
        target=request.target,
        what_if=request.what_if,
        corpus=texts,
        token=request.token,
    )
    screen.result(explanation.summary())
    if request.out is not None:
        write(request.out, explanation.html())
        screen.note(f"wrote {request.out}")
    if request.png is not None:
        from seqmap.explanation_plot import picture

        picture(explanation, request.png)
        screen.note(f"wrote {request.png}")
    screen.close({"task": session.task.name, **explanation.record()})


def _check_names(request: ExplainRequest) -> None:
    for option, path, ends in (
        ("--out", request.out, (".html", ".htm")),
        ("--png", request.png, (".png",)),
    ):
        if path is not None and path.suffix.lower() not in ends:
            raise UserError(
                f"{option} writes another kind of file",
                given=path,
                allowed=f"a name that ends in {ends[0]}; --out for a page, --png for a picture",
            )


def chosen(given: str | None) -> int | tuple[int, int] | None:
    """Read `--token`: a number, or a span's first and last with a hyphen between.

    Raises:
        UserError: It is neither.
    """
    if given is None:
        return None
    found = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", given)
    if found is None:
        raise UserError(
            "--token takes the number of a symbol, or those of a span's first and last",
            given=given,
            allowed="3 or 3-5, counted from 0",
        )
    first, last = found.groups()
    return int(first) if last is None else (int(first), int(last))


def write(path: Path, text: str) -> None:
    """Write a page.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise OutputError(f"cannot write the page: {error.strerror}", path=path) from None
