"""Training a voice on made-up speech, from the recipe to the command line."""

from __future__ import annotations

import base64
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner, Result

from seqmap import Speaker, load
from seqmap.cli import app
from seqmap.commands.console import Screen
from seqmap.data.audio import Recording, Samples
from seqmap.demo.speak import run_demo
from seqmap.demo.transcribe import demo_config as listening_config
from seqmap.errors import DataError
from seqmap.nn.speaker import ForwardAttention, SpokenBatch
from seqmap.runtime.session import restore
from seqmap.runtime.speak import SpeakSession
from seqmap.samples.syllables import RATE, SYNTHETIC_NOTICE, speech
from seqmap.tasks import find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.training import reference, train
from seqmap.training.loop import Epoch, Watch
from seqmap.training.speak_learner import SpokenPart, expected_lengths, guided

TINY = find_task("speak").config().replace(
    embedding__size=6, encoder__hidden=6, audio__mels=12, speak__attention=8, speak__hidden=8,
    speak__prenet=6, speak__frames=8, speak__iterations=2, train__epochs=1,
)  # fmt: skip


def said(count: int, **options: int) -> list[Recording]:
    found = [one.recording for one in speech(4 * count, speaker=3, **options)]
    return [one for one in found if len(one.text.split()) == 3][:count]


def seqmap(*words: str, given: bytes = b"") -> Result:
    return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, list(words), input=given)


def fine(*words: str, given: bytes = b"") -> bytes:
    done = seqmap(*words, given=given)
    assert done.exit_code == 0, done.output
    return bytes(done.stdout_bytes)


@pytest.mark.slow
def test_it_learns_to_speak() -> None:
    """Unseen sentences are nearer to their own recordings than to others."""
    spoken = said(70)
    fitting, choosing, testing = spoken[:56], spoken[56:60], spoken[60:]
    config = TINY.replace(
        embedding__size=32, encoder__hidden=32, audio__mels=32, speak__attention=64,
        speak__hidden=96, speak__prenet=64, speak__frames=6, train__epochs=24,
    )  # fmt: skip
    found = train(find_task("speak"), fitting, choosing, config=config, targets=AudioSet(RATE))
    session = restore(found.archive)
    assert isinstance(session, SpeakSession)
    measured = session.evaluate(testing)
    others = [
        replace(b, text=a.text) for a, b in zip(testing, testing[1:] + testing[:1], strict=True)
    ]
    wrong = session.evaluate(others)
    assert measured.metrics["mcd"] < 0.75 * wrong.metrics["mcd"]
    assert 0.8 < measured.metrics["duration"] < 1.25 and measured.metrics["cut"] == 0
    assert "mel-cepstral distortion" in measured.report()
    plain = reference(find_task("speak"), fitting, testing, AudioSet(RATE))
    assert plain is not None and plain.metrics["mcd"] < wrong.metrics["mcd"]
    # Each symbol has its time, one after the other.
    page = session.explain(testing[0].text)
    assert [name for name, _, _ in page.times()] == list(page.symbols)
    # Random texts come to an end behind their last symbol, and in the time that speech takes.
    rng = np.random.default_rng(0)
    letters = list("milatosukane ")
    texts = ["".join(rng.choice(letters, rng.integers(2, 40))) for _ in range(60)]
    for text, answer in zip(texts, session.predict(texts), strict=True):
        assert answer.end == "text"
        assert answer.seconds < 0.4 * (len(text) + 3)


def test_expected_lengths_are_those_of_the_symbols() -> None:
    rng = np.random.default_rng(0)
    true = np.array([5.0, 0.0, 10.0, 20.0, 40.0])
    symbols = [rng.choice([0, 2, 3, 4], 8).astype(np.int32) for _ in range(200)]
    frames = [np.zeros((int(true[one].sum()), 2), np.float32) for one in symbols]
    found = expected_lengths(symbols, frames, 5)
    assert np.allclose(found[[0, 2, 3, 4]], true[[0, 2, 3, 4]], atol=0.5)
    assert 5 < found[1] < 40  # never seen: as long as any


