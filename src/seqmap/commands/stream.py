"""`seqmap stream`: answers for one text while it arrives."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from seqmap.commands.console import Screen
from seqmap.data.encoding import known_encoding
from seqmap.data.source import STDIN, Source
from seqmap.errors import DataError, UserError
from seqmap.runtime.session import load
from seqmap.runtime.speak_stream import SpeakStream
from seqmap.runtime.stream import TextStream
from seqmap.runtime.translate_stream import TranslateStream
from seqmap.tasks import Task
from seqmap.tasks.speak_results import Spoken, in_16_bits

_BYTES = 1 << 16  # at most so many at once
_PIECES = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class StreamRequest:
    """What `seqmap stream` was asked for.

    Attributes:
        model: The archive.
        source: A file, `-` or None for standard input.
        encoding: Of a text; None means UTF-8.
        precision: What the native core computes in, or None as the archive says.
        rate: Of raw samples of speech; None means the model's own.
        phrases: A file of phrases that are expected in speech, one a line.
    """

    model: str
    source: str | None
    encoding: str | None = None
    precision: str | None = None
    rate: int | None = None
    phrases: str | None = None


def run_stream(request: StreamRequest, screen: Screen) -> None:
    """Read one text or speech as it comes; answer whenever there is something new.

    A classifier gives its answer so far, a language model what may follow, a tagger each span once
    it is certain, a translator the answer to each line, a transcriber what is said so far and what
    is final, a speaker each sentence: raw 16-bit samples, or with --json WAV files in base64.

    Raises:
        UserError: The model cannot stream, or the input cannot be read.
    """
    session = load(request.model, precision=request.precision)
    source, encoding = request.source, request.encoding
    if session.takes == "recordings":
        from seqmap.commands.stream_audio import stream_speech

        stream_speech(session, request, screen)
        return
    if session.takes != "texts":
        raise UserError(
            f"stream reads text or speech, and this model takes {session.takes}",
            path=request.model,
            remedy="Use seqmap predict, or the live streams of a server (seqmap serve)",
        )
    stream, coming = session.stream(), pieces(Source(source or STDIN), encoding)
    if isinstance(stream, TextStream):
        found = _answers(stream, coming, session.task, screen)
    elif isinstance(stream, SpeakStream):
        found = _speech(stream, coming, session.task, screen)
    elif isinstance(stream, TranslateStream):
        found = _lines(stream, coming, session.task, screen)
    else:
        found = _settled(stream, coming, screen)
    screen.close({"task": session.task.name, **found, "final": True})


def _answers(
    stream: TextStream, coming: Iterator[str], task: Task, screen: Screen
) -> dict[str, Any]:
    """Show the answer so far after each piece; return the last one."""

    def show(answer: Any) -> None:
        if screen.as_json:
            _print({"symbols": stream.symbols, "final": False, **task.record(answer)})
        else:
            print(f"{stream.symbols}\t{task.line(answer)}", flush=True)

    count = 0
    for piece in coming:
        stream.feed(piece)
        count += 1
        show(stream.result())
    stream.close()
    answer = stream.result()
    if not screen.as_json:
        show(answer)  # what was held back counts now
    return {"pieces": count, "symbols": stream.symbols, **task.record(answer)}


def _lines(stream: Any, coming: Iterator[str], task: Task, screen: Screen) -> dict[str, Any]:
    """Show the answer to each line once it is complete."""
    count = 0

    def show(answers: Iterable[Any]) -> int:
        shown = list(answers)
        for answer in shown:
            if screen.as_json:
                _print({"final": False, **task.record(answer)})
            else:
                print(task.line(answer), flush=True)
        return len(shown)

    for piece in coming:
        count += show(stream.feed(piece))
    return {"count": count + show(stream.close())}


def _speech(
    stream: SpeakStream, coming: Iterator[str], task: Task, screen: Screen
) -> dict[str, Any]:
    """Give the sound of each sentence once it is complete."""
    count, seconds = 0, 0.0

    def give(answers: Iterable[Spoken]) -> None:
        nonlocal count, seconds
        for answer in answers:
            count, seconds = count + 1, seconds + answer.seconds
            if screen.as_json:
                _print({"final": False, **task.record(answer)})
                continue
            for note in answer.notes:
                screen.note(f"{answer.text}: {note}")
            sys.stdout.buffer.write(in_16_bits(answer.samples))
            sys.stdout.buffer.flush()

    for piece in coming:
        give(stream.feed(piece))
    give(stream.close())
    return {"count": count, "seconds": seconds}


def _settled(stream: Any, coming: Iterator[str], screen: Screen) -> dict[str, Any]:
    """Show each span once the text so far has settled it."""

    def show(spans: Iterable[Any]) -> int:
        shown = [asdict(span) for span in spans]
        for span in shown:
            if screen.as_json:
                _print({"final": False, **span})
            else:
                text = " ".join(span["text"].split())
                place = f"{span['start']}-{span['end']}"
                print(f"{place}\t{span['type']}\t{span['probability']:.4f}\t{text}", flush=True)
        return len(shown)

    count = found = 0
    for piece in coming:
        found += show(stream.feed(piece))
        count += 1
    found += show(stream.close())
    return {"pieces": count, "count": found}


def _print(record: dict[str, Any]) -> None:
    print(json.dumps(record, ensure_ascii=False), flush=True)


def pieces(source: Source, encoding: str | None) -> Iterator[str]:
    """Yield text as it arrives, cut after each line, in constant memory.

    Args:
        source: A file, or standard input.
        encoding: None means UTF-8.

    Raises:
        DataError: It cannot be read, or is in another encoding.
    """
    name = "utf-8-sig" if encoding is None else known_encoding(encoding)
    decoder = codecs.getincrementaldecoder(name)()
    line = 1
    with source.errors():
        file = source.open()
        try:
            while True:
                data = file.read1(_BYTES)  # type: ignore[attr-defined]
                for piece in _PIECES.findall(decoder.decode(data, final=not data)):
                    yield piece
                    line += piece.endswith("\n")
                if not data:
                    return
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError):  # others do not say where
                line += error.object[: error.start].count(b"\n")
            # Of the wide ones, the mark may be missing that says which.
            other = f"{name}-le" if name in ("utf-16", "utf-32") else "gb18030"
            raise DataError(
                f"this is not {encoding or 'utf-8'}",
                path=source.shown,
                line=line,
                remedy=f"Name its encoding, such as --encoding {other}",
            ) from None
        finally:
            if not source.is_stdin:
                file.close()
