"""A deployed speaker with random weights: bounded, alone or in company, odd texts, streams."""

from __future__ import annotations

import io
import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqmap.codecs.speech import SpeechCodec
from seqmap.config import Config, TextConfig
from seqmap.errors import ArchiveError, ConfigError, UserError
from seqmap.nn.model import load_arrays
from seqmap.nn.speaker import SpeakerNetwork, SpokenBatch
from seqmap.runtime import native, speak_network
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore
from seqmap.runtime.speak import SpeakSession
from seqmap.runtime.speak_network import Bounds, SpeakNetwork
from seqmap.runtime.speak_page import grey_png
from seqmap.tasks import find_task
from seqmap.tasks.speak import Speak, SpeakCodecs

RATE = 8000
TEXTS = ["one two", "three", "four five six", "a b c d", "x"]


def archive(make_weights: Any, *, seed: int = 3, bias: float = 0.0, **settings: Any) -> Archive:
    config = Config().replace(
        embedding__size=6,
        encoder__hidden=7,
        audio__mels=12,
        speak__attention=8,
        speak__hidden=9,
        speak__prenet=5,
        speak__frames=3,
        speak__iterations=2,
        speak__style=2,
        **settings,
    )
    task = find_task("speak")
    assert isinstance(task, Speak)
    own = replace(config.text, unit="char")
    codecs = task.fit_codecs(TEXTS, RATE, replace(config, text=own))
    codecs = SpeakCodecs(
        codecs.source, replace(codecs.target, mean=(0.0,) * 12, spread=(1.0,) * 12)
    )
    w = make_weights(seed)
    w.draw("embedding.weight", codecs.source.size, 6)
    width = w.recurrent("encoder.", config.encoder.name, 6, config.encoder)
    w.dense("prenet.0", 5, 12)
    w.dense("prenet.1", 5, 5)
    for name, hidden, inputs in (("walker", 8, 5 + width + 3), ("writer", 9, 8 + width + 3)):
        w.draw(f"{name}.w_ih", 4 * hidden, inputs)
        w.draw(f"{name}.w_hh", 4 * hidden, hidden)
        w.draw(f"{name}.bias", 4 * hidden)
    w.dense("output", 36, 9 + width)
    w.dense("attention.key", 8, width)
    w.draw("attention.query.weight", 8, 8)
    w.draw("attention.location", 8, speak_network.LOCATION_WIDTH)
    w.draw("attention.score", 8)
    w.arrays["attention.bias"] = np.array([bias], np.float32)
    w.draw("style", 10, 2)
    state, arrays = task.codec_state(codecs)
    manifest = {
        "format": 1,
        "task": "speak",
        "config": config.to_dict(),
        **state,
        "speech": {"stay": 6, "slowest": 8.0, "longest": 12, "fast": -0.5, "slow": 0.25},
    }
    return Archive(manifest, {**w.arrays, **arrays})


@pytest.fixture
def session(make_weights: Any) -> SpeakSession:
    found = restore(archive(make_weights))
    assert isinstance(found, SpeakSession)
    return found


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("encoder", ["lstm", "gru"])
def test_it_computes_what_was_trained(
    make_weights: Any, monkeypatch: pytest.MonkeyPatch, backend: str, encoder: str
) -> None:
    if backend == "native" and not native.available():
        pytest.skip("no native core")
    if backend == "numpy":
        monkeypatch.setattr(native, "available", lambda: False)
    # In training nothing is cut off by the window or pushed on.
    monkeypatch.setattr(speak_network, "WINDOW", 1000)
    made = archive(make_weights, bias=1.0, encoder__name=encoder)
    session = restore(made)
    assert isinstance(session, SpeakSession) and session.backend == backend
    read = [session.codecs.read(text)[0] for text in TEXTS]
    draws = [np.random.default_rng(k) for k in range(len(read))]
    bounds = Bounds(stay=10_000, slowest=20.0)
    said = session.network.speak(read, bounds, pace=0.2, variation=0.0, dropout=0.0, draws=draws)
    config = session.config
    network = SpeakerNetwork(session.codecs.source.size, 12, 10, config).eval()
    own = {k: v for k, v in made.arrays.items() if not k.startswith("source.")}
    load_arrays(network, own)
    for symbols, one in zip(read, said, strict=True):
        steps = torch.from_numpy(one.frames.reshape(1, -1, 36))
        count = torch.tensor([steps.shape[1]])
        batch = SpokenBatch(
            torch.from_numpy(symbols.astype(np.int64))[None],
            torch.tensor([len(symbols)]), steps, 3 * count, count, torch.tensor([0.2]),
        )  # fmt: skip
        with torch.no_grad():
            found = network(batch)
        assert np.abs(found.steps[0].numpy() - steps[0].numpy()).max() < 2e-4
        assert np.abs(found.alignment[0].numpy() - one.alignment).max() < 1e-4
        # Attention and what has left the text are one together, and the end comes once half has.
        whole = found.alignment.sum(dim=2) + found.passed
        assert torch.allclose(whole, torch.ones_like(whole), atol=1e-4)
        if one.end == "text":
            assert found.passed[0, -1] > 0.5 and (found.passed[0, :-1] <= 0.5).all()


