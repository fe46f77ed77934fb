"""`seqmap search`: look for a configuration, within limits of size and latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.parts import Files, Parts, read_parts
from seqmap.config import Config, parse_setting, to_toml
from seqmap.data import ReadOptions, fingerprint
from seqmap.errors import OutputError, UserError
from seqmap.evaluate import evaluate
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training import train
from seqmap.training.tag import fingerprint as tag_fingerprint
from seqmap.tuning.limits import Limits, bytes_of, seconds_of
from seqmap.tuning.report import draw, table
from seqmap.tuning.space import SPACES, chosen, space_of
from seqmap.tuning.study import Found, Job, Search


@dataclass(frozen=True)
class SearchRequest:
    """What `seqmap search` was asked for.

    Attributes:
        task: Name of the task.
        train: File of labelled examples.
        dev: Another to choose on, or None to hold a part out.
        test: Another on which the winner alone is measured, once.
        out: Folder of the search.
        config: What is not searched.
        fixed: Settings that the user made; their keys are not searched.
        options: How the files are read.
        trials: How many in all.
        finalists: How many of the best are trained again.
        seeds: Trainings of each finalist.
        max_size: Such as `2MB`, or None.
        max_latency: Such as `1ms`, or None.
    """

    task: str
    train: str
    dev: str | None
    test: str | None
    out: Path
    config: Config
    fixed: Sequence[str]
    options: ReadOptions
    trials: int
    finalists: int
    seeds: int
    max_size: str | None
    max_latency: str | None


def run_search(request: SearchRequest, screen: Screen) -> None:
    """Search, go on with a search, or only show what it found.

    Raises:
        UserError: Something that was given cannot be used, or no trial keeps to the limits.
    """
    if request.task not in SPACES:
        raise UserError("this task cannot be searched", given=request.task, allowed=SPACES)
    limits = Limits(bytes_of(request.max_size), seconds_of(request.max_latency))
    task, out = find_task(request.task), make_folder(request.out)
    files = Files((request.train,), request.dev, request.test, request.options)
    parts = read_parts(task, files, request.config.train.holdout, screen)
    tagging = request.task == "tag"
    identify = tag_fingerprint if tagging else fingerprint
    job = Job(
        task=task,
        train=parts.train,
        dev=parts.dev,
        targets=task.targets(parts.given),
        inputs=list(parts.dev) if tagging else [example.text for example in parts.dev],
        base=request.config,
        space=space_of(request.task, {parse_setting(word)[0] for word in request.fixed}),
        limits=limits,
        # Both parts: figures on another dev part cannot be compared with those in the file.
        fingerprint=f"{identify(parts.train)}:{identify(parts.dev)}",
    )
    search = Search(job, out / "search.db", screen.note)
    if search.finished:
        screen.note(f"goes on: {search.finished} trials are over")
    search.run(request.trials)
    if not search.interrupted:
        search.rerun(request.finalists, request.seeds)
    winner = _winner(search, request)
    config = chosen(winner.values, request.config)
    _write(config, out / "best.toml")
    draw(search.ranking(), winner, limits, search.metric, out / "pareto.png")
    screen.result(table(search.ranking(), search.metric))
    if search.interrupted:
        screen.note("interrupted: the same command goes on")
    tested = None
    if parts.test and not search.interrupted:
        tested = _tested(search, config, parts, screen)
    screen.result(f"written: {out / 'best.toml'}, {out / 'pareto.png'}")
    screen.close(_summary(search, winner, out, tested))


def _winner(search: Search, request: SearchRequest) -> Found:
    ranking = search.ranking()
    if not ranking:
        raise UserError("no trial has finished yet", path=request.out)
    if not ranking[0].fits:
        nearest = min(ranking, key=lambda found: (found.size, found.latency))
        raise UserError(
            "no trial keeps to the limits",
            given=f"the smallest: {nearest.size / 1e6:.2f} MB, {nearest.latency * 1e6:.0f} µs",
            allowed=f"{request.max_size or 'any size'}, {request.max_latency or 'any latency'}",
            remedy="Allow more, more --trials, or a smaller text.vocabulary",
        )
    return ranking[0]


def _tested(
    search: Search, config: Config, parts: Parts, screen: Screen
) -> dict[str, float] | None:
    """Train the winner and measure it on the test part; None where Ctrl-C came before its end."""
    job = search.job
    try:
        trained = train(job.task, job.train, job.dev, config=config, targets=job.targets)
        if trained.interrupted:  # what half a training reaches is not what the winner does
            raise KeyboardInterrupt
        tested = evaluate(restore(trained.archive), parts.test).metrics
    except KeyboardInterrupt:
        search.interrupted = True
        screen.note("interrupted: the winner was not measured on test; the same command does it")
        return None
    shown = "  ".join(f"{name} {value:.4f}" for name, value in tested.items())
    screen.result(f"the winner, test: {shown}")
    return tested


def _write(config: Config, path: Path) -> None:
    try:
        path.write_text(to_toml(config), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write it: {error.strerror}", path=path) from None


def _summary(
    search: Search, winner: Found, out: Path, tested: dict[str, float] | None
) -> dict[str, Any]:
    return {
        "task": search.job.task.word,
        "metrics": tested or {search.metric: winner.mean},
        "dev_metrics": {search.metric: winner.mean},
        "trials": search.finished,
        "winner": {**asdict(winner), "mean": winner.mean, "spread": winner.spread},
        "ranking": [asdict(found) for found in search.ranking()],
        "interrupted": search.interrupted,
        "config": str(out / "best.toml"),
        "picture": str(out / "pareto.png"),
        "database": str(out / "search.db"),
    }
