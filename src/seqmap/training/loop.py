"""The training loop: epochs of batches, early stopping, checkpoints."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqmap.config import TrainConfig
from seqmap.errors import DataError, TrainingError
from seqmap.training.average import WeightAverage
from seqmap.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from seqmap.training.distributed import ALONE, Group
from seqmap.training.learner import Learner, Score
from seqmap.training.optimizer import Optimizer
from seqmap.training.schedule import learning_rate

# Seconds between checkpoints, at least: short epochs would spend their time on writing.
CHECKPOINT_EVERY = 10.0


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data gave."""

    number: int
    train_loss: float
    dev_loss: float
    dev_metrics: dict[str, float]
    seconds: float
    learning_rate: float


@dataclass(frozen=True)
class Progress:
    """Where a training stands inside an epoch."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class Watch:
    """Whom the loop tells what it does; each may be None."""

    epoch: Callable[[Epoch], None] | None = None
    step: Callable[[Progress], None] | None = None
    note: Callable[[str], None] | None = None

    def tell(self, text: str) -> None:
        """Pass a note on."""
        if self.note:
            self.note(text)


@dataclass
class _State:
    """What changes from epoch to epoch besides the weights."""

    epoch: int = 0
    step: int = 0
    best_cost: float = math.inf
    best_epoch: int = 0
    saved_at: float = 0.0


class Trainer:
    """Trains one network.

    Args:
        learner: The network with its examples; it holds the best weights when `fit` returns.
        config: How to train.
        identity: What must be equal for a checkpoint to be continued (configuration, data).
        checkpoint: Where to keep the state between epochs, or None.
        watch: Whom to tell.
        group: The processes that train this network together; all must do the same.

    Raises:
        DataError: The processes do not have the same data and settings, or are too many.
        TrainingError: One of them has ended.
    """

    def __init__(
        self,
        learner: Learner,
        config: TrainConfig,
        *,
        identity: dict[str, Any],
        checkpoint: Path | None = None,
        watch: Watch | None = None,
        group: Group = ALONE,
    ) -> None:
        self.learner = learner
        self.model = learner.network
        self.config = config
        self.history: list[Epoch] = []
        self.interrupted = False
        self._identity = identity
        self._checkpoint = checkpoint
        self._watch = (group.lead and watch) or Watch()
        self._group = group
        if group.size > 1:
            self._meet()
        self._optimizer = Optimizer(self.model, learner.tables, config, learner.depths, group)
        self._average = WeightAverage(self.model, config.average) if config.average > 0 else None
        self._best = {n: v.detach().clone() for n, v in self.model.state_dict().items()}
        self._state = _State()

    def fit(self, *, resume: bool = False) -> None:
        """Train until the epochs are over or the dev cost no longer falls; keep the best weights.

        Ctrl-C after the first epoch ends the training with what is best so far.
        """
        if resume:
            self._resume()
        try:
            while self._state.epoch < self.config.epochs and not self._stale():
                self._run_epoch()
        except KeyboardInterrupt:
            # One of several processes cannot know that the others stop here too.
            if not self.history or self._group.size > 1:
                raise
            self.interrupted = True
        self.model.load_state_dict(self._best)

    def _stale(self) -> bool:
        return self._state.epoch - self._state.best_epoch >= self.config.patience

    def _run_epoch(self) -> None:
        started = time.perf_counter()
        train_loss, rate = self._train_epoch()
        kept = self._average.state() if self._average else self.model.state_dict()
        score = self._score(kept)
        cost = score.loss if score.cost is None else score.cost
        state = self._state
        state.epoch += 1
        if cost < state.best_cost:
            state.best_cost, state.best_epoch = cost, state.epoch
            self._best = {name: value.detach().clone() for name, value in kept.items()}
        seconds = time.perf_counter() - started
        self.history.append(
            Epoch(state.epoch, train_loss, score.loss, score.metrics, seconds, rate)
        )
        self._save()
        if self._watch.epoch:
            self._watch.epoch(self.history[-1])

    def _train_epoch(self) -> tuple[float, float]:
        config, state = self.config, self._state
        batches = self.learner.plan(config, np.random.default_rng([config.seed, state.epoch]))
        self.model.train()
        self._optimizer.thaw(state.epoch)
        total, rate = 0.0, 0.0
        for number, rows in enumerate(batches, start=1):
            rate = learning_rate(state.step, config.epochs * len(batches), config)
            own = self.learner.share(rows)
            loss = self.learner.loss(own) if len(own) else None
            value = self._optimizer.step(loss, rate, self.learner.weight(own))
            if self._average:
                self._average.update(self.model)
            state.step += 1
            if not math.isfinite(value):
                raise TrainingError(
                    f"the loss became {value} in epoch {state.epoch + 1}; "
                    f"try --set train.learning_rate={config.learning_rate / 4:g}"
                )
            total += value * len(rows)
            if self._watch.step:
                place = Progress(state.epoch + 1, config.epochs, number, len(batches), value)
                self._watch.step(place)
        return total / sum(len(rows) for rows in batches), rate

    def _score(self, weights: dict[str, Tensor]) -> Score:
        """Return what given weights reach on the dev part; one process finds out for all."""
        if self._group.size == 1:
            return self._measured(weights)
        found = _plain(self._measured(weights)) if self._group.lead else None
        return _from_plain(self._group.told(found))

    def _measured(self, weights: dict[str, Tensor]) -> Score:
        current = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(weights)
        self.model.eval()
        score = self.learner.score()
        self.model.load_state_dict(current)
        return score

    def _save(self) -> None:
        early = time.monotonic() - self._state.saved_at < CHECKPOINT_EVERY
        if self._checkpoint is None or early or not self._group.lead:
            return
        groups: dict[str, dict[str, Tensor]] = {
            "model": self.model.state_dict(),
            "best": self._best,
            "optimizer": self._optimizer.tensors(),
            "random": {"cpu": torch.get_rng_state()},
        }
        if self._average:
            groups["average"] = self._average.weights
        state = asdict(self._state)
        facts = {
            "identity": self._identity,
            "state": {**state, "best_cost": repr(state["best_cost"])},
            "average_steps": self._average.steps if self._average else 0,
            "history": [asdict(epoch) for epoch in self.history],
        }
        tensors = {f"{g}.{n}": t for g, named in groups.items() for n, t in named.items()}
        save_checkpoint(Checkpoint(facts, tensors), self._checkpoint)
        self._state.saved_at = time.monotonic()

    def _resume(self) -> None:
        if self._checkpoint is None:
            return
        kept = self._loaded(self._checkpoint)
        if kept is None:
            return
        changed = [k for k, v in self._identity.items() if kept.facts["identity"].get(k) != v]
        if changed:
            raise DataError(
                f"the checkpoint belongs to another training (different: {', '.join(changed)})",
                path=self._checkpoint,
                remedy="Use the same data and configuration, or train without --resume",
            )
        facts = dict(kept.facts["state"])
        facts["best_cost"] = float(facts["best_cost"])
        self._state = _State(**facts)
        self._state.saved_at = time.monotonic()
        self.history = [Epoch(**epoch) for epoch in kept.facts["history"]]
        self.model.load_state_dict(kept.part("model"))
        self._best = kept.part("best")
        self._optimizer.restore(kept.part("optimizer"))
        if self._average:
            self._average.weights = kept.part("average")
            self._average.steps = int(kept.facts["average_steps"])
        if self._group.lead:
            torch.set_rng_state(kept.tensors["random.cpu"].cpu())
        else:
            torch.manual_seed(
                self.config.seed + self._group.rank + self._group.size * self._state.epoch
            )

    def _loaded(self, path: Path) -> Checkpoint | None:
        """Return the checkpoint; where several train together, the first one's."""
        device, group = next(self.model.parameters()).device, self._group
        kept = load_checkpoint(path, device) if group.lead else None
        if group.size == 1:
            return kept
        described = kept and {
            "facts": kept.facts,
            "tensors": {n: [str(t.dtype), list(t.shape)] for n, t in kept.tensors.items()},
        }
        found = group.told(described)
        if found is None:
            return None
        if kept is None:
            blank = {
                name: torch.empty(
                    shape, dtype=getattr(torch, kind.partition(".")[2]), device=device
                )
                for name, (kind, shape) in found["tensors"].items()
            }
            kept = Checkpoint(found["facts"], blank)
        return Checkpoint(kept.facts, group.spread(kept.tensors))

    def _meet(self) -> None:
        """See that all processes are about to do the same, and let them start alike."""
        group, most = self._group, self.learner.most_processes()
        if most < group.size:
            raise DataError(
                "more processes than there is to learn from",
                given=f"{group.size} processes",
                allowed=f"at most {most} with these data and settings",
            )
        shapes = {name: list(value.shape) for name, value in self.model.state_dict().items()}
        same = json.dumps([self._identity, shapes, most], sort_keys=True)
        digests = group.gathered(hashlib.sha256(same.encode()).hexdigest())
        if len(set(digests)) > 1:
            raise DataError(
                "the processes of this training do not have the same data and settings",
                given=f"{len(set(digests))} different ones among {group.size} processes",
                remedy="Give each machine the same files, options and version of seqmap",
            )
        self.learner.part = (group.rank, group.size)
        self.model.load_state_dict(group.spread(self.model.state_dict()))
        if not group.lead:
            # Each drops other units.
            torch.manual_seed(self.config.seed + group.rank)


def _plain(score: Score) -> dict[str, Any]:
    """Return what JSON can hold."""
    metrics = {name: float(value) for name, value in score.metrics.items()}
    cost = None if score.cost is None else float(score.cost)
    return {"loss": float(score.loss), "metrics": metrics, "cost": cost}


def _from_plain(found: dict[str, Any]) -> Score:
    return Score(found["loss"], found["metrics"], found["cost"])
