"""`seqmap compare`: the same data and budget for several encoders."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.parts import Files, Parts, read_parts
from seqmap.compare.memory import encoder_of, memory_by_length
from seqmap.compare.probes import Probed, probe
from seqmap.compare.report import Comparison, draw, page, table
from seqmap.compare.runs import RATES, Outcome, run_variant, warm_up
from seqmap.compare.runs import Parts as Same
from seqmap.compare.variants import TASKS, alone, named
from seqmap.config import Config
from seqmap.data import ReadOptions
from seqmap.errors import OutputError, UserError
from seqmap.runtime import native
from seqmap.tasks import Task, find_task

LENGTHS = (64, 256, 1024)
DISTANCES = (20, 100)


@dataclass(frozen=True)
class CompareRequest:
    """What `seqmap compare` was asked for.

    Attributes:
        task: Name of the task.
        encoders: Names of what is compared.
        train: File of labelled examples.
        dev: Another to choose on, or None to hold a part out.
        test: Another to measure on; None measures on dev, and says so.
        out: Folder of the report.
        config: What is the same for all.
        options: How the files are read.
        seeds: Trainings of each encoder.
        probe_steps: Training steps of each probe; 0 leaves them out.
    """

    task: str
    encoders: Sequence[str]
    train: str
    dev: str | None
    test: str | None
    out: Path
    config: Config
    options: ReadOptions
    seeds: int
    probe_steps: int


def run_compare(request: CompareRequest, screen: Screen) -> None:
    """Train, measure, and write the report.

    Ctrl-C ends it; the report then holds the encoders that are done.

    Raises:
        UserError: Something that was given cannot be used.
        KeyboardInterrupt: Ctrl-C was pressed before any encoder was done.
    """
    names = named(request.encoders)
    if request.task not in TASKS:
        raise UserError(
            "the encoder of this task cannot be chosen", given=request.task, allowed=TASKS
        )
    if request.task == "tag" and "lstm-attention" in names:
        raise UserError(
            "a tagger answers for each token and pools nothing",
            given="lstm-attention",
            remedy="Leave it out of --encoders",
        )
    task = find_task(request.task)
    out = make_folder(request.out)
    config = alone(request.config)
    files = Files((request.train,), request.dev, request.test, request.options)
    parts = read_parts(task, files, config.train.holdout, screen)
    same = _same(task, parts)
    measured = _measured(task, same, names, request, screen)
    outcomes = tuple(measured.outcomes)
    found = Comparison(
        task=request.task,
        data=f"{Path(request.train).name}, {_counts(task, parts)}",
        budget=_budget(request, config) + measured.left_out(names),
        metric=_metric(task, outcomes[0].metrics[0]),
        outcomes=outcomes,
        memory=measured.memory,
        probes=measured.probes,
        device=_device(),
    )
    _write(found, out, screen, interrupted=measured.interrupted)


@dataclass
class _Measured:
    """What is whole so far; of memory and probes only those of all encoders are."""

    outcomes: list[Outcome] = field(default_factory=list)
    memory: dict[str, dict[int, int]] = field(default_factory=dict)
    probes: dict[str, Probed] = field(default_factory=dict)
    interrupted: bool = False

    def left_out(self, names: Sequence[str]) -> str:
        """Say what an interrupted comparison lacks, for the line that tells the budget."""
        if not self.interrupted:
            return ""
        missing = names[len(self.outcomes) :]
        lacks = [f"not compared: {', '.join(missing)}"] if missing else []
        lacks += [] if self.memory else ["memory was not measured"]
        lacks += [] if self.probes else ["no probes"]
        return f" Interrupted: {'; '.join(lacks)}."


def _measured(
    task: Task, same: Same, names: Sequence[str], request: CompareRequest, screen: Screen
) -> _Measured:
    found, config = _Measured(), alone(request.config)
    try:
        warm_up(task, same, config)
        for name in names:
            found.outcomes.append(
                run_variant(task, name, same, config, seeds=request.seeds, tell=screen.note)
            )
        lengths, size = LENGTHS, config.embedding.size
        found.memory = {
            name: memory_by_length(encoder_of(config.encoder, name), size, lengths)
            for name in names
        }
        if request.probe_steps:
            found.probes = {
                name: probe(name, DISTANCES, request.probe_steps, screen.note) for name in names
            }
    except KeyboardInterrupt:
        if not found.outcomes:
            raise
        found.interrupted = True
        screen.note(f"interrupted: the report holds {len(found.outcomes)} of {len(names)} encoders")
    return found


def _same(task: Task, parts: Parts) -> Same:
    measured = parts.test or parts.dev
    inputs = [getattr(example, "text", example) for example in measured]
    if task.name == "tag":
        inputs = list(measured)
    return Same(parts.train, parts.dev, measured, task.targets(parts.given), inputs)


def _counts(task: Task, parts: Parts) -> str:
    measured = f"{len(parts.test):,} test" if parts.test else "measured on dev"
    return f"{len(parts.train):,} train, {len(parts.dev):,} dev, {measured}"


def _metric(task: Task, metrics: dict[str, float]) -> str:
    return next(name for name in task.headline if name in metrics)


def _budget(request: CompareRequest, config: Config) -> str:
    train = config.train
    rates = ", ".join(f"{train.learning_rate * share:g}" for share in RATES)
    seeds = f"{request.seeds} seed" + ("s" if request.seeds > 1 else "")
    return (
        f"For each: at most {train.epochs} epochs, {config.encoder.hidden} units,"
        f" {config.encoder.layers} layer(s), learning rates {rates} tried once, {seeds}; the deep"
        " branch alone."
    )


def _device() -> str:
    core = f"native core, {native.isa()}" if native.available() else "no native core"
    return f"{platform.machine()}, {platform.system()}, {core}"


def _write(found: Comparison, out: Path, screen: Screen, *, interrupted: bool) -> None:
    picture, report = out / "comparison.png", out / "comparison.html"
    draw(found, picture)
    try:
        report.write_text(page(found, picture), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the report: {error.strerror}", path=report) from None
    screen.result(table(found))
    screen.result(f"written: {report}, {picture}")
    places = {"report": str(report), "picture": str(picture)}
    screen.close({**found.to_dict(), "interrupted": interrupted, **places})
