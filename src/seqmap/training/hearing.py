"""Training recordings as they are heard: copies at other speeds, noise, and what is hidden.

Features are computed once; what differs from epoch to epoch is done to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.audio import AudioCodec, Floats, Voice
from seqmap.config import AudioConfig
from seqmap.data.audio.sound import sped

LOUDNESS = 0.7
"""Standard deviation of a recording's level, as a natural logarithm of power (3 dB)."""
_ALONE = 0.2
"""Chance that a recording is heard as if nothing else were known of its speaker."""
_NOISE = (-3.0, 4.5)  # level of the noise beside the mean of the recording, log power


def copies(samples: Floats, codec: AudioCodec, config: AudioConfig) -> list[Floats]:
    """Return the bands of a recording, and of its slower and faster copies, (frames, mels) each.

    Speed perturbation, Ko et al. 2015, "Audio augmentation for speech recognition", section 2.
    """
    factors = (1.0,) if config.speed == 0 else (1.0, 1 - config.speed, 1 + config.speed)
    return [codec.bands(samples if f == 1.0 else sped(samples, f)) for f in factors]


def varied(
    bands: Floats,
    codec: AudioCodec,
    config: AudioConfig,
    rng: np.random.Generator,
    voice: Voice | None = None,
) -> Floats:
    """Vary a training recording, (frames, mels), and bring it into steps, (steps, size).

    Its length stays, so that two variations can be compared step by step.

    Args:
        bands: Of the recording.
        codec: What centres and stacks them.
        config: How much is varied.
        rng: What draws.
        voice: Of its speaker's other recordings, which are varied alike; None where unknown.
    """
    if voice is not None and rng.random() < _ALONE:
        voice = None
    # What is varied is the speaker and the room: the mean of all, (1, mels), moves along.
    usual = np.zeros(codec.mels) if voice is None else voice.mean
    mean = usual.astype(np.float32)[None]
    level = np.float32(LOUDNESS * rng.normal())
    bands, mean = bands + level, mean + level
    if config.tract > 0:
        factor = rng.uniform(1 - config.tract, 1 + config.tract)
        bands, mean = (of_voice(part, factor, codec.rate) for part in (bands, mean))
    if rng.random() < config.noise:
        noisy = with_noise(bands, rng)
        bands, mean = noisy, mean + (noisy - bands).mean(axis=0)
    if voice is not None:
        voice = Voice(mean[0].astype(np.float64) * voice.frames, voice.frames)
    return codec.steps(hidden(codec.centred(bands, voice), config, rng))


def paced(bands: Floats, config: AudioConfig, rng: np.random.Generator) -> Floats:
    """Bring a training recording to a tempo of chance, (frames, mels): it may become shorter."""
    if config.tempo == 0:
        return bands
    return at_tempo(bands, rng.uniform(1 - config.tempo, 1 + config.tempo))


def at_tempo(bands: Floats, factor: float) -> Floats:
    """Stretch a recording in time, (frames, mels): above 1 it becomes shorter."""
    count = len(bands)
    size = max(round(count / factor), 1)
    at = np.linspace(0, max(count - 1, 0), size)
    low = at.astype(np.int64)
    high = np.minimum(low + 1, max(count - 1, 0))
    part = (at - low)[:, None].astype(np.float32)
    return np.asarray(bands[low] * (1 - part) + bands[high] * part, np.float32)


def of_voice(bands: Floats, factor: float, rate: int) -> Floats:
    """Move the peaks of the spectrum as another length of the vocal tract would, (frames, mels).

    Vocal tract length perturbation, Jaitly & Hinton 2013, equation 1: frequencies are multiplied up
    to a limit, and go on to the highest one in a straight line from there.
    """
    mels = bands.shape[1]
    low, high = _mel(20.0), _mel(rate / 2)
    centres = low + (np.arange(mels) + 1) * (high - low) / (mels + 1)
    hertz = 700 * (np.exp(centres / 1127) - 1)
    limit = 0.8 * rate / 2 * min(factor, 1.0) / factor
    rest = (rate / 2 - limit * factor) / (rate / 2 - limit)
    moved = np.where(hertz <= limit, hertz * factor, rate / 2 - rest * (rate / 2 - hertz))
    place = (1127 * np.log1p(moved / 700) - low) / (high - low) * (mels + 1) - 1
    place = np.clip(place, 0, mels - 1)
    below = np.minimum(place.astype(np.int64), mels - 2)
    part = (place - below).astype(np.float32)
    return np.asarray(bands[:, below] * (1 - part) + bands[:, below + 1] * part, np.float32)


def _mel(hertz: float) -> float:
    return float(1127 * np.log1p(hertz / 700))


def with_noise(bands: Floats, rng: np.random.Generator) -> Floats:
    """Add noise of a random level and colour, (frames, mels): powers add up.

    Its bands tremble as those of noise do: a band's power is a sum of squares.
    """
    count, mels = bands.shape
    place = np.linspace(-1, 1, mels)
    colour = rng.normal(scale=0.7) * place + rng.normal(scale=0.5) * (place**2 - 1 / 3)
    level = float(bands.mean()) - rng.uniform(*_NOISE)
    power = rng.gamma(shape=3.0, scale=1 / 3.0, size=(count, mels))
    noise = level + colour + np.log(power + 1e-6)
    return np.logaddexp(bands, noise.astype(np.float32))


def hidden(frames: Floats, config: AudioConfig, rng: np.random.Generator) -> Floats:
    """Hide stretches of time and ranges of bands, (frames, mels): zero is what is usual there.

    SpecAugment, Park et al. 2019, section 2, without time warping (speeds differ already).
    """
    frames = frames.copy()
    count, mels = frames.shape
    for _ in range(config.time_masks):
        width = int(rng.uniform(0, config.time_mask * count + 1))
        start = int(rng.integers(0, max(count - width, 0) + 1))
        frames[start : start + width] = 0
    for _ in range(config.band_masks):
        width = int(rng.integers(0, min(config.band_mask, mels - 1) + 1))
        start = int(rng.integers(0, mels - width + 1))
        frames[:, start : start + width] = 0
    return frames


def step_counts(recordings: Sequence[NDArray[Any]], codec: AudioCodec) -> NDArray[np.int64]:
    """Return how many steps each recording has, (recordings,)."""
    return np.array([-(-len(bands) // codec.stack) for bands in recordings], np.int64)
