"""What people give as sound, and what is known of who speaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.audio import Voice, joined_voices
from seqmap.data.audio import Recording, Samples, Sound, SoundFile
from seqmap.errors import DataError, UserError
from seqmap.runtime.acoustics import Acoustics

USUAL_RATE = 16_000
"""The rate of samples that come without one, where there is no model yet."""


def recordings_of(sounds: Iterable[Any], texts: Iterable[str]) -> list[Recording]:
    """Return recordings to learn from, or to be measured on.

    Args:
        sounds: Whatever `as_sound` takes.
        texts: What is said in each.

    Raises:
        DataError: There are none, their numbers differ, or a text is none.
        UserError: One is no sound.
    """
    alone = isinstance(sounds, str) or isinstance(texts, str)
    given, said = list(sounds), list(texts)
    if alone or len(given) != len(said):
        raise DataError("recordings and texts differ in number", given=f"{len(given)}, {len(said)}")
    if not given:
        raise DataError("there is no recording to learn from")
    found = []
    for number, (one, text) in enumerate(zip(given, said, strict=True), start=1):
        if not isinstance(text, str):
            raise DataError("what is said must be text", line=number, given=text)
        sound, name = as_sound(one, USUAL_RATE, number)
        speaker = one.speaker if isinstance(one, Recording) else ""
        found.append(Recording(sound, text, name, speaker, number))
    return found


def as_sound(given: Any, rate: int, number: int) -> tuple[Sound, str]:
    """Return an input as sound, and its name.

    Args:
        given: A path, samples at the model's rate, (samples, rate), a sound, or a recording.
        rate: The model's.
        number: Which input it is, for messages.

    Raises:
        UserError: It is none of these.
    """
    if isinstance(given, Recording):
        return given.sound, given.name
    if isinstance(given, Sound):
        return given, ""
    if isinstance(given, np.ndarray):
        return Samples(given, rate), ""
    if isinstance(given, tuple) and len(given) == 2:
        with suppress(TypeError, ValueError):
            values: NDArray[Any] = np.asarray(given[0])
            return Samples(values, int(given[1])), ""
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        path = str(given)
        return SoundFile(path, lambda: path), path
    raise UserError(
        "predict takes recordings",
        given=type(given).__name__,
        allowed="a path, an array of samples, or (samples, rate)",
        line=number,
    )


def voices_of(
    acoustics: Acoustics, inputs: Sequence[Any], sounds: Sequence[Sound]
) -> list[Voice | None]:
    """Return what is known of the speaker of each recording; None where it stands alone.

    Args:
        acoustics: Hears them, if the model centres recordings of a speaker together.
        inputs: As they were given: only a `Recording` says who speaks.
        sounds: The same as sound.
    """
    codec = acoustics.codec
    if not codec.by_speaker:
        return [None] * len(sounds)
    speakers = [one.speaker if isinstance(one, Recording) else "" for one in inputs]
    counts = Counter(speakers)
    known = joined_voices(
        (speaker, acoustics.voice(sound.hear(codec.rate)))
        for speaker, sound in zip(speakers, sounds, strict=True)
        if speaker and counts[speaker] > 1
    )
    return [known.get(speaker) for speaker in speakers]
