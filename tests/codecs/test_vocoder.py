"""Spectra, mel bands and Griffin-Lim, beside librosa's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from seqmap.codecs.vocoder import from_mels, griffin_lim, istft, mel_filters, stft

RATE = 8000


def tones(seconds: float = 0.5) -> np.ndarray:
    """A gliding voice with harmonics, and a little noise."""
    count = int(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.linspace(110, 150, count)) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 20))
    noise = np.random.default_rng(0).normal(size=count)
    return np.asarray(0.1 * wave + 0.005 * noise, np.float32)


@pytest.fixture(scope="module")
def librosa() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        return pytest.importorskip("librosa")


@pytest.mark.parametrize(("size", "hop"), [(256, 64), (512, 128), (256, 100)])
def test_the_transform_is_librosas(librosa: Any, size: int, hop: int) -> None:
    samples = tones()
    ours = stft(samples, size, hop)
    theirs = librosa.stft(samples, n_fft=size, hop_length=hop).T
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-4
    back = istft(ours, size, hop)
    assert np.abs(back - librosa.istft(theirs.T, n_fft=size, hop_length=hop)).max() < 1e-5


@pytest.mark.parametrize("length", [64, 100, 256, 1000, 4001])
def test_the_inverse_gives_the_samples_back(length: int) -> None:
    samples = tones()[:length]
    back = istft(stft(samples, 256, 64), 256, 64)
    assert len(back) == length // 64 * 64
    assert np.abs(back - samples[: len(back)]).max() < 1e-5


@pytest.mark.parametrize(("rate", "size", "bands"), [(8000, 256, 40), (16000, 512, 80)])
def test_the_bands_are_librosas(librosa: Any, rate: int, size: int, bands: int) -> None:
    theirs = librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands)
    assert np.abs(mel_filters(rate, size, bands) - theirs).max() < 1e-6


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_griffin_lim_is_librosas(librosa: Any, momentum: float) -> None:
    heights = np.abs(stft(tones(), 256, 64))
    # Few rounds: each multiplies the rounding of what is small by chance.
    ours = griffin_lim(heights, 64, iterations=8, momentum=momentum)
    theirs = librosa.griffinlim(
        heights.T, n_iter=8, hop_length=64, n_fft=256, momentum=momentum, init=None
    )
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-3 * np.abs(theirs).max()


def test_griffin_lim_gets_nearer(librosa: Any) -> None:
    heights = np.abs(stft(tones(), 256, 64))

    def error(samples: np.ndarray) -> float:
        found = np.abs(stft(samples, 256, 64))[: len(heights)]
        return float(np.linalg.norm(found - heights[: len(found)]) / np.linalg.norm(heights))

    few, many = (error(griffin_lim(heights, 64, iterations=k)) for k in (1, 60))
    slow = error(griffin_lim(heights, 64, iterations=60, momentum=0.0))
    theirs = error(
        librosa.griffinlim(heights.T, n_iter=60, hop_length=64, n_fft=256, random_state=0)
    )
    assert many < 0.5 * few and many < slow
    assert many < 1.25 * theirs
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, heights.shape)
    assert error(griffin_lim(heights, 64, phases=phases)) < 0.5 * few


def test_magnitudes_from_bands() -> None:
    filters = mel_filters(RATE, 256, 40)
    heights = np.abs(stft(tones(), 256, 64))
    mels = heights @ filters.T
    found = from_mels(mels, filters)
    assert found.shape == heights.shape and (found >= 0).all()
    assert np.linalg.norm(found @ filters.T - mels) < 0.05 * np.linalg.norm(mels)
    assert np.allclose(found, from_mels(2 * mels, filters) / 2, rtol=1e-3, atol=1e-6)


def test_silence_and_too_little() -> None:
    assert not griffin_lim(np.zeros((5, 129), np.float32), 64, iterations=3).any()
    assert len(griffin_lim(np.ones((1, 129), np.float32), 64)) == 0
    assert len(griffin_lim(np.ones((0, 129), np.float32), 64)) == 0
    assert stft(np.zeros(0, np.float32), 256, 64).shape == (1, 129)
    silent = from_mels(np.zeros((3, 40), np.float32), mel_filters(RATE, 256, 40))
    assert np.isfinite(silent).all() and silent.max() < 1e-6
