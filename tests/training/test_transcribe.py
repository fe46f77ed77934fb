"""Training on made-up speech, from the recipe to the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seqmap import Transcriber, load
from seqmap.codecs.audio import AudioCodec, Voice
from seqmap.codecs.transcript import TranscriptCodec
from seqmap.commands.console import Screen
from seqmap.config import AudioConfig, Config
from seqmap.data.audio import Recording, Samples
from seqmap.demo.transcribe import demo_config, run_demo
from seqmap.errors import DataError, UserError
from seqmap.nn.transcriber import StepConvolution, ctc, disagreement, padded
from seqmap.runtime.ops.convolution import Convolution, StepShape
from seqmap.runtime.session import restore
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.samples.syllables import RATE, SYNTHETIC_NOTICE, speech
from seqmap.search.ctc import log_chances, total_chance
from seqmap.tasks import find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.training import train
from seqmap.training.heard import hear
from seqmap.training.hearing import at_tempo, copies, hidden, of_voice, paced, varied, with_noise
from seqmap.training.loop import Watch
from seqmap.training.transcribe_tuning import said, smoothed, surely_fewer

# Without a search where none is asked about: one of an untrained network takes long.
TINY = demo_config().replace(
    encoder__hidden=8, encoder__layers=1, train__epochs=1, audio__mels=12, transcribe__beam=2,
    transcribe__search="greedy",
)  # fmt: skip


def seqmap(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "seqmap", *words]
    return subprocess.run(command, capture_output=True, input=given, check=False)


def fine(*words: str, given: bytes = b"") -> str:
    done = seqmap(*words, given=given)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def trained() -> Iterator[TranscribeSession]:
    """A model that hears well enough to be asked something."""
    spoken = [one.recording for one in speech(150)]
    config = demo_config().replace(
        encoder__hidden=64, train__epochs=14, transcribe__order=2, transcribe__beam=8
    )
    found = train(
        find_task("transcribe"), spoken[:130], spoken[130:], config=config, targets=AudioSet(RATE)
    )
    session = restore(found.archive)
    assert isinstance(session, TranscribeSession)
    yield session


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("speech")
    lines = []
    for k, one in enumerate(speech(14)):
        values = one.recording.sound.samples(RATE)
        soundfile.write(place / f"{k}.wav", values, RATE)
        lines.append(f"{k}.wav\t{one.recording.text}")
    (place / "all.tsv").write_text("path\ttext\n" + "\n".join(lines) + "\n")
    return place


@pytest.mark.slow
def test_it_hears(trained: TranscribeSession) -> None:
    test = [one.recording for one in speech(25, seed=99)]
    found = trained.evaluate(test)
    assert found.metrics["wer"] < 0.15 and found.metrics["cer"] < 0.1
    assert found.metrics["ece"] < 0.15
    assert found.details["words"] == sum(len(one.text.split()) for one in test)
    greedy = trained.with_search("greedy").evaluate(test)
    assert greedy.metrics["wer"] < 0.35
    calibration = trained.archive.manifest["calibration"]
    assert calibration["weight"] > 0 and calibration["boost"] >= 0.5
    assert "right" in found.report()


@pytest.mark.slow
def test_times_of_words(trained: TranscribeSession) -> None:
    spoken = speech(12, seed=98)
    off = []
    for one, answer in zip(spoken, trained.predict([s.recording for s in spoken]), strict=True):
        if answer.text == one.recording.text:
            pairs = zip(answer.words, one.times, strict=True)
            off += [abs(word.start - begin) for word, (begin, _) in pairs]
    assert len(off) > 15 and np.median(off) < 0.25


@pytest.mark.slow
def test_phrases_teach_new_words(trained: TranscribeSession) -> None:
    test = [one.recording for one in speech(25, seed=8, new=True)]
    told = trained.with_phrases(["nitasu", "kolame"], boost=3.0)
    new = {"nitasu", "kolame"}

    def right(session: TranscribeSession) -> int:
        answers = session.predict(test)
        return sum(
            word in answer.text.split()
            for one, answer in zip(test, answers, strict=True)
            for word in one.text.split()
            if word in new
        )

    assert right(told) > right(trained)


@pytest.mark.slow
def test_rows_give_what_recordings_give(trained: TranscribeSession) -> None:
    sound = speech(1, seed=50)[0].recording.sound.samples(RATE)
    stream = trained.acoustics.stream()
    rows = np.concatenate([stream.feed(sound), stream.end()])
    assert said(trained, rows).text == trained.predict([sound])[0].text


def test_held_out_recordings_are_learned_from_in_the_end() -> None:
    spoken = [one.recording for one in speech(24)]
    told: list[str] = []

    def trained_on(dev: list[Recording] | None, closing: int) -> TranscribeSession:
        config = TINY.replace(train__closing=closing, train__holdout=0.2)
        told.clear()
        found = train(
            find_task("transcribe"), spoken[:20] if dev else spoken, dev, config=config,
            targets=AudioSet(RATE), watch=Watch(note=told.append),
        )  # fmt: skip
        assert ("closing" in " ".join(told)) == (dev is None and closing > 0)
        session = restore(found.archive)
        assert isinstance(session, TranscribeSession)
        return session

    without, closed = trained_on(None, 0).archive, trained_on(None, 2).archive
    trained_on(spoken[20:], 2)
    # The figures are those from before: held-out recordings that were learned from prove nothing.
    assert closed.manifest["metrics"] == without.manifest["metrics"]
    assert closed.manifest["calibration"] == without.manifest["calibration"]
    assert closed.arrays.keys() == without.arrays.keys()
    moved = [n for n, a in closed.arrays.items() if not np.array_equal(a, without.arrays[n])]
    assert moved and not any(name.startswith("language") for name in moved)


def test_the_estimator(tmp_path: Path) -> None:
    spoken = [one.recording for one in speech(12)]
    given = [(one.sound.samples(RATE), RATE) for one in spoken]
    texts = [one.text for one in spoken]
    model = Transcriber(hidden=8, layers=1, direction="forward", epochs=1,
                        config={"transcribe.search": "greedy", "audio.mels": 12})  # fmt: skip
    with pytest.raises(DataError, match="differ in number"):
        model.fit(given, texts[:-1])
    with pytest.raises(DataError, match="no recording"):
        model.fit([], [])
    with pytest.raises(DataError, match="line 2.*must be text"):
        model.fit(given[:2], [texts[0], None])  # type: ignore[list-item]
    model.fit(given, texts)
    assert len(model.predict(given[:2])) == 2
    assert model.session_.lexicon.model is not None and model.session_.rate == RATE
    model.save(tmp_path / "m.seqmap")
    again = load(tmp_path / "m.seqmap")
    assert again.predict(given[:3]) == model.answers(given[:3])
    assert 0 <= 1 - model.score(given, texts) and model.stream().close() == []


def test_the_same_seed_gives_the_same_model() -> None:
    spoken = [one.recording for one in speech(10)]
    task = find_task("transcribe")
    first, second = (train(task, spoken, config=TINY, targets=AudioSet(RATE)) for _ in range(2))
    assert all(
        np.array_equal(first.archive.arrays[name], array)
        for name, array in second.archive.arrays.items()
    )


def test_a_resumed_training_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqmap.training.loop.CHECKPOINT_EVERY", 0.0)
    spoken = [one.recording for one in speech(10)]
    task, config = find_task("transcribe"), TINY.replace(train__epochs=3)
    straight = train(task, spoken, config=config, targets=AudioSet(RATE))

    from seqmap.training.loop import Epoch, Watch

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    out = tmp_path / "m.seqmap"
    watch = Watch(epoch=stop)
    half = train(task, spoken, config=config, targets=AudioSet(RATE), out=out, watch=watch)
    assert half.interrupted
    rest = train(task, spoken, config=config, targets=AudioSet(RATE), out=out, resume=True)
    assert all(
        np.array_equal(straight.archive.arrays[name], array)
        for name, array in rest.archive.arrays.items()
    )


def test_whole_speakers_are_held_out() -> None:
    spoken = [one.recording for one in speech(60)]
    fitting, choosing = find_task("transcribe").hold_out(spoken, 0.2)
    assert len(fitting) + len(choosing) == 60 and 6 <= len(choosing) <= 18
    assert not {one.speaker for one in fitting} & {one.speaker for one in choosing}
    one_voice = [Recording(one.sound, one.text) for one in spoken]
    fitting, choosing = find_task("transcribe").hold_out(one_voice, 0.2)
    assert len(choosing) == 12


def test_a_grid_is_smoothed_with_its_neighbours() -> None:
    lucky = np.full((3, 4), 10.0)
    lucky[0, 0] = 5.0  # alone
    lucky[1, 2:] = lucky[2, 2:] = 7.0
    found = smoothed(lucky)
    assert found[0, 0] == pytest.approx((5 + 0.5 * 10 + 0.5 * 10) / 2)
    assert np.unravel_index(found.argmin(), found.shape) == (2, 3)
    np.testing.assert_allclose(smoothed(np.full((2, 5), 3.0)), 3.0)


def test_fewer_errors_are_believed_beyond_chance() -> None:
    before = np.full(20, 2.0)
    few, many = before.copy(), before.copy()
    few[:4] -= 1
    many[:6] -= 1
    assert not surely_fewer(few, before)
    assert surely_fewer(many, before)
    many[10:16] += 1  # as many more elsewhere
    assert not surely_fewer(many, before)
    assert not surely_fewer(before, before)


def test_recordings_that_cannot_be_learned_from() -> None:
    sound = Samples(speech(1)[0].recording.sound.samples(RATE)[:1200], RATE)
    task = find_task("transcribe")
    long = [Recording(sound, "a text that is far too long for it")] * 3
    with pytest.raises(DataError, match="no recording is long enough"):
        train(task, long, config=TINY, targets=AudioSet(RATE))
    some = [one.recording for one in speech(8)]
    notes: list[str] = []
    from seqmap.training.loop import Watch

    train(task, [*some, *long[:1]], some, config=TINY, targets=AudioSet(RATE),
          watch=Watch(note=notes.append))  # fmt: skip
    assert any("1 recordings are too short for their transcripts" in note for note in notes)


def test_a_language_model_of_other_text(tmp_path: Path) -> None:
    spoken = [one.recording for one in speech(8)]
    task = find_task("transcribe")
    (tmp_path / "more.txt").write_text("Some OTHER words\n\n")
    config = TINY.replace(transcribe__language=str(tmp_path / "more.txt"))
    found = restore(train(task, spoken, config=config, targets=AudioSet(RATE)).archive)
    assert isinstance(found, TranscribeSession) and found.lexicon.model is not None
    assert "other" in found.lexicon.model.words and "mila" in found.lexicon.model.words
    (tmp_path / "m.arpa").write_text("\\1-grams:\n-1 mila\n-1 </s>\n-99 <s>\n")
    config = TINY.replace(transcribe__language=str(tmp_path / "m.arpa"))
    found = restore(train(task, spoken, config=config, targets=AudioSet(RATE)).archive)
    assert isinstance(found, TranscribeSession) and found.lexicon.model is not None
    assert set(found.lexicon.model.words) == {"<unk>", "<s>", "</s>", "mila"}
    config = TINY.replace(transcribe__language=str(tmp_path / "none.txt"))
    with pytest.raises(DataError, match="cannot read the text"):
        train(task, spoken, config=config, targets=AudioSet(RATE))


def test_mistakes_of_language_and_search_are_told_before_training(tmp_path: Path) -> None:
    spoken = [one.recording for one in speech(12)]
    epochs: list[object] = []
    watch = Watch(epoch=epochs.append)
    broken = tmp_path / "broken.arpa"
    broken.write_text("\\data\\\nngram 1=1\n\n\\1-grams:\nmuch more than a word\n")
    mistakes = [
        {"transcribe__language": str(tmp_path / "typo.txt")},
        {"transcribe__language": str(broken)},
        {"transcribe__search": "flashlight", "transcribe__order": 0},
    ]
    for settings in mistakes:
        with pytest.raises(UserError):
            train(
                find_task("transcribe"), spoken, config=TINY.replace(**settings),
                targets=AudioSet(RATE), watch=watch,
            )  # fmt: skip
    assert not epochs


def test_dev_texts_of_characters_that_training_never_had() -> None:
    spoken = [one.recording for one in speech(14)]
    chinese = [
        replace(one, text="你好世界" if k < 10 else "鑫淼你好") for k, one in enumerate(spoken)
    ]
    config = TINY.replace(transcribe__search="beam", train__closing=0)
    found = train(
        find_task("transcribe"), chinese[:10], chinese[10:], config=config, targets=AudioSet(RATE)
    )
    assert restore(found.archive).predict([spoken[0]])[0] is not None


def test_subwords() -> None:
    spoken = [one.recording for one in speech(12)]
    config = TINY.replace(text__unit="subword", text__vocabulary=24)
    found = restore(train(find_task("transcribe"), spoken, config=config,
                          targets=AudioSet(RATE)).archive)  # fmt: skip
    assert found.codecs.target.subwords is not None
    assert isinstance(found.predict([spoken[0]])[0].text, str)


def test_what_is_done_to_training_recordings() -> None:
    config, rng = AudioConfig(mels=12), np.random.default_rng(0)
    codec = AudioCodec(RATE, 12, 3, 2, running=False)
    sound = speech(1)[0].recording.sound.samples(RATE)
    plain, slow, fast = copies(sound, codec, config)
    assert len(slow) / len(plain) == pytest.approx(1.11, abs=0.02)
    assert len(fast) / len(plain) == pytest.approx(0.91, abs=0.02)
    codec = codec.fitted([plain])
    frames = hidden(codec.centred(plain), config, rng)
    assert 0.02 < np.mean(frames == 0) < 0.7
    noisy = with_noise(plain, rng)
    assert (noisy >= plain).all() and noisy.mean() < plain.mean() + 8
    found = varied(plain, codec, config, rng)
    assert found.shape == (-(-len(plain) // 3), codec.size)
    sizes = {len(paced(plain, config, rng)) / len(plain) for _ in range(40)}
    assert 1 / 1.16 < min(sizes) < 0.92 and 1.08 < max(sizes) < 1 / 0.84
    assert paced(plain, AudioConfig(tempo=0.0), rng) is plain
    assert len(at_tempo(plain, 1.25)) == round(len(plain) / 1.25)
    assert np.allclose(at_tempo(plain, 1.0), plain)
    assert len(copies(sound, codec, AudioConfig(mels=12, speed=0.0))) == 1


def test_a_speaker_is_varied_with_all_recordings() -> None:
    codec = AudioCodec(RATE, 12, 3, 2, running=False, prior=0, by_speaker=True)
    bands = [codec.bands(one.recording.sound.samples(RATE)) for one in speech(3)]
    voice = sum(map(Voice.of, bands[1:]), start=Voice.of(bands[0]))
    codec = codec.fitted(bands, [voice] * 3)
    still = AudioConfig(mels=12, tempo=0.0, tract=0.0, noise=0.0, time_masks=0, band_masks=0)
    alone, together = codec.encode_bands(bands[0]), codec.encode_bands(bands[0], voice)
    kinds = {"alone": 0, "together": 0}
    rng = np.random.default_rng(3)
    for _ in range(40):  # the level is drawn, and is taken out again
        found = varied(bands[0], codec, still, rng, voice)
        assert np.allclose(found, alone, atol=1e-4) or np.allclose(found, together, atol=1e-4)
        kinds["alone" if np.allclose(found, alone, atol=1e-4) else "together"] += 1
    assert 2 <= kinds["alone"] <= 16
    other = replace(still, tract=0.2)
    for seed in range(9):
        draws = [np.random.default_rng(seed) for _ in bands]
        parts = [
            varied(one, codec, other, draw, voice)[1:-1]  # the ends are padded
            for one, draw in zip(bands, draws, strict=True)
        ]
        middle = np.concatenate(parts)[:, 2 * 12 : 5 * 12].reshape(-1, 12)
        assert np.abs(middle.mean(axis=0)).max() < 0.2, seed


def test_speakers_are_heard_at_each_speed() -> None:
    spoken = [replace(one.recording, speaker="ab"[k % 2]) for k, one in enumerate(speech(6))]
    spoken[5] = replace(spoken[5], speaker="")
    codec = AudioCodec(RATE, 12, 3, 2, running=False, by_speaker=True)
    target = TranscriptCodec.fit([one.text for one in spoken], TINY.text)
    part = hear(spoken, codec, target, AudioConfig(mels=12), Watch())
    assert part.voices[0][0] is part.voices[2][0] is not part.voices[1][0]
    assert part.voices[5] == (None, None, None)
    for speed in range(3):
        own = part.voices[1][speed]
        assert own is not None
        assert own.frames == sum(len(part.bands[k][speed]) for k in (1, 3))
    nobody = [replace(one, speaker="") for one in spoken]
    with pytest.raises(DataError, match="no recording says who speaks"):
        hear(nobody, codec, target, AudioConfig(mels=12), Watch())
    apart = hear(spoken, replace(codec, by_speaker=False), target, AudioConfig(mels=12), Watch())
    assert all(voice is None for voices in apart.voices for voice in voices)


def test_another_voice_moves_the_peaks() -> None:
    place = np.arange(40)
    peak = np.exp(-(((place - 20) / 2.0) ** 2)).astype(np.float32)[None]
    centres = 31.75 + (place + 1) * (2840.04 - 31.75) / 41  # mel, of 20 Hz and of 8 kHz
    hertz = 700 * (np.exp(centres / 1127) - 1)
    assert np.array_equal(of_voice(peak, 1.0, 16000), peak)
    for factor in (0.9, 1.1):
        moved = of_voice(peak, factor, 16000)[0]
        there = float((hertz * moved).sum() / moved.sum())
        here = float((hertz * peak[0]).sum() / peak[0].sum())
        # What is read at f · factor was at f: the peak is now at f / factor.
        assert there == pytest.approx(here / factor, rel=0.03)
    # The highest frequency stays where it is.
    rising = np.linspace(0, 1, 40, dtype=np.float32)[None]
    assert of_voice(rising, 1.1, 16000)[0, -1] == pytest.approx(1.0, abs=0.01)


def test_the_loss_is_that_of_the_search() -> None:
    rng = np.random.default_rng(0)
    parts = [torch.from_numpy(rng.normal(size=(n, 5)).astype(np.float32)) for n in (9, 6)]
    scores, lengths = padded(parts)
    loss = ctc(scores, lengths, torch.tensor([1, 2, 2, 4]), torch.tensor([3, 1]))
    own = [total_chance(log_chances(p.numpy()), t) / len(t)
           for p, t in zip(parts, ([1, 2, 2], [4]), strict=True)]  # fmt: skip
    assert float(loss) == pytest.approx(-np.mean(own), abs=1e-4)


def test_the_commands(folder: Path, tmp_path: Path) -> None:
    model = str(tmp_path / "m.seqmap")
    sets = [f"{s}.{k}={v}" for s, part in TINY.to_dict().items() for k, v in part.items()
            if v != find_task("transcribe").config().to_dict()[s][k]]  # fmt: skip
    given = [word for one in sets for word in ("--set", one)]
    table = str(folder / "all.tsv")
    shown = fine("train", "transcribe", table, "--out", model, "--json", *given)
    summary = json.loads(shown.splitlines()[-1])
    assert summary["task"] == "transcribe" and summary["metrics"].keys() >= {"wer", "cer"}
    found = json.loads(fine("evaluate", model, table, "--json").splitlines()[-1])
    assert found["examples"] == 14 and "confusions" in found
    lines = fine("predict", model, str(folder / "0.wav"), "--json").splitlines()
    assert json.loads(lines[0])["seconds"] > 1 and json.loads(lines[-1])["count"] == 1
    assert len(fine("predict", model, str(folder)).splitlines()) == 14
    paths = f"{folder / '1.wav'}\n{folder / '2.wav'}\n".encode()
    assert len(fine("predict", model, "-", given=paths).splitlines()) == 2
    (tmp_path / "p.txt").write_text("mila sutu\n")
    phrases = ["--phrases", str(tmp_path / "p.txt")]
    whole = json.loads(
        fine("stream", model, str(folder / "0.wav"), "--json", *phrases).splitlines()[-1]
    )
    raw, _ = soundfile.read(folder / "0.wav", dtype="int16")
    for data, options in (
        (raw.astype("<i2").tobytes(), ["--rate", str(RATE)]),
        ((folder / "0.wav").read_bytes(), []),
    ):
        shown = fine("stream", model, "-", "--json", *options, *phrases, given=data)
        assert json.loads(shown.splitlines()[-1]) == whole
    assert fine("info", model).count("audio → text") == 1
    out = str(tmp_path / "int8.seqmap")
    fine("export", model, "--quantize", "int8", "--dev", table, "--out", out, "--max-loss", "1")
    for words, data, told in (
        (["stream", model, "-"], b"fLaC....", "compressed sound is not read from a pipe"),
        (["stream", model, "-"], b"RIFF....WAVEfmt ", "WAV header is damaged"),
        (["stream", model, str(folder / "0.wav"), "--rate", "16000"], b"", "a rate of its own"),
        (["predict", model, "--text", "a"], b"", "does not answer a text"),
        (["predict", model, str(folder / "all.wav")], b"", "no such file"),
        (["predict", model, model], b"", "not sound that can be read"),
        (["evaluate", model, str(folder / "0.wav")], b"", "a recording alone"),
    ):
        done = seqmap(*words, given=data)
        assert done.returncode == 2, words
        assert told in done.stderr.decode() and "Traceback" not in done.stderr.decode()


def test_other_models_expect_no_phrases(make_archive: object) -> None:
    with pytest.raises(UserError, match="expects no phrases"):
        restore(make_archive()).with_phrases(["a"])  # type: ignore[operator]


def test_the_demo_shows_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_demo(tmp_path / "out", Screen(quiet=True), config=TINY)
    shown = capsys.readouterr().out
    assert SYNTHETIC_NOTICE in shown
    for section in ("Data", "Training", "Test", "While somebody speaks", "Words that training"):
        assert f"── {section}" in shown
    assert load(tmp_path / "out" / "speech.seqmap").task.name == "transcribe"


def test_defaults_are_of_the_task() -> None:
    config = find_task("transcribe").config()
    assert isinstance(config, Config) and config.text.unit == "char" and config.encoder.layers == 3


def test_two_hearings_shall_agree() -> None:
    rng = np.random.default_rng(4)
    one, other = (torch.from_numpy(rng.normal(size=(2, 5, 3))) for _ in range(2))
    scores = torch.cat([one, other]).requires_grad_()
    steps, symbols = torch.tensor([5, 3, 5, 3]), torch.tensor([2, 0, 2, 0])
    a, b = one.softmax(-1).numpy(), other.softmax(-1).numpy()
    apart = ((a - b) * (np.log(a) - np.log(b))).sum(-1)  # both directions of Kullback and Leibler
    expected = (apart[0].sum() / 2 + apart[1, :3].sum() / 1) / 4
    loss = disagreement(scores, steps, symbols)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert scores.grad is not None
    # Each half follows the other: d KL(q || softmax(z)) / dz = softmax(z) - q.
    pull = torch.cat([one.softmax(-1) - other.softmax(-1), other.softmax(-1) - one.softmax(-1)])
    weight = torch.tensor([1 / 2, 1.0, 1 / 2, 1.0])[:, None, None] / 4
    inside = (torch.arange(5) < steps[:, None])[..., None]
    assert torch.allclose(scores.grad, pull * weight * inside, atol=1e-6)
    assert disagreement(torch.cat([one, one]), steps, symbols).item() == pytest.approx(0, abs=1e-6)


def test_training_with_two_hearings() -> None:
    spoken = [one.recording for one in speech(6)]
    config = TINY.replace(audio__consistency=0.2, train__closing=0)
    first, again = (
        train(find_task("transcribe"), spoken, config=config, targets=AudioSet(RATE))
        for _ in range(2)
    )
    alone = train(find_task("transcribe"), spoken, config=config.replace(audio__consistency=0.0),
                  targets=AudioSet(RATE))  # fmt: skip
    same = first.archive.arrays.items()
    assert all(np.array_equal(array, again.archive.arrays[name]) for name, array in same)
    assert first.history[0].train_loss == again.history[0].train_loss
    assert first.history[0].train_loss > 0 and first.history[0] != alone.history[0]


@pytest.mark.parametrize(("stack", "context", "mels"), [(3, 3, 40), (2, 1, 13), (1, 0, 4)])
def test_convolutions_are_those_of_the_deployed_model(stack: int, context: int, mels: int) -> None:
    audio = AudioConfig(stack=stack, context=context, mels=mels, filters=6)
    front = StepConvolution(audio)
    torch.nn.init.normal_(front.first.bias)
    torch.nn.init.normal_(front.second.bias)
    codec = AudioCodec(RATE, mels, stack, context, running=False)
    rng = np.random.default_rng(stack)
    parts = [codec.steps(rng.normal(size=(n, mels)).astype(np.float32)) for n in (40, 17, 1)]
    x, lengths = padded([torch.from_numpy(part) for part in parts])
    found = front(x).detach().numpy()
    arrays = {f"convolution.{n}": a.detach().numpy() for n, a in front.state_dict().items()}
    deployed = Convolution(arrays, StepShape(front.frames, mels, 6))
    assert found.shape == (3, len(parts[0]), deployed.width)
    for own, part, length in zip(found, parts, lengths, strict=True):
        assert np.allclose(own[: int(length)], deployed.read(part), atol=1e-4)
