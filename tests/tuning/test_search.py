"""`seqmap search`: proposals, limits, stopping and going on, finalists, the winner's file."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.commands import search as command
from seqmap.commands.console import Screen
from seqmap.config import Config, load_config
from seqmap.data import Example
from seqmap.errors import ConfigError, DataError, OutputError, TrainingError, UserError
from seqmap.tasks import find_task
from seqmap.tasks.classify import LabelSet
from seqmap.tuning.limits import Limits, bytes_of, seconds_of
from seqmap.tuning.report import front, table
from seqmap.tuning.space import Choice, Range, proposed, space_of
from seqmap.tuning.study import FAILURES, Found, Job, Search

BASE = Config().replace(
    train__epochs=2, train__threads=1, wide__kind="none", embedding__size=8, encoder__layers=1
)
SPACE: dict[str, Choice | Range] = {
    "encoder.hidden": Choice((2, 8)),
    "train.learning_rate": Range(1e-4, 3e-2, log=True),
}


def examples(count: int) -> list[Example]:
    words = {"good": ("fine", "lovely"), "bad": ("poor", "cold")}
    labels = [("good", "bad")[n % 2] for n in range(count)]
    return [
        Example(f"the thing {n % 7} was {words[y][n // 2 % 2]}", (y,)) for n, y in enumerate(labels)
    ]


def job(limits: Limits | None = None, **settings: Any) -> Job:
    train, dev = examples(48), examples(16)
    return Job(
        task=find_task("classify"),
        train=train,
        dev=dev,
        targets=LabelSet(("bad", "good")),
        inputs=[e.text for e in dev],
        base=BASE.replace(**settings),
        space=SPACE,
        limits=limits or Limits(),
        fingerprint="f",
    )


def test_what_the_user_has_set_is_not_searched() -> None:
    space = space_of("classify", {"encoder.hidden"})
    assert "encoder.hidden" not in space and "head.pooling" in space

    class First:
        def suggest_categorical(self, name: str, choices: Any) -> Any:
            return choices[0]

        def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
            return high

    for task in ("classify", "tag"):
        config = proposed(First(), space_of(task, set()), find_task(task).config())
        assert config.encoder.hidden == 32 and config.train.learning_rate == 1e-2


def test_limits_are_read_and_held() -> None:
    assert bytes_of("2MB") == 2_000_000 and bytes_of("1.5 kib") == 1536 and bytes_of("70") == 70
    assert seconds_of("1ms") == 0.001 and seconds_of("800us") == pytest.approx(8e-4)
    assert bytes_of(None) is None and seconds_of(None) is None
    assert bytes_of("1") == 1
    for words in ("2 apples", "MB", "-1MB", "0", "0.5", "0.0001kB", "9" * 400):
        with pytest.raises(ConfigError, match="max-size.*2MB"):
            bytes_of(words)
    for words in ("5", "1 hour"):
        with pytest.raises(ConfigError, match="max-latency"):
            seconds_of(words)
    limits = Limits(size=100, latency=0.01)
    assert limits.excess(50, 0.02) == {"size": -0.5, "latency": 1.0}
    assert Limits().excess(10**9, 1.0) == {}


def test_a_search_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "s.db"
    first = Search(job(), path, told.append)
    first.run(2)
    assert first.finished == 2 and len(told) == 2
    second = Search(job(), path, told.append)
    second.run(4)
    assert second.finished == 4
    second.run(4)  # nothing is left to do
    assert second.finished == 4
    found = second.ranking()
    assert found and found == sorted(found, key=lambda f: -f.metric)
    assert all(f.size > 0 and f.latency > 0 and f.fits for f in found)
    second.rerun(1, 3)
    best = second.ranking()[0]
    assert len(best.again) == 2 and best.number == found[0].number
    count = len(told)
    Search(job(), path, told.append).rerun(1, 3)  # known already
    assert len(told) == count
    with pytest.raises(DataError, match="other data, settings"):
        Search(job(train__batch_size=4), path, told.append)


def test_ctrl_c_keeps_what_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(job(), tmp_path / "s.db", lambda line: None)
    search.run(1)
    real = search._train

    def interrupted(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "_train", interrupted)
    search.run(3)
    assert search.interrupted and search.finished == 1
    monkeypatch.setattr(search, "_train", real)
    again = Search(job(), tmp_path / "s.db", lambda line: None)
    again.run(2)
    assert again.finished == 2 and not again.interrupted


def test_what_is_too_large_ranks_last(tmp_path: Path) -> None:
    search = Search(job(Limits(size=1)), tmp_path / "s.db", lambda line: None)
    search.run(1)
    assert not search.ranking()[0].fits
    search.rerun(3, 3)
    assert search.ranking()[0].again == ()


@pytest.mark.parametrize("how", ["raises", "not a number"])
def test_a_search_that_only_fails_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    told: list[str] = []
    search = Search(job(), tmp_path / "s.db", told.append)
    calls = iter(range(3 * FAILURES))

    def fails(*given: Any) -> Any:
        next(calls)  # a search without an end would end here
        if how == "raises":
            raise TrainingError("the loss became inf")
        return SimpleNamespace(metrics={"accuracy": float("nan"), "macro_f1": float("nan")})

    monkeypatch.setattr(search, "_train", fails)
    with pytest.raises(UserError, match=f"{FAILURES} trials in a row have failed.*--set"):
        search.run(1)
    assert len(told) == FAILURES and all("failed" in line for line in told)
    assert search.finished == 0


def test_failures_between_successes_do_not_end_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    search = Search(job(), tmp_path / "s.db", told.append)

    def now_and_then(trial: Any) -> float:
        if trial.number % FAILURES == FAILURES - 1:
            if trial.number > FAILURES:
                raise optuna.TrialPruned
            return 0.5
        raise TrainingError("the loss became inf")

    monkeypatch.setattr(search, "_objective", now_and_then)
    search.run(3)
    assert search.finished == 3 and len(told) == 3 * (FAILURES - 1)


def test_earlier_trials_are_held_to_the_limits_of_today(tmp_path: Path) -> None:
    first = Search(job(), tmp_path / "s.db", lambda line: None)
    for value, size in ((0.9, 1000), (0.8, 10)):
        attributes = {"size": size, "latency": 1e-4, "fits": True}
        trial = optuna.trial.create_trial(value=value, user_attrs=attributes)
        first._study.add_trial(trial)
    assert [f.number for f in first.ranking()] == [0, 1]
    held = Search(job(Limits(size=100)), tmp_path / "s.db", lambda line: None).ranking()
    assert [(f.number, f.fits) for f in held] == [(1, True), (0, False)]


@pytest.mark.parametrize("at_once", [True, False])
def test_ctrl_c_while_finalists_are_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    search = Search(job(), tmp_path / "s.db", lambda line: None)
    attributes = {"size": 10, "latency": 1e-4}
    search._study.add_trial(optuna.trial.create_trial(value=0.9, user_attrs=attributes))

    def train(*given: Any, **more: Any) -> Any:
        if at_once:
            raise KeyboardInterrupt
        return SimpleNamespace(interrupted=True, metrics={})

    monkeypatch.setattr("seqmap.tuning.study.train", train)
    search.rerun(1, 2)
    assert search.interrupted and search.ranking()[0].again == ()


def test_half_a_training_of_the_winner_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search: Any = SimpleNamespace(job=job(), interrupted=False)
    parts: Any = SimpleNamespace(test=examples(4))
    monkeypatch.setattr(command, "train", lambda *_, **__: SimpleNamespace(interrupted=True))
    assert command._tested(search, BASE, parts, Screen(quiet=True)) is None
    assert search.interrupted


def test_a_foreign_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_text("this is no database" * 100)
    with pytest.raises(OutputError, match="no file of a search"):
        Search(job(), tmp_path / "s.db", lambda line: None)


def found(number: int, metric: float, latency: float, **more: Any) -> Found:
    return Found(number, {}, metric, 10**6, latency, **{"fits": True, **more})


def test_the_front_and_the_table() -> None:
    trials = [found(0, 0.9, 0.003), found(1, 0.8, 0.001), found(2, 0.7, 0.002, fits=False)]
    assert [f.number for f in front(trials)] == [1, 0]
    shown = table([found(0, 0.9, 0.003, again=(0.8, 0.7)), *trials[1:]], "accuracy")
    assert "0.8000 ± 0.1000" in shown and "beyond the limits" in shown


FAST = [word for setting in ("train.epochs=1", "train.threads=1", "embedding.size=8")
        for word in ("--set", setting)]  # fmt: skip


def run(*words: str | Path) -> Any:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["search", *map(str, words)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = "".join(f"{e.text},{e.labels[0]}\n" for e in examples(40))
    (tmp_path / "data.csv").write_text("text,label\n" + rows)
    return tmp_path / "data.csv"


def test_the_winner_can_be_trained(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    done = run("classify", data, "--trials", "2", "--finalists", "1", "--seeds", "2", "--out", out,
               "--max-size", "50MB", "--test", data, "--json", *FAST)  # fmt: skip
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["trials"] == 2 and len(summary["winner"]["again"]) == 1
    config = load_config(out / "best.toml")
    assert config.embedding.size == 8 and config.train.epochs == 1
    assert config.encoder.hidden == summary["winner"]["values"]["encoder.hidden"]
    assert (out / "pareto.png").read_bytes()[:4] == b"\x89PNG"


def test_another_dev_file_is_another_search(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def opened(job: Job, *given: Any) -> Any:
        seen.append(job.fingerprint)
        raise UserError("this is far enough")

    monkeypatch.setattr(command, "Search", opened)
    (tmp_path / "dev.csv").write_text("text,label\na fine thing,good\na cold thing,bad\n")
    for dev in (data, tmp_path / "dev.csv", data):
        run("classify", data, "--dev", dev, "--out", tmp_path / "s")
    assert len(seen) == 3 and seen[0] == seen[2] != seen[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["forecast"], "cannot be searched"),
        (["classify", "--max-size", "big"], "is a number of bytes"),
        (["classify", "--max-latency", "3"], "a time with its unit"),
        (["classify", "--trials", "1", "--max-size", "10", *FAST], "no trial keeps to the limits"),
    ],
)
def test_what_cannot_be_searched_is_told(
    data: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    done = run(words[0], data, "--out", tmp_path / "s", *words[1:])
    assert done.exit_code == 2 and said in done.stderr and "Traceback" not in done.stderr
