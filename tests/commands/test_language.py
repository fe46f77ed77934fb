"""`train language`, `pretrain`, `generate`, and the commands that serve every model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from seqmap.cli import app

FAST = [word for setting in ("train.epochs=1", "encoder.hidden=8", "embedding.size=8",
        "train.threads=1", "language.length=12") for word in ("--set", setting)]  # fmt: skip


def run(*words: str | Path, text: str | None = None) -> Any:
    runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
    return runner.invoke(app, [str(word) for word in words], input=text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("language")
    lines = [f"the {a} cat sat on the {b} mat.\n" for a in "red old new".split() for b in "ab"]
    (place / "corpus.txt").write_text("".join(lines * 8))
    (place / "more.csv").write_text("label,text\n" + "1,another text of it\n" * 40)
    done = run("train", "language", place / "corpus.txt", "--out", place / "m.seqmap", "--json",
               "--test", place / "corpus.txt", *FAST)  # fmt: skip
    assert done.exit_code == 0, done.stderr
    (place / "train.json").write_text(done.stdout)
    (place / "train.err").write_text(done.stderr)
    return place


def test_train_reports_text_and_figures(folder: Path) -> None:
    summary = json.loads((folder / "train.json").read_text())
    assert summary["task"] == "language" and summary["metrics"]["perplexity"] > 1
    assert set(summary["metrics"]) == {"loss", "perplexity", "bits_per_character"}
    assert summary["data"]["unit"] == "symbols"
    assert set(summary["baseline"]) == {"bits_per_character"}
    told = (folder / "train.err").read_text()
    assert "48 lines" in told and "the end of each file" in told


def test_generate(folder: Path) -> None:
    model = folder / "m.seqmap"
    done = run("generate", model, "--text", "the ", "--length", "20", "--count", "2", "--seed", "3")
    assert done.exit_code == 0, done.stderr
    first, second = done.stdout.split("\n---\n")
    assert len(first) == 24 and first.startswith("the ") and second.rstrip("\n") != first
    again = run("generate", model, "--text", "the ", "--length", "20", "--seed", "3")
    assert again.stdout == first + "\n"
    piped = run("generate", model, "-", "--length", "5", "--json", text="the\na cat\n")
    *answers, last = map(json.loads, piped.stdout.splitlines())
    assert [a["text"] for a in answers] == ["the", "a cat"] and last["count"] == 2
    assert all(len(a["continuations"][0]) == 5 for a in answers)
    scored = run("generate", model, "--text", "the cat", "--length", "0")
    assert "perplexity" in scored.stdout and scored.stdout.rstrip().endswith("the cat")
    assert run("generate", model, "--length", "3").exit_code == 0  # from nothing
    # Python's way to give what the shell passed and is not UTF-8.
    latin = run("generate", model, "--text", "the caf\udce9", "--length", "2")
    assert latin.exit_code == 0 and latin.stdout.startswith("the caf\ufffd"), latin.exception


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--top-p", "0"], "top-p is out of range"),
        (["--temperature", "-1"], "temperature is out of range"),
        (["-", "--text", "a"], "not both"),
        (["missing.txt"], "no such file"),
    ],
)
def test_generate_refuses(folder: Path, words: list[str], said: str) -> None:
    done = run("generate", folder / "m.seqmap", *words)
    assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1


def test_predict_stream_evaluate_info_and_export(folder: Path) -> None:
    model, corpus = folder / "m.seqmap", folder / "corpus.txt"
    done = run("predict", model, "-", text="the cat\n\nmat\n")
    assert done.exit_code == 0 and len(done.stdout.splitlines()) == 3
    done = run("stream", model, "-", "--json", text="the red\ncat")
    *partial, final = map(json.loads, done.stdout.splitlines())
    assert final["final"] and final["symbols"] == 11 and len(final["next"]) == 5
    assert [p["symbols"] for p in partial] == [8, 11]
    done = run("evaluate", model, corpus, "--json")
    assert json.loads(done.stdout)["metrics"]["perplexity"] > 1
    assert "symbols" in run("info", model).stdout
    out = folder / "small.seqmap"
    done = run("export", model, "--quantize", "int8", "--dev", corpus, "--out", out,
               "--max-loss", "0.5")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert run("generate", out, "--text", "a").exit_code == 0


def test_pretrain_reads_several_files_and_others_start_from_it(folder: Path) -> None:
    out = folder / "lm.seqmap"
    done = run("pretrain", folder / "corpus.txt", folder / "more.csv", "--text-column", "text",
               "--format", "csv", "--out", out, "--json", *FAST)  # fmt: skip
    assert done.exit_code == 2 and "corpus.txt" in done.stderr  # it has no such column
    done = run("pretrain", folder / "corpus.txt", folder / "more.csv", "--out", out, "--json",
               *FAST)  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "backward_loss" in json.loads(done.stdout)["metrics"]
    rows = "".join(f"the {w} cat,{w}\n" for w in ("red", "old") * 20)
    (folder / "data.csv").write_text("text,label\n" + rows)
    done = run("train", "classify", folder / "data.csv", "--init", out, "--out",
               folder / "c.seqmap", "--json", "--no-baseline", *FAST[:2])  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "starts from" in done.stderr
    done = run("train", "language", folder / "corpus.txt", "--init", out)
    assert done.exit_code == 2 and "does not start from" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.txt"], "no such file"),
        (["-"], "read several times"),
        (["short.txt"], "too short to learn from"),
        (["corpus.txt", "--set", "encoder.name=rnn"], "is an LSTM"),
        (["corpus.txt", "--set", "language.steps=1"], "out of range"),
        (["corpus.txt", "--label-column", "x"], "means nothing to a language model"),
    ],
)
def test_train_refuses(
    folder: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "short.txt").write_text("a short text\n")
    done = run("train", "language", *words, "--out", folder / "x.seqmap")
    assert done.exit_code == 2 and said in done.stderr
    assert "Traceback" not in done.stderr and not (folder / "x.seqmap").exists()
    assert not list(folder.glob(".seqmap-*"))


def test_only_a_language_model_generates(folder: Path) -> None:
    rows = "".join(f"{w} thing,{w}\n" for w in ("red", "old") * 20)
    (folder / "plain.csv").write_text("text,label\n" + rows)
    run("train", "classify", folder / "plain.csv", "--out", folder / "p.seqmap", "--no-baseline",
        *FAST[:8])  # fmt: skip
    done = run("generate", folder / "p.seqmap", "--text", "a")
    assert done.exit_code == 2 and "only a language model generates" in done.stderr
