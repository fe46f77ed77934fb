"""`seqmap stream`: answers while a text arrives."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.session import load

Make = Callable[..., Archive]


@pytest.fixture
def model(make_archive: Make, tmp_path: Path) -> Path:
    save(make_archive(encoder__direction="forward"), tmp_path / "m.seqmap")
    return tmp_path / "m.seqmap"


def run(*words: str | Path, text: bytes | None = None) -> tuple[int, list[str], str]:
    done = CliRunner().invoke(app, ["stream", *map(str, words)], input=text)
    return done.exit_code, done.stdout.splitlines(), done.stderr


def test_a_line_is_a_piece_and_the_end_is_the_answer_of_predict(
    model: Path, tmp_path: Path
) -> None:
    text = "a plain sentence ,\nwritten to\n\nbe re"
    (tmp_path / "t.txt").write_text(text)
    code, lines, stderr = run(model, tmp_path / "t.txt")
    assert code == 0, stderr
    assert [line.split("\t")[0] for line in lines] == ["4", "6", "6", "7", "8"]
    answer = load(model).predict([text])[0]
    assert lines[-1].split("\t")[1:] == [answer.label, f"{answer.probability:.4f}"]


def test_json(model: Path) -> None:
    code, lines, _ = run(model, "-", "--json", text="a plain 漢\nsentence".encode())
    assert code == 0
    *partial, final = map(json.loads, lines)
    assert [found["symbols"] for found in partial] == [3, 3]
    assert not any(found["final"] for found in partial)
    assert (final["final"], final["symbols"], final["pieces"]) == (True, 4, 2)
    assert final["task"] == "classify"
    expected = load(model).predict(["a plain 漢\nsentence"])[0]
    assert final["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_nothing(model: Path) -> None:
    code, lines, _ = run(model, text=b"")
    assert code == 0
    assert lines[0].startswith("0\t") and len(lines) == 1


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig"])
def test_encodings_and_compressed_files(model: Path, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.gz").write_bytes(gzip.compress("漢字 and\nordinary".encode(encoding)))
    code, lines, stderr = run(model, tmp_path / "t.gz", "--encoding", encoding, "--json")
    assert code == 0, stderr
    assert json.loads(lines[-1])["symbols"] == 4


def test_answers_come_before_the_next_piece_is_written(model: Path) -> None:
    """Pieces through a pipe, a multi-byte character cut in two."""
    command = [sys.executable, "-m", "seqmap.cli", "stream", str(model), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        for piece, symbols in ((b"a plain sen", b"2"), (b"tence \xe6", b"3"), (b"\xbc\xa2", b"4")):
            os.write(process.stdin.fileno(), piece)
            assert process.stdout.readline().split(b"\t")[0] == symbols
        process.stdin.close()
        assert process.stdout.readline().split(b"\t")[0] == b"4"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (["missing.txt"], None, "missing.txt: no such file"),
        (["-", "--encoding", "klingon"], b"", "no such encoding; given: 'klingon'"),
        (["-", "--encoding", "base64"], b"abc", "no such encoding; given: 'base64'"),
        (["-", "--encoding", "utf-16"], b"a\0b\0", "standard input:1: this is not utf-16. Name"),
        (["-", "--encoding", "undefined"], b"a", "standard input:1: this is not undefined"),
        (["-"], b"fine\nnot \xff utf-8", "standard input:2: this is not utf-8"),
        (["-"], b"cut \xe6", "standard input:1: this is not utf-8"),
        (["-", "--precision", "int4"], b"", "allowed: fp32, bf16, int8"),
    ],
)
def test_mistakes(model: Path, words: list[str], text: bytes | None, message: str) -> None:
    code, _, stderr = run(model, *words, text=text)
    assert code == 2
    assert message in stderr and stderr.count("\n") == 1


@pytest.mark.parametrize("takes", ["series", "signals"])
def test_what_is_no_text_is_refused(takes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Numbers:
        """Stands for a session that streams values."""

        def stream(self) -> object:
            return self

    Numbers.takes = takes  # type: ignore[attr-defined]
    monkeypatch.setattr("seqmap.commands.stream.load", lambda *_, **__: Numbers())
    code, lines, stderr = run("m.seqmap", text=b"1 2 3")
    assert code == 2 and lines == []
    assert f"this model takes {takes}" in stderr and "seqmap predict" in stderr
    assert "seqmap serve" in stderr and stderr.count("\n") == 1


def wav(samples: bytes, size: int, more: bytes = b"") -> bytes:
    """Return a WAV of 16-bit samples that says its data has a size."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    return b"RIFF\0\0\0\0WAVE" + form + struct.pack("<4sI", b"data", size) + samples + more


