"""Sound as a network reads it: log-mel bands, centred, several frames a step.

    samples → 25 ms frames, each 10 ms → log-mel (kaldi-native-fbank) → centred → stacked steps

Each part takes sound in pieces of any size and gives what it gives for the whole, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain, repeat
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import MissingExtraError

Floats = NDArray[np.float32]
Key = TypeVar("Key")

FRAME = 0.010
"""Seconds from frame to frame."""
_WIDTH = 0.025  # seconds of a frame
_LOUDNESS = 32768.0  # of a 16-bit sample; Kaldi's features count in these
_FLOOR = 0.0  # log energy below that of the last bit of 16: nothing can be heard in it
_PRIOR = 100  # frames that the mean of the training counts for in a running mean
_HISTORY = 300  # frames that a running mean looks back


@dataclass(frozen=True, eq=False)
class Voice:
    """What is known of how somebody sounds over a microphone: all recordings together.

    Attributes:
        total: Sum of their bands, (mels,).
        frames: How many.
    """

    total: NDArray[np.float64]
    frames: int

    @classmethod
    def of(cls, bands: Floats) -> Voice:
        """Return what one recording tells, (frames, mels)."""
        return cls(bands.sum(axis=0, dtype=np.float64), len(bands))

    def __add__(self, other: Voice) -> Voice:
        return Voice(self.total + other.total, self.frames + other.frames)

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean of the bands, (mels,)."""
        return self.total / self.frames


def joined_voices(parts: Iterable[tuple[Key, Voice]]) -> dict[Key, Voice]:
    """Add up what recordings tell of each speaker, or of whatever else they are named by."""
    found: dict[Key, Voice] = {}
    for key, voice in parts:
        found[key] = found[key] + voice if key in found else voice
    return found


