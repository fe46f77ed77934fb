"""The seeds of `seqmap train --seeds N`: those that are done are kept for `--resume`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import seqmap
from seqmap.commands.console import Screen
from seqmap.commands.train_request import TrainRequest
from seqmap.errors import ArchiveError
from seqmap.runtime.archive import read
from seqmap.training import Epoch, Trained


def place_of(request: TrainRequest, number: int) -> Path:
    """Return where the model of a seed goes; with several, each has its own checkpoint."""
    if request.seeds == 1:
        return request.out
    seed = request.config.train.seed + number
    return request.out.with_name(f"{request.out.name}.seed-{seed}")


def _done(request: TrainRequest, number: int) -> Path:
    """Return where it is written that a seed is done; the model alone may be one of Ctrl-C."""
    place = place_of(request, number)
    return place.with_name(f"{place.name}.done")


def contents(request: TrainRequest) -> list[Any] | None:
    """Return what tells the files of a training from others; None where they can be read only once.

    The bytes of a file count; of a folder, the names, sizes and times of what is in it.
    """
    options, found = request.options, list[Any]()
    beside = (options.audio, options.label_names, request.config.text.vectors, request.init)
    try:
        for path in (request.train, *request.more, request.dev, *beside):
            if not path:
                found.append(None)
            elif Path(path).is_dir():
                inside = [(str(one), one.stat()) for one in sorted(Path(path).rglob("*"))]
                found.append([(name, s.st_size, s.st_mtime_ns) for name, s in inside])
            elif Path(path).is_file():
                with open(path, "rb") as file:
                    found.append(hashlib.file_digest(file, "sha256").hexdigest())
            else:
                return None
    except OSError:
        return None
    return found


def identity_of(request: TrainRequest, number: int, files: list[Any] | None) -> str | None:
    """Return what must be equal for the model of an earlier run to be that of a seed."""
    if files is None:
        return None
    config = request.config.replace(train__seed=request.config.train.seed + number)
    facts = [seqmap.__version__, request.task, config.to_dict(), asdict(request.options), files]
    return hashlib.sha256(json.dumps([*facts, dict(request.card)]).encode()).hexdigest()


def keep(request: TrainRequest, number: int, trained: Trained, identity: str | None) -> None:
    """Write down that a seed is done, and all that its model does not hold."""
    facts = {
        "identity": identity,
        "archive": trained.archive.digest(),
        "history": [asdict(epoch) for epoch in trained.history],
        **{key: getattr(trained, key) for key in ("metrics", "seconds", "cost", "notes")},
    }
    # Where it cannot be written, the seed would be trained again: no reason to end here.
    with suppress(OSError):
        _done(request, number).write_text(json.dumps(facts, default=float))


def kept_seed(request: TrainRequest, number: int, identity: str | None) -> Trained | None:
    """Return what an earlier run made of a seed; None where it is not done, or of other data."""
    try:
        facts = json.loads(_done(request, number).read_text())
        archive = read(place_of(request, number))
        same = facts["identity"] == identity and facts["archive"] == archive.digest()
        history = tuple(Epoch(**epoch) for epoch in facts["history"])
        metrics, notes = facts["metrics"], tuple(facts["notes"])
        seconds, cost = facts["seconds"], facts["cost"]
    except (OSError, ValueError, KeyError, TypeError, ArchiveError):
        return None
    if identity is None or not same:
        return None
    return Trained(archive, history, metrics, seconds, interrupted=False, cost=cost, notes=notes)


def tidy(request: TrainRequest, runs: Sequence[tuple[Trained, Any]], screen: Screen) -> None:
    """Remove the models of the single seeds, unless some are left to train: then tell of them."""
    done = len(runs) - runs[-1][0].interrupted
    if done < len(runs):
        place_of(request, done).unlink(missing_ok=True)  # it has a checkpoint to go on from
    places = [place_of(request, number) for number in range(done)]
    if done < request.seeds:
        if places:
            names = ", ".join(map(str, places))
            screen.note(f"seeds that are done, for --resume with the same data: {names}")
        return
    for number, place in enumerate(places):
        place.unlink(missing_ok=True)
        _done(request, number).unlink(missing_ok=True)
