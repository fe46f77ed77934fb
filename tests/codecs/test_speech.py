"""Recordings to frames and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqmap.codecs.speech import SpeechCodec
from seqmap.samples.syllables import RATE, speech
from seqmap.speech_metrics import distortions


@pytest.fixture(scope="module")
def codec() -> SpeechCodec:
    plain = SpeechCodec(RATE, 40, 40.0)
    sounds = [one.recording.sound.samples(RATE) for one in speech(4, speaker=3)]
    return plain.fitted(plain.logs(plain.level(one)) for one in sounds)


def test_frames_become_sound_again(codec: SpeechCodec) -> None:
    samples = speech(1, seed=2, speaker=3)[0].recording.sound.samples(RATE)
    frames = codec.encode(samples)
    sound = codec.decode(frames, iterations=30, sharpening=1.0)
    assert len(sound) == (len(frames) - 1) * codec.hop
    again = codec.logs(sound)
    truth = codec.logs(codec.level(samples))
    assert float(distortions([truth], [again])[0]) < 4.0
    assert np.abs(sound).max() <= 0.98
    other = codec.logs(codec.level(speech(1, seed=5, speaker=3)[0].recording.sound.samples(RATE)))
    assert float(distortions([truth], [other])[0]) > 5.0


def test_bands_are_standardised(codec: SpeechCodec) -> None:
    sounds = [one.recording.sound.samples(RATE) for one in speech(4, speaker=3)]
    frames = np.concatenate([codec.encode(one) for one in sounds])
    assert np.abs(frames.mean(axis=0)).max() < 1e-3
    assert np.abs(frames.std(axis=0) - 1).max() < 1e-2
    logs = codec.logs(codec.level(sounds[0]))
    assert np.abs(codec.unscaled(codec.scaled(logs)) - logs).max() < 1e-3


def test_silence_is_cut_off_and_loudness_brought_to_one() -> None:
    codec = SpeechCodec(RATE, 40, 40.0)
    loud = np.sin(np.arange(4000) / 3).astype(np.float32)
    quiet = 1e-4 * np.random.default_rng(0).normal(size=8000).astype(np.float32)
    around = np.concatenate([quiet, loud, quiet])
    kept = codec.level(around)
    assert 4000 <= len(kept) <= 4000 + 2 * int(0.04 * RATE) + 160
    assert np.sqrt(np.mean(codec.level(0.01 * loud) ** 2)) == pytest.approx(0.08, rel=1e-3)
    assert len(replace(codec, trim=0.0).level(around)) == len(around)
    for nothing in (np.zeros(0), np.zeros(3), np.zeros(5000)):
        assert len(codec.level(nothing)) == len(nothing) and not codec.level(nothing).any()


def test_wild_frames_stay_sound(codec: SpeechCodec) -> None:
    wild = np.full((20, 40), 1e6, np.float32)
    sound = codec.decode(wild, iterations=3, sharpening=1.2)
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 0.98
    assert len(codec.decode(wild[:1], iterations=3, sharpening=1.2)) == 0


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100])
def test_frames_of_any_rate(rate: int) -> None:
    codec = SpeechCodec(rate, 40, 40.0)
    assert codec.size & (codec.size - 1) == 0
    assert 0.03 <= codec.size / rate < 0.06 and codec.hop * 4 == codec.size


def test_the_state_brings_it_back(codec: SpeechCodec) -> None:
    assert SpeechCodec.from_state(codec.to_state()) == codec
    with pytest.raises(ValueError, match="do not fit"):
        SpeechCodec.from_state({**codec.to_state(), "mean": [0.0]})
