"""`seqmap data`: public data sets by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen, in_bytes
from seqmap.data.sets import SETS, KnownSet, fetch, find_set
from seqmap.errors import ConfigError, UserError

ACTIONS = ("list", "get")


def run_data(
    action: str, name: str | None, out: Path | None, mirror: Path | None, screen: Screen
) -> None:
    """List the sets that are known, or get one.

    Raises:
        UserError: There is no such action or set, or its files cannot be had.
    """
    if action not in ACTIONS:
        raise ConfigError("there is no such action", given=action, allowed=ACTIONS)
    if action == "list":
        _list(screen)
    elif name is None:
        raise UserError("which data set?", allowed=SETS, remedy="Run: seqmap data get NAME")
    else:
        _get(find_set(name), out or Path(name), mirror, screen)


def _list(screen: Screen) -> None:
    for known in SETS.values():
        head = f"{known.name:<17}{known.task:<10}{known.language:<4}{in_bytes(known.size):>9}"
        screen.result(f"{head}  {known.licence or 'licence not stated'}\n  {known.about}")
    screen.close({"sets": [_facts(known) for known in SETS.values()]})


def _get(known: KnownSet, folder: Path, mirror: Path | None, screen: Screen) -> None:
    files = fetch(known, folder, mirror=mirror, say=screen.note)
    for file in files:
        screen.result(str(file))
    then = known.then.replace("{}", str(folder))
    if known.licence is None:
        screen.note("its source states no licence: ask before you publish it or what you made")
    if then:
        screen.note(f"next: seqmap {then}")
    screen.close({**_facts(known), "files": [str(file) for file in files]})


def _facts(known: KnownSet) -> dict[str, Any]:
    return {
        "name": known.name,
        "task": known.task,
        "language": known.language,
        "about": known.about,
        "licence": known.licence,
        "home": known.home,
        "bytes": known.size,
    }
