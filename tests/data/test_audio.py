"""Recordings and transcripts from every kind of place, and what is wrong with them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seqmap.data import ReadOptions
from seqmap.data.audio import Samples, SoundFile, iter_sounds, read_recordings
from seqmap.data.audio.sound import in_floats, resampled, sped
from seqmap.errors import DataError, UserError

RATE = 8000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(4000) / RATE)).astype(np.float32)
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def write(path: Path, values: np.ndarray = TONE, rate: int = RATE, subtype: str = "PCM_16") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, values, rate, subtype=subtype)


def sound(path: Path) -> SoundFile:
    return SoundFile(str(path), lambda: str(path))


@pytest.mark.parametrize(
    ("name", "subtype", "off"),
    [
        ("a.wav", "PCM_16", 1e-4),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "PCM_U8", 1e-2),
        ("a.wav", "FLOAT", 0.0),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.flac", "PCM_16", 1e-4),
        ("a.flac", "PCM_24", 1e-6),
        ("a.ogg", "VORBIS", 0.1),
    ],
)
def test_formats(tmp_path: Path, name: str, subtype: str, off: float) -> None:
    write(tmp_path / name, subtype=subtype)
    found = sound(tmp_path / name).samples(RATE)
    assert found.dtype == np.float32 and found.shape == TONE.shape
    assert np.abs(found - TONE).max() <= off


def test_channels_are_mixed_and_told(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", np.stack([TONE, -TONE / 2], axis=1))
    heard = sound(tmp_path / "a.wav").hear(RATE)
    assert np.abs(np.concatenate(list(heard)) - TONE / 4).max() < 1e-4
    assert heard.notes() == ("the mean of 2 channels",)


def test_another_rate_is_resampled_and_told(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    write(tmp_path / "a.wav", 0.3 * np.sin(2 * np.pi * 440 * time), 44100)
    heard = sound(tmp_path / "a.wav").hear(16000)
    found = np.concatenate(list(heard))
    assert len(found) == 16000
    truth = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert np.abs(found - truth)[500:-500].max() < 2e-3
    assert heard.notes() == ("resampled from 44,100 Hz to 16,000 Hz",)


def test_resampling_in_pieces_gives_the_same() -> None:
    rng = np.random.default_rng(0)
    whole = rng.normal(size=30000).astype(np.float32)
    cut = np.split(whole, np.sort(rng.integers(0, len(whole), 20)))
    a = np.concatenate(list(resampled([whole], 22050, 16000)))
    b = np.concatenate(list(resampled(cut, 22050, 16000)))
    assert np.array_equal(a, b)


def test_faster_is_shorter_and_higher() -> None:
    fast = sped(TONE, 1.1)
    assert len(fast) == pytest.approx(len(TONE) / 1.1, abs=2)
    peak = np.abs(np.fft.rfft(fast)).argmax() * RATE / len(fast)
    assert peak == pytest.approx(484, abs=4)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (np.zeros(4000), "silent: nothing above -60 dB"),
        (np.clip(10 * TONE, -1, 1), "clipped: "),
        (np.zeros(0), "no samples"),
    ],
)
def test_silent_clipped_and_empty_is_told(values: np.ndarray, note: str) -> None:
    heard = Samples(values, RATE).hear(RATE)
    assert len(np.concatenate([np.zeros(0), *heard])) == len(values)
    assert any(one.startswith(note) for one in heard.notes())


def test_what_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("these are words")
    with pytest.raises(DataError, match=r"a.wav: this is not sound that can be read.*WAV, FLAC"):
        sound(tmp_path / "a.wav").header()
    with pytest.raises(DataError, match="no such file"):
        sound(tmp_path / "b.wav").header()
    with pytest.raises(UserError, match="sound is an array"):
        Samples(np.zeros((2, 2, 2)), RATE)
    with pytest.raises(UserError, match="rate is samples a second"):
        Samples(np.zeros(4), 0)
    bad = np.array([0.0, np.nan, 0.1], np.float32)
    with pytest.raises(DataError, match="a sample is not a finite number"):
        Samples(bad, RATE).samples(RATE)


def test_integers_are_of_full_scale() -> None:
    for kind in (np.int16, np.int32, np.uint8):
        info = np.iinfo(kind)
        found = in_floats(np.array([info.min, info.max], kind))
        assert found[0] == -1.0 and 0.99 < found[1] <= 1.0


def fill(folder: Path, names: tuple[str, ...] = ("x/a", "x/b", "y/c")) -> None:
    for name in names:
        write(folder / f"{name}.wav")


def texts(path: Path, **options: object) -> dict[str, str]:
    found = read_recordings(path, ReadOptions(**options))  # type: ignore[arg-type]
    for one in found.examples:
        assert one.sound.header().frames == len(TONE)
    return {one.name: one.text for one in found.examples}


FOUR = 'it\'s "four"'
QUOTED = '"it\'s ""four"""'


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("m.tsv", f"path\ttext\nx/a.wav\tone two\nx/b.wav\tthree\ny/c.wav\t{FOUR}\n", "x/a.wav"),
        ("m.tsv", f"x/a.wav\tone two\nx/b.wav\tthree\ny/c.wav\t{FOUR}\n", "x/a.wav"),
        ("m.csv", f"file,sentence\nx/a.wav,one two\nx/b.wav,three\ny/c.wav,{QUOTED}\n", "x/a.wav"),
        ("m.csv", 'a|one two\nb|three\nc|"it\'s ""four"""\n', "a"),
        (
            "m.jsonl",
            '{"audio_filepath": "x/a.wav", "text": "one two"}\n'
            '{"audio_filepath": "x/b.wav", "text": "three"}\n'
            '{"audio_filepath": "y/c.wav", "text": "it\'s \\"four\\""}\n',
            "x/a.wav",
        ),
    ],
)  # fmt: skip
def test_tables(tmp_path: Path, name: str, content: str, key: str) -> None:
    fill(tmp_path)
    (tmp_path / name).write_text(content, encoding="utf-8")
    found = texts(tmp_path / name)
    assert found[key] == "one two" and list(found.values())[1:] == ["three", 'it\'s "four"']
    assert texts(tmp_path) == found


