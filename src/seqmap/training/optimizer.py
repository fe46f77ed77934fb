"""Adam for dense weights (fused) and for the rows of an embedding table that a batch touched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seqmap.config import TrainConfig
from seqmap.training.distributed import ALONE, Group

# A shorter memory of squared gradients than usual: trainings here take few steps.
BETAS = (0.9, 0.99)
EPSILON = 1e-8


class RowAdam:
    """Adam (Kingma & Ba 2015) for a table with a sparse gradient: only the batch's rows move.

    A dense update of a 30,000-row table costs more than the rest of a step on short texts. Rows
    outside the batch keep their moments as they are ("lazy Adam").

    Args:
        weight: (rows, dim).
    """

    def __init__(self, weight: nn.Parameter) -> None:
        self.weight = weight
        self.mean = torch.zeros_like(weight, requires_grad=False)
        self.square = torch.zeros_like(weight, requires_grad=False)
        self.steps = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update the rows in the gradient; it must be coalesced."""
        self.steps += 1
        gradient = self.weight.grad
        if gradient is None:
            return
        rows, values = gradient.indices()[0], gradient.values()
        mean = self.mean.index_select(0, rows).lerp_(values, 1 - BETAS[0])
        square = self.square.index_select(0, rows).lerp_(values.square(), 1 - BETAS[1])
        self.mean.index_copy_(0, rows, mean)
        self.square.index_copy_(0, rows, square)
        # Eq. 11-12 with both bias corrections folded into the step size.
        scale = math.sqrt(1 - BETAS[1] ** self.steps)
        size = learning_rate * scale / (1 - BETAS[0] ** self.steps)
        change = mean.div_(square.sqrt_().add_(EPSILON * scale))
        self.weight.index_add_(0, rows, change, alpha=-size)


class Optimizer:
    """Splits a model's weights between fused AdamW and `RowAdam`.

    Args:
        model: Its parameters with `sparse_rows` in `sparse` are embedding tables.
        sparse: Tables with sparse gradients.
        config: Decay, clipping, rates of deeper layers.
        depths: How deep below the head a weight lies that was pretrained; others lie at 0.
        group: The processes whose gradients are averaged.
    """

    def __init__(
        self,
        model: nn.Module,
        sparse: Iterable[nn.Parameter],
        config: TrainConfig,
        depths: Mapping[nn.Parameter, int] | None = None,
        group: Group = ALONE,
    ) -> None:
        self._group = group
        tables = list(sparse)
        held = {id(table) for table in tables}
        self._depths = dict(depths or {})
        self._config = config
        self._rest = [weight for weight in model.parameters() if id(weight) not in held]
        kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
        self._dense = kind(
            self._groups(), lr=config.learning_rate, betas=BETAS, eps=EPSILON, fused=True
        )
        self._tables = [RowAdam(table) for table in tables]
        self._clip = config.clip

    def _groups(self) -> list[dict[str, Any]]:
        """Put weights of one depth and decay together."""
        groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
        for weight in self._rest:
            # No decay on biases and norms: it only pulls them away from where they belong.
            groups.setdefault((self._depths.get(weight, 0), weight.ndim > 1), []).append(weight)
        decay = self._config.weight_decay
        return [
            {"params": weights, "weight_decay": decay if decays else 0.0, "depth": depth}
            for (depth, decays), weights in groups.items()
        ]

    def thaw(self, epoch: int) -> None:
        """Let the layers learn whose time has come (Howard & Ruder 2018, section 3.3).

        Args:
            epoch: 0-based number of the epoch that begins.
        """
        for weight, depth in self._depths.items():
            weight.requires_grad_(epoch >= depth * self._config.unfreeze)

    def _share(self, depth: int) -> float:
        """Return a depth's share of the learning rate (Howard & Ruder 2018, section 3.2)."""
        return float(self._config.layer_rate**depth)

    def step(self, loss: Tensor | None, learning_rate: float, count: float = 1.0) -> float:
        """Back-propagate, clip the gradient's norm, and update all weights.

        Args:
            loss: What is to fall; None where this process has nothing of the batch.
            learning_rate: Of the weights right below the answer.
            count: What this process's gradient counts among those of the others.

        Returns:
            The mean loss of all processes.
        """
        self._dense.zero_grad(set_to_none=True)
        for table in self._tables:
            table.weight.grad = None
        if loss is not None:
            loss.backward()  # type: ignore[no-untyped-call]
        for table in self._tables:
            if table.weight.grad is not None:
                table.weight.grad = table.weight.grad.coalesce()
        value = 0.0 if loss is None else float(loss.detach())
        if self._group.size > 1:
            tables = [table.weight for table in self._tables]
            value = self._group.average(
                self._rest, tables, count if loss is not None else 0.0, value
            )
        self._clip_norm()
        for group in self._dense.param_groups:
            group["lr"] = learning_rate * self._share(group["depth"])
        self._dense.step()
        for table in self._tables:
            table.step(learning_rate * self._share(self._depths.get(table.weight, 0)))
        return value

    def _clip_norm(self) -> None:
        if self._clip <= 0:
            return
        parts = [weight.grad for weight in self._rest if weight.grad is not None]
        parts += [t.weight.grad.values() for t in self._tables if t.weight.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(parts)))
        torch._foreach_mul_(parts, (self._clip / (norm + 1e-6)).clamp(max=1.0))

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that a checkpoint must keep, by name."""
        kept: dict[str, Tensor] = {}
        for place, weight in enumerate(self._rest):
            for key, value in self._dense.state.get(weight, {}).items():
                kept[f"dense.{place}.{key}"] = value
        for place, table in enumerate(self._tables):
            kept[f"rows.{place}.mean"] = table.mean
            kept[f"rows.{place}.square"] = table.square
            kept[f"rows.{place}.steps"] = torch.tensor(table.steps)
        return kept

    def restore(self, kept: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        for name, value in kept.items():
            part, place, key = name.split(".")
            if part == "dense":
                self._dense.state[self._rest[int(place)]][key] = value.clone()
            elif key == "steps":
                self._tables[int(place)].steps = int(value)
            else:
                getattr(self._tables[int(place)], key).copy_(value)
