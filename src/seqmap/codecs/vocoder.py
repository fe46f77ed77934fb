"""From magnitudes back to sound: short-time Fourier transform, mel bands, Griffin-Lim.

Frames stand over centres that are `hop` samples apart, under a periodic Hann window as wide as the
transform; silence stands before the first sample and after the last one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Spectra = NDArray[np.complex64]

_TINY = np.float32(1e-12)
_BREAK = 1000.0  # Hz; below it Slaney's mel scale is linear
_LINEAR = 200.0 / 3.0  # Hz a mel below the break
_LOG_STEP = np.log(6.4) / 27.0  # above it: 27 mels from 1,000 to 6,400 Hz


def stft(samples: NDArray[np.floating], size: int, hop: int) -> Spectra:
    """Return the short-time Fourier transform.

    Args:
        samples: (samples,).
        size: Samples of a frame, even.
        hop: Samples from frame to frame.

    Returns:
        (1 + samples // hop, size // 2 + 1).
    """
    padded = np.pad(np.asarray(samples, np.float32), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.fft.rfft(frames * _hann(size), axis=1).astype(np.complex64)


def istft(spectra: NDArray[np.complexfloating], size: int, hop: int) -> Floats:
    """Return the samples whose transform is nearest to given spectra, ((frames - 1) * hop,).

    Windowed overlap-add divided by the sum of squared windows: Griffin & Lim 1984, eq. 6.
    """
    frames = np.fft.irfft(spectra, size, axis=1).astype(np.float32) * _hann(size)
    summed = _overlapped(frames, hop)
    weight = _overlapped(np.broadcast_to(_hann(size) ** 2, frames.shape), hop)
    found = summed / np.maximum(weight, np.float32(1e-8))
    return np.asarray(found[size // 2 : len(found) - size // 2], np.float32)


def griffin_lim(
    magnitudes: NDArray[np.floating],
    hop: int,
    *,
    iterations: int = 60,
    momentum: float = 0.99,
    phases: NDArray[np.floating] | None = None,
) -> Floats:
    """Find samples whose short-time spectrum has given magnitudes.

    Fast Griffin-Lim (Perraudin, Balazs & Søndergaard 2013, algorithm 2); with `momentum` 0 it is
    that of Griffin & Lim 1984.

    Args:
        magnitudes: (frames, bins).
        hop: Samples from frame to frame.
        iterations: How often phases are made consistent.
        momentum: α of the paper; converges below 1.
        phases: Where to start, in radians, (frames, bins); None begins at zero.

    Returns:
        ((frames - 1) * hop,).
    """
    size = 2 * (magnitudes.shape[1] - 1)
    heights = np.asarray(magnitudes, np.float32)
    if len(heights) < 2:
        return np.zeros(0, np.float32)
    spectra = heights.astype(np.complex64)
    if phases is not None:
        spectra = (heights * np.exp(1j * phases)).astype(np.complex64)
    share = np.float32(momentum / (1.0 + momentum))
    before: Spectra | None = None
    for _ in range(iterations):
        consistent = stft(istft(spectra, size, hop), size, hop)
        moved = consistent if before is None else consistent - share * before
        spectra = (heights * moved / np.maximum(np.abs(moved), _TINY)).astype(np.complex64)
        before = consistent
    return istft(spectra, size, hop)


def mel_filters(rate: int, size: int, bands: int) -> Floats:
    """Return triangles of equal area on Slaney's mel scale from 0 to rate / 2, (bands, bins).

    Slaney 1998, "Auditory Toolbox"; as `librosa.filters.mel` makes them by default.
    """
    bins = np.linspace(0.0, rate / 2, size // 2 + 1)
    edges = _hertz(np.linspace(0.0, float(_mels(rate / 2)), bands + 2))
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None], np.float32)


def from_mels(mels: Floats, filters: Floats, *, iterations: int = 40) -> Floats:
    """Find magnitudes whose mel bands are given.

    Non-negative least squares by multiplicative updates (Lee & Seung 2001, theorem 1), begun at
    the transposed filters.

    Args:
        mels: (frames, bands), not negative.
        filters: (bands, bins).
        iterations: Updates.

    Returns:
        (frames, bins).
    """
    wanted = mels @ filters
    square = filters.T @ filters
    # A bin that no band covers stays at zero.
    covered = filters.sum(axis=0)
    found = wanted / np.maximum(covered * filters.sum(axis=1).mean(), _TINY)
    found = np.maximum(found, _TINY) * (covered > 0)
    for _ in range(iterations):
        found *= wanted / np.maximum(found @ square, _TINY)
    return np.asarray(found, np.float32)


@cache
def _hann(size: int) -> Floats:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size), np.float32)


def _overlapped(frames: NDArray[np.float32], hop: int) -> Floats:
    """Add frames up that begin `hop` samples apart."""
    count, size = frames.shape
    rows = -(-size // hop)
    if rows * hop != size:
        frames = np.pad(frames, ((0, 0), (0, rows * hop - size)))
    # Part k of frame n falls on row n + k: (rows of hop samples).
    found = np.zeros((count + rows - 1, hop), np.float32)
    for row in range(rows):
        found[row : row + count] += frames[:, row * hop : (row + 1) * hop]
    return found.ravel()[: (count - 1) * hop + size]


def _mels(hertz: float | NDArray[np.floating]) -> NDArray[np.floating]:
    hertz = np.asarray(hertz, np.float64)
    above = _BREAK / _LINEAR + np.log(np.maximum(hertz, _BREAK) / _BREAK) / _LOG_STEP
    return np.where(hertz < _BREAK, hertz / _LINEAR, above)


def _hertz(mels: NDArray[np.floating]) -> NDArray[np.floating]:
    straight = _BREAK / _LINEAR
    above = _BREAK * np.exp(_LOG_STEP * (np.maximum(mels, straight) - straight))
    return np.where(mels < straight, mels * _LINEAR, above)