def test_attention_moves_by_one_symbol_at_most() -> None:
    torch.manual_seed(0)
    attention = ForwardAttention(4, 6, 5)
    alignment = torch.zeros(2, 7)
    alignment[:, 2] = 1.0
    keys = attention.key(torch.randn(2, 7, 6))
    after, going = attention(torch.randn(2, 4), keys, alignment)
    assert torch.allclose(after.sum(dim=1), torch.ones(2))
    assert (after[:, [0, 1, 4, 5, 6]] == 0).all() and (after[:, 2:4] > 0).all()
    assert torch.allclose(after[:, 3], going[:, 2])
    with torch.no_grad():
        attention.bias.fill_(50.0)
        still, _ = attention(torch.randn(2, 4), keys, alignment)
    assert torch.allclose(still, alignment)


def test_the_guide_wants_the_diagonal() -> None:
    count = torch.tensor([10, 10])
    batch = SpokenBatch(
        torch.zeros(2, 10, dtype=torch.int64), count, torch.zeros(2, 10, 1), count, count,
        torch.zeros(2),
    )  # fmt: skip
    straight = torch.eye(10).expand(2, 10, 10)
    assert float(guided(straight, batch)) == pytest.approx(0, abs=1e-6)
    assert float(guided(straight.flip(1), batch)) > 0.4
    # What lies beyond a row's length does not count.
    short = torch.tensor([10, 5])
    half = SpokenBatch(batch.symbols, short, batch.steps, short, short, batch.pace)
    wild = straight.clone()
    wild[1, 5:] = 1.0
    assert float(guided(wild, half)) == pytest.approx(0, abs=1e-6)


def test_steps_are_filled_with_the_last_frame() -> None:
    frames = np.arange(14, dtype=np.float32).reshape(7, 2)
    part = SpokenPart(("a", "b"), (np.array([2, 0], np.int32),) * 2, (frames, frames[:3]),
                      np.zeros(2, np.float32))  # fmt: skip
    batch = part.batch([0, 1], 3, known=False, device=torch.device("cpu"))
    assert batch.steps.shape == (2, 3, 6) and batch.rows is None
    assert batch.step_lengths.tolist() == [3, 1] and batch.frame_lengths.tolist() == [7, 3]
    assert batch.steps[0, 2].tolist() == [12, 13, 12, 13, 12, 13]
    assert part.batch([1], 3, known=True, device=torch.device("cpu")).rows.tolist() == [1]  # type: ignore[union-attr]


def test_the_same_seed_gives_the_same_model() -> None:
    spoken, task = said(8), find_task("speak")
    first, second = (train(task, spoken, config=TINY, targets=AudioSet(RATE)) for _ in range(2))
    assert all(
        np.array_equal(first.archive.arrays[name], array)
        for name, array in second.archive.arrays.items()
    )
    other = train(task, spoken, config=TINY.replace(train__seed=1), targets=AudioSet(RATE))
    assert not np.array_equal(first.archive.arrays["output.weight"],
                              other.archive.arrays["output.weight"])  # fmt: skip


def test_a_resumed_training_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqmap.training.loop.CHECKPOINT_EVERY", 0.0)
    spoken, task, config = said(8), find_task("speak"), TINY.replace(train__epochs=3)
    straight = train(task, spoken, config=config, targets=AudioSet(RATE))

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    out = tmp_path / "m.seqmap"
    watch = Watch(epoch=stop)
    half = train(task, spoken, config=config, targets=AudioSet(RATE), out=out, watch=watch)
    assert half.interrupted and load(out).task.name == "speak"
    rest = train(task, spoken, config=config, targets=AudioSet(RATE), out=out, resume=True)
    assert all(
        np.array_equal(straight.archive.arrays[name], array)
        for name, array in rest.archive.arrays.items()
    )
    assert not out.with_name("m.seqmap.checkpoint").exists()


