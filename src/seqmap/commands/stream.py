"""`seqmap stream`: answers for one text while it arrives."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

from seqmap.commands.console import Screen
from seqmap.data.source import STDIN, Source
from seqmap.errors import DataError
from seqmap.runtime.session import load

_BYTES = 1 << 16  # at most so many at once
_PIECES = re.compile(r"[^\n]*\n|[^\n]+")


def run_stream(
    model: str, source: str | None, encoding: str | None, precision: str | None, screen: Screen
) -> None:
    """Read one text as it comes; answer after each line, and whenever its writer pauses.

    Raises:
        UserError: The model cannot stream, or the input cannot be read.
    """
    session = load(model, precision=precision)
    stream, task, count = session.stream(), session.task, 0

    def show(answer: Any) -> None:
        if screen.as_json:
            found = {"symbols": stream.symbols, "final": False, **task.record(answer)}
            print(json.dumps(found, ensure_ascii=False), flush=True)
        else:
            print(f"{stream.symbols}\t{task.line(answer)}", flush=True)

    for piece in pieces(Source(source or STDIN), encoding):
        stream.feed(piece)
        count += 1
        show(stream.result())
    stream.close()
    answer = stream.result()
    if not screen.as_json:
        show(answer)  # what was held back counts now
    screen.close(
        {
            "task": task.name,
            "pieces": count,
            "symbols": stream.symbols,
            "final": True,
            **task.record(answer),
        }
    )


def pieces(source: Source, encoding: str | None) -> Iterator[str]:
    """Yield text as it arrives, cut after each line, in constant memory.

    Args:
        source: A file, or standard input.
        encoding: None means UTF-8.

    Raises:
        DataError: It cannot be read, or is in another encoding.
    """
    try:
        decoder = codecs.getincrementaldecoder(encoding or "utf-8-sig")()
    except LookupError:
        raise DataError("unknown encoding", path=source.shown, given=encoding) from None
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
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise DataError(
                f"this is not {encoding or 'utf-8'}",
                path=source.shown,
                line=line,
                remedy="Name its encoding, such as --encoding gb18030",
            ) from None
        finally:
            if not source.is_stdin:
                file.close()
