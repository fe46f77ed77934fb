"""What this machine can do at best: how fast it reads memory, how fast it multiplies.

A recurrent layer at batch 1 reads all of its weights at every step, and nothing can be computed
before the step before it is done: its time is bounded by bytes of packed weights over the
bandwidth of the cache that holds them, or by its products over the peak of one core. The native
core measures both, with the instructions that its kernels use.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ctypes import c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import partial

import numpy as np

from seqmap.config import EncoderConfig
from seqmap.runtime import native

FORMATS = {"fp32": (0, 4), "bf16": (1, 2), "int8": (2, 1)}
"""Number of the format in the core, and bytes of a number."""

UNITS = 16
"""Units are padded to a multiple of this in packed weights."""

_LINE = 64  # bytes
# Many short timings, of which the best counts: some of them are left alone by other processes.
_SECONDS = 0.002
_TIMINGS = 60


@dataclass(frozen=True)
class Machine:
    """What was measured on one core.

    Attributes:
        isa: The instruction set.
        bandwidth: Bytes a second that can be read, by the size of what is read again and again.
        peak: Products (with their additions) a second, by number format.
    """

    isa: str
    bandwidth: dict[int, float]
    peak: dict[str, float]

    def reading(self, size: int) -> float:
        """Seconds that reading `size` bytes takes when they are read again and again."""
        fits = [known for known in self.bandwidth if known >= size]
        return size / self.bandwidth[min(fits) if fits else max(self.bandwidth)]


@dataclass(frozen=True)
class Limit:
    """The least time that one symbol can take.

    Attributes:
        seconds: The sum over all layers and directions.
        bound: What most of it is: `memory` or `products`.
        weight_bytes: Packed recurrent weights that a symbol's steps read.
        products: Multiplications of a symbol.
    """

    seconds: float
    bound: str
    weight_bytes: int
    products: int


def measure_machine(sizes: tuple[int, ...] = ()) -> Machine:
    """Measure this machine, in about a second.

    Args:
        sizes: Bytes, for which the bandwidth is measured beside those of the usual caches.

    Raises:
        NativeError: There is no native core.
    """
    core = native.require()
    native.declare(
        core,
        {
            "seqmap_probe_read": ([c_void_p, c_int64, c_int64], c_int64),
            "seqmap_probe_peak": ([c_int32, c_int64], c_int64),
        },
    )
    wanted = sorted({16 << 10, 256 << 10, 8 << 20, 64 << 20, *(max(1024, s) for s in sizes)})
    # Ones, not zeros: pages of zeros that were never written all lie at one place.
    data = np.ones(max(wanted) // 4 + _LINE // 4, dtype=np.float32)
    # From the beginning of a cache line, as packed weights are: else each read would touch two.
    where = -(-data.ctypes.data // _LINE) * _LINE
    bandwidth = {size: _rate(partial(core.seqmap_probe_read, where, size // 4)) for size in wanted}
    peak = {
        name: _rate(partial(core.seqmap_probe_peak, number))
        for name, (number, _) in FORMATS.items()
    }
    return Machine(native.isa() or "numpy", bandwidth, peak)


def recurrent_bytes(config: EncoderConfig, precision: str) -> int:
    """Return the packed recurrent weights of one layer and direction, in bytes."""
    padded = -(-config.hidden // UNITS) * UNITS
    return 4 * padded * padded * FORMATS[precision][1]


def limit_of(config: EncoderConfig, precision: str, machine: Machine) -> Limit:
    """Return the least time of one symbol through an LSTM at batch 1 on one core.

    The first layer's inputs come from the token table and are counted as nothing. The inputs of
    deeper layers are one matrix product over many symbols, bounded by products alone.
    """
    padded = -(-config.hidden // UNITS) * UNITS
    directions = 2 if config.direction == "both" else 1
    cells = config.layers * directions
    size, step = recurrent_bytes(config, precision), 4 * padded * padded
    inputs = (config.layers - 1) * directions * 4 * padded * padded * directions
    peak = machine.peak[precision]
    reading, multiplying = machine.reading(size), step / peak
    seconds = cells * max(reading, multiplying) + inputs / peak
    bound = "memory" if reading > multiplying else "products"
    return Limit(seconds, bound, cells * size, cells * step + inputs)


def _rate(run: Callable[[int], int]) -> float:
    """Return the most that `run(times)` does a second, over a few timings."""
    times, seconds = 1, 0.0
    while seconds < _SECONDS / 4 and times < 1 << 40:
        times *= 2
        begun = time.perf_counter()
        run(times)
        seconds = time.perf_counter() - begun
    times = max(1, round(times * _SECONDS / seconds))
    best = 0.0
    for _ in range(_TIMINGS):
        begun = time.perf_counter()
        done = run(times)
        best = max(best, done / (time.perf_counter() - begun))
    return best
