"""The command line: streams, exit codes, JSON, one-line errors. A tiny model, in this process."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import typer.testing

import seqmap
from seqmap.cli import app

FAST = [word for setting in ("train.epochs=1", "encoder.hidden=4", "embedding.size=4",
        "train.threads=1") for word in ("--set", setting)]  # fmt: skip


def seqmap_(*words: str | Path, given: str | None = None) -> Any:
    runner = typer.testing.CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
    return runner.invoke(app, [str(word) for word in words], input=given)


def strict(line: str) -> dict[str, Any]:
    """Parse JSON that has neither NaN nor Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    found = json.loads(line, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data.csv and what `train` made of it, model.seqmap and train.json."""
    place = tmp_path_factory.mktemp("commands")
    words = {"good": ("lovely", "fine", "great"), "bad": ("awful", "poor", "cold")}
    rows = [
        f"the {thing} was {word} on day {day},{label}\n"
        for day in range(4)
        for thing in ("room", "soup", "bed")
        for label, choices in words.items()
        for word in choices
    ]
    (place / "data.csv").write_text("text,label\n" + "".join(rows))
    done = seqmap_("train", "classify", place / "data.csv", "--test", place / "data.csv",
                   "--out", place / "model.seqmap", "--json", *FAST)  # fmt: skip
    assert done.exit_code == 0, done.stderr
    (place / "train.json").write_text(done.stdout)
    return place


def test_train_ends_with_one_json_object(folder: Path) -> None:
    lines = (folder / "train.json").read_text().splitlines()
    assert len(lines) == 1
    summary = strict(lines[0])
    assert summary["task"] == "classify"
    assert {"loss", "accuracy", "macro_f1", "f1", "ece"} <= summary["metrics"].keys()
    assert summary["baseline"].keys() >= {"accuracy", "macro_f1"}
    assert summary["train_seconds"] > 0
    assert summary["size_bytes"] == (folder / "model.seqmap").stat().st_size
    assert not list(folder.glob("*.checkpoint*"))


def test_evaluate_reports_and_ends_with_json(folder: Path) -> None:
    shown = seqmap_("evaluate", folder / "model.seqmap", folder / "data.csv")
    assert "macro average" in shown.stdout
    assert "data.csv: csv, utf-8" in shown.stderr
    asked = seqmap_("evaluate", folder / "model.seqmap", folder / "data.csv", "--json")
    assert strict(asked.stdout.splitlines()[-1])["examples"] == 72


def test_quiet_leaves_stderr_empty(folder: Path) -> None:
    done = seqmap_("evaluate", folder / "model.seqmap", folder / "data.csv", "-q")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


TEXTS = ["", "   ", "😀😡👍🏽", "zzzz qqqq", "word " * 200_000, "\x85\u2028 lovely"]


def test_every_line_gets_an_answer(folder: Path) -> None:
    given = "".join(text + "\n" for text in TEXTS)
    done = seqmap_("predict", folder / "model.seqmap", "-", given=given)
    assert done.exit_code == 0
    answers = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(answers) == len(TEXTS)
    assert {label for label, _ in answers} <= {"good", "bad"}
    asked = seqmap_("predict", folder / "model.seqmap", "-", "--json", given=given)
    *each, last = map(strict, asked.stdout.splitlines())
    assert [answer["label"] for answer in each] == [label for label, _ in answers]
    assert last == {"task": "classify", "count": len(TEXTS)}


@pytest.mark.parametrize("text", TEXTS[:4])
def test_one_text(folder: Path, text: str) -> None:
    done = seqmap_("predict", folder / "model.seqmap", "--text", text)
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 1


def test_seeds_give_mean_and_deviation(folder: Path) -> None:
    done = seqmap_("train", "classify", folder / "data.csv", "--seeds", "2", "--no-baseline",
                   "--out", folder / "seeds.seqmap", "--json", *FAST)  # fmt: skip
    assert done.exit_code == 0, done.stderr
    summary = strict(done.stdout)
    assert summary["seeds"] == 2
    mean, deviation = summary["mean_sd"]["loss"]
    assert mean > 0 and deviation >= 0
    assert not list(folder.glob("seeds.seqmap.*"))


WRONG: dict[str, tuple[str, str]] = {
    "task": ("train classfy data.csv", "unknown task.*Did you mean classify"),
    "no file": ("train classify nothing.csv", "nothing.csv: no such file"),
    "folder": ("train classify .", "no file of labels in it"),
    "column": ("train classify data.csv --text-column txt", "Did you mean 'text'"),
    "key": ("train classify data.csv --set encoder.hiden=3", "Did you mean encoder.hidden"),
    "value": ("train classify data.csv --set train.epochs=x", "train.epochs needs.*int"),
    "range": ("train classify data.csv --set train.epochs=0", "out of range.*1 to"),
    "setting": ("train classify data.csv --set epochs", "section.key=value"),
    "config": ("train classify data.csv --config no.toml", "no.toml: cannot read"),
    "encoding": ("train classify data.csv --encoding nope", "no such encoding"),
    "out folder": ("train classify data.csv --out no/m.seqmap", "no such folder"),
    "out": ("train classify data.csv --out .", "not an ordinary file"),
    "pickle": ("predict pickle.seqmap --text x", "Python pickle"),
    "not a model": ("predict data.csv --text x", "not a seqmap model"),
    "cut off": ("predict cut.seqmap --text x", "truncated"),
    "altered": ("predict altered.seqmap --text x", "damaged"),
    "no input": ("predict model.seqmap", "needs one input"),
    "two inputs": ("predict model.seqmap data.csv --text x", "needs one input"),
    "strange label": ("evaluate model.seqmap strange.csv", "strange.csv:3: .*label.*odd"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_one_line_and_exit_code_2(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    model = Path("model.seqmap").read_bytes()
    Path("pickle.seqmap").write_bytes(pickle.dumps({"a": 1}))
    Path("cut.seqmap").write_bytes(model[: len(model) // 2])
    middle = len(model) // 2
    changed = bytes([model[middle] ^ 1])
    Path("altered.seqmap").write_bytes(model[:middle] + changed + model[middle + 1 :])
    Path("strange.csv").write_text("text,label\nlovely,good\nhm,odd\n")
    before = {path.name for path in folder.iterdir()}
    words, problem = WRONG[name]
    done = seqmap_(*words.split())
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    *_, last = done.stderr.splitlines()
    assert last.startswith("error: ")
    assert re.search(problem, last), last
    assert "Traceback" not in done.stderr
    assert {path.name for path in folder.iterdir()} == before  # nothing half-written


def test_version() -> None:
    done = seqmap_("--version")
    assert (done.exit_code, done.stdout) == (0, seqmap.__version__ + "\n")


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["predict"], ["demo"]])
def test_help_fits_80_columns(command: list[str]) -> None:
    done = seqmap_(*command, "--help")
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
