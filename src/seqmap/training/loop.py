"""The training loop: epochs of batches, early stopping, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqmap.batch import Batch, collate, plan_batches
from seqmap.config import TrainConfig
from seqmap.errors import DataError, TrainingError
from seqmap.nn.model import SequenceModel
from seqmap.training.average import WeightAverage
from seqmap.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from seqmap.training.optimizer import Optimizer
from seqmap.training.schedule import learning_rate

# Seconds between checkpoints, at least: short epochs would spend their time on writing.
CHECKPOINT_EVERY = 10.0


@dataclass(frozen=True)
class Encoded:
    """Examples as numbers.

    Attributes:
        sources: Symbol ids of each example, (time,) int32.
        targets: (examples, classes) float32.
    """

    sources: Sequence[NDArray[np.int32]]
    targets: NDArray[np.float32]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Symbols in each example, (examples,)."""
        return np.array([len(source) for source in self.sources], dtype=np.int64)


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
    best_loss: float = math.inf
    best_epoch: int = 0
    saved_at: float = 0.0


class Trainer:
    """Trains one network.

    Args:
        model: The network; it holds the best weights when `fit` returns.
        config: How to train.
        measure: Turns dev logits (examples, classes) into named figures.
        identity: What must be equal for a checkpoint to be continued (configuration, data).
        class_weights: Weight of each class in the loss, (classes,), or None.
        checkpoint: Where to keep the state between epochs, or None.
        watch: Whom to tell.
    """

    def __init__(
        self,
        model: SequenceModel,
        config: TrainConfig,
        *,
        measure: Callable[[NDArray[np.float64]], dict[str, float]],
        identity: dict[str, Any],
        class_weights: NDArray[np.float32] | None = None,
        checkpoint: Path | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.model = model
        self.config = config
        self.device = next(model.parameters()).device
        self.history: list[Epoch] = []
        self.interrupted = False
        self._measure = measure
        self._identity = identity
        self._weights = None if class_weights is None else torch.from_numpy(class_weights)
        self._checkpoint = checkpoint
        self._watch = watch or Watch()
        self._optimizer = Optimizer(model, [model.embedding.weight], config)
        self._average = WeightAverage(model, config.average) if config.average > 0 else None
        self._best = {n: v.detach().clone() for n, v in model.state_dict().items()}
        self._state = _State()

    def fit(self, train: Encoded, dev: Encoded, *, resume: bool = False) -> None:
        """Train until the epochs are over or the dev loss no longer falls; keep the best weights.

        Ctrl-C after the first epoch ends the training with what is best so far.
        """
        if resume:
            self._resume()
        try:
            while self._state.epoch < self.config.epochs and not self._stale():
                self._run_epoch(train, dev)
        except KeyboardInterrupt:
            if not self.history:
                raise
            self.interrupted = True
        self.model.load_state_dict(self._best)

    def _stale(self) -> bool:
        return self._state.epoch - self._state.best_epoch >= self.config.patience

    def _run_epoch(self, train: Encoded, dev: Encoded) -> None:
        started = time.perf_counter()
        train_loss, rate = self._train_epoch(train)
        kept = self._average.state() if self._average else self.model.state_dict()
        dev_loss, metrics = self._score(kept, dev)
        state = self._state
        state.epoch += 1
        if dev_loss < state.best_loss:
            state.best_loss, state.best_epoch = dev_loss, state.epoch
            self._best = {name: value.detach().clone() for name, value in kept.items()}
        seconds = time.perf_counter() - started
        self.history.append(Epoch(state.epoch, train_loss, dev_loss, metrics, seconds, rate))
        self._save()
        if self._watch.epoch:
            self._watch.epoch(self.history[-1])

    def _train_epoch(self, data: Encoded) -> tuple[float, float]:
        config, state = self.config, self._state
        batches = plan_batches(
            data.lengths,
            batch_size=config.batch_size,
            batch_tokens=config.batch_tokens,
            rng=np.random.default_rng([config.seed, state.epoch]),
        )
        self.model.train()
        total, rate = 0.0, 0.0
        for number, rows in enumerate(batches, start=1):
            rate = learning_rate(state.step, config.epochs * len(batches), config)
            loss = self._loss(collate(data.sources, data.targets, rows))
            self._optimizer.step(loss, rate)
            if self._average:
                self._average.update(self.model)
            state.step += 1
            value = float(loss.detach())
            if not math.isfinite(value):
                raise TrainingError(
                    f"the loss became {value} in epoch {state.epoch + 1}; "
                    f"try --set train.learning_rate={config.learning_rate / 4:g}"
                )
            total += value * len(rows)
            if self._watch.step:
                place = Progress(state.epoch + 1, config.epochs, number, len(batches), value)
                self._watch.step(place)
        return total / len(data.sources), rate

    def _loss(self, batch: Batch) -> Tensor:
        scores = self.model(*self._inputs(batch))
        target = torch.from_numpy(batch.target).to(self.device)
        loss: Tensor = self.model.head.loss(scores, target, self._weights)
        return loss

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(batch.source).to(self.device),
            torch.from_numpy(batch.lengths).to(self.device),
        )

    def _score(self, weights: dict[str, Tensor], dev: Encoded) -> tuple[float, dict[str, float]]:
        """Return the dev loss and figures that given weights reach."""
        current = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(weights)
        logits = self.logits(dev)
        self.model.load_state_dict(current)
        targets = torch.from_numpy(dev.targets)
        loss = float(self.model.head.loss(torch.from_numpy(logits), targets, self._weights))
        return loss, self._measure(logits)

    @torch.no_grad()
    def logits(self, data: Encoded) -> NDArray[np.float64]:
        """Return the model's logits, (examples, classes), in the order of the data."""
        self.model.eval()
        out = np.zeros(data.targets.shape, dtype=np.float64)
        for rows in plan_batches(data.lengths, batch_size=256, batch_tokens=32_768):
            batch = collate(data.sources, data.targets, rows)
            out[rows] = self.model(*self._inputs(batch)).float().cpu().numpy()
        return out

    def _save(self) -> None:
        if self._checkpoint is None or time.monotonic() - self._state.saved_at < CHECKPOINT_EVERY:
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
            "state": {**state, "best_loss": repr(state["best_loss"])},
            "average_steps": self._average.steps if self._average else 0,
            "history": [asdict(epoch) for epoch in self.history],
        }
        tensors = {f"{g}.{n}": t for g, named in groups.items() for n, t in named.items()}
        save_checkpoint(Checkpoint(facts, tensors), self._checkpoint)
        self._state.saved_at = time.monotonic()

    def _resume(self) -> None:
        if self._checkpoint is None:
            return
        kept = load_checkpoint(self._checkpoint, self.device)
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
        facts["best_loss"] = float(facts["best_loss"])
        self._state = _State(**facts)
        self._state.saved_at = time.monotonic()
        self.history = [Epoch(**epoch) for epoch in kept.facts["history"]]
        self.model.load_state_dict(kept.part("model"))
        self._best = kept.part("best")
        self._optimizer.restore(kept.part("optimizer"))
        if self._average:
            self._average.weights = kept.part("average")
            self._average.steps = int(kept.facts["average_steps"])
        torch.set_rng_state(kept.tensors["random.cpu"].cpu())
