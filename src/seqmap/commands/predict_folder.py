"""`seqmap predict FOLDER --out FOLDER`: every file of a folder, in this process or on Ray's.

An answer file stands where its input stood, holds its answers in its order, and appears only when
it is complete: what was interrupted goes on by being started again.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seqmap.commands.answer_files import write_answers
from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.predict import PredictRequest, answers, opened, run_predict
from seqmap.errors import DataError, MissingExtraError, OutputError, UserError
from seqmap.runtime.archive import Archive, from_bytes, read, to_bytes
from seqmap.runtime.session import Session
from seqmap.tasks import find_task

ENGINES = ("local", "ray")
KINDS = (".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".csv", ".tsv", ".txt")
"""What is read in a folder, also with .gz behind it; other files are left alone."""
NOTE = "_seqmap.json"
"""What says in the folder of answers which model gave them."""
_AHEAD = 2
"""Files that wait for each of Ray's processors: enough to keep it busy, few enough to stop soon."""


@dataclass(frozen=True)
class Work:
    """A file to be answered.

    Attributes:
        source: The file.
        target: Where its answers go.
    """

    source: str
    target: str


@dataclass(frozen=True)
class Done:
    """What became of a file.

    Attributes:
        source: The file.
        count: How many answers were given.
        problem: What is wrong with it, or None.
    """

    source: str
    count: int
    problem: str | None = None


def run_folder(request: PredictRequest, screen: Screen) -> None:
    """Answer all files of a folder; of models whose answers are files, also a file or a text.

    Raises:
        UserError: The model or the folder cannot be used, or some files cannot; all the others
            are answered first.
    """
    engine = request.engine or "local"
    if engine not in ENGINES:
        raise UserError("unknown engine", given=engine, allowed=ENGINES)
    archive = read(request.model)
    writes = find_task(archive.manifest["task"]).writes is not None
    folder = request.source is not None and Path(request.source).is_dir()
    if writes and request.engine is None and not folder:
        run_predict(request, screen)
        return
    if request.out is None or request.source is None:
        raise UserError(
            "an engine answers a folder into another", remedy="Give FOLDER and --out FOLDER"
        )
    source, out = Path(request.source), request.out
    opened(request, archive)  # so that a wrong option is told here, and once
    found = list(_planned(source, out))
    make_folder(out)
    _claim(out, archive, request)
    left = [work for work in found if not _answered(work)]
    screen.note(
        f"{len(found):,} files in {source}, {len(found) - len(left):,} of them answered before"
    )
    answer = _on_ray if engine == "ray" else _here
    count, failed = 0, []
    for done in answer(request, archive, left):
        count += done.count
        if done.problem is not None:
            failed.append(done)
            screen.note(f"{done.problem}")
        else:
            screen.note(f"{done.source}: {done.count:,} answers")
    if failed:
        raise DataError(
            f"{len(failed)} of {len(left)} files could not be answered",
            path=source,
            given=failed[0].problem,
            remedy="Mend them, and start again: what is answered is not answered again",
        )
    screen.result(f"{count:,} answers in {len(left):,} files of {out}")
    screen.close(
        {
            "task": archive.manifest["task"],
            "count": count,
            "files": len(left),
            "skipped": len(found) - len(left),
            "out": str(out),
        }
    )


def _planned(source: Path, out: Path) -> Iterator[Work]:
    """Yield the files of a folder and where their answers go, in the order of their names."""
    if not source.is_dir():
        problem = "not a folder" if source.exists() else "there is no such folder"
        raise DataError(problem, path=source, remedy="A FILE alone needs no --out and no --engine")
    if out.resolve().is_relative_to(source.resolve()):
        raise OutputError("answers inside the folder of the inputs would become inputs", path=out)
    taken: dict[Path, Path] = {}
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if not path.is_file() or any(part.startswith((".", "_")) for part in inside.parts):
            continue
        bare = inside.with_suffix("") if inside.suffix.lower() == ".gz" else inside
        if bare.suffix.lower() not in KINDS:
            continue
        kept = bare.suffix.lower() in (".jsonl", ".ndjson", ".json", ".parquet", ".pq")
        target = out / (bare if kept else bare.with_name(bare.name + ".jsonl"))
        if target in taken:
            raise DataError(
                "two files would have their answers in one",
                path=path,
                given=str(taken[target]),
                remedy="Rename one of them",
            )
        taken[target] = path
        yield Work(str(path), str(target))
    if not taken:
        raise DataError("no files to answer in this folder", path=source, allowed=KINDS)


