"""Train each encoder on the same examples with the same budget, and measure what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from seqmap.compare.variants import varied
from seqmap.config import Config
from seqmap.evaluate import evaluate
from seqmap.runtime import native
from seqmap.runtime.session import Session, restore
from seqmap.tasks import Task
from seqmap.training import Trained, train

RATES = (1.0, 0.3)
"""Learning rates that each encoder may try, as shares of the configured one."""

_ROUNDS = 3
_TIMED = 300
"""Inputs that are answered one by one to time them."""


@dataclass(frozen=True)
class Parts:
    """The same for all.

    Attributes:
        train: What is learned from.
        dev: What is chosen on.
        test: What is measured on.
        targets: What `Task.targets` tells of the training file.
        inputs: Those of `test`, as `predict` takes them.
    """

    train: Sequence[Any]
    dev: Sequence[Any]
    test: Sequence[Any]
    targets: Any
    inputs: Sequence[Any]


@dataclass(frozen=True)
class Outcome:
    """What an encoder reached and cost.

    Attributes:
        name: The encoder.
        rate: The learning rate that was best on dev, tried with the first seed.
        metrics: Figures on the test part, one dict a seed.
        parameters: Numbers in the whole network.
        encoder_parameters: Numbers in the encoder.
        seconds: Time of each training.
        epochs: Passes of each training until it stopped.
        us_per_token: Median time to answer, for each symbol of the inputs; one at a time, 1 thread.
        size: Bytes of the model.
        backend: What answered: `native` or `numpy`.
        streams: Whether it can answer while a text arrives.
    """

    name: str
    rate: float
    metrics: tuple[dict[str, float], ...]
    parameters: int
    encoder_parameters: int
    seconds: tuple[float, ...]
    epochs: tuple[int, ...]
    us_per_token: float
    size: int
    backend: str
    tried: dict[str, float] = field(default_factory=dict)
    """Dev cost of each learning rate that was tried."""

    def mean(self, metric: str) -> float:
        """Return the mean of a figure over the seeds."""
        return float(np.mean([found[metric] for found in self.metrics]))

    def spread(self, metric: str) -> float:
        """Return its standard deviation; 0 for one seed."""
        values = [found[metric] for found in self.metrics]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def warm_up(task: Task, parts: Parts, config: Config) -> None:
    """Train a little, so that the first encoder's time does not hold what is loaded only once.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    few = replace(parts, train=parts.train[:200], dev=parts.dev[:50])
    _trained(task, few, config.replace(train__epochs=1))


def run_variant(
    task: Task,
    name: str,
    parts: Parts,
    config: Config,
    *,
    seeds: int,
    tell: Callable[[str], None],
) -> Outcome:
    """Choose the learning rate on dev with the first seed, then train the other seeds with it.

    Args:
        task: What is learned.
        name: The encoder.
        parts: The data.
        config: What is the same for all.
        seeds: How many trainings count.
        tell: Called with a line after each training.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, if only during one of the trainings.
    """
    own = varied(config, name)
    tried: dict[float, tuple[Trained, float]] = {}
    for share in RATES:
        rate = own.train.learning_rate * share
        tried[rate] = _trained(task, parts, own.replace(train__learning_rate=rate))
        tell(f"{name}: rate {rate:g}, dev cost {tried[rate][0].cost:.4f}, {tried[rate][1]:.1f} s")
    rate = min(tried, key=lambda each: tried[each][0].cost)
    own = own.replace(train__learning_rate=rate)
    runs = [tried[rate]]
    for seed in range(1, seeds):
        seeded = own.replace(train__seed=own.train.seed + seed)
        runs.append(_trained(task, parts, seeded))
        tell(f"{name}: seed {seeded.train.seed}, {runs[-1][1]:.1f} s")
    sessions = [restore(trained.archive) for trained, _ in runs]
    arrays = runs[0][0].archive.arrays
    weights = {n: a.size for n, a in arrays.items() if a.dtype == np.float32}
    return Outcome(
        name=name,
        rate=rate,
        metrics=tuple(evaluate(session, parts.test).metrics for session in sessions),
        parameters=sum(weights.values()),
        encoder_parameters=sum(n for k, n in weights.items() if k.startswith("encoder.")),
        seconds=tuple(seconds for _, seconds in runs),
        epochs=tuple(len(trained.history) for trained, _ in runs),
        us_per_token=_us_per_token(sessions[0], parts.inputs),
        size=sum(int(array.nbytes) for array in arrays.values()),
        backend=sessions[0].backend,
        tried={f"{each:g}": trained.cost for each, (trained, _) in tried.items()},
    )


def _trained(task: Task, parts: Parts, config: Config) -> tuple[Trained, float]:
    started = time.perf_counter()
    trained = train(task, parts.train, parts.dev, config=config, targets=parts.targets)
    if trained.interrupted:
        # It ended early and did not have the budget of the others: it cannot stand beside them.
        raise KeyboardInterrupt
    return trained, time.perf_counter() - started


def _us_per_token(session: Session, inputs: Sequence[Any]) -> float:
    """Return the median time for a symbol, in microseconds."""
    timed = list(inputs[:_TIMED])
    symbols = sum(_symbols(session, given) for given in timed)
    before = native.threads() if native.available() else 0
    if before:
        native.set_threads(1)
    try:
        session.predict(timed[:20])
        taken = []
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            for given in timed:
                session.predict([given])
            taken.append(time.perf_counter() - started)
    finally:
        if before:
            native.set_threads(before)
    return float(np.median(taken)) / max(symbols, 1) * 1e6


def _symbols(session: Session, given: Any) -> int:
    tokens = getattr(given, "tokens", None)
    return len(session.codecs.source.encode(given)) if tokens is None else len(tokens)
