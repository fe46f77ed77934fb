"""A deployed transcriber with random weights: whole, in pieces, kept and resumed, long, odd."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seqmap.codecs.audio import AudioCodec
from seqmap.codecs.transcript import BLANK, TranscriptCodec
from seqmap.config import Config
from seqmap.data.audio import Recording, Samples
from seqmap.errors import ArchiveError, MissingExtraError, UserError
from seqmap.runtime import native
from seqmap.runtime.archive import Archive, from_bytes, save, to_bytes
from seqmap.runtime.convolution import NativeConvolution
from seqmap.runtime.ops.convolution import Convolution, StepShape
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.runtime.transcribe_decoder import Decoder, DecoderState
from seqmap.search.ctc import log_chances
from seqmap.search.kneser_ney import fit_ngrams
from seqmap.tasks import find_task
from seqmap.tasks.transcribe import Transcribe, TranscribeCodecs

RATE = 8000
PIECES = (" ", "a", "b", "c")
LINES = [["ab", "c"], ["a", "cab"], ["b"], ["ab", "ab"]]
RNG = np.random.default_rng(5)


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise whose loudness and colour change, with pauses."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    marks = np.arange(0, count + 800, 800)
    slow = np.interp(np.arange(count), marks, rng.normal(size=len(marks)))
    noise = rng.normal(size=count)
    smooth = np.convolve(noise, np.ones(8) / 8, "same")
    mixed = np.where(slow > 0, noise, 3 * smooth) * np.maximum(np.abs(slow) - 0.3, 0.001)
    return np.asarray(0.2 * mixed, np.float32)


def archive(make_weights: Any, **settings: Any) -> Archive:
    config = Config().replace(
        encoder__hidden=24,
        encoder__layers=2,
        audio__mels=16,
        transcribe__beam=6,
        transcribe__pause=0.4,
        transcribe__longest=4.0,
        **settings,
    )
    task = find_task("transcribe")
    assert isinstance(task, Transcribe)
    source = task.source_codec(config, RATE)
    source = source.fitted([source.bands(speech(5, seed)) for seed in range(3)])
    codecs = TranscribeCodecs(source, TranscriptCodec(PIECES))
    w = make_weights(3)
    shape = StepShape(source.frames, source.mels, config.audio.filters)
    size = source.size
    if shape.filters:
        draw_convolutions(w, shape, scale=3.0)
        size = shape.width
    width = w.recurrent("encoder.", "lstm", size, config.encoder)
    w.draw("output.weight", 5, width, scale=3.0)
    w.draw("output.bias", 5)
    w.arrays["output.bias"][BLANK] += 2.0
    state, arrays = task.codec_state(codecs)
    model = fit_ngrams(LINES, 2)
    manifest = {
        "format": 1,
        "task": "transcribe",
        "config": config.to_dict(),
        **state,
        "calibration": {"weight": 0.4, "bonus": 0.5, "boost": 1.0, "trust": [1.0, 0.5, 0.1, 1.0]},
    }
    language = {f"language.{n}": a for n, a in model.to_arrays().items()}
    return Archive(manifest, {**w.arrays, **arrays, **language})


def draw_convolutions(w: Any, shape: StepShape, *, scale: float) -> None:
    channels = 1
    for layer, kernel in zip(("first", "second"), shape.kernels, strict=True):
        w.draw(f"convolution.{layer}.weight", shape.filters, channels, *kernel, scale=scale)
        w.draw(f"convolution.{layer}.bias", shape.filters)
        channels = shape.filters


@pytest.fixture
def forward(make_weights: Any) -> TranscribeSession:
    return session(archive(make_weights, encoder__direction="forward", audio__filters=6))


@pytest.fixture
def both(make_weights: Any) -> TranscribeSession:
    return session(archive(make_weights, encoder__direction="both"))


def session(made: Archive, precision: str | None = None) -> TranscribeSession:
    found = restore(from_bytes(to_bytes(made)), precision=precision)
    assert isinstance(found, TranscribeSession)
    return found


def parts_of(stream: Any, sound: np.ndarray, seed: int) -> list[Any]:
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(sound) + 1, 40))
    found = [part for piece in np.split(sound, cuts) for part in stream.feed(piece)]
    return [*found, *stream.close()]


@pytest.mark.parametrize("sizes", [(9, 40, 32), (7, 13, 5), (5, 16, 3), (3, 5, 4), (1, 4, 1)])
def test_convolutions(sizes: tuple[int, int, int], make_weights: Any) -> None:
    shape, rng = StepShape(*sizes), np.random.default_rng(sizes[0])
    w = make_weights(sizes[0])
    draw_convolutions(w, shape, scale=1.0)
    arrays = w.arrays
    steps = rng.normal(size=(11, shape.frames * shape.mels)).astype(np.float32)
    found = Convolution(arrays, shape).read(steps)
    for step, own in zip(steps, found, strict=True):
        places = step.reshape(1, shape.frames, shape.mels).astype(np.float64)
        for name in ("first", "second"):
            places = convolved(places, arrays, f"convolution.{name}")
        assert places.shape == (shape.filters, 1, shape.width // shape.filters)
        assert np.allclose(own, places.ravel(), rtol=1e-4, atol=1e-4)
    alone = [Convolution(arrays, shape).read(step[None])[0] for step in steps]
    assert np.array_equal(np.array(alone), found)
    many = np.tile(steps, (60, 1))
    assert np.array_equal(Convolution(arrays, shape).read(many), np.tile(found, (60, 1)))
    assert Convolution(arrays, shape).read(steps[:0]).shape == (0, shape.width)
    with pytest.raises(ArchiveError, match=r"convolution\.second"):
        Convolution({n: a for n, a in arrays.items() if "second" not in n}, shape)
    with pytest.raises(ArchiveError, match="does not fit"):
        Convolution(arrays, replace(shape, filters=shape.filters + 1))


@pytest.mark.skipif(not native.available(), reason="there is no native core")
@pytest.mark.parametrize("sizes", [(9, 40, 32), (7, 13, 5), (1, 4, 1), (15, 20, 37)])
def test_convolutions_on_the_native_core(
    sizes: tuple[int, int, int], paths: Callable[[], Iterator[str]], make_weights: Any
) -> None:
    shape, rng = StepShape(*sizes), np.random.default_rng(sizes[0])
    w = make_weights(sizes[0])
    draw_convolutions(w, shape, scale=1.0)
    plain = Convolution(w.arrays, shape)
    core = NativeConvolution(plain)
    steps = rng.normal(size=(130, shape.frames * shape.mels)).astype(np.float32)
    expected = plain.read(steps)
    for path in paths():
        found = core.read(steps)
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-4), path
        assert np.array_equal(core.read(steps[40:41]), found[40:41]), path
    assert core.read(steps[:0]).shape == (0, shape.width)


def convolved(places: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    """By the definition, (channels, frames, bands) -> (filters, rows, bands / 2), in doubles."""
    weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    height, width = weight.shape[2:]
    side = width // 2
    padded = np.pad(places, ((0, 0), (0, 0), (side, side)))
    rows, columns = places.shape[1] - height + 1, -(-places.shape[2] // 2)
    found = np.zeros((len(weight), rows, columns))
    for f, r, c in np.ndindex(found.shape):
        window = padded[:, r : r + height, 2 * c : 2 * c + width]
        found[f, r, c] = np.tanh((weight[f] * window).sum() + bias[f])
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("search", ["beam", "greedy", "flashlight"])
def test_pieces_give_what_the_whole_gives(
    forward: TranscribeSession, search: str, seed: int
) -> None:
    if search == "flashlight":
        pytest.importorskip("flashlight", reason="flashlight-text is not installed")
    model = forward.with_search(search)
    sound = speech(9, 10 + seed)
    whole = model.predict([sound])[0]
    parts = parts_of(model.stream(), sound, seed)
    assert tuple(word for part in parts for word in part.words) == whole.words
    assert " ".join(part.text for part in parts) == whole.text
    assert len(parts) > 1 and len(whole.words) > 3


@pytest.mark.skipif(not native.available(), reason="the native core is not built")
def test_int8_too(make_weights: Any) -> None:
    model = session(quantized(archive(make_weights, encoder__direction="forward"), "int8"))
    assert model.precision == "int8"
    sound = speech(6)
    parts = parts_of(model.stream(), sound, 1)
    assert " ".join(part.text for part in parts) == model.predict([sound])[0].text


def test_backends_agree(make_weights: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = archive(make_weights, encoder__direction="both")
    steps = session(made).codecs.source.encode(speech(3))
    first = session(made).acoustics.chances([steps])[0]
    monkeypatch.setattr(native, "available", lambda: False)
    plain = session(made)
    assert plain.backend == "numpy"
    assert np.allclose(plain.acoustics.chances([steps])[0], first, atol=1e-3)


def test_a_stream_is_kept_and_goes_on(forward: TranscribeSession) -> None:
    sound = speech(8, 4)
    whole = parts_of(forward.stream(), sound, 0)
    for cut in (0, 5, 12345, 40000):
        stream = forward.stream()
        found = stream.feed(sound[:cut])
        state = stream.to_bytes()
        again = forward.stream(state)
        assert again.partial() == stream.partial() and again.seconds == stream.seconds
        found = [*found, *again.feed(sound[cut:]), *again.close()]
        assert [part.text for part in found] == [part.text for part in whole]
        assert [w for p in found for w in p.words] == [w for p in whole for w in p.words]
    with pytest.raises(ArchiveError, match="not the state of a stream"):
        forward.stream(to_bytes(Archive({}, {})))
    other = from_bytes(state)
    del other.arrays["centre"]
    with pytest.raises(ArchiveError, match="damaged"):
        forward.stream(to_bytes(other))


def test_a_state_of_another_model(forward: TranscribeSession, make_weights: Any) -> None:
    other = session(archive(make_weights, encoder__direction="forward", train__seed=7))
    with pytest.raises(ArchiveError, match="another model"):
        other.stream(forward.stream().to_bytes())


def test_phrases_can_change_while_streaming(forward: TranscribeSession) -> None:
    sound = speech(3, 4)
    stream = forward.stream()
    stream.feed(sound)
    before = stream.partial()
    stream.expect(["cab cab", "bac"], boost=20.0)
    after = stream.partial()
    assert before != after and ("bac" in after or "cab" in after)
    kept = forward.stream(stream.to_bytes())
    assert kept.partial() == after
    stream.expect([])
    assert stream.partial() == before
    told = forward.with_phrases(["cab cab", "bac"], boost=20.0).predict([sound])[0].text
    assert "bac" in told or "cab" in told


def test_phrases_that_cannot_be_used(forward: TranscribeSession) -> None:
    with pytest.raises(UserError, match="no character of this phrase"):
        forward.with_phrases(["xyz"])
    with pytest.raises(UserError, match="a list"):
        forward.with_phrases("ab")
    with pytest.raises(UserError, match="a boost is a weight"):
        forward.with_phrases(["ab"], boost=-1)


def test_long_recordings_are_read_in_windows(both: TranscribeSession) -> None:
    codec, acoustics = both.codecs.source, both.acoustics
    sound = speech(3, 1)
    short = np.concatenate(list(acoustics.in_windows([sound])))
    assert np.array_equal(short, acoustics.chances([codec.encode(sound)])[0])
    sound = speech(14, 1)
    blocks = np.split(sound, range(3000, len(sound), 3000))
    rows = np.concatenate(list(acoustics.in_windows(blocks)))
    assert len(rows) == len(codec.encode(sound))
    again = np.concatenate(list(acoustics.in_windows([sound])))
    assert np.array_equal(rows, again)
    # The middle of a window is nearly what the whole recording gives there.
    whole = acoustics.chances([codec.encode(sound)])[0]
    assert np.mean(rows.argmax(axis=1) == whole.argmax(axis=1)) > 0.8


@pytest.mark.parametrize("direction", ["forward", "both"])
def test_memory_does_not_grow_with_the_recording(make_weights: Any, direction: str) -> None:
    model = session(archive(make_weights, encoder__direction=direction)).with_search("greedy")
    block = speech(5, 3)

    class Long(Samples):
        def __init__(self, times: int) -> None:
            super().__init__(block, RATE)
            object.__setattr__(self, "times", times)

        def raw(self) -> Any:
            for _ in range(self.times):  # type: ignore[attr-defined]
                yield block[:, None]

    def peak(times: int) -> int:
        tracemalloc.start()
        model.predict([Long(times)])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    model.predict([Long(1)])
    assert peak(9) - peak(3) < 200_000


def test_a_stream_remembers_little(forward: TranscribeSession) -> None:
    stream, sizes = forward.stream(), []
    for seed in range(30):
        stream.feed(speech(2, seed))
        sizes.append(len(stream.to_bytes()))
    assert max(sizes) < 20_000 and max(sizes[15:]) <= 2 * max(sizes[:15])


def test_other_rates_and_kinds_of_samples(forward: TranscribeSession, tmp_path: Path) -> None:
    sound = speech(3)
    wanted = forward.predict([sound])[0]
    integers = np.rint(sound * 32767).astype(np.int16)
    stereo = np.stack([sound, sound], axis=1)
    soundfile.write(tmp_path / "a.flac", sound, RATE, subtype="PCM_24")
    given = [(sound.astype(np.float64), RATE), Samples(stereo, RATE), str(tmp_path / "a.flac"),
             tmp_path / "a.flac", Recording(Samples(sound, RATE), name="x"), integers]  # fmt: skip
    found = forward.predict(given)
    assert [one.text for one in found[:2]] == [wanted.text] * 2
    assert found[1].notes == ("the mean of 2 channels",)
    assert found[2].name.endswith("a.flac") and found[2].words == found[3].words
    assert found[4].name == "x" and found[4].words == wanted.words
    high = (np.repeat(sound, 2), 2 * RATE)
    told = forward.predict([high])[0]
    assert told.notes == ("resampled from 16,000 Hz to 8,000 Hz",)
    stream = forward.stream(rate=2 * RATE)
    parts = parts_of(stream, high[0], 3)
    assert " ".join(part.text for part in parts) == told.text
    with pytest.raises(UserError, match="resamples cannot be kept"):
        stream.to_bytes()


@pytest.mark.parametrize("given", [np.zeros(0, np.float32), np.zeros(50, np.float32)])
def test_hardly_anything(
    forward: TranscribeSession, both: TranscribeSession, given: np.ndarray
) -> None:
    for model in (forward, both):
        answer = model.predict([given])[0]
        assert answer.text == "" and answer.words == ()
        assert answer.notes[-1] in ("no samples", "silent: nothing above -60 dB")
    stream = forward.stream()
    assert stream.feed(given) == [] and stream.partial() == "" and stream.close() == []


def test_recordings_of_a_speaker_are_read_together(make_weights: Any) -> None:
    model = session(archive(make_weights, encoder__direction="both", audio__mean="speaker"))
    sounds = [speech(2 + k, 20 + k) * 10**-k for k in range(3)]
    given = [Recording(Samples(one, RATE), name=str(k)) for k, one in enumerate(sounds)]
    alone = model.predict(given)
    same = [replace(one, speaker="a") for one in given]
    together = model.predict(same)
    assert [one.text for one in together] != [one.text for one in alone]
    assert [one.name for one in together] == ["0", "1", "2"]
    # Neither the order nor other speakers' recordings matter, nor does a lone one change.
    mixed = [same[2], replace(given[1], speaker="b"), same[0]]
    both = model.predict([same[0], same[2]])
    assert [one.words for one in model.predict(mixed)] == [
        both[1].words,
        alone[1].words,
        both[0].words,
    ]
    assert [one.words for one in model.predict_iter(same, chunk=1)] == [o.words for o in alone]
    assert model.at_once > 1000
    assert not model.acoustics.streams


def test_what_is_no_recording(forward: TranscribeSession, both: TranscribeSession) -> None:
    with pytest.raises(UserError, match="predict takes recordings"):
        forward.predict([3])
    with pytest.raises(UserError, match="list of recordings"):
        forward.predict("a.wav")
    with pytest.raises(UserError, match="needs the whole recording"):
        both.stream()
    stream = forward.stream()
    for wrong in (np.array(["a"]), np.zeros((2, 2, 2)), np.array([np.nan])):
        with pytest.raises(UserError):
            stream.feed(wrong)
    stream.close()
    with pytest.raises(UserError, match="the stream is closed"):
        stream.feed(np.zeros(3))
    with pytest.raises(UserError, match="no such search"):
        forward.with_search("wide")
    with pytest.raises(UserError, match="keeps readings"):
        forward.with_search(beam=0)


def test_flashlight_finds_words_of_the_language_model_alone(
    make_weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(make_weights, encoder__direction="forward")
    without = Archive(
        made.manifest, {n: a for n, a in made.arrays.items() if not n.startswith("language.")}
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(UserError, match="this model has none"):
        session(without).with_search("flashlight")
    expecting = session(made).with_phrases(["cc b"])
    with pytest.raises(UserError, match="no word that its language model does not have"):
        expecting.with_search("flashlight")
    with pytest.raises(UserError, match="no word that its language model does not have"):
        session(made).with_search("flashlight").with_phrases(["cc b"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="flashlight-text"):
        session(made).with_search("flashlight")


def test_flashlight_hears_known_words(both: TranscribeSession) -> None:
    pytest.importorskip("flashlight", reason="flashlight-text is not installed")
    known = {word for line in LINES for word in line}
    found = both.with_search("flashlight").predict([speech(3, seed) for seed in range(4)])
    words = [word.text for one in found for word in one.words]
    assert len(words) > 4 and set(words) <= known


def test_answers(both: TranscribeSession) -> None:
    sound = speech(3, 2)
    plain = both.predict([sound])[0]
    assert plain.words and plain.text == " ".join(word.text for word in plain.words)
    times = [t for word in plain.words for t in (word.start, word.end)]
    assert times == sorted(times) and times[-1] <= 3.03
    assert all(0 < word.confidence < 1 for word in plain.words)
    best = both.with_answers(n_best=4).predict([sound])[0]
    assert best.text == plain.text == best.alternatives[0].text
    chances = [one.probability for one in best.alternatives]
    assert chances == sorted(chances, reverse=True) and sum(chances) == pytest.approx(1)
    middle = float(np.median([word.confidence for word in plain.words]))
    least = both.with_answers(min_confidence=middle).predict([sound])[0]
    assert 0 < len(least.words) < len(plain.words)
    record = both.task.record(plain)
    assert record["words"][0].keys() == {"text", "start", "end", "confidence"}
    assert both.task.line(plain) == plain.text
    shown = both.task.line(best).split("\t")
    assert shown == [f"{one.text} ({one.probability:.3f})" for one in best.alternatives]


def test_phrases_go_as_they_came(forward: TranscribeSession) -> None:
    greedy = forward.with_search("greedy")
    expecting = greedy.with_phrases(["cab"], boost=9.0)
    assert expecting.options.search == "beam" and expecting.options.beam.boost == 9.0
    assert expecting.with_phrases(["c ab"]).options.beam.boost == greedy.options.beam.boost
    assert expecting.with_phrases([]).options == greedy.options


@pytest.mark.parametrize(("longest", "stack"), [(1.0, 4), (2.0, 3), (5.0, 3), (8.0, 3), (4.0, 1)])
def test_windows_of_any_length_lose_no_step(make_weights: Any, longest: float, stack: int) -> None:
    made = archive(make_weights, encoder__direction="both", audio__stack=stack, audio__context=0)
    config = {**made.manifest["config"]}
    config["transcribe"] = {**config["transcribe"], "longest": longest}
    heard = session(Archive({**made.manifest, "config": config}, made.arrays))
    sound = speech(40)
    frames = len(heard.codecs.source.bands(sound))
    rows = np.concatenate(list(heard.acoustics.in_windows([sound])))
    assert len(rows) == -(-frames // stack)


def test_steps_are_as_long_as_the_spectrum_makes_them() -> None:
    task = find_task("transcribe")
    assert isinstance(task, Transcribe)
    source = task.source_codec(Config(), 11025)
    frames = len(source.bands(np.zeros(60 * 11025, np.float32)))
    assert frames / source.stack * source.step == pytest.approx(60, abs=0.05)


def test_segments_end_in_pauses(forward: TranscribeSession) -> None:
    """Rows by hand: `a`, a long pause, `b`; then one that is too long and is cut in its pause."""
    options = forward.options
    step = round(0.4 / options.step)

    def rows(numbers: list[int]) -> np.ndarray:
        return log_chances(8 * np.eye(5, dtype=np.float32)[numbers])

    decoder = forward.decoder()
    assert decoder.feed(rows([0] * 40)) == []
    assert len(decoder.state.rows) < step
    found = decoder.feed(rows([2, 2, 0, 3] + [0] * step))
    assert [one.text for one in found] == ["ab"]
    assert found[0].words[0].start == pytest.approx(40 * options.step, abs=1e-3)
    assert decoder.feed(rows([3, 0])) == [] and decoder.partial() == "b"
    assert [one.text for one in decoder.close()] == ["b"]
    long = [2, 0, 1] * 30 + [0] * 8 + [2, 0, 1] * 20
    decoder = forward.with_search("greedy").decoder()
    parts = [one.text for one in [*decoder.feed(rows(long)), *decoder.close()]]
    assert " ".join(parts) == " ".join("a" * 50) and len(parts) == 2


def test_words_before_count_for_the_language_model(forward: TranscribeSession) -> None:
    model = forward.lexicon.model
    assert model is not None
    rows = log_chances(3 * np.eye(5, dtype=np.float32)[[4, 4, 0]])

    def score(history: tuple[int, ...] | None) -> float:
        state = DecoderState([], 0, history)
        decoder = Decoder(forward.codecs.target, forward.lexicon, forward.options, state)
        decoder.feed(rows)
        return decoder._search.readings()[0].score

    assert score((model.number("ab"),)) != score(None)


def test_damaged_archives(make_weights: Any) -> None:
    made = archive(make_weights, encoder__direction="both")
    for drop in ("output.weight", "language.1.values"):
        arrays = {name: array for name, array in made.arrays.items() if name != drop}
        with pytest.raises(ArchiveError):
            restore(Archive(made.manifest, arrays))
    for change in ({"source": {}}, {"calibration": {"trust": [1.0]}}):
        with pytest.raises(ArchiveError):
            restore(Archive({**made.manifest, **change}, made.arrays))


def test_json_inputs(both: TranscribeSession) -> None:
    sound = speech(1)
    given = both.task.input_from({"samples": sound.tolist(), "rate": RATE})
    assert both.predict([given])[0].words == both.predict([sound])[0].words
    with pytest.raises(UserError, match="its samples and their rate"):
        both.task.input_from([1, 2])


def test_the_codec_is_the_models(both: TranscribeSession) -> None:
    assert isinstance(both.codecs.source, AudioCodec) and both.rate == RATE


SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "sklearn", "scipy", "matplotlib", "pandas"}:
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
import numpy as np
from seqmap.runtime.session import load
session = load(sys.argv[1])
answer = session.predict([sys.argv[2]])[0]
with session.stream() as stream:
    stream.feed(np.zeros(4000))
print(len(answer.words), sorted({"jiwer", "sentencepiece"} & set(sys.modules)))
"""


def test_hearing_needs_no_torch(weights_file: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", speech(2), RATE)
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(weights_file)]
    done = subprocess.run(
        [*command, str(tmp_path / "a.wav")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("[]\n") and int(done.stdout.split()[0]) > 0


@pytest.fixture
def weights_file(make_weights: Any, tmp_path: Path) -> Path:
    path = tmp_path / "m.seqmap"
    save(archive(make_weights, encoder__direction="forward"), path)
    return path