@dataclass(frozen=True)
class AudioCodec:
    """What turns samples into steps of features.

    Attributes:
        rate: Samples a second.
        mels: Bands.
        stack: Frames that make one step.
        context: Further frames that a step sees on either side.
        prior: Frames that the mean of the training counts for beside those of a whole recording.
        running: Whether bands are centred by a running mean; else by that of the whole recording.
        by_speaker: Whether it is that of all recordings of the speaker, where these are known.
        mean: Of each band in training.
        spread: Standard deviation of each band in training, once centred.
    """

    rate: int
    mels: int
    stack: int
    context: int
    running: bool
    prior: int = 10
    by_speaker: bool = False
    mean: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @property
    def frames(self) -> int:
        """Frames that a step sees, those around it among them."""
        return self.stack + 2 * self.context

    @property
    def size(self) -> int:
        """Features of a step."""
        return self.frames * self.mels

    @property
    def step(self) -> float:
        """Seconds of a step."""
        return self.stack * int(self.rate * FRAME) / self.rate  # as `Spectrum` shifts

    def bands(self, samples: NDArray[Any]) -> Floats:
        """Turn a whole recording, (samples,) in -1…1, into log-mel bands, (frames, mels)."""
        spectrum = Spectrum(self)
        return np.concatenate([spectrum.feed(samples), spectrum.end()])

    def centred(self, bands: Floats, voice: Voice | None = None) -> Floats:
        """Centre and scale the bands of a whole recording, (frames, mels).

        Args:
            bands: Of the recording.
            voice: Of all recordings of its speaker; None centres it by itself.
        """
        if self.running:
            return Running(self).feed(bands)
        own = Voice.of(bands) if voice is None else voice
        total = self.prior * np.array(self.mean) + own.total
        mean = total / max(self.prior + own.frames, 1)
        return np.asarray((bands - mean) / np.array(self.spread), np.float32)

    def steps(self, frames: Floats) -> Floats:
        """Put the frames of a whole recording together, (frames, mels) -> (steps, size)."""
        stacker = Stacker(self)
        return np.concatenate([stacker.feed(frames), stacker.end()])

    def encode(self, samples: NDArray[Any]) -> Floats:
        """Turn a whole recording into what the network reads, (steps, size)."""
        return self.encode_bands(self.bands(samples))

    def encode_bands(self, bands: Floats, voice: Voice | None = None) -> Floats:
        """Turn the bands of a whole recording, (frames, mels), into steps, (steps, size)."""
        return self.steps(self.centred(bands, voice))

    def fitted(
        self, recordings: Iterable[Floats], voices: Iterable[Voice | None] = ()
    ) -> AudioCodec:
        """Return the codec with mean and spread of training bands, (frames, mels) each."""
        every, squares = Voice(np.zeros(self.mels), 0), np.zeros(self.mels)
        for bands, voice in zip(recordings, chain(voices, repeat(None)), strict=False):
            if not len(bands):
                continue
            own = Voice.of(bands)
            every += own
            # Around the mean that it is centred by: that is what is left then.
            middle = own.mean if voice is None else voice.mean
            squares += ((bands - middle) ** 2).sum(axis=0, dtype=np.float64)
        mean = every.total / max(every.frames, 1)
        spread = np.sqrt(squares / max(every.frames, 1))
        spread = np.where(spread > 1e-3, spread, 1.0)
        return replace(self, mean=tuple(mean.tolist()), spread=tuple(spread.tolist()))

    def to_state(self) -> dict[str, Any]:
        """Return what `from_state` reads."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> AudioCodec:
        """Rebuild a codec."""
        kept = {**state, "mean": tuple(state["mean"]), "spread": tuple(state["spread"])}
        codec = cls(**kept)
        if len(codec.mean) != codec.mels or len(codec.spread) != codec.mels:
            raise ValueError("mean and spread do not fit the bands")
        return codec


def reads_left_to_right(
    mean: Literal["auto", "whole", "speaker", "running"], direction: str
) -> bool:
    """Tell whether bands are centred by a running mean."""
    return mean == "running" or (mean == "auto" and direction == "forward")


class Spectrum:
    """Log-mel bands of sound that comes in pieces.

    Args:
        codec: Rate and bands.

    Raises:
        MissingExtraError: kaldi-native-fbank is not installed.
    """

    def __init__(self, codec: AudioCodec) -> None:
        try:
            import kaldi_native_fbank as kaldi
        except ImportError:
            raise MissingExtraError("kaldi-native-fbank", "audio") from None
        options = kaldi.FbankOptions()
        options.frame_opts.samp_freq = codec.rate
        options.frame_opts.dither = 0.0
        options.frame_opts.frame_shift_ms = FRAME * 1000
        options.frame_opts.frame_length_ms = _WIDTH * 1000
        options.mel_opts.num_bins = codec.mels
        self._make: Callable[[], Any] = lambda: kaldi.OnlineFbank(options)
        self._rate, self._mels = codec.rate, codec.mels
        self._shift = int(codec.rate * FRAME)
        self._width = int(codec.rate * _WIDTH)
        self._held = np.zeros(0, np.float32)

    def feed(self, samples: NDArray[Any]) -> Floats:
        """Take samples in -1…1, (samples,); returns the frames that are whole now, (frames, mels).

        A frame depends on its own samples alone, so a new extractor for each piece gives the same.
        """
        self._held = np.concatenate([self._held, np.asarray(samples, np.float32) * _LOUDNESS])
        count = max(0, 1 + (len(self._held) - self._width) // self._shift)
        if not count:
            return np.zeros((0, self._mels), np.float32)
        extractor = self._make()
        used = (count - 1) * self._shift + self._width
        extractor.accept_waveform(self._rate, self._held[:used])
        found = np.stack([extractor.get_frame(k) for k in range(count)])
        self._held = self._held[count * self._shift :].copy()
        return np.asarray(np.maximum(found, np.float32(_FLOOR)), np.float32)

    def end(self) -> Floats:
        """Return the last frame of what is left, filled up with silence, if that is enough."""
        left = len(self._held)
        if left < max(self._width - self._shift, 1):
            return np.zeros((0, self._mels), np.float32)
        found = self.feed(np.zeros(self._width - left, np.float32))
        self._held = self._held[:0]
        return found

    def state(self) -> Floats:
        """Return what is held back."""
        return self._held.copy()

    def restore(self, state: NDArray[Any]) -> None:
        """Go back to a state."""
        if state.ndim != 1 or len(state) >= self._width:
            raise ValueError("this is not what a spectrum holds")
        self._held = np.array(state, np.float32)


class Running:
    """Centres bands by a mean that follows them: it begins at that of the training.

    mean ← mean + (frame - mean) / min(frames so far + 100, 300)
    """

    def __init__(self, codec: AudioCodec) -> None:
        self._mean = np.array(codec.mean)
        self._scale = 1.0 / np.array(codec.spread)
        self._count = _PRIOR

    def feed(self, bands: Floats) -> Floats:
        """Take frames, (frames, mels); returns them centred and scaled."""
        found = np.empty(bands.shape, np.float32)
        mean = self._mean
        for place, frame in enumerate(bands):
            self._count = min(self._count + 1, _HISTORY)
            mean += (frame - mean) / self._count
            found[place] = (frame - mean) * self._scale
        return found

    def state(self) -> NDArray[np.float64]:
        """Return what is remembered."""
        return np.concatenate([self._mean, [float(self._count)]])

    def restore(self, state: NDArray[Any]) -> None:
        """Go back to a state."""
        if state.shape != (len(self._mean) + 1,):
            raise ValueError("this is not a running mean of these bands")
        self._mean, self._count = np.array(state[:-1], np.float64), int(state[-1])


class Stacker:
    """Puts frames together into steps; zeros stand before the first frame and after the last."""

    def __init__(self, codec: AudioCodec) -> None:
        self._stack, self._context = codec.stack, codec.context
        self._width = codec.frames
        self._held = np.zeros((codec.context, codec.mels), np.float32)

    def feed(self, frames: Floats) -> Floats:
        """Take frames, (frames, mels); returns the steps that are whole now, (steps, size)."""
        self._held = np.concatenate([self._held, frames])
        count = max(0, 1 + (len(self._held) - self._width) // self._stack)
        at = np.arange(count)[:, None] * self._stack + np.arange(self._width)
        found: Floats = self._held[at].reshape(count, self._width * self._held.shape[1])
        self._held = self._held[count * self._stack :].copy()
        return found

    def end(self) -> Floats:
        """Return the steps of what is left."""
        left = len(self._held) - self._context
        steps = max(0, math.ceil(left / self._stack))
        fill = steps * self._stack + 2 * self._context - len(self._held)
        empty = np.zeros((max(fill, 0), self._held.shape[1]), np.float32)
        found = self.feed(empty)[:steps]
        self._held = self._held[:0]
        return found

    def state(self) -> Floats:
        """Return what is held back."""
        return self._held.copy()

    def restore(self, state: NDArray[Any]) -> None:
        """Go back to a state."""
        if state.ndim != 2 or state.shape[1:] != self._held.shape[1:]:
            raise ValueError("these are not frames of these bands")
        self._held = np.array(state, np.float32)
