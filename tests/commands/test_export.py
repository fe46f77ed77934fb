"""`seqmap export`: a smaller archive, measured before it is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.runtime.archive import Archive, read, save
from seqmap.runtime.session import load

Make = Callable[..., Archive]
WORDS = [f"w{n}" for n in range(300)]


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def model(make_archive: Make, tmp_path: Path) -> Path:
    archive = make_archive(
        texts=[" ".join(WORDS)], embedding__size=32, encoder__hidden=40, labels=("no", "yes")
    )
    save(archive, tmp_path / "m.seqmap")
    return tmp_path / "m.seqmap"


@pytest.fixture
def dev(model: Path, tmp_path: Path) -> Path:
    """Texts that carry the labels which the model gives, and a few wrong ones."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 9)) for _ in range(80)]
    labels = [answer.label for answer in load(model).predict(texts)]
    for place in range(8):
        labels[place] = "no" if labels[place] == "yes" else "yes"
    path = tmp_path / "dev.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    return path


@pytest.mark.parametrize("kind", ["int8", "bf16"])
def test_export_measures_and_writes(model: Path, dev: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "small.seqmap"
    words = ["export", model, "--quantize", kind, "--dev", dev, "--out", out, "--max-loss", "0.1"]
    code, stdout, stderr = run(*words)
    assert code == 0, stderr
    assert "accuracy 0.9000 →" in stdout and "on 80 examples" in stdout
    facts = read(out).manifest["quantization"]
    assert (facts["metric"], facts["before"], facts["examples"]) == ("accuracy", 0.9, 80)
    assert facts["loss"] == pytest.approx(facts["before"] - facts["after"])
    assert out.stat().st_size < model.stat().st_size
    assert load(out).precision == kind
    code, stdout, _ = run(*words, "--json")
    found = json.loads(stdout.splitlines()[-1])
    assert code == 0 and len(stdout.splitlines()) == 1
    assert found["bytes"] == out.stat().st_size < found["bytes_before"]
    assert (found["quantize"], found["to"], found["after"]) == (kind, "archive", facts["after"])
    # Evaluating the export gives the figure that was promised.
    code, stdout, _ = run("evaluate", out, dev, "--json")
    assert json.loads(stdout.splitlines()[-1])["metrics"]["accuracy"] == facts["after"]


@pytest.mark.parametrize(
    ("metric", "before", "after", "share"),
    [
        ("accuracy", 0.9, 0.85, 0.05),
        ("f1", 0.5, 0.6, -0.1),
        ("bleu", 38.0, 37.5, 0.005),
        ("wer", 0.10, 0.12, 0.02),
        ("perplexity", 100.0, 101.0, 0.01),
        ("mse", 0.02, 0.03, 0.5),
        ("mcd", 4.0, 3.9, -0.025),
        ("mse", 0.0, 0.0, 0.0),
    ],
)
def test_losses_are_shares_whatever_the_scale(
    metric: str, before: float, after: float, share: float
) -> None:
    from seqmap.commands.export import lost

    assert lost(metric, before, after) == pytest.approx(share)


def test_it_goes_beside_the_model_by_default(model: Path, dev: Path) -> None:
    code, _, stderr = run("export", model, "--dev", dev, "--max-loss", "1")
    assert code == 0, stderr
    assert load(model.with_name("m.int8.seqmap")).precision == "int8"


def test_it_may_take_the_place_of_the_model(model: Path, dev: Path) -> None:
    before = model.stat().st_size
    code, stdout, stderr = run(
        "export", model, "--dev", dev, "--out", model, "--max-loss", "1", "--json"
    )
    assert code == 0, stderr
    assert json.loads(stdout)["bytes_before"] == before > model.stat().st_size


def test_what_loses_too_much_is_not_written(
    model: Path, dev: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqmap.commands import export

    def coarse(archive: Archive, kind: str) -> Archive:
        arrays: dict[str, Any] = {**archive.arrays}
        arrays["head.weight"] = np.zeros_like(arrays["head.weight"])
        arrays["head.bias"] = np.array([1, 0], np.float32)
        return Archive({**archive.manifest, "precision": kind}, arrays)

    monkeypatch.setattr(export, "quantized", coarse)
    out = tmp_path / "small.seqmap"
    out.write_bytes(b"what was there before")
    code, stdout, stderr = run("export", model, "--dev", dev, "--out", out)
    assert code == 1 and stdout == ""
    assert "int8 loses 0." in stderr and "more than --max-loss 0.002" in stderr
    assert stderr.count("\n") == 2  # the note on the file, and the error
    assert out.read_bytes() == b"what was there before"
    assert run("export", model, "--dev", dev, "--out", out, "--max-loss", "1")[0] == 0


@pytest.mark.parametrize(
    ("before", "after"), [(0.9, "nan"), ("nan", 0.9), ("inf", "inf"), ("inf", 2.0), (2.0, "inf")]
)
def test_what_cannot_be_compared_is_not_written(
    model: Path, dev: Path, monkeypatch: pytest.MonkeyPatch, before: float, after: float
) -> None:
    from seqmap.commands import export
    from seqmap.tasks import Evaluation

    figures = iter([float(before), float(after)])
    monkeypatch.setattr(
        export, "evaluate", lambda *_: Evaluation({"perplexity": next(figures)}, "", {})
    )
    code, stdout, stderr = run("export", model, "--dev", dev, "--max-loss", "1")
    assert code == 1 and stdout == ""
    assert "what int8 costs cannot be told from the perplexity" in stderr
    assert "nothing was written" in stderr and stderr.count("\n") == 2
    assert list(model.parent.glob("*.seqmap")) == [model]


def test_none_needs_no_examples_and_gives_fp32(model: Path, dev: Path, tmp_path: Path) -> None:
    small, back = tmp_path / "small.seqmap", tmp_path / "back.seqmap"
    assert run("export", model, "--dev", dev, "--out", small, "--max-loss", "1")[0] == 0
    assert run("export", small, "--quantize", "none", "--out", back)[0] == 0
    assert load(back).precision == "fp32"
    assert read(back).arrays["embedding.weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quantize", "int4", "--dev", "x"], "given: 'int4'; allowed: none, bf16, int8"),
        (["--to", "tflite", "--dev", "x"], "given: 'tflite'; allowed: archive, c, onnx"),
        ([], "Give labelled examples that were not trained on: --dev FILE"),
        (["--dev", "missing.csv"], "missing.csv: no such file"),
        (["--dev", "x", "--max-loss", "2"], "--max-loss is a share"),
        (["--dev", "x", "--out", "no/such/folder/q.seqmap"], "no such folder"),
    ],
)
def test_mistakes_are_told_in_one_line(model: Path, words: list[str], message: str) -> None:
    code, stdout, stderr = run("export", model, *words)
    assert code == 2 and stdout == ""
    assert message in stderr and stderr.count("\n") == 1
    assert list(model.parent.glob("*.seqmap")) == [model]
