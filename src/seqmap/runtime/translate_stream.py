"""Texts that arrive in pieces: each line is answered once it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.input_stream import InputStream, described_state
from seqmap.tasks.translate_results import Translation

if TYPE_CHECKING:
    from seqmap.runtime.translate import TranslateSession


class TranslateStream(InputStream):
    """Lines in pieces of any size; only the unfinished line is remembered.

    A text cannot be answered before its end: the last word may change the first one of the answer.

    Args:
        session: The model.
        state: What `to_bytes` gave, to go on from there.
    """

    def __init__(self, session: TranslateSession, state: bytes | None = None) -> None:
        super().__init__()
        self._session = session
        self._held = ""
        self._lines = 0
        if state is not None:
            self._load(state)

    @property
    def symbols(self) -> int:
        """How many lines were answered."""
        return self._lines

    def feed(self, text: str) -> list[Translation]:
        """Read more text; returns the answers to the lines that it completed.

        Raises:
            UserError: The stream is closed, or this is not text.
        """
        self._check_text(text)
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
        begin, self._lines = self._lines, self._lines + len(lines)
        return self._session.answers(lines, begin)

    def _load(self, data: bytes) -> None:
        described = described_state(from_bytes(data), self._session.digest)
        self._held, self._lines = described["held"], described["lines"]
        self._closed = described["closed"]
