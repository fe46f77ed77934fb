"""Seed, threads, device and arithmetic of one training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from seqmap.config import TrainConfig
from seqmap.errors import DataError
from seqmap.nn.encoders.lstm import set_precision
from seqmap.nn.native_lstm import Precision
from seqmap.runtime import native
from seqmap.training.distributed import ALONE, Group


@contextmanager
def torch_set_up(config: TrainConfig, group: Group = ALONE) -> Iterator[torch.device]:
    """Set seed and threads, and give the device; the caller's torch is afterwards as it was.

    Processes that train together on one machine share its cores, and have a GPU each.

    Raises:
        DataError: The device is not there.
    """
    cuda = torch.cuda.is_available()
    if config.device == "cuda" and not cuda:
        raise DataError("train.device is cuda, but torch sees no GPU", allowed="auto, cpu")
    device = torch.device("cuda" if cuda and config.device != "cpu" else "cpu")
    if group.size > 1:
        device = group.device
    with torch.random.fork_rng(), _threads(config.threads or _usual_threads(group)):
        torch.manual_seed(config.seed)
        yield device


def _usual_threads(group: Group) -> int:
    """Return what SEQMAP_THREADS says, as for the native core, else this process's share."""
    asked = os.environ.get("SEQMAP_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return max(1, len(os.sched_getaffinity(0)) // group.local_size)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch and the native core use so many threads, for a while."""
    core = native.available()
    before = torch.get_num_threads(), native.threads() if core else 0
    torch.set_num_threads(count)
    if core:
        native.set_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        if core:
            native.set_threads(before[1])


def choose_precision(model: nn.Module, config: TrainConfig) -> None:
    """Set the arithmetic of the model's LSTM layers, as configured."""
    set_precision(model, precision_of(config))


def precision_of(config: TrainConfig) -> Precision:
    """Return the arithmetic of a training; `auto` is bf16 where the processor has it."""
    if config.precision != "auto":
        return config.precision
    return "bf16" if native.available() and native.has_feature("bf16") else "fp32"