def test_a_pair_of_ids_and_transcripts(tmp_path: Path) -> None:
    fill(tmp_path / "wav")
    (tmp_path / "set.fileids").write_text("x/a\nx/b\ny/c\n")
    spoken = "<s> ONE TWO </s> (a)\nTHREE (b)\n\n<s> FOUR </s> (c)\n"
    (tmp_path / "set.transcription").write_text(spoken)
    found = texts(tmp_path / "set.fileids")
    assert found == {"x/a": "ONE TWO", "x/b": "THREE", "y/c": "FOUR"}
    assert texts(tmp_path / "set.transcription") == found == texts(tmp_path)
    speakers = [one.speaker for one in read_recordings(tmp_path).examples]
    assert speakers == ["x", "x", "y"]


def test_kaldi(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "wav.scp").write_text("u1 x/a.wav\nu2 x/b.wav\n")
    (tmp_path / "text").write_text("u1 one two\nu2 three\n")
    (tmp_path / "utt2spk").write_text("u1 ann\nu2 bob\n")
    found = read_recordings(tmp_path)
    assert [(one.text, one.speaker) for one in found.examples] == [
        ("one two", "ann"),
        ("three", "bob"),
    ]
    assert "1 recordings have no transcript" in found.layout.describe()
    (tmp_path / "wav.scp").write_text("u1 sox x/a.wav -t wav - |\nu2 x/b.wav\n")
    with pytest.raises(DataError, match="commands in wav.scp are not run"):
        read_recordings(tmp_path)


def test_librispeech_and_texts_beside(tmp_path: Path) -> None:
    fill(tmp_path / "l", ("1/2/1-2-0", "1/2/1-2-1"))
    (tmp_path / "l" / "1" / "2" / "1-2.trans.txt").write_text("1-2-0 ONE\n1-2-1 TWO\n")
    assert list(texts(tmp_path / "l").values()) == ["ONE", "TWO"]
    fill(tmp_path / "t", ("a", "b"))
    (tmp_path / "t" / "a.txt").write_text("one\n")
    (tmp_path / "t" / "b.txt").write_text("two\n")
    assert texts(tmp_path / "t") == {"a": "one", "b": "two"}


