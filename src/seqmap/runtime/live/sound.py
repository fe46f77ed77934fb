"""Speech as a server hears it: samples in frames, text as it becomes known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.audio import Sound
from seqmap.errors import UserError
from seqmap.runtime.live.base import Live, Record
from seqmap.tasks.transcribe_results import joined

if TYPE_CHECKING:
    from seqmap.runtime.transcribe import TranscribeSession

_EVERY = 0.2
"""Seconds of a recording between two answers."""


class SoundLive(Live):
    """What is said so far, and what is final.

    Args:
        session: The model.
        rate: Samples a second that come; None means the model's own.

    Raises:
        UserError: The model needs the whole recording.
    """

    def __init__(self, session: TranscribeSession, rate: int | None = None) -> None:
        self._session = session
        self._rate = session.rate if rate is None else rate
        self._stream = session.stream(rate=rate)
        self._held = b""
        self._texts: list[str] = []

    def pieces(self, value: Any) -> Iterable[NDArray[Any]]:
        """Cut a recording as it would come from a microphone."""
        sound = self._session.input_from(value)
        assert isinstance(sound, Sound)
        size = max(int(self._rate * _EVERY), 1)
        for block in sound.hear(self._rate):
            for begin in range(0, len(block), size):
                yield block[begin : begin + size]

    def feed(self, piece: Any) -> Iterator[Record]:
        """Hear more: bytes of 16-bit samples (little-endian, one channel), or samples in -1…1."""
        if isinstance(piece, bytes):
            data = self._held + piece
            whole = len(data) - len(data) % 2
            piece, self._held = np.frombuffer(data[:whole], "<i2"), data[whole:]
        parts = self._stream.feed(_samples(piece))
        yield self._told(parts, self._stream.partial())

    def close(self) -> Iterator[Record]:
        """Yield the last part."""
        if parts := self._stream.close():
            yield self._told(parts, "")

    def result(self) -> Record:
        """Return the whole text."""
        target = self._session.codecs.target
        seconds = round(self._stream.seconds, 3)
        return {"text": joined(self._texts, target), "seconds": seconds}

    def _told(self, parts: Iterable[Any], partial: str) -> Record:
        found = [self._session.task.record(part) for part in parts]
        self._texts += [part["text"] for part in found]
        seconds = round(self._stream.seconds, 3)
        return {"seconds": seconds, "final": found, "partial": partial}


def _samples(piece: Any) -> NDArray[Any]:
    try:
        values: NDArray[Any] = np.asarray(piece)
    except ValueError:
        values = np.zeros(0, np.object_)
    if isinstance(piece, list) and values.dtype.kind in "iu":
        values = values.astype(np.float32)  # 0 and 1 of JSON are as loud as 0.0 and 1.0
    if values.ndim != 1 or (len(values) and values.dtype.kind not in "fiu"):
        raise UserError(
            "speech comes as 16-bit samples, or as a list of samples in -1…1",
            given=type(piece).__name__,
        )
    return values
