"""What a transcriber is given, as sound, and what is known of who speaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.audio import Voice, joined_voices
from seqmap.data.audio import Recording, Samples, Sound, SoundFile
from seqmap.errors import UserError
from seqmap.runtime.acoustics import Acoustics


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
