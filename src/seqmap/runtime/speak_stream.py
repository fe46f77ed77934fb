"""Texts that arrive in pieces: each sentence is spoken once it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.input_stream import InputStream, described_state
from seqmap.tasks.speak_results import Spoken

if TYPE_CHECKING:
    from seqmap.runtime.speak import SpeakSession

_LONGEST = 2000
"""Characters without the end of a sentence that are waited for; then words are spoken."""


class SpeakStream(InputStream):
    """Text in pieces of any size; only the unfinished sentence is remembered.

    The encoder reads a sentence in both directions, so none is spoken before its end.

    Args:
        session: The model.
        state: What `to_bytes` gave, to go on from there.
    """

    def __init__(self, session: SpeakSession, state: bytes | None = None) -> None:
        super().__init__()
        self._session = session
        self._held = ""
        self._sentences = 0
        if state is not None:
            self._load(state)

    @property
    def symbols(self) -> int:
        """How many sentences were spoken."""
        return self._sentences

    def feed(self, text: str) -> list[Spoken]:
        """Read more text; returns the sentences that it completed, spoken.

        Raises:
            UserError: The stream is closed, or this is not text.
        """
        self._check_text(text)
        whole, self._held = self._split(self._held + text)
        return self._speak(whole)

    def close(self) -> list[Spoken]:
        """Say that the text is complete; returns what was still held back."""
        if self._closed:
            return []
        self._closed = True
        held, self._held = self._held, ""
        return self._speak([held])

    def to_bytes(self) -> bytes:
        """Return all that is remembered, for a file or another process; see `Session.stream`."""
        described = {
            "model": self._session.digest,
            "held": self._held,
            "sentences": self._sentences,
            "closed": self._closed,
        }
        return to_bytes(Archive({"stream": described}, {}))

    def _load(self, data: bytes) -> None:
        described = described_state(from_bytes(data), self._session.digest)
        self._held, self._sentences = described["held"], described["sentences"]
        self._closed = described["closed"]

    def _split(self, text: str) -> tuple[list[str], str]:
        """Return the complete sentences, and what must wait."""
        from seqmap.runtime.speak import SENTENCE_END

        *whole, held = SENTENCE_END.split(text)
        if len(held) > _LONGEST:
            more, blank, held = held.rpartition(" ")
            whole.append(more if blank else held)
            held = held if blank else ""
        return whole, held

    def _speak(self, sentences: list[str]) -> list[Spoken]:
        said = [one.strip() for one in sentences if one.strip()]
        self._sentences += len(said)
        return self._session.predict(said)