def _claim(out: Path, archive: Archive, request: PredictRequest) -> None:
    """Write down which model answers into this folder, or see that it is the same.

    Raises:
        OutputError: The folder holds the answers of another model, or of other settings.
    """
    own = {"model": archive.digest(), "settings": _settings(request)}
    note = out / NOTE
    if note.exists():
        try:
            known = json.loads(note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = None
        if known != own:
            raise OutputError(
                "the folder holds the answers of another model or of other settings",
                path=out,
                remedy="Give another --out, or remove this one",
            )
        return
    temporary = note.with_name(f".{NOTE}.partial")
    try:
        temporary.write_text(json.dumps(own) + "\n", encoding="utf-8")
        temporary.replace(note)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=note) from None


def _settings(request: PredictRequest) -> str:
    """Return what else decides the answers, in a form that can be compared."""
    shape = replace(request, model="", source=None, out=None, engine=None)
    phrases = Path(request.phrases).read_bytes() if request.phrases else b""
    text = json.dumps(asdict(shape), sort_keys=True, default=str)
    return hashlib.sha256(text.encode() + phrases).hexdigest()


def _answered(work: Work) -> bool:
    """Tell whether a file was answered after it was last changed."""
    try:
        return os.stat(work.target).st_mtime_ns >= os.stat(work.source).st_mtime_ns
    except FileNotFoundError:
        return False


def _answer(session: Session, request: PredictRequest, work: Work) -> Done:
    """Answer one file; what is wrong with it is the answer, too."""
    task = session.task
    try:
        records = (
            task.record(answer) for answer in answers(session, work.source, None, request.options)
        )
        return Done(work.source, write_answers(records, Path(work.target)))
    except UserError as error:
        return Done(work.source, 0, str(error))


def _here(request: PredictRequest, archive: Archive, work: Iterable[Work]) -> Iterator[Done]:
    session = opened(request, archive)
    for one in work:
        yield _answer(session, request, one)


# What a process of Ray has opened: the digest of the model, and its session.
_opened: dict[str, Session] = {}


def answer_remotely(model: bytes, digest: str, request: PredictRequest, work: Work) -> Done:
    """Answer one file in one of Ray's processes, on one core; the model is opened once."""
    if digest not in _opened:
        from seqmap.runtime import native

        if native.available():
            native.set_threads(1)
        _opened.clear()
        _opened[digest] = opened(request, from_bytes(model))
    return _answer(_opened[digest], request, work)


def _on_ray(request: PredictRequest, archive: Archive, work: Iterable[Work]) -> Iterator[Done]:
    """Let Ray answer: on this machine, or on the cluster that RAY_ADDRESS names.

    Raises:
        MissingExtraError: Ray is not installed.
        UserError: The cluster cannot be reached, or a worker ended.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise MissingExtraError("ray", "ray") from None
    try:
        ray.init(logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"Ray does not start: {_first_line(error)}", given=os.environ.get("RAY_ADDRESS")
        ) from None
    try:
        # Sent once to each machine, and shared by its processes.
        model = ray.put(to_bytes(archive))
        remote = ray.remote(num_cpus=1, max_retries=3)(answer_remotely)
        at_once = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        digest = archive.digest() + _settings(request)

        def start(one: Work) -> Any:
            return remote.remote(model, digest, request, one)

        yield from _in_order(ray, start, iter(work), at_once)
    except ray.exceptions.RayError as error:
        raise UserError(
            f"Ray gave up: {_first_line(error)}",
            remedy="What is answered stays; start again to answer the rest",
        ) from None
    finally:
        ray.shutdown()


def _in_order(
    ray: Any, start: Callable[[Work], Any], work: Iterator[Work], at_once: int
) -> Iterator[Done]:
    """Yield what became of each file, in order; some are under way at any time."""
    waiting: list[Any] = []
    for one in work:
        waiting.append(start(one))
        if len(waiting) >= at_once:
            yield ray.get(waiting.pop(0))
    for one in waiting:
        yield ray.get(one)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
