"""Recordings whose features are computed once, before training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.audio import AudioCodec, Floats, Voice, joined_voices
from seqmap.codecs.transcript import TranscriptCodec, longest_needed
from seqmap.config import AudioConfig
from seqmap.data.audio import Recording
from seqmap.errors import DataError
from seqmap.training.hearing import copies
from seqmap.training.loop import Watch

Halves = NDArray[np.float16]


@dataclass(frozen=True)
class HeardPart:
    """Recordings with their features.

    Attributes:
        bands: Copies of each recording at different speeds, (frames, mels) each; the first is the
            recording itself.
        targets: Numbers of each transcript.
        texts: The folded transcripts.
        voices: Of the speaker at the speed of each copy; None where a recording stands alone.
    """

    bands: tuple[tuple[Halves, ...], ...]
    targets: tuple[NDArray[np.int64], ...]
    texts: tuple[str, ...]
    voices: tuple[tuple[Voice | None, ...], ...]

    def with_more(self, other: HeardPart) -> HeardPart:
        """Return these recordings and others."""
        return HeardPart(
            self.bands + other.bands,
            self.targets + other.targets,
            self.texts + other.texts,
            self.voices + other.voices,
        )

    def unvaried(self) -> HeardPart:
        """Return the recordings without their copies at other speeds."""
        return replace(
            self,
            bands=tuple(copies[:1] for copies in self.bands),
            voices=tuple(voices[:1] for voices in self.voices),
        )

    def plain(self) -> Iterator[Floats]:
        """Yield the bands of each recording as it is, (frames, mels)."""
        return (copies[0].astype(np.float32) for copies in self.bands)

    def steps(self, codec: AudioCodec) -> list[Floats]:
        """Bring the recordings, as they are, into steps, (steps, size) each."""
        both = zip(self.plain(), self.voices, strict=True)
        return [codec.encode_bands(bands, voices[0]) for bands, voices in both]


def hear(
    recordings: Sequence[Recording],
    source: AudioCodec,
    target: TranscriptCodec,
    config: AudioConfig,
    watch: Watch,
) -> HeardPart:
    """Compute the features of all recordings; those that are too short for their text are left out.

    Raises:
        DataError: None is left, or nobody is named though that is needed.
    """
    if source.by_speaker and not any(one.speaker for one in recordings):
        raise DataError(
            "audio.mean=speaker, but no recording says who speaks",
            remedy="Name the speakers in the manifest, or take --set audio.mean=whole",
        )
    bands: list[dict[int, Halves]] = []
    targets, texts, speakers, seconds = [], [], [], 0.0
    short: list[str] = []
    broken: list[str] = []
    started = time.perf_counter()
    for one in recordings:
        heard = one.sound.hear(source.rate)
        samples = np.concatenate([np.zeros(0, np.float32), *heard])
        broken += [one.name] * heard.ends_early
        numbers = target.encode(one.text)
        # A faster copy has fewer steps: those that are too short for the text are not learned from.
        least = max(longest_needed(numbers), 1)
        fits = {
            speed: copy.astype(np.float16)  # half the memory: its last bit cannot be heard
            for speed, copy in enumerate(copies(samples, source, config))
            if -(-len(copy) // source.stack) >= least
        }
        if 0 not in fits or not len(numbers):
            short.append(one.name)
            continue
        seconds += heard.seconds
        bands.append(fits)
        targets.append(numbers)
        texts.append(target.normal(one.text))
        speakers.append(one.speaker if source.by_speaker else "")
    if broken:
        watch.tell(f"{len(broken)} recordings break off before their end, as {broken[0]}")
    if not bands:
        raise DataError(
            "no recording is long enough for its transcript",
            given=short[0] if short else None,
            remedy="Check that recordings and transcripts belong together",
        )
    if short:
        watch.tell(
            f"{len(short)} recordings are too short for their transcripts and left out: {short[0]}"
        )
    spent = time.perf_counter() - started
    watch.tell(f"heard {len(bands):,} recordings, {seconds / 60:.1f} min, in {spent:.1f} s")
    voices = _voices(bands, speakers)
    copied = tuple(tuple(fits.values()) for fits in bands)
    return HeardPart(copied, tuple(targets), tuple(texts), voices)


def _voices(
    bands: Sequence[dict[int, Halves]], speakers: Sequence[str]
) -> tuple[tuple[Voice | None, ...], ...]:
    """Return for each copy what all copies of its speaker at its speed sound like together."""
    known = joined_voices(
        ((speaker, speed), Voice.of(copy.astype(np.float32)))
        for fits, speaker in zip(bands, speakers, strict=True)
        for speed, copy in fits.items()
        if speaker
    )
    return tuple(
        tuple(known.get((speaker, speed)) for speed in fits)
        for fits, speaker in zip(bands, speakers, strict=True)
    )
