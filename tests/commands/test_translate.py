"""The commands on pairs, from files to answers; and what they say to a user's mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from seqmap.cli import app
from seqmap.commands.console import Screen
from seqmap.demo.translate import CONFIG, TEXTS, run_demo
from seqmap.metrics import display_width
from seqmap.runtime.session import load
from seqmap.samples.phrases import SYNTHETIC_NOTICE, phrases

SMALL = [
    *("--set", "text.vocabulary=200", "--set", "embedding.size=16"),
    *("--set", "encoder.hidden=16", "--set", "translate.hidden=16", "--set", "train.epochs=1"),
]


def run(*words: Any, input: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=input)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pairs in two files and in a table, and a model."""
    pytest.importorskip("sacrebleu")
    folder = tmp_path_factory.mktemp("pairs")
    parts = phrases(train=200, dev=20, test=20)
    for name, part in (("train", parts.train), ("dev", parts.dev)):
        (folder / f"{name}.a").write_text("".join(f"{p.source}\n" for p in part))
        (folder / f"{name}.b").write_text("".join(f"{p.target}\n" for p in part))
    (folder / "test.tsv").write_text("".join(f"{p.source}\t{p.target}\n" for p in parts.test))
    both = [f"{folder / n}.a,{folder / n}.b" for n in ("train", "dev")]
    done = run(
        *("train", "translate", both[0], "--dev", both[1], "--test", folder / "test.tsv"),
        *("--out", folder / "m.seqmap", "--json", *SMALL),
    )
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["task"] == "translate" and summary["metrics"].keys() >= {"bleu", "chrf"}
    assert summary["baseline"].keys() >= {"bleu"}
    return folder


def test_from_files_to_answers(made: Path) -> None:
    model = made / "m.seqmap"
    found = run("evaluate", model, f"{made}/dev.a,{made}/dev.b", "--json")
    assert found.exit_code == 0
    assert "tok:" in json.loads(found.stdout)["signatures"]["bleu"]
    lines = "two red books\n\n四本书\n"
    answers = run("predict", model, "-", input=lines)
    assert answers.exit_code == 0 and len(answers.stdout.split("\n")) == 4
    assert answers.stdout.split("\n")[1] == ""
    (made / "in.txt").write_text(lines)
    assert run("predict", model, made / "in.txt").stdout == answers.stdout
    assert run("stream", model, "-", input=lines).stdout == answers.stdout
    several = run("predict", model, "--text", "two cats", "--n-best", "2", "--json")
    assert len(json.loads(several.stdout.splitlines()[0])["alternatives"]) == 2
    begun = run("predict", model, "--text", "two cats", "--search", "prefix=two")
    assert begun.stdout.startswith("two")


def test_explain_info_and_export(made: Path) -> None:
    model = made / "m.seqmap"
    page, picture = made / "a.html", made / "a.png"
    done = run("explain", model, "--text", "two cats", "--out", page, "--png", picture)
    assert done.exit_code == 0, done.output
    assert page.read_text().startswith("<!doctype html>") and picture.stat().st_size > 5000
    assert "text → text" in run("info", model).stdout
    small = run(
        *("export", model, "--quantize", "int8", "--dev", made / "test.tsv"),
        *("--max-loss", "1", "--json"),
    )
    assert small.exit_code in (0, 1)  # random weights may lose any amount
    if small.exit_code == 0:
        assert json.loads(small.stdout)["metric"] == "bleu"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("train translate {0}/train.a,{0}/dev.b", "ends after 20 lines"),
        ("train translate {0}/train.a,{0}/none.b", "none.b: no such file"),
        ("train translate {0}/train.a", "two files as train.en,train.de"),
        ("train translate {0}/test.tsv --scheme iob2", "means nothing to translation"),
        ("train translate {0}/test.tsv --set text.vocabulary=5", "Give a larger"),
        ("train translate {0}/test.tsv --set translate.coverage=sum", "coverage needs"),
        ("predict {0}/m.seqmap --text x --search beem=2", "Did you mean beam"),
        ("predict {0}/m.seqmap --text x --search beam", "key=value"),
        ("predict {0}/m.seqmap --text x --min-confidence 0.5", "not calibrated"),
    ],
)
def test_a_mistake_is_one_line(made: Path, words: str, problem: str) -> None:
    done = run(*words.format(made).split())
    assert done.exit_code == 2
    assert problem in done.stderr and "Traceback" not in done.stderr


def test_every_target_alike(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\tx\ntwo\tx\n")
    done = run("train", "translate", tmp_path / "a.tsv")
    assert done.exit_code == 2 and "every target is the same" in done.stderr


def test_the_demo_shows_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sacrebleu")
    tiny = CONFIG.replace(
        train__epochs=1, train__batch_size=200, embedding__size=8, encoder__hidden=8,
        translate__hidden=8, translate__layers=1,
    )  # fmt: skip
    run_demo(tmp_path, Screen(quiet=True), config=tiny)
    shown = capsys.readouterr().out
    assert SYNTHETIC_NOTICE in shown and "none imported" in shown
    for section in ("Data", "Training", "Test", "Deployed", "Its answers", "Written"):
        assert f"── {section}" in shown
    # What an untrained model writes cannot always be broken into lines; signatures are not ours.
    shown = shown[: shown.index("── Its answers")]
    lines = [line for line in shown.split("\n") if str(tmp_path) not in line and "|" not in line]
    assert max(map(display_width, lines)) <= 80
    assert len(load(tmp_path / "phrases.seqmap").predict(TEXTS)) == len(TEXTS)
    assert (tmp_path / "alignment.html").exists() and (tmp_path / "alignment.png").exists()
