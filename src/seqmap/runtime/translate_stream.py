"""Texts that arrive in pieces: each line is answered once it is complete."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from seqmap.errors import ArchiveError, UserError
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.tasks.translate_results import Translation

if TYPE_CHECKING:
    from seqmap.runtime.translate import TranslateSession


class TranslateStream:
    """Lines in pieces of any size; only the unfinished line is remembered.

    A text cannot be answered before its end: the last word may change the first one of the answer.

    Args:
        session: The model.
        state: What `to_bytes` gave, to go on from there.
    """

    def __init__(self, session: TranslateSession, state: bytes | None = None) -> None:
        self._session = session
        self._held = ""
        self._lines = 0
        self._closed = False
        if state is not None:
            self._load(state)

    @property
    def closed(self) -> bool:
        """Whether the text is complete."""
        return self._closed

    @property
    def symbols(self) -> int:
        """How many lines were answered."""
        return self._lines

    def feed(self, text: str) -> list[Translation]:
        """Read more text; returns the answers to the lines that it completed.

        Raises:
            UserError: The stream is closed, or this is not text.
        """
        if self._closed:
            raise UserError("the stream is closed", remedy="Begin a new one with session.stream()")
        if not isinstance(text, str):
            raise UserError("a stream takes text", given=type(text).__name__)
        *lines, self._held = (self._held + text).split("\n")
        return self._answers([line.removesuffix("\r") for line in lines])

    def close(self) -> list[Translation]:
        """Say that the text is complete; returns the answer to a last line without its end."""
        if self._closed:
            return []
        self._closed = True
        held, self._held = self._held, ""
        return self._answers([held.removesuffix("\r")] if held else [])

    def to_bytes(self) -> bytes:
        """Return all that is remembered, for a file or another process; see `Session.stream`."""
        described = {
            "model": self._session.digest,
            "held": self._held,
            "lines": self._lines,
            "closed": self._closed,
        }
        return to_bytes(Archive({"stream": described}, {}))

    def _answers(self, lines: list[str]) -> list[Translation]:
        self._lines += len(lines)
        return self._session.predict(lines)

    def _load(self, data: bytes) -> None:
        described = from_bytes(data).manifest.get("stream")
        if not isinstance(described, dict):
            raise ArchiveError("this is not the state of a stream")
        if described.get("model") != self._session.digest:
            raise ArchiveError("the stream's state belongs to another model")
        self._held, self._lines = described["held"], described["lines"]
        self._closed = described["closed"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