def test_attention_only_moves_forward(session: SpeakSession) -> None:
    for one in session.predict(TEXTS):
        middle = (one.alignment * np.arange(one.alignment.shape[1])).sum(axis=1)
        middle /= one.alignment.sum(axis=1)
        assert (np.diff(middle) > -1e-3).all()
        assert (one.alignment >= 0).all() and (one.alignment.sum(axis=1) < 1 + 1e-4).all()


@pytest.mark.parametrize("bias", [-50.0, 0.0, 3.0, 50.0])
def test_speech_always_ends(make_weights: Any, bias: float) -> None:
    """Whatever the weights say: attention that runs off, that wanders, that never moves."""
    session = restore(archive(make_weights, bias=bias))
    assert isinstance(session, SpeakSession)
    rng = np.random.default_rng(0)
    letters = list("onetwhrfuivsxabcd  q9ß.\n!字")
    texts = ["".join(rng.choice(letters, rng.integers(0, 40))) for _ in range(60)]
    for text, frames in zip(texts, session.frames(texts), strict=True):
        symbols = len(text) + 4 * (text.count(" ") + text.count("\n") + text.count(".") + 1)
        assert len(frames) <= 3 * session.bounds.stay * (symbols + 5)
    stuck = session.predict(["one two"])[0]
    if bias == 50.0:
        # Nothing moves by itself: each symbol is left after the longest stay.
        peaks = stuck.alignment.argmax(axis=1)
        assert np.bincount(peaks, minlength=9).tolist() == [6] * 9
        assert stuck.end == "text"


def test_a_text_longer_than_the_limit_is_cut_and_told(make_weights: Any) -> None:
    made = archive(make_weights, bias=50.0)
    speech = {**made.manifest["speech"], "slowest": 0.5}
    session = restore(Archive({**made.manifest, "speech": speech}, made.arrays))
    answer = session.predict(["one two"])[0]
    assert answer.end == "limit" and "cut off" in answer.notes[0]


def test_neighbours_do_not_matter(session: SpeakSession) -> None:
    together = session.predict(TEXTS)
    for text, one in zip(TEXTS, together, strict=True):
        alone = session.predict([text])[0]
        assert one.frames.shape == alone.frames.shape
        # Rounding differs with the number of rows, and what was said is read again.
        assert np.abs(one.frames - alone.frames).max() < 0.05
        assert np.abs(one.frames[:9] - alone.frames[:9]).max() < 1e-4
    again = session.predict(TEXTS)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(together, again, strict=True))


def test_seeds_vary_it(session: SpeakSession) -> None:
    first, second = (session.with_search(seed=k).frames(["one two"])[0] for k in (1, 2))
    assert first.shape != second.shape or np.abs(first - second).max() > 1e-3
    still = session.with_search(dropout=0.0)
    first, second = (still.with_search(seed=k).frames(["one two"])[0] for k in (1, 2))
    assert np.array_equal(first, second)
    styled = still.with_search(variation=1.0)
    first, second = (styled.with_search(seed=k).frames(["one two"])[0] for k in (1, 2))
    assert first.shape != second.shape or np.abs(first - second).max() > 1e-3


