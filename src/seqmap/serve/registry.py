"""The models of a server: by name and version, reloaded when their files change.

A reload never drops a request: the new file is loaded beside the running model and takes its place
in one step; what was asked before is answered by the old one. A file that cannot be loaded leaves
the old model in place.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqmap.errors import ConfigError, UserError
from seqmap.runtime.card import card_of
from seqmap.runtime.session import Session, load
from seqmap.serve.batcher import Batcher
from seqmap.serve.refusals import Refusal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Stamp = tuple[int, int, int]
"""What tells a file from the one that was there before: device-independent inode, time, size."""


@dataclass(frozen=True)
class Loaded:
    """A model as it was read from its file.

    Attributes:
        session: The model.
        stamp: Of the file, taken before it was read.
        loaded: When, in seconds of the epoch.
        described: What is told about it, as plain values.
    """

    session: Session
    stamp: Stamp
    loaded: float
    described: dict[str, Any]


@dataclass
class Slot:
    """A place for one model: a name, a version and a file.

    Attributes:
        name: Of the model.
        version: 1 for the first file of that name, 2 for the next, …
        path: Of the file.
        current: What is answered with now; replaced as a whole.
        batcher: Its queue.
        failed: Stamp of a newer file that could not be loaded.
        problem: Why.
    """

    name: str
    version: int
    path: Path
    current: Loaded
    batcher: Batcher
    failed: Stamp | None = None
    problem: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return what is told about the model, as plain values."""
        return {
            "name": self.name,
            "version": self.version,
            **self.current.described,
            "loaded": self.current.loaded,
            "problem": self.problem,
        }


class Registry:
    """The models that are served.

    Args:
        places: Name and path of each model; a name that comes again is its next version.
        pool: Where models are loaded again.
        batcher: Makes the queue of a name and version.
        told: Is told of each reload: slot, and whether it worked.

    Raises:
        ArchiveError: A model cannot be loaded.
    """

    def __init__(
        self,
        places: Sequence[tuple[str, Path]],
        *,
        pool: Executor,
        batcher: Callable[[str, int], Batcher],
        told: Callable[[Slot, bool], None],
    ) -> None:
        self._pool = pool
        self._told = told
        self._models: dict[str, dict[int, Slot]] = {}
        self._reloading = asyncio.Lock()
        for name, path in places:
            versions = self._models.setdefault(name, {})
            version = len(versions) + 1
            versions[version] = Slot(name, version, path, _load(path), batcher(name, version))

    def __iter__(self) -> Iterator[Slot]:
        return (slot for versions in self._models.values() for slot in versions.values())

    @property
    def names(self) -> list[str]:
        """The names of the models."""
        return list(self._models)

    def find(self, name: str, version: int | None = None) -> Slot:
        """Return a model; without a version the newest.

        Raises:
            Refusal: There is none.
        """
        versions = self._models.get(name)
        if versions is None:
            raise Refusal(404, "no_model", f"there is no such model; there is: {self._listed()}")
        slot = versions.get(len(versions) if version is None else version)
        if slot is None:
            raise Refusal(404, "no_version", f"{name} has the versions 1 to {len(versions)}")
        return slot

    def _listed(self) -> str:
        return ", ".join(self._models)

    async def reload(self, slot: Slot, *, force: bool = False) -> bool:
        """Load a model again if its file has changed; return whether it was.

        Raises:
            ArchiveError: The new file cannot be loaded; the old model stays.
        """
        async with self._reloading:
            stamp = _stamp(slot.path)
            unchanged = stamp is None or stamp in (slot.current.stamp, slot.failed)
            if unchanged and not force:
                return False
            loop = asyncio.get_running_loop()
            try:
                found = await loop.run_in_executor(self._pool, _load, slot.path)
            except UserError as error:
                slot.failed, slot.problem = stamp, str(error)
                self._told(slot, False)
                raise
            slot.current, slot.failed, slot.problem = found, None, None
            self._told(slot, True)
            return True

    async def watch(self, seconds: float) -> None:
        """Look for new files for ever."""
        while True:
            await asyncio.sleep(seconds)
            for slot in self:
                try:
                    await self.reload(slot)
                except UserError:
                    continue  # it has been told; the old model goes on


def places_of(models: Sequence[str]) -> list[tuple[str, Path]]:
    """Return name and path of each `NAME=PATH` or `PATH`, whose stem is then the name.

    Raises:
        ConfigError: A name cannot stand in an address.
    """
    places = []
    for word in models:
        name, sign, path = word.partition("=")
        if not sign or os.sep in name or Path(word).exists():
            name, path = Path(word).name.removesuffix(".seqmap"), word
        if not _NAME.fullmatch(name):
            raise ConfigError(
                "this name of a model cannot stand in an address",
                given=name,
                allowed="letters, digits, . _ and -, at most 64",
                remedy="Give it another one: NAME=PATH",
            )
        places.append((name, Path(path)))
    return places


def _load(path: Path) -> Loaded:
    stamp = _stamp(path) or (0, 0, 0)
    session = load(path)
    facts = card_of(session, name=path.name, size=stamp[2]).facts
    kept = ("task", "digest", "size_bytes", "created", "streams", "metrics", "card")
    described = {name: facts[name] for name in kept}
    described["explains"] = session.explains
    described["mapping"] = session.task.mapping
    described["takes"] = session.input_schema()
    described["options"] = {name: wish.schema() for name, wish in session.wishes.items()}
    described["hears"] = session.hears
    return Loaded(session, stamp, time.time(), described)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
