"""`seqmap stream` of speech: a file, or raw samples from a pipe, as from a microphone."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.commands.console import Screen
from seqmap.commands.options import expecting
from seqmap.data.audio import SoundFile
from seqmap.data.source import STDIN, Source, comes_once
from seqmap.errors import DataError
from seqmap.runtime.session import Session
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.tasks.transcribe_results import Transcript

if TYPE_CHECKING:
    from seqmap.commands.stream import StreamRequest

_EVERY = 0.1
"""Seconds that are heard at once: what is said so far is shown at most so often."""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENDLESS = (0, 0xFFFFFFFF)
"""Sizes of data whose end was not known when the header was written."""


@dataclass(frozen=True)
class Coming:
    """Sound as it comes.

    Attributes:
        rate: Samples a second.
        blocks: Samples, (samples, channels) each.
    """

    rate: int
    blocks: Iterator[NDArray[Any]]


def stream_speech(session: Session, request: StreamRequest, screen: Screen) -> None:
    """Show what is said so far, and what is final, while sound comes in.

    Args:
        session: The model.
        request: What to read, and how.
        screen: Where to write.

    Raises:
        UserError: The model cannot stream, or the input cannot be read.
    """
    session = expecting(session, request.phrases)
    assert isinstance(session, TranscribeSession)
    place, rate = request.source or STDIN, request.rate
    coming = _piped(place, rate or session.rate) if comes_once(place) else _file(place, rate)
    stream = session.stream(rate=coming.rate)
    if coming.rate != session.rate:
        screen.note(f"resampled from {coming.rate:,} Hz to {session.rate:,} Hz")
    before, texts = "", []

    def final(parts: list[Transcript]) -> None:
        for part in parts:
            texts.append(part.text)
            _show(screen, {"final": True, **session.task.record(part)}, part.text)

    # Ctrl-C is how one stops to speak: what was heard is then final.
    with suppress(KeyboardInterrupt):
        for block in coming.blocks:
            final(stream.feed(block))
            now = stream.partial()
            if now and now != before:
                told = {"final": False, "seconds": round(stream.seconds, 3), "text": now}
                _show(screen, told, now)
            before = now
    final(stream.close())
    joint = " " if session.codecs.target.spaced else ""
    screen.close(
        {
            "task": session.task.name,
            "seconds": round(stream.seconds, 3),
            "parts": len(texts),
            "text": joint.join(texts),
            "final": True,
        }
    )


def _show(screen: Screen, record: dict[str, Any], text: str) -> None:
    if screen.as_json:
        print(json.dumps(record, ensure_ascii=False), flush=True)
    elif record["final"]:
        first = record["words"][0]["start"] if record["words"] else record["seconds"]
        print(f"{first:.2f}-{record['seconds']:.2f}\t{text}", flush=True)
    else:
        print(f"… {record['seconds']:.1f}\t{text}", flush=True)


def _file(place: str, rate: int | None) -> Coming:
    """Read a file of sound as if it came from a microphone."""
    sound = SoundFile(place, lambda: place)
    header = sound.header()
    if rate is not None and rate != header.rate:
        raise DataError(
            "the file has a rate of its own", path=place, given=rate, allowed=str(header.rate)
        )
    size = max(int(header.rate * _EVERY), 1)

    def blocks() -> Iterator[NDArray[Any]]:
        for block in sound.raw():
            for begin in range(0, len(block), size):
                yield block[begin : begin + size]

    return Coming(header.rate, blocks())


def _piped(place: str, rate: int) -> Coming:
    """Read raw 16-bit samples of one channel (little-endian), or a WAV that comes in a pipe."""
    source = Source(place)
    with source.errors():
        file = source.open()
        start = file.read(4)
        if start in (b"fLaC", b"OggS", b"ID3\x03", b"ID3\x04"):
            raise DataError(
                "compressed sound is not read from a pipe",
                path=source.shown,
                allowed="raw 16-bit samples, or WAV",
                remedy="Give the file itself",
            )
        if start == b"RIFF":
            return _wav(file, source.shown)
        return Coming(rate, _raw(file, start, np.dtype("<i2"), 1, rate))


def _wav(file: IO[bytes], shown: str) -> Coming:
    """Read the header of a WAV that comes; what follows its data, such as names, is no sound."""
    kind = channels = bits = rate = 0
    try:
        if file.read(8)[4:] != b"WAVE":
            raise struct.error
        while True:
            name, size = struct.unpack("<4sI", file.read(8))
            if name == b"data":
                break
            chunk = file.read(size + size % 2)
            if name == b"fmt ":
                kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
                if kind == _EXTENSIBLE:
                    kind = struct.unpack_from("<H", chunk, 24)[0]
    except struct.error:
        raise DataError("the WAV header is damaged or cut off", path=shown) from None
    kinds = {(_PCM, 16): "<i2", (_PCM, 32): "<i4", (_PCM, 8): "u1", (_FLOAT, 32): "<f4"}
    if (kind, bits) not in kinds or not channels or not rate:
        raise DataError(
            "a WAV of this kind is not read from a pipe",
            path=shown,
            given=f"format {kind}, {bits} bits, {channels} channels",
            allowed="PCM of 8, 16 or 32 bits, or floats of 32",
        )
    limit = None if size in _ENDLESS else size
    return Coming(rate, _raw(file, b"", np.dtype(kinds[kind, bits]), channels, rate, limit))


def _raw(
    file: IO[bytes],
    start: bytes,
    kind: np.dtype[Any],
    channels: int,
    rate: int,
    limit: int | None = None,
) -> Iterator[NDArray[Any]]:
    """Yield samples as they arrive; what is not whole at the end is left out.

    Args:
        file: Where they come from.
        start: Bytes of them that have been read.
        kind: Of a sample.
        channels: Samples of a moment.
        rate: Moments a second.
        limit: Bytes that are samples; None reads to the end.
    """
    frame = kind.itemsize * channels
    size = max(int(rate * _EVERY), 1) * frame
    held, left = start, limit
    while True:
        most = size if left is None else min(size, left)
        data = file.read1(most) if most else b""  # type: ignore[attr-defined]
        if left is not None:
            left -= len(data)
        held += data
        whole = len(held) - len(held) % frame
        if whole:
            yield np.frombuffer(held[:whole], kind).reshape(-1, channels)
            held = held[whole:]
        if not data:
            return
