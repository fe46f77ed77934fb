"""The public data sets that are known: `catalogue.toml`, read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class KnownFile:
    """A file of a set.

    Attributes:
        name: How it is called here.
        url: Where it is.
        size: Its bytes.
        sha256: Its checksum, in hexadecimal.
    """

    name: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True)
class KnownSet:
    """A public data set.

    Attributes:
        name: How it is called.
        task: What it is for.
        language: Of its texts.
        about: What it holds.
        licence: As its source states it; None where it states none.
        home: A page about it.
        files: What it consists of.
        then: The command that trains on it; {} stands for the folder. Empty where there is none.
    """

    name: str
    task: str
    language: str
    about: str
    licence: str | None
    home: str
    files: tuple[KnownFile, ...]
    then: str

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def _read() -> dict[str, KnownSet]:
    text = (resources.files(__package__) / "catalogue.toml").read_text(encoding="utf-8")
    found = {}
    for name, facts in tomllib.loads(text).items():
        files = tuple(KnownFile(**file) for file in facts.pop("files"))
        found[name] = KnownSet(**({"licence": None, "then": ""} | facts), name=name, files=files)
    return found


SETS = _read()
"""All sets by name."""
