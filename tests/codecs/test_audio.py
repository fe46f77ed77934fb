"""Features whole and in pieces, against Kaldi's definition."""

from __future__ import annotations

import numpy as np
import pytest

from seqmap.codecs.audio import AudioCodec, Running, Spectrum, Stacker, Voice, reads_left_to_right

RATE = 8000
RNG = np.random.default_rng(0)
SOUND = (0.1 * RNG.normal(size=6001)).astype(np.float32)


def codec(*, running: bool = False, stack: int = 3, context: int = 2) -> AudioCodec:
    plain = AudioCodec(RATE, 20, stack, context, running, prior=100)
    return plain.fitted([plain.bands(SOUND)])


def pieces(values: np.ndarray, seed: int) -> list[np.ndarray]:
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(values) + 1, 25))
    return np.split(values, cuts)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("stack", "context"), [(1, 0), (3, 2), (2, 5), (4, 0)])
def test_pieces_give_what_the_whole_gives(seed: int, stack: int, context: int) -> None:
    own = codec(running=True, stack=stack, context=context)
    spectrum, running, stacker = Spectrum(own), Running(own), Stacker(own)
    found = [stacker.feed(running.feed(spectrum.feed(part))) for part in pieces(SOUND, seed)]
    found.append(stacker.feed(running.feed(spectrum.end())))
    found.append(stacker.end())
    whole = own.encode(SOUND)
    assert np.array_equal(np.concatenate(found), whole)
    frames = len(own.bands(SOUND))
    assert whole.shape == (-(-frames // stack), own.size)


def test_a_state_goes_on_as_the_stream_does() -> None:
    own = codec(running=True)
    first = Spectrum(own), Running(own), Stacker(own)

    def feed(parts: tuple[Spectrum, Running, Stacker], values: np.ndarray) -> np.ndarray:
        return parts[2].feed(parts[1].feed(parts[0].feed(values)))

    feed(first, SOUND[:1234])
    second = Spectrum(own), Running(own), Stacker(own)
    for one, other in zip(first, second, strict=True):
        other.restore(one.state())
    assert np.array_equal(feed(first, SOUND[1234:]), feed(second, SOUND[1234:]))
    for part, wrong in zip(second, (np.zeros(5000), np.zeros(3), np.zeros((2, 3))), strict=True):
        with pytest.raises(ValueError):
            part.restore(wrong)


def test_bands_are_those_of_the_definition() -> None:
    """Kaldi: no DC, preemphasis 0.97, Povey window, power spectrum, triangles on a mel axis."""
    own = codec()
    frame = SOUND[80:280].astype(np.float64) * 32768
    frame -= frame.mean()
    frame[1:] -= 0.97 * frame[:-1].copy()
    frame[0] -= 0.97 * frame[0]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 199)) ** 0.85
    power = np.abs(np.fft.rfft(frame * window, 256)) ** 2

    def mel(hertz: np.ndarray) -> np.ndarray:
        return 1127.0 * np.log1p(hertz / 700.0)

    edges = np.linspace(mel(np.array(20.0)), mel(np.array(4000.0)), 22)
    place = mel(np.arange(128) * RATE / 256)
    energies = []
    for low, middle, high in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        rise, fall = (place - low) / (middle - low), (high - place) / (high - middle)
        energies.append(np.maximum(np.minimum(rise, fall), 0) @ power[:128])
    assert np.allclose(own.bands(SOUND)[1], np.log(energies), atol=1e-3)


def test_centred_bands_have_the_usual_mean_and_spread() -> None:
    own = codec()
    frames = own.centred(own.bands(SOUND))
    assert np.abs(frames.mean(axis=0)).max() < 1e-4
    assert np.allclose(frames.std(axis=0), 1, atol=1e-3)
    # Another level is nearly taken out, the less the shorter the recording.
    loud = own.centred(own.bands(10 * SOUND)).mean()
    assert 0 < loud < 0.6 * np.log(100) / min(own.spread)


def test_recordings_of_a_speaker_are_centred_together() -> None:
    plain = AudioCodec(RATE, 20, 3, 2, running=False, prior=0, by_speaker=True)
    parts = [plain.bands((k + 1) * SOUND[k * 1500 : (k + 1) * 2000]) for k in range(3)]
    voice = Voice.of(parts[0]) + Voice.of(parts[1]) + Voice.of(parts[2])
    own = plain.fitted(parts, [voice] * 3)
    together = np.concatenate([own.centred(part, voice) for part in parts])
    assert np.abs(together.mean(axis=0)).max() < 1e-4
    assert np.allclose(together.std(axis=0), 1, atol=1e-3)
    # Their levels still differ, as they do not where each is centred by itself.
    assert own.centred(parts[2], voice).mean() > 0.5 > abs(own.centred(parts[2]).mean())
    before = {name: kept for name, kept in own.to_state().items() if name != "by_speaker"}
    assert not AudioCodec.from_state(before).by_speaker


def test_a_running_mean_follows_another_level() -> None:
    own = codec(running=True)
    many = np.tile(own.bands(10 * SOUND), (20, 1))
    frames = own.centred(many)
    assert abs(frames[-70:].mean()) < 0.1 < frames[:20].mean()


def test_little_and_nothing() -> None:
    own = codec()
    for count, steps in ((0, 0), (100, 0), (130, 1), (200, 1), (330, 1), (600, 3)):
        found = own.encode(SOUND[:count])
        assert found.shape == (steps, own.size), count
    silent = own.encode(np.zeros(4000, np.float32))
    assert np.isfinite(silent).all()


def test_it_comes_back() -> None:
    own = codec(running=True)
    assert AudioCodec.from_state(own.to_state()) == own
    with pytest.raises(ValueError):
        AudioCodec.from_state({**own.to_state(), "mels": 7})


def test_which_mean() -> None:
    assert reads_left_to_right("auto", "forward") and not reads_left_to_right("auto", "both")
    assert reads_left_to_right("running", "both") and not reads_left_to_right("whole", "forward")
