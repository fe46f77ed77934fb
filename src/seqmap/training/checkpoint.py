"""Checkpoints: all that a training needs to go on bit for bit, in one file without pickle."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from seqmap.errors import DataError, OutputError


@dataclass(frozen=True)
class Checkpoint:
    """A moment between two epochs.

    Attributes:
        facts: Plain values: epoch, history, best loss, what the training was started with.
        tensors: Weights, optimiser state, random state, by dotted name.
    """

    facts: dict[str, Any]
    tensors: dict[str, Tensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors under `prefix.`, without it."""
        start = len(prefix) + 1
        return {n[start:]: t for n, t in self.tensors.items() if n.startswith(prefix + ".")}


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; the old one stays whole until the new one is complete.

    Raises:
        OutputError: The file cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        save_file(
            {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()},
            temporary,
            metadata={"facts": json.dumps(checkpoint.facts)},
        )
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write the checkpoint: {error}", path=path) from None


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint | None:
    """Read a checkpoint; None when there is none.

    Raises:
        DataError: The file is not a checkpoint of seqmap.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            facts = json.loads(file.metadata()["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise DataError(
            f"not a usable checkpoint ({error})",
            path=path,
            remedy="Delete it, or train without --resume",
        ) from None
    return Checkpoint(facts, tensors)