def test_odd_texts(session: SpeakSession) -> None:
    for text in ("", "   ", "\n", "!!!", "..."):
        answer = session.predict([text])[0]
        assert len(answer.samples) == 0 and answer.notes == ("nothing to say",), text
        assert answer.alignment.shape == (0, 0)
    answer = session.predict(["one 9 ß two 字字!"])[0]
    assert answer.notes == ("not in the training texts, left out: 9 ß 字",)
    assert "".join(answer.symbols).replace("⏎", "") == "▁one▁two"
    assert session.predict(["ONE"])[0].symbols == session.predict(["one"])[0].symbols
    for wrong in ("one", [3], [None]):
        with pytest.raises(UserError, match="predict takes a list|takes texts"):
            session.predict(wrong)


def test_long_texts_are_cut_where_words_end(session: SpeakSession) -> None:
    text = " ".join(["one", "two", "three"] * 20)
    answer = session.predict([text])[0]
    parts = "".join(answer.symbols).split("⏎")[:-1]
    assert max(map(len, parts)) <= 12 and "".join(parts).replace("▁", " ").strip() == text
    two = session.predict(["one. two"])[0]
    alone = [session.predict([text])[0].samples for text in ("one.", "two")]
    pause = int(0.25 * RATE)
    assert len(two.samples) == len(alone[0]) + pause + len(alone[1])
    assert not two.samples[len(alone[0]) : len(alone[0]) + pause].any()


def test_settings(session: SpeakSession) -> None:
    usual, slow, fast = (
        sum(map(len, session.with_search(pace=pace, dropout=0.0).frames(TEXTS)))
        for pace in (1.0, 0.8, 1.25)
    )
    assert len({usual, slow, fast}) > 1
    answer = session.with_search(pace=4.0).predict(["one"])[0]
    assert answer.notes == ("the training's pace goes from 0.78 to 1.65: spoken at the nearest",)
    with pytest.raises(ConfigError, match="Did you mean pace"):
        session.with_search(pac=1.0)
    with pytest.raises(ConfigError, match="out of range"):
        session.with_search(pace=9.0)
    with pytest.raises(ConfigError, match="of type int"):
        session.with_search(seed="a")
    with pytest.raises(UserError, match="neither"):
        session.with_answers(n_best=2)


def test_a_stream_speaks_sentence_by_sentence(session: SpeakSession) -> None:
    text = "one two. three! four\nfive six"
    whole = session.predict(["one two.", "three!", "four", "five six"])
    for size in (1, 5, 100):
        stream = session.stream()
        found = []
        for begin in range(0, len(text), size):
            found += stream.feed(text[begin : begin + size])
        assert stream.symbols == 3
        found += stream.close()
        assert [one.text for one in found] == [one.text for one in whole]
        for one, other in zip(found, whole, strict=True):
            assert one.frames.shape == other.frames.shape
            assert np.abs(one.frames - other.frames).max() < 0.05
    with pytest.raises(UserError, match="closed"):
        stream.feed("a")
    assert stream.close() == []


def test_a_stream_goes_on_elsewhere(session: SpeakSession, make_weights: Any) -> None:
    stream = session.stream()
    assert stream.feed("one tw") == []
    state = stream.to_bytes()
    again = session.stream(state)
    assert [one.text for one in again.feed("o. ")] == ["one two."]
    other = restore(archive(make_weights, seed=4))
    with pytest.raises(ArchiveError, match="another model"):
        other.stream(state)
    with pytest.raises(UserError, match="takes text"):
        session.stream().feed(b"a")  # type: ignore[arg-type]
    endless = session.stream()
    assert sum(len(one.text) for k in range(500) for one in endless.feed("one two ")) > 1990
    assert len(endless.to_bytes()) < 8000


def test_a_server_streams_it(session: SpeakSession) -> None:
    live = session.live({"pace": 1.1, "seed": 3})
    found = [record for piece in ("one tw", "o. three") for record in live.feed(piece)]
    found += list(live.close())
    assert [one["text"] for one in found] == ["one two.", "three"]
    assert all(one["wav"] for one in found) and live.result() == {"lines": 2}
    with pytest.raises(ConfigError, match="Did you mean 'pace'"):
        session.live({"pac": 1})


