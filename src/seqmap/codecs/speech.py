"""Speech as a network writes it: samples ⇄ frames of log-mel bands, each band standardised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.vocoder import from_mels, griffin_lim, mel_filters, stft

Floats = NDArray[np.float32]

_WINDOW = 0.030  # seconds of a frame, at least; the next power of two is taken
_OVERLAP = 4  # frames that see a sample
_LEVEL = 0.08  # root mean square that recordings are brought to, of full scale
_PEAK = 0.98
_FLOOR = 1e-4  # mel magnitudes below it count as silence: some 70 dB below loud vowels
_MARGIN = 0.04  # seconds that are kept before and after the first and last loud stretch
_STRETCH = 0.010  # seconds of which loudness is measured
_FAR = 4.0  # standard deviations that are possible


@dataclass(frozen=True)
class SpeechCodec:
    """What turns recordings into frames and frames into sound.

    Attributes:
        rate: Samples a second.
        mels: Bands.
        trim: Begin and end are cut off where they are so many dB below the loudest stretch; 0: not.
        mean: Of each band's logarithm in training.
        spread: Its standard deviation in training.
    """

    rate: int
    mels: int
    trim: float
    mean: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Samples of a frame, a power of two."""
        return 1 << int(np.ceil(np.log2(_WINDOW * self.rate)))

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return self.size // _OVERLAP

    @property
    def step(self) -> float:
        """Seconds from frame to frame."""
        return self.hop / self.rate

    def level(self, samples: NDArray[np.floating]) -> Floats:
        """Cut silence off and bring a recording to one loudness, (samples,) -> (fewer,)."""
        kept = self._trimmed(np.asarray(samples, np.float32))
        power = float(np.sqrt(np.mean(kept.astype(np.float64) ** 2))) if len(kept) else 0.0
        return kept * np.float32(_LEVEL / power) if power > 0 else kept

    def logs(self, samples: NDArray[np.floating]) -> Floats:
        """Return the logarithms of mel magnitudes, (samples,) -> (frames, mels)."""
        filters = mel_filters(self.rate, self.size, self.mels)
        bands = np.abs(stft(samples, self.size, self.hop)) @ filters.T
        return np.asarray(np.log(np.maximum(bands, _FLOOR)), np.float32)

    def scaled(self, logs: Floats) -> Floats:
        """Standardise each band, (frames, mels)."""
        found = (logs - np.array(self.mean)) / np.array(self.spread)
        return np.asarray(found, np.float32)

    def unscaled(self, frames: Floats) -> Floats:
        """Return logarithms again, (frames, mels)."""
        near = np.clip(frames, -_FAR, _FAR)
        found = near * np.array(self.spread) + np.array(self.mean)
        return np.asarray(np.maximum(found, np.log(_FLOOR)), np.float32)

    def encode(self, samples: NDArray[np.floating]) -> Floats:
        """Turn a recording, (samples,), into what the network writes, (frames, mels)."""
        return self.scaled(self.logs(self.level(samples)))

    def decode(self, frames: Floats, *, iterations: int, sharpening: float) -> Floats:
        """Turn frames, (frames, mels), into sound, ((frames - 1) * hop,).

        Args:
            frames: As `encode` gives them.
            iterations: Rounds of Griffin-Lim.
            sharpening: Power that magnitudes are raised to (Wang et al. 2017, §3.4.2).
        """
        if len(frames) < 2:
            return np.zeros(0, np.float32)
        filters = mel_filters(self.rate, self.size, self.mels)
        heights = from_mels(np.exp(self.unscaled(frames)), filters)
        found = griffin_lim(heights**sharpening, self.hop, iterations=iterations)
        power = float(np.sqrt(np.mean(found.astype(np.float64) ** 2)))
        peak = float(np.abs(found).max(initial=0.0))
        # As loud as the training's recordings, but never clipped.
        factor = min(_LEVEL / max(power, 1e-9), _PEAK / max(peak, 1e-9))
        return np.asarray(found * np.float32(factor), np.float32)

    def fitted(self, recordings: Iterable[Floats]) -> SpeechCodec:
        """Return the codec with mean and spread of training logarithms, (frames, mels) each."""
        count, total, squares = 0, np.zeros(self.mels), np.zeros(self.mels)
        for logs in recordings:
            count += len(logs)
            total += logs.sum(axis=0, dtype=np.float64)
            squares += (logs.astype(np.float64) ** 2).sum(axis=0)
        mean = total / max(count, 1)
        spread = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0.0))
        spread = np.where(spread > 1e-3, spread, 1.0)
        return replace(self, mean=tuple(mean.tolist()), spread=tuple(spread.tolist()))

    def to_state(self) -> dict[str, Any]:
        """Return what `from_state` reads."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SpeechCodec:
        """Rebuild a codec."""
        codec = cls(**{**state, "mean": tuple(state["mean"]), "spread": tuple(state["spread"])})
        if len(codec.mean) != codec.mels or len(codec.spread) != codec.mels:
            raise ValueError("mean and spread do not fit the bands")
        return codec

    def _trimmed(self, samples: Floats) -> Floats:
        size = max(int(_STRETCH * self.rate), 1)
        if not self.trim or len(samples) < 2 * size:
            return samples
        whole = samples[: len(samples) // size * size].reshape(-1, size)
        power = (whole.astype(np.float64) ** 2).mean(axis=1)
        loud = np.flatnonzero(power > power.max() * 10 ** (-self.trim / 10))
        if not len(loud):
            return samples
        margin = int(_MARGIN * self.rate)
        begin, end = int(loud[0]) * size - margin, (int(loud[-1]) + 1) * size + margin
        return samples[max(begin, 0) : end]
