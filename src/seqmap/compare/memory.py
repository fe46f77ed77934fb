"""How much memory a training step takes as texts grow: measured in a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

from seqmap.compare.variants import varied
from seqmap.config import EncoderConfig
from seqmap.errors import SeqmapError

BATCH = 8
"""Texts in the step that is measured."""
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def memory_by_length(config: EncoderConfig, size: int, lengths: Sequence[int]) -> dict[int, int]:
    """Return the bytes that a forward and a backward pass add at their peak, by length.

    Args:
        config: The encoder.
        size: Numbers that it reads at each step.
        lengths: Steps of the texts, rising.

    Returns:
        Empty where the system does not tell a process its peak (it does on Linux).

    Raises:
        SeqmapError: The process died.
    """
    if not _CLEAR.exists():
        return {}
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, config, size, tuple(lengths)))
    process.start()
    sender.close()
    try:
        found: dict[int, int] = receiver.recv()
    except EOFError:
        raise SeqmapError("the process that measures memory died: too little of it?") from None
    finally:
        process.join()
    return found


def encoder_of(config: EncoderConfig, name: str) -> EncoderConfig:
    """Return the encoder of that name with the sizes of another."""
    from dataclasses import replace

    from seqmap.config import Config

    return varied(replace(Config(), encoder=config), name).encoder


def _measure(sender: object, config: EncoderConfig, size: int, lengths: Sequence[int]) -> None:
    import torch

    from seqmap.nn.encoders import build_encoder

    torch.set_num_threads(1)
    encoder = build_encoder(size, config)

    def step(length: int) -> None:
        x = torch.randn(BATCH, length, size, requires_grad=True)
        states = encoder(x, torch.full((BATCH,), length))
        states.sum().backward()

    step(min(8, lengths[0]))  # what is loaded once does not count
    found = {}
    for length in lengths:
        encoder.zero_grad(set_to_none=True)
        gc.collect()
        _CLEAR.write_text("5")  # from here on the peak counts anew
        before = _kilobytes("VmRSS")
        step(length)
        found[length] = max(0, _kilobytes("VmHWM") - before) * 1024
    sender.send(found)  # type: ignore[attr-defined]


def _kilobytes(field: str) -> int:
    line = next(x for x in _STATUS.read_text().splitlines() if x.startswith(field))
    return int(line.split()[1])