def test_sound_as_a_file(session: SpeakSession) -> None:
    answer = session.predict(["one two"])[0]
    with wave.open(io.BytesIO(answer.wav())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        values = np.frombuffer(file.readframes(10**9), "<i2") / 32767
    assert np.abs(values - answer.samples).max() < 1e-4
    assert session.task.file_of(answer)[0] == "one-two.wav"
    assert session.task.file_of(replace(answer, text="../a/b ß"))[0] == "a-b-ß.wav"
    assert session.task.file_of(replace(answer, text="!?"))[0] == "silence.wav"
    record = session.task.record(answer)
    assert record["rate"] == RATE and record["end"] == "text" and len(record["wav"]) > 100
    assert "wav" not in session.task.record(session.task.placed(answer, "a.wav"))


def test_smaller_numbers(make_weights: Any) -> None:
    made = archive(make_weights)
    plain = restore(made)
    assert isinstance(plain, SpeakSession)
    for kind in ("int8", "bf16"):
        small = restore(quantized(made, kind))
        assert isinstance(small, SpeakSession)
        assert small.frames(TEXTS)[0].shape[1] == 12


def test_damaged_models(make_weights: Any) -> None:
    made = archive(make_weights)
    for name in ("attention.score", "walker.w_hh", "style", "source.pieces", "embedding.weight"):
        arrays = {k: v for k, v in made.arrays.items() if k != name}
        with pytest.raises(ArchiveError):
            restore(Archive(made.manifest, arrays))
    for key in ("speech", "target"):
        manifest = {k: v for k, v in made.manifest.items() if k != key}
        with pytest.raises(ArchiveError, match="incomplete"):
            restore(Archive(manifest, made.arrays))
    wrong = {**made.arrays, "output.bias": np.zeros(3, np.float32)}
    with pytest.raises(ArchiveError, match="does not fit"):
        restore(Archive(made.manifest, wrong))


def test_the_page(session: SpeakSession) -> None:
    page = session.explain("one <two>", what_if=["three"])
    text = page.html()
    assert "&lt;two&gt;" in text and "<two>" not in text and text.count("<audio") == 2
    assert 'src="http' not in text and "<script" not in text
    record = page.record()
    assert len(record["alignment"][0]) == len(record["symbols"]) == len(page.symbols)
    times = page.times()
    assert all(a[1] <= b[1] for a, b in zip(times, times[1:], strict=False))
    assert "three" in page.summary()
    assert "nothing" in session.explain("!").html()


def test_a_picture_that_others_read() -> None:
    from matplotlib.image import imread

    values = np.random.default_rng(0).random((7, 11))
    found = imread(io.BytesIO(grey_png(values)))
    assert found.shape[:2] == (7, 11)
    assert np.abs(found[..., 0] if found.ndim == 3 else found - values).max() < 1.0
    flat = found if found.ndim == 2 else found[..., 0]
    assert np.abs(flat - values).max() < 1 / 255


def test_it_needs_no_torch(make_weights: Any, tmp_path: Path) -> None:
    place = tmp_path / "m.seqmap"
    save(archive(make_weights), place)
    script = (
        "import sys\nfrom seqmap import load\nm = load(sys.argv[1])\n"
        "print(len(m.predict(['one'])[0].samples) > 0)\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'matplotlib', 'librosa', 'soundfile', 'soxr'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["True", "[]"], done.stderr


def test_text_settings_that_are_no_speech() -> None:
    task = find_task("speak")
    assert isinstance(task, Speak)
    config = replace(Config(), text=TextConfig(unit="literal"))
    with pytest.raises(ConfigError, match="not made of this"):
        task.fit_codecs(TEXTS, RATE, config)
    assert task.fit_codecs(TEXTS, 44100, task.config()).target.rate == 24_000
    assert SpeechCodec(RATE, 12, 0.0).size == 256
    assert SpeakNetwork.__doc__ is not None