def pack(folder: Path, place: Path) -> None:
    names = sorted(p for p in folder.rglob("*") if p.is_file())
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            for name in names:
                archive.write(name, name.relative_to(folder))
        return
    mode = {".tar": "w", ".gz": "w:gz", ".xz": "w:xz"}[place.suffix]
    with tarfile.open(place, mode) as tar:  # type: ignore[call-overload]
        for name in names:
            tar.add(name, f"./{name.relative_to(folder)}")


@pytest.mark.parametrize("name", ["s.zip", "s.tar", "s.tar.gz", "s.tar.xz"])
def test_archives(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "in")
    (tmp_path / "in" / "m.tsv").write_text("x/a.wav\tone two\ny/c.wav\tthree\n")
    pack(tmp_path / "in", tmp_path / name)
    assert texts(tmp_path / name) == {"x/a.wav": "one two", "y/c.wav": "three"}
    assert [one.name for one in iter_sounds(tmp_path / name)] == ["x/a.wav", "x/b.wav", "y/c.wav"]
    # Beside the manifest, found by its name; or where --audio says.
    (tmp_path / "s.tsv").write_text("a\tone two\nc\tthree\n")
    assert texts(tmp_path / "s.tsv") == {"a": "one two", "c": "three"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "z.tsv").write_text("a\tone two\nc\tthree\n")
    found = texts(tmp_path / "other" / "z.tsv", audio=str(tmp_path / name))
    assert found == {"a": "one two", "c": "three"}


def test_a_damaged_archive(tmp_path: Path) -> None:
    fill(tmp_path / "in")
    pack(tmp_path / "in", tmp_path / "s.tar.xz")
    data = (tmp_path / "s.tar.xz").read_bytes()
    (tmp_path / "s.tar.xz").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="damaged or cut off"):
        read_recordings(tmp_path / "s.tar.xz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x/a.wav\tone\nx/q.wav\ttwo\n", r"m.tsv:2: the recording of a transcript is missing.*q"),
        ("x/a.wav\tone\nx/b.wav\t \n", r"m.tsv:2: a recording has no transcript"),
        ("d\tone\nx/b.wav\ttwo\n", "a name fits several recordings"),
        ("path\tspeaker\nx/a.wav\tann\n", "no column of transcripts"),
        ("", "the file is empty|there is no recording"),
    ],
)
def test_what_does_not_fit_together(tmp_path: Path, content: str, message: str) -> None:
    fill(tmp_path, ("x/a", "x/b", "x/d", "y/d"))
    (tmp_path / "m.tsv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_recordings(tmp_path / "m.tsv")


def test_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_recordings(tmp_path / "none")
    write(tmp_path / "a.wav")
    with pytest.raises(DataError, match="a recording alone has no transcript"):
        read_recordings(tmp_path / "a.wav")
    with pytest.raises(DataError, match="no transcripts in it"):
        read_recordings(tmp_path)
    (tmp_path / "m.tsv").write_text("a.wav\tone\n")
    with pytest.raises(DataError, match="no recordings there"):
        read_recordings(tmp_path / "m.tsv", ReadOptions(audio=str(tmp_path / "m.tsv")))
    write(tmp_path / "a.wav", np.zeros(0))
    with pytest.raises(DataError, match="a recording is empty"):
        read_recordings(tmp_path / "m.tsv")
    (tmp_path / "n.tsv").write_text("a.wav\tone\n")
    with pytest.raises(DataError, match="several manifests"):
        read_recordings(tmp_path)


def test_ids_and_transcripts_that_do_not_belong_together(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "s.fileids").write_text("x/a\nx/b\n")
    for content, message in (
        ("ONE (a)\n", "1 recordings of s.fileids have no transcript"),
        ("ONE (a)\nTWO (b)\nSIX (c)\n", "not in s.fileids"),
        ("ONE (a)\nTWO\n", r"s.transcription:2: a transcript ends in \(name\)"),
    ):
        (tmp_path / "s.transcription").write_text(content)
        with pytest.raises(DataError, match=message):
            read_recordings(tmp_path / "s.fileids")


def test_rates_and_channels_are_told(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    write(tmp_path / "b.wav")
    write(tmp_path / "c.wav", np.stack([TONE, TONE], axis=1), 16000)
    (tmp_path / "m.tsv").write_text("a.wav\tone\nb.wav\ttwo\nc.wav\tthree\n")
    found = read_recordings(tmp_path / "m.tsv")
    assert found.rate == RATE
    assert "2 recordings at 8,000 Hz, the others at 16,000 Hz (1): resampled" in str(found.layout)
    assert "1 recordings have several channels" in str(found.layout)


def test_sound_that_breaks_off_is_told(tmp_path: Path) -> None:
    time = np.arange(200_000) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (200 + 20 * time) * time)
    write(tmp_path / "whole.wav", tone)
    raw = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "half.wav").write_bytes(raw[: len(raw) // 2])
    heard = sound(tmp_path / "half.wav").hear(RATE)
    found = np.concatenate(list(heard))
    np.testing.assert_allclose(found, tone[: len(found)], atol=1e-4)
    soundfile.write(tmp_path / "whole.flac", tone, RATE)
    raw = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "half.flac").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match=r"half\.flac: the sound is damaged, or breaks off"):
        sound(tmp_path / "half.flac").samples(RATE)


