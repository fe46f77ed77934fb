"""From the words of the command line to options and configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqmap.config import Config, load_config
from seqmap.data import ReadOptions

_ESCAPES = {"\\t": "\t", "tab": "\t"}


def read_options(words: Mapping[str, Any]) -> ReadOptions:
    """Build the reading options from a command's parameters, those that it has.

    Args:
        words: The parameters by name; None means "guess".
    """
    label = _columns(words.get("label_column"))
    delimiter = words.get("delimiter")
    return ReadOptions(
        format=words.get("format_"),
        text_columns=_columns(words.get("text_column")),
        label_column=label[0] if label else None,
        soft_columns=_columns(words.get("soft_columns")),
        encoding=words.get("encoding"),
        header=words.get("header"),
        delimiter=_ESCAPES.get(delimiter, delimiter) if delimiter else None,
        quoting=words.get("quoting"),
        label_separator=words.get("label_separator"),
    )


def settings(config: str | None, changes: Sequence[str], seed: int | None) -> Config:
    """Read the configuration and apply `--set` and `--seed`.

    Raises:
        ConfigError: A key or a value is not valid.
    """
    chosen = load_config(config, changes)
    return chosen if seed is None else replace(chosen, train=replace(chosen.train, seed=seed))


def _columns(words: str | None) -> tuple[str | int, ...] | None:
    """Split `1,2` or `title,body`; numbers count from 0."""
    if words is None:
        return None
    parts = [part.strip() for part in words.split(",")]
    return tuple(int(part) if part.isdecimal() else part for part in parts)
