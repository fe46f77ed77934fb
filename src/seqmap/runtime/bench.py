"""How fast and how small a deployed model is on this machine, and how near to its limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqmap.errors import UserError
from seqmap.runtime import native
from seqmap.runtime.bench_inputs import as_json, made_inputs, size_of
from seqmap.runtime.machine import Limit, Machine, limit_of, measure_machine, recurrent_bytes
from seqmap.runtime.session import Session, load

ROUNDS = 5
"""Timings of each figure; the median counts."""

MOST = 2000
"""Inputs that are used at most."""

_FRESH = """
import json, sys, time
given = json.load(sys.stdin)
begun = time.perf_counter()
from seqmap import load
model = load(sys.argv[1], precision=sys.argv[2])
ready = time.perf_counter()
model.predict([model.input_from(given)])
took = time.perf_counter() - begun
try:
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    memory = int(status["VmHWM"].split()[0]) * 1024
except OSError:
    import resource
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(took, memory)
"""


@dataclass(frozen=True)
class Bench:
    """What was measured; times are medians.

    Attributes:
        bytes: Size of the file.
        precision: What the network computes in.
        backend: `native` or `numpy`.
        isa: The instruction set, if native.
        takes: What the inputs are: texts, series, signals or recordings.
        documents: How many were used.
        tokens: Their symbols (after cutting to `text.max_length`), values, steps or seconds.
        unit: Which of these.
        us_per_token: Microseconds of the network alone per symbol, one text at a time, one thread;
            None where the model has no network that can be timed alone.
        p50_us: Half of the texts are answered in this many microseconds, one at a time, from text
            to answer.
        p99_us: 99 of 100 are.
        documents_per_second: Of all texts together, by the number of threads.
        startup_ms: Import, load and first answer in a fresh process.
        memory: Resident peak of that process, bytes.
        machine: What the machine can do; None without the native core.
        limit: The least time of a symbol; None where it is not known.
        share: That time over the measured one.
    """

    bytes: int
    precision: str
    backend: str
    isa: str | None
    takes: str
    documents: int
    tokens: float
    unit: str
    us_per_token: float | None
    p50_us: float
    p99_us: float
    documents_per_second: dict[int, float]
    startup_ms: float
    memory: int
    machine: Machine | None
    limit: Limit | None
    share: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        found = asdict(self)
        if self.machine is not None:
            found["machine"]["bandwidth"] = {str(k): v for k, v in self.machine.bandwidth.items()}
        found["documents_per_second"] = {str(k): v for k, v in self.documents_per_second.items()}
        return found


def bench(path: str | Path, texts: Sequence[Any] | None = None, *, precision: str | None) -> Bench:
    """Measure a model.

    Args:
        path: Its archive.
        texts: What it is measured on, as its task reads it; None makes inputs from what the model
            knows.
        precision: What to compute in; None goes by the archive.

    Raises:
        UserError: The model cannot be used, or there is nothing to measure with.
    """
    session: Any = load(path, precision=precision)
    chosen = made_inputs(session) if texts is None else list(texts[:MOST])
    if not chosen:
        raise UserError("there is nothing to measure with", path=path)
    with _threads(1):
        answers = session.predict(chosen)  # fills the table of symbols
        tokens, unit = size_of(session, chosen, answers)
        per_token = _network_alone(session, chosen)
        latencies = np.array(list(_latencies(session, chosen)))
        speeds = {1: len(chosen) / _median(lambda: session.predict(chosen))}
    cores = _cores()
    if cores > 1:
        with _threads(cores):
            speeds[cores] = len(chosen) / _median(lambda: session.predict(chosen))
    took, memory = fresh_process(path, session.precision, as_json(session, chosen[0]))
    backend = session.network.backend if hasattr(session, "network") else session.backend
    machine, limit = _limits(session) if per_token else (None, None)
    return Bench(
        bytes=Path(path).stat().st_size,
        precision=session.precision if backend == "native" else "fp32",
        backend=backend,
        isa=native.isa() if backend == "native" else None,
        takes=session.takes,
        documents=len(chosen),
        tokens=tokens,
        unit=unit,
        us_per_token=None if per_token is None else per_token * 1e6,
        p50_us=float(np.percentile(latencies, 50)) * 1e6,
        p99_us=float(np.percentile(latencies, 99)) * 1e6,
        documents_per_second=speeds,
        startup_ms=took * 1e3,
        memory=memory,
        machine=machine,
        limit=limit,
        share=None if limit is None or not per_token else limit.seconds / per_token,
    )


def _network_alone(session: Any, texts: Sequence[Any]) -> float | None:
    """Return the seconds of each symbol in the network alone; None where it cannot be timed so.

    Taggers work word by word in tables of their own, translators write; signals, series and speech
    are read by vectors.
    """
    if not (hasattr(session, "network") and hasattr(session, "encode")):
        return None
    documents = [session.encode(text) for text in texts]
    alone = _median(lambda: [session.network.logits([ids]) for ids in documents])
    return alone / max(sum(map(len, documents)), 1)


def fresh_process(path: str | Path, precision: str, given: Any) -> tuple[float, int]:
    """Return seconds until the first answer, and peak memory in bytes, of a new process."""
    runs = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", _FRESH, str(path), precision],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if done.returncode != 0:
            raise UserError("a fresh process cannot load the model", given=done.stderr[-200:])
        took, memory = done.stdout.split()[-2:]
        runs.append((float(took), int(memory)))
    middle = sorted(runs)[len(runs) // 2]
    return middle[0], int(np.median([memory for _, memory in runs]))


def _limits(session: Any) -> tuple[Machine | None, Limit | None]:
    if session.network.backend != "native":
        return None, None
    config, precision = session.config.encoder, session.precision
    machine = measure_machine((recurrent_bytes(config, precision),))
    return machine, limit_of(config, precision, machine)


def _latencies(session: Session, texts: Sequence[Any]) -> Iterator[float]:
    """Yield the median time of each text, answered alone."""
    rounds = []
    for _ in range(ROUNDS):
        times = []
        for text in texts:
            begun = time.perf_counter()
            session.predict([text])
            times.append(time.perf_counter() - begun)
        rounds.append(times)
    yield from np.median(np.array(rounds), axis=0).tolist()


def _median(run: Callable[[], Any]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let the core use this many threads."""
    if not native.available():
        yield
        return
    before = native.threads()
    native.set_threads(count)
    try:
        yield
    finally:
        native.set_threads(before)