def test_short_reads_give_no_stale_samples(tmp_path: Path) -> None:
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile writes no MP3")
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=400_000)).astype(np.float32)
    soundfile.write(tmp_path / "whole.mp3", 0.5 * values / np.abs(values).max(), 44100)
    raw = (tmp_path / "whole.mp3").read_bytes()
    (tmp_path / "half.mp3").write_bytes(raw[: len(raw) // 2])
    heard = sound(tmp_path / "half.mp3").hear(44100)
    found = np.concatenate(list(heard))
    whole = sound(tmp_path / "whole.mp3").samples(44100)
    assert 150_000 < len(found) < 250_000
    np.testing.assert_allclose(found[:100_000], whole[:100_000], atol=1e-3)
    assert heard.ends_early and any("it breaks off" in note for note in heard.notes())


def test_a_speaker_who_is_not_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / f"{name}.wav")
    rows = [
        {"path": "one.wav", "text": "hi", "speaker": None},
        {"path": "two.wav", "text": "ho", "speaker": " bob "},
    ]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read_recordings(tmp_path / "all.jsonl").examples
    assert [one.speaker for one in found] == ["", "bob"]


@pytest.mark.parametrize("ending", [".wav", ""])
def test_a_folder_with_the_manifest_and_another_place_of_the_sounds(
    tmp_path: Path, ending: str
) -> None:
    write(tmp_path / "sounds" / "one.wav")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.write(tmp_path / "sounds" / "one.wav", "deep/one.wav")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "list.jsonl").write_text(json.dumps({"path": f"one{ending}", "text": "hi"}))
    for place in ("sounds", "a.zip"):
        found = read_recordings(tmp_path / "m", ReadOptions(audio=str(tmp_path / place)))
        assert [one.text for one in found.examples] == ["hi"]
        np.testing.assert_allclose(found.examples[0].sound.samples(RATE), TONE, atol=1e-4)


def test_a_path_that_is_no_path(tmp_path: Path) -> None:
    write(tmp_path / "one.wav")
    (tmp_path / "all.tsv").write_text(f"{'word ' * 80}\tone.wav\nhello\tno sound\n")
    with pytest.raises(DataError):
        read_recordings(tmp_path / "all.tsv")


def test_paths_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    lines = f"{tmp_path}/x/a.wav\n\n{tmp_path}/y/c.wav\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert [len(one.sound.samples(RATE)) for one in iter_sounds("-")] == [4000, 4000]


@pytest.mark.skipif(not (SHARED / "an4").is_dir(), reason="the shared data is not here")
def test_an4() -> None:
    found = read_recordings(SHARED / "an4" / "an4_test.fileids")
    assert len(found.examples) == 130 and found.rate == 16000
    assert found.examples[0].text == "RUBOUT G M E F THREE NINE"
    assert len({one.speaker for one in found.examples}) == 10
