"""What a search may change, and how."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from seqmap.config import Config, from_dict


class Trial(Protocol):
    """What proposes values (an `optuna.Trial`)."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Choose one."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Choose a number."""


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def suggest(self, trial: Trial, name: str) -> Any:
        """Let the trial choose."""
        return trial.suggest_categorical(name, self.values)


@dataclass(frozen=True)
class Range:
    """A number between two."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: Trial, name: str) -> float:
        """Let the trial choose."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)


Space = Mapping[str, Choice | Range]

_ALL: Space = {
    "encoder.hidden": Choice((32, 64, 96, 128, 192, 256)),
    "encoder.layers": Choice((1, 2)),
    "encoder.dropout": Range(0.0, 0.6),
    "embedding.size": Choice((32, 64, 100, 128, 200)),
    "embedding.dropout": Range(0.0, 0.6),
    "head.dropout": Range(0.0, 0.6),
    "train.learning_rate": Range(5e-4, 1e-2, log=True),
    "train.batch_size": Choice((8, 16, 32, 64)),
}
SPACES: Mapping[str, Space] = {
    "classify": {
        **_ALL,
        "embedding.word_dropout": Range(0.0, 0.3),
        "head.pooling": Choice(("mean-max", "attention", "max", "last")),
        "head.label_smoothing": Range(0.0, 0.2),
    },
    "tag": {
        **_ALL,
        "tag.character_hidden": Choice((16, 32, 48)),
        "tag.singleton_dropout": Range(0.0, 0.7),
        "tag.feature_dropout": Range(0.0, 0.6),
    },
}
"""What is searched for each task."""


def space_of(task: str, fixed: Collection[str]) -> dict[str, Choice | Range]:
    """Return what is searched: all but what the user has set."""
    return {name: values for name, values in SPACES[task].items() if name not in fixed}


def proposed(trial: Trial, space: Space, base: Config) -> Config:
    """Return the configuration that a trial proposes."""
    values = {name: choices.suggest(trial, name) for name, choices in space.items()}
    return from_dict(values, base=base)


def chosen(values: Mapping[str, Any], base: Config) -> Config:
    """Return the configuration of a trial that is over."""
    return from_dict(dict(values), base=base)
