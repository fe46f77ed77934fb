"""`seqmap generate`: let a language model write."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from seqmap.commands.console import Screen
from seqmap.commands.predict import answers
from seqmap.data import ReadOptions
from seqmap.errors import UserError
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.sampling import Sampling
from seqmap.runtime.session import load

_BETWEEN = "---"


@dataclass(frozen=True)
class GenerateRequest:
    """What `seqmap generate` was asked for; None goes by the model's own settings.

    Attributes:
        model: The archive.
        source: A file of texts to continue, or `-`.
        text: One text to continue.
        count: Continuations of each.
        seed: Of the draws.
        length: Symbols of a continuation.
        temperature: Below 1 prefers what is likely.
        top_k: Only so many of the likeliest symbols.
        top_p: Only the likeliest symbols of this probability together.
        precision: What the native core computes in.
    """

    model: str
    source: str | None
    text: str | None
    count: int
    seed: int
    length: int | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    precision: str | None


def run_generate(request: GenerateRequest, options: ReadOptions, screen: Screen) -> None:
    """Continue one text (empty: from nothing), or each text of a file or of standard input.

    Raises:
        UserError: The model is none of language, or the input cannot be used.
    """
    if request.source is not None and request.text is not None:
        raise UserError("generate continues a FILE or a --text, not both")
    session = load(request.model, precision=request.precision)
    if not isinstance(session, LanguageSession):
        raise UserError(
            "only a language model generates",
            path=request.model,
            given=session.task.name,
            allowed="language",
            remedy="Train one: seqmap train language CORPUS",
        )
    session = session.with_sampling(_sampling(request, session.sampling))
    session = session.with_answers(n_best=request.count)
    text = request.text or "" if request.source is None else None
    count = 0
    for answer in answers(session, request.source, text, options):
        if screen.as_json:
            print(json.dumps(session.task.record(answer), ensure_ascii=False), flush=True)
        elif not answer.continuations:
            screen.result(session.task.line(answer))
        for continuation in answer.continuations:
            if count:
                screen.result(_BETWEEN)
            screen.result(answer.text + continuation)
            count += 1
    screen.close({"task": session.task.word, "count": count})


def _sampling(request: GenerateRequest, own: Sampling) -> Sampling:
    asked = {name: getattr(request, name) for name in ("length", "temperature", "top_k", "top_p")}
    given = {name: value for name, value in asked.items() if value is not None}
    return replace(own, seed=request.seed, **given)
