"""From the words of the command line to options and configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqmap.config import Config, load_config, override
from seqmap.tasks import find_task

if TYPE_CHECKING:
    from seqmap.runtime.session import Session

_ESCAPES = {"\\t": "\t", "tab": "\t"}


def columns(words: str | None) -> tuple[str | int, ...] | None:
    """Split `1,2` or `title,body`; numbers count from 0, or with a minus from the end."""
    if words is None:
        return None
    parts = [part.strip() for part in words.split(",")]
    return tuple(int(part) if part.removeprefix("-").isdecimal() else part for part in parts)


def delimiter_of(word: str | None) -> str | None:
    r"""Return the character that is meant by `\t`, `tab`, or itself."""
    return None if word is None else _ESCAPES.get(word, word)


def settings(
    task: str,
    config: str | None,
    changes: Sequence[str],
    seed: int | None,
    *,
    defaults: Mapping[str, Any] | None = None,
) -> Config:
    """Read the configuration and apply `--set` and `--seed` to the defaults of the task.

    Args:
        task: Its name.
        config: A TOML file.
        changes: Settings `section.key=value`.
        seed: Of the training.
        defaults: What differs from the task's own defaults.

    Raises:
        UserError: There is no such task.
        ConfigError: A key or a value is not valid.
    """
    base = override(find_task(task).config(), defaults or {})
    chosen = load_config(config, changes, base=base)
    return chosen if seed is None else chosen.replace(train__seed=seed)


def expecting(session: Session, path: str | None) -> Session:
    """Return a model that expects the phrases of a file, one a line; without one, as it is.

    Raises:
        UserError: The model hears no speech, or a phrase cannot be used.
        DataError: The file cannot be read.
    """
    if path is None:
        return session
    from seqmap.data.source import LineStream, Source

    lines = [text.strip() for _, text in LineStream(Source(path))]
    return session.with_phrases([line for line in lines if line])
