"""Speech of a language that does not exist, made by this project: syllables from tones and noise.

Vowels are harmonics of a voice under two peaks (formants); consonants are murmurs, hisses and
bursts. Speakers differ in pitch and in the length of their vocal tract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.data.audio import Recording, Samples

SYNTHETIC_NOTICE = (
    "Synthetic speech, made by this project: a language that does not exist, from tones and noise."
)
RATE = 8000
"""Samples a second."""
VERBS = ("mila", "tosu", "kane", "simo")
THINGS = ("sutu", "lami", "neka", "tasi", "komu", "lone")
COUNTS = ("ka", "ti", "su", "mo", "lane")
NEW = ("nitasu", "kolame")
"""Words that the training sentences do not have."""

_VOWELS = {"a": (750, 1250), "i": (300, 2300), "u": (320, 800), "e": (480, 1900), "o": (520, 950)}
_MURMURS = {"m": ((250, 1000), 0.35), "n": ((250, 1700), 0.35), "l": ((380, 1300), 0.5)}
_WIDTH = 110.0  # of a formant, Hz
_SPEAKERS = 12
_RAMP = 0.008  # seconds over which a sound comes and goes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spoken:
    """A recording whose words are known to the sample.

    Attributes:
        recording: Sound and text.
        times: Begin and end of each word in seconds.
    """

    recording: Recording
    times: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class _Voice:
    pitch: float
    tract: float
    pace: float


def speech(
    count: int, seed: int = 7, *, new: bool = False, speaker: int | None = None
) -> list[Spoken]:
    """Return spoken sentences, the same each time: a verb, one to three times a thing and a count.

    Args:
        count: How many.
        seed: Of the random numbers.
        new: Whether some things are words that are otherwise not used.
        speaker: Number of the only one who speaks, 0 to 11; None takes all in turn.
    """
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        drawn = int(rng.integers(_SPEAKERS))
        who = drawn if speaker is None else speaker
        own = np.random.default_rng(1000 + who)
        voice = _Voice(own.uniform(90, 230), own.uniform(0.88, 1.14), own.uniform(0.85, 1.2))
        words = [VERBS[int(rng.integers(len(VERBS)))]]
        for _ in range(int(rng.integers(1, 4))):
            things = NEW if new and rng.random() < 0.5 else THINGS
            words.append(things[int(rng.integers(len(things)))])
            words.append(COUNTS[int(rng.integers(len(COUNTS)))])
        values, times = _said(words, voice, rng)
        text = " ".join(words)
        sound = Samples(values, RATE, f"sentence {k}")
        found.append(Spoken(Recording(sound, text, f"sentence {k}", f"voice {who}"), times))
    return found


def _said(
    words: list[str], voice: _Voice, rng: np.random.Generator
) -> tuple[NDArray[np.float32], tuple[tuple[float, float], ...]]:
    parts, times, now = [_silence(rng.uniform(0.1, 0.3))], [], 0.0
    now += len(parts[0]) / RATE
    for word in words:
        spoken = [_sound(letter, voice, rng) for letter in word]
        length = sum(map(len, spoken)) / RATE
        times.append((now, now + length))
        gap = _silence(rng.uniform(0.03, 0.16))
        parts += [*spoken, gap]
        now += length + len(gap) / RATE
    parts.append(_silence(rng.uniform(0.1, 0.3)))
    whole = np.concatenate(parts)
    whole *= rng.uniform(0.1, 0.4) / max(float(np.abs(whole).max()), 1e-9)
    noise = rng.normal(size=len(whole)) * float(np.abs(whole).max()) * rng.uniform(0.005, 0.03)
    return np.asarray(whole + noise, np.float32), tuple(times)


def _silence(seconds: float) -> Floats:
    return np.zeros(int(seconds * RATE))


def _sound(letter: str, voice: _Voice, rng: np.random.Generator) -> Floats:
    """Return one sound."""
    pace = voice.pace * rng.uniform(0.85, 1.2)
    if letter in _VOWELS:
        return _voiced(_VOWELS[letter], 1.0, rng.uniform(0.09, 0.14) * pace, voice, rng)
    if letter in _MURMURS:
        formants, level = _MURMURS[letter]
        return _voiced(formants, level, 0.065 * pace, voice, rng)
    if letter == "s":
        return 0.25 * _ramped(np.diff(rng.normal(size=int(0.08 * pace * RATE) + 1)))
    # t and k: a closure, then a burst that is higher for t.
    size = int((0.025 if letter == "t" else 0.035) * pace * RATE)
    burst = rng.normal(size=size) * np.exp(-4 * np.arange(size) / size)
    pitch = 3200 if letter == "t" else 1500 * voice.tract
    burst *= np.cos(2 * np.pi * pitch * np.arange(size) / RATE)
    return np.concatenate([_silence(0.04 * pace), 0.5 * burst])


def _voiced(
    formants: tuple[int, int], level: float, seconds: float, voice: _Voice, rng: np.random.Generator
) -> Floats:
    """Return harmonics of the voice under two peaks."""
    count = int(seconds * RATE)
    glide = np.linspace(rng.uniform(0.94, 1.08), rng.uniform(0.92, 1.04), count)
    phase = 2 * np.pi * np.cumsum(voice.pitch * glide) / RATE
    harmonics = np.arange(1, int(0.48 * RATE / (voice.pitch * 1.1)))
    heights = harmonics * voice.pitch
    first, second = (f * voice.tract * rng.uniform(0.96, 1.04) for f in formants)
    shape = np.exp(-(((heights - first) / _WIDTH) ** 2) / 2)
    shape += 0.5 * np.exp(-(((heights - second) / (1.4 * _WIDTH)) ** 2) / 2) + 0.02
    waves = np.sin(harmonics[:, None] * phase + rng.uniform(0, 6.28, (len(harmonics), 1)))
    return level * _ramped(shape @ waves)


def _ramped(values: Floats) -> Floats:
    size = min(int(_RAMP * RATE), len(values) // 2)
    values = values.copy()
    rise = np.linspace(0, 1, size)
    values[:size] *= rise
    values[len(values) - size :] *= rise[::-1]
    return values
