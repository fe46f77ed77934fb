"""Several processes that train one network together.

Data parallelism (Li et al. 2020, "PyTorch Distributed"): every process holds the whole network and
reads its share of each batch. The gradients are averaged, each counting as much as was read for it,
so that all processes take the very step that one process would take with the whole batch. The
first process alone measures, tells, and writes.

torchrun starts the processes and says in the environment who is who.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

from seqmap.config import TrainConfig
from seqmap.errors import ConfigError, TrainingError

NEEDED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun puts into the environment."""
PATIENCE = timedelta(hours=2)
"""How long the processes wait for the one that measures, writes, or comes last."""


@dataclass(frozen=True)
class Group:
    """The processes of a training, as one of them sees them.

    Attributes:
        rank: Which one this is.
        size: How many there are.
        local_rank: Which one of those on this machine.
        local_size: How many there are on this machine.
        device: Where tensors must lie that are sent.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def lead(self) -> bool:
        """Whether this is the process that measures, tells, and writes."""
        return self.rank == 0

    def average(
        self,
        weights: Sequence[nn.Parameter],
        tables: Sequence[nn.Parameter],
        count: float,
        loss: float,
    ) -> float:
        """Average the gradients of all processes, in place.

        Args:
            weights: With dense gradients, or with none.
            tables: With sparse, coalesced gradients, or with none.
            count: How much this process has read for them; 0 where it had nothing.
            loss: What it found.

        Returns:
            The mean loss. Where nobody had anything to learn from, that is 0 and so are all
            gradients, as with one process: Adam goes on with what it has learned before.

        Raises:
            TrainingError: Another process has ended.
        """
        if not count:
            loss = 0.0  # a mean of nothing may be NaN, and so may its gradients
        learning = [weight for weight in weights if weight.requires_grad]
        # Behind the gradients: who has one, the loss, and what they count.
        facts = [float(weight.grad is not None) for weight in learning] + [loss * count, count]
        parts = [
            weight.grad * count if weight.grad is not None and count else torch.zeros_like(weight)
            for weight in learning
        ]
        flat = torch.cat([part.reshape(-1) for part in parts] + [parts[0].new_tensor(facts)])
        with _peers():
            distributed.all_reduce(flat)
        *owners, loss_sum, total = flat[-len(facts) :].tolist()
        total = total or 1.0  # all sums are 0 then, on all processes
        place = 0
        for weight, owned in zip(learning, owners, strict=True):
            mean = flat[place : place + weight.numel()].view_as(weight).div_(total)
            place += weight.numel()
            weight.grad = mean if owned else None
        for table in tables:
            if table.requires_grad:
                self._average_rows(table, count / total)
        return float(loss_sum / total)

    def _average_rows(self, table: nn.Parameter, share: float) -> None:
        """Add up the rows that each process has touched."""
        found = table.grad
        rows = torch.zeros(0, dtype=torch.int64, device=table.device)
        values = table.new_zeros(0, table.shape[1])
        if found is not None:
            rows = found.indices()[0]
            values = found.values() * share if share else torch.zeros_like(found.values())
        counts = [rows.new_zeros(1) for _ in range(self.size)]
        with _peers():
            distributed.all_gather(counts, rows.new_tensor([len(rows)]))
            sizes = [int(count) for count in counts]
            # Tensors that are gathered must be of one size.
            room = max(sizes) - len(rows)
            rows = torch.cat([rows, rows.new_zeros(room)])
            values = torch.cat([values, values.new_zeros(room, table.shape[1])])
            all_rows = [torch.empty_like(rows) for _ in sizes]
            all_values = [torch.empty_like(values) for _ in sizes]
            distributed.all_gather(all_rows, rows)
            distributed.all_gather(all_values, values.contiguous())
        if not max(sizes):
            table.grad = None
            return
        rows = torch.cat([one[:size] for one, size in zip(all_rows, sizes, strict=True)])
        values = torch.cat([one[:size] for one, size in zip(all_values, sizes, strict=True)])
        table.grad = torch.sparse_coo_tensor(
            rows[None], values, table.shape, check_invariants=False
        ).coalesce()

    def told(self, fact: Any) -> Any:
        """Return what the first process knows, through JSON; what others give is ignored."""
        if self.size == 1:
            return fact
        text = json.dumps(fact).encode() if self.lead else b""
        length = torch.tensor([len(text)], device=self.device)
        with _peers():
            distributed.broadcast(length, 0)
            sent = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
            if self.lead:
                sent.copy_(torch.from_numpy(np.array(bytearray(text), np.uint8)))
            distributed.broadcast(sent, 0)
        return json.loads(sent.cpu().numpy().tobytes())

    def gathered(self, text: str) -> list[str]:
        """Return what every process says, in their order."""
        if self.size == 1:
            return [text]
        own = torch.from_numpy(np.array(bytearray(text.encode()), np.uint8)).to(self.device)
        length = torch.tensor([len(own)], device=self.device)
        lengths = [torch.zeros_like(length) for _ in range(self.size)]
        with _peers():
            distributed.all_gather(lengths, length)
            room = max(int(one) for one in lengths)
            own = torch.cat([own, own.new_zeros(room - len(own))])
            parts = [torch.empty_like(own) for _ in range(self.size)]
            distributed.all_gather(parts, own)
        return [
            part[: int(one)].cpu().numpy().tobytes().decode()
            for part, one in zip(parts, lengths, strict=True)
        ]

    def spread(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the first process's tensors; the others give theirs of the same shapes."""
        if self.size == 1:
            return dict(tensors)
        found = {}
        for name, tensor in tensors.items():
            sent = tensor.detach().to(self.device).contiguous().clone()
            with _peers():
                distributed.broadcast(sent, 0)
            found[name] = sent.to(tensor.device)
        return found

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.gathered(".")