@pytest.mark.parametrize(
    ("size", "heard"), [(2000, 1000), (1999, 999), (0, 1011), (0xFFFFFFFF, 1011), (9999, 1011)]
)
def test_what_follows_the_data_of_a_piped_wav_is_no_sound(
    size: int, heard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqmap.commands.stream_audio import _piped

    names = struct.pack("<4sI", b"LIST", 14) + b"INFOISFTabcdef"  # 11 samples, were it sound
    content = wav(np.arange(1000, dtype="<i2").tobytes(), size, names)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    coming = _piped("-", 16000)
    found = np.concatenate([block[:, 0] for block in coming.blocks])
    assert coming.rate == 8000 and len(found) == heard
    assert found[:999].tolist() == list(range(999))


def test_a_model_that_cannot_stream_says_how_to_train_one(
    make_archive: Make, tmp_path: Path
) -> None:
    save(make_archive(encoder__direction="both"), tmp_path / "m.seqmap")
    code, lines, stderr = run(tmp_path / "m.seqmap", text=b"text")
    assert code == 2 and lines == []
    assert "--set encoder.direction=forward --set wide.kind=none" in stderr


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from seqmap import Tagger

    people = ["Anna", "Bert", "Carl", "Dora"]
    tokens = [[people[n % 4], "went", "to", "Rome", "."] for n in range(48)]
    tags = [["B-PER", "O", "O", "B-LOC", "O"]] * 48
    path = tmp_path_factory.mktemp("tagger") / "t.seqmap"
    config = {"embedding.size": 12, "train.threads": 1, "train.learning_rate": 0.02}
    Tagger(hidden=12, epochs=3, config=config).fit(tokens, tags).save(path)
    return path


def test_a_tagger_gives_each_span_once_it_is_certain(tagger: Path) -> None:
    text = "Bert went to\nRome . Dora went to Rome ."
    code, lines, stderr = run(tagger, text=text.encode())
    assert code == 0, stderr
    entities = load(tagger).predict([text])[0].entities
    assert [line.split("\t")[0] for line in lines] == [f"{e.start}-{e.end}" for e in entities]
    assert [line.split("\t")[1] for line in lines] == [e.type for e in entities]
    code, lines, _ = run(tagger, "--json", text=text.encode())
    *spans, final = map(json.loads, lines)
    assert (final["task"], final["final"], final["pieces"]) == ("tag", True, 2)
    assert final["count"] == len(spans) == len(entities) > 0
    assert spans[0]["text"] == entities[0].text


def test_a_text_that_is_not_utf_8_is_echoed_readably(tagger: Path) -> None:
    words = ["predict", str(tagger), "--json", "--text", "caf\udce9 Anna"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["text"] == "caf\ufffd Anna"


def test_bench_of_a_tagger(tagger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqmap.runtime import bench, bench_inputs

    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench_inputs, "TEXTS", 5)
    done = CliRunner().invoke(app, ["bench", str(tagger), "--json"])
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["documents"], found["us_per_token"], found["limit"]) == (5, None, None)
    assert found["tokens"] > 5 and found["p50_us"] > 0