def test_recordings_that_cannot_be_learned_from() -> None:
    task = find_task("speak")
    silent = [
        Recording(Samples(np.zeros(4000, np.float32), RATE), "mila", f"{k}") for k in range(3)
    ]
    with pytest.raises(DataError, match="no sound in any recording"):
        train(task, silent, config=TINY, targets=AudioSet(RATE))
    notes: list[str] = []
    spoken = said(6)
    watch = Watch(note=notes.append)
    train(task, [*spoken, *silent[:1]], spoken, config=TINY, targets=AudioSet(RATE), watch=watch)
    assert any("1 recordings are silent, too short" in note for note in notes)
    with pytest.raises(DataError, match="nothing can be held out"):
        task.hold_out(spoken[:1], 0.1)


def test_a_dev_text_of_unknown_symbols_loses_no_training(tmp_path: Path) -> None:
    spoken = said(8)
    dev = [spoken[6], replace(spoken[7], text="☃")]
    found = train(
        find_task("speak"), spoken[:6], dev, config=TINY, targets=AudioSet(RATE),
        out=tmp_path / "m.seqmap",
    )  # fmt: skip
    session = load(tmp_path / "m.seqmap")
    assert np.isfinite(found.metrics["mcd"]) and session.metrics
    seen = session.evaluate(dev)
    assert np.isfinite(seen.metrics["mcd"]) and "1 texts had no known symbol" in seen.report()


def test_what_is_told_of_the_data() -> None:
    task = find_task("speak")
    mixed = [one.recording for one in speech(6)]
    told = "\n".join(task.inspect(mixed, mixed[:1], None))
    assert "a model has one voice" in told and "little speech" in told
    one_voice = "\n".join(task.inspect(said(6), said(6)[:1], said(6)[:1]))
    assert "has one voice" not in one_voice and "test: 1 recordings" in one_voice


def test_the_estimator(tmp_path: Path) -> None:
    spoken = said(8)
    texts = [one.text for one in spoken]
    given = [(one.sound.samples(RATE), RATE) for one in spoken]
    sets = TINY.to_dict()
    model = Speaker(
        hidden=8, attention=8, epochs=1,
        config={"speak.frames": 8, "speak.iterations": 2, "audio.mels": 12,
                "encoder.hidden": 6, "speak.prenet": sets["speak"]["prenet"]},
    )  # fmt: skip
    with pytest.raises(DataError, match="differ in number"):
        model.fit(texts, given[:-1])
    with pytest.raises(DataError, match="no recording"):
        model.fit([], [])
    with pytest.raises(DataError, match="maps texts to recordings"):
        model.fit(["a", " "], given[:2])
    model.fit(texts, given)
    sounds = model.predict(texts[:2])
    assert model.rate_ == RATE and all(one.dtype == np.float32 for one in sounds)
    model.save(tmp_path / "m.seqmap")
    again = load(tmp_path / "m.seqmap").predict(texts[:2])
    assert all(np.array_equal(a, b.samples) for a, b in zip(sounds, again, strict=True))
    copied = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copied.predict(texts[:1])[0], sounds[0])
    assert model.score(texts, given) < 0 and model.stream().close() == []
    assert len(model.answers(texts[:1], pace=1.1)) == 1 and len(model.history_) == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("voice")
    lines = ["path\ttext"]
    for k, one in enumerate(said(10)):
        soundfile.write(place / f"{k}.wav", one.sound.samples(RATE), RATE)
        lines.append(f"{k}.wav\t{one.text}")
    (place / "all.tsv").write_text("\n".join(lines) + "\n")
    return place