ALONE = Group()
"""One process, which is all there is."""


@contextmanager
def joined(config: TrainConfig) -> Iterator[Group]:
    """Join the processes that torchrun started; `ALONE` where it did not.

    Args:
        config: `device` and `batch_size`.

    Raises:
        ConfigError: The environment is not complete, there are more processes than examples in a
            batch, or more than GPUs.
        TrainingError: The other processes cannot be reached.
    """
    if "WORLD_SIZE" not in os.environ:
        yield ALONE
        return
    rank, size, local_rank, local_size = _numbers()
    if size == 1:
        yield ALONE
        return
    if size > config.batch_size:
        raise ConfigError(
            "train.batch_size is that of all processes together, and each needs an example",
            given=f"{config.batch_size} examples for {size} processes",
            remedy=f"Set train.batch_size={size} or more, or start fewer processes",
        )
    device = _device(config, local_rank, local_size)
    # torch loads this module with its first optimizer, and its defaults then keep the process group
    # of that moment for ever: gloo's threads outlive `destroy_process_group`, and one that lets go
    # of its last tensor while the interpreter ends aborts the process (pytorch issue 190489).
    importlib.import_module("torch.distributed.nn.functional")
    with _peers("cannot reach the other processes of this training"):
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE
        )
    try:
        yield Group(rank, size, local_rank, local_size, device)
    finally:
        distributed.destroy_process_group()


def _numbers() -> tuple[int, int, int, int]:
    """Read from the environment who this process is."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        raise ConfigError(
            "WORLD_SIZE is set, as torchrun sets it, but other variables are not",
            given=f"no {', '.join(missing)}",
            remedy="Start with: torchrun --nproc-per-node N -m seqmap train …; or unset WORLD_SIZE",
        )
    try:
        found = [int(os.environ[name]) for name in NEEDED[:4]]
    except ValueError:
        given = ", ".join(f"{name}={os.environ[name]}" for name in NEEDED[:4])
        raise ConfigError("torchrun's variables must be numbers", given=given) from None
    rank, size, local_rank, local_size = found
    if not (0 <= rank < size and 0 <= local_rank < local_size <= size):
        given = ", ".join(f"{name}={os.environ[name]}" for name in NEEDED[:4])
        raise ConfigError("torchrun's variables contradict each other", given=given)
    return rank, size, local_rank, local_size


def _device(config: TrainConfig, local_rank: int, local_size: int) -> torch.device:
    if config.device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if local_size > torch.cuda.device_count():
        raise ConfigError(
            "each process needs a GPU of its own",
            given=f"{local_size} processes on {torch.cuda.device_count()} GPUs",
            remedy="Start fewer processes, or set train.device=cpu",
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


@contextmanager
def _peers(problem: str = "another process of this training has ended") -> Iterator[None]:
    """Tell what a broken connection means."""
    try:
        yield
    except RuntimeError as error:  # torch's errors of communication are of this kind
        first = str(error).strip().partition("\n")[0]
        raise TrainingError(
            f"{problem} ({first}); the last checkpoint can be continued with --resume"
        ) from None
