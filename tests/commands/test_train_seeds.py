"""`seqmap train --seeds`: what Ctrl-C leaves, and what --resume takes from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.config import Config
from seqmap.runtime.archive import Archive, read, save
from seqmap.training import Epoch, Trained

FIRST = Config().train.seed


class Trainings:
    """Stands in for `train`: writes a model, and notes the seed.

    Args:
        ends: The seed that Ctrl-C ends after an epoch, or None.
        breaks: The seed that Ctrl-C ends before that, or None.
    """

    def __init__(self, ends: int | None = None, breaks: int | None = None) -> None:
        self.seeds: list[int] = []
        self._ends, self._breaks = ends, breaks

    def __call__(self, *given: Any, config: Config, out: Path, **more: Any) -> Trained:
        seed = config.train.seed - FIRST
        self.seeds.append(seed)
        if seed == self._breaks:
            raise KeyboardInterrupt
        archive = Archive({"task": "classify", "data": {}}, {"w": np.full(3, seed, np.float32)})
        save(archive, out)
        metrics = {"loss": 0.5 - 0.1 * seed, "nothing": float("nan")}
        history = (Epoch(1, 0.5, 0.5, metrics, 1.0, 1e-3),)
        return Trained(archive, history, metrics, 2.0, seed == self._ends, metrics["loss"], ("n",))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(20))
    (tmp_path / "data.csv").write_text("text,label\n" + rows)
    return tmp_path / "data.csv"


def run(data: Path, patch: pytest.MonkeyPatch, stub: Trainings, *words: str) -> Any:
    patch.setattr("seqmap.commands.train.train", stub)
    out = data.with_name("m.seqmap")
    given = ["train", "classify", str(data), "--seeds", "4", "--no-baseline", "--out", str(out)]
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, [*given, "--json", *words])


def files(data: Path) -> set[str]:
    return {path.name for path in data.parent.iterdir()} - {"data.csv"}


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_finished_seeds_outlive_ctrl_c(
    data: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    first = Trainings(**{how: 2})
    done = run(data, monkeypatch, first)
    assert done.exit_code == 0 and first.seeds == [0, 1, 2], done.stderr
    names = [f"m.seqmap.seed-{FIRST + seed}" for seed in (0, 1)]
    assert files(data) == {"m.seqmap", *names, *(f"{name}.done" for name in names)}
    assert "interrupted" in done.stderr and names[1] in done.stderr
    second = Trainings()
    done = run(data, monkeypatch, second, "--resume")
    assert done.exit_code == 0 and second.seeds == [2, 3], done.stderr
    found = json.loads(done.stdout)
    assert found["seeds"] == 4 and found["mean_sd"]["loss"][0] == pytest.approx(0.35)
    assert len(found["history"]) == 1
    assert files(data) == {"m.seqmap"}
    assert read(data.with_name("m.seqmap")).arrays["w"][0] == 3  # the lowest cost


@pytest.mark.parametrize("change", ["data", "config", "model", "no resume"])
def test_seeds_of_another_training_are_not_taken(
    data: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    run(data, monkeypatch, Trainings(breaks=1))
    words = ["--resume"]
    if change == "data":
        data.write_text(data.read_text().replace("text 3", "text three"))
    elif change == "config":
        words += ["--set", "encoder.hidden=24"]
    elif change == "model":
        data.with_name(f"m.seqmap.seed-{FIRST}").write_bytes(b"something else")
    else:
        words = []
    again = Trainings()
    done = run(data, monkeypatch, again, *words)
    assert done.exit_code == 0 and again.seeds == [0, 1, 2, 3], done.stderr
    assert files(data) == {"m.seqmap"}


def test_ctrl_c_before_anything_is_done(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(data, monkeypatch, Trainings(breaks=0)).exit_code == 130
    assert files(data) == set()