def test_the_commands(folder: Path, tmp_path: Path) -> None:
    model, table, out = str(tmp_path / "m.seqmap"), str(folder / "all.tsv"), tmp_path / "out"
    usual = find_task("speak").config().to_dict()
    sets = [f"{s}.{k}={v}" for s, part in TINY.to_dict().items() for k, v in part.items()
            if v != usual[s][k]]  # fmt: skip
    given = [word for one in sets for word in ("--set", one)]
    shown = fine("train", "speak", table, "--test", table, "--out", model, "--json", *given)
    summary = json.loads(shown.splitlines()[-1])
    assert summary["task"] == "speak" and summary["metrics"].keys() == {"mcd", "duration", "cut"}
    assert summary["baseline"]["mcd"] >= 0
    found = json.loads(fine("evaluate", model, table, "--json").splitlines()[-1])
    assert found["examples"] == 10 and len(found["distortions"]) == 10
    lines = fine("predict", model, "-", "--json", "--out", str(out),
                 given=b"mila sutu\n\nkane!\n").splitlines()  # fmt: skip
    records = [json.loads(line) for line in lines]
    assert records[-1] == {"task": "speak", "count": 3}
    values, rate = soundfile.read(records[0]["path"])
    assert rate == RATE and len(values) / rate == pytest.approx(records[0]["seconds"])
    assert sorted(path.name for path in out.iterdir()) == [
        "0001-mila-sutu.wav", "0002-silence.wav", "0003-kane.wav",
    ]  # fmt: skip
    plain = fine("predict", model, "--text", "lone", "--out", str(out), "--search", "seed=3")
    assert plain.decode().startswith(f"{out}/0001-lone.wav\t")
    raw = fine("stream", model, "-", given=b"mila. sutu")
    parts = fine("stream", model, "-", "--json", given=b"mila. sutu").splitlines()
    sounds = [base64.b64decode(json.loads(one)["wav"]) for one in parts[:2]]
    assert len(raw) == sum(len(one) - 44 for one in sounds)
    assert json.loads(parts[-1])["count"] == 2
    page, picture = tmp_path / "p.html", tmp_path / "p.png"
    fine("explain", model, "--text", "mila sutu", "--out", str(page), "--png", str(picture))
    assert page.stat().st_size > 2000 and picture.stat().st_size > 5000
    assert b"text \xe2\x86\x92 audio" in fine("info", model)
    int8 = str(tmp_path / "int8.seqmap")
    fine("export", model, "--quantize", "int8", "--dev", table, "--out", int8, "--max-loss", "1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "speak", "{0}/none.tsv"], "no such file"),
        (["train", "speak", "{0}/0.wav"], "a recording alone has no transcript"),
        (["train", "speak", "{0}/one.tsv"], "one recording only"),
        (["train", "speak", "{0}/gone.tsv"], "the recording of a transcript is missing"),
        (["train", "speak", "{0}/noise.tsv"], "not sound that can be read"),
        (["train", "speak", "{0}/all.tsv", "--set", "speak.frame=2"], "Did you mean speak.frames"),
        (["train", "speak", "{0}/all.tsv", "--set", "speak.pace=0"], "out of range"),
        (["train", "speak", "{0}/all.tsv", "--init", "x.seqmap"], "does not start from"),
    ],
)
def test_mistakes(folder: Path, tmp_path: Path, words: list[str], told: str) -> None:
    (folder / "one.tsv").write_text("path\ttext\n0.wav\tmila\n")
    (folder / "gone.tsv").write_text("path\ttext\n0.wav\tmila\ngone.wav\tsutu\n")
    (folder / "noise.wav").write_bytes(b"no sound at all")
    (folder / "noise.tsv").write_text("path\ttext\n0.wav\tmila\nnoise.wav\tsutu\n")
    out = tmp_path / "m.seqmap"
    done = seqmap(*[word.format(folder) for word in words], "--out", str(out))
    assert done.exit_code == 2 and told in done.output, done.output
    assert "Traceback" not in done.output
    assert not out.exists()


def test_the_demo_shows_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ear = listening_config().replace(
        encoder__hidden=8, encoder__layers=1, train__epochs=1, audio__mels=12,
        transcribe__beam=2, transcribe__search="greedy",
    )  # fmt: skip
    run_demo(tmp_path / "out", Screen(quiet=True), config=TINY, listener=ear)
    shown = capsys.readouterr().out
    assert SYNTHETIC_NOTICE in shown
    for section in ("Data", "Training", "Test", "Heard by a transcriber", "Written"):
        assert f"── {section}" in shown
    assert load(tmp_path / "out" / "voice.seqmap").task.name == "speak"
    assert len(list((tmp_path / "out").glob("*.wav"))) == 4
    assert (tmp_path / "out" / "alignment.png").stat().st_size > 5000
