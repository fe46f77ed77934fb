"""`seqmap bench`: how fast and how small a model is here, and how near to the machine's limit."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen, in_bytes
from seqmap.data import ReadOptions
from seqmap.runtime.bench import MOST, Bench, bench
from seqmap.runtime.session import load


def run_bench(
    model: str, data: str | None, precision: str | None, options: ReadOptions, screen: Screen
) -> None:
    """Measure, and show a table.

    Raises:
        UserError: The model or the texts cannot be used.
    """
    texts = None if data is None else _texts(model, data, options)
    screen.note("measuring: run it on an idle machine")
    found = bench(model, texts, precision=precision)
    for name, value in rows(found, made=texts is None):
        screen.result(f"{name:<14} {value}")
    screen.close({"model": str(Path(model)), **found.to_dict()})


def _texts(model: str, data: str, options: ReadOptions) -> list[Any]:
    session = load(model)
    memory = session.archive.manifest.get("input")
    reading = session.task.recall(data, options, memory, labelled=False)
    return list(islice(session.task.inputs(data, reading), MOST))


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def rows(found: Bench, *, made: bool) -> list[tuple[str, str]]:
    """Return the lines of the table: a name and what is known, 80 columns together."""
    where = found.backend if found.isa is None else f"{found.backend} core, {found.isa}"
    mean = found.tokens / max(found.documents, 1)
    kind = "made from what it knows" if made else "given"
    unit = found.unit
    one = "series" if found.takes == "series" else found.takes.removesuffix("s")
    speeds = found.documents_per_second.items()
    shown = [
        ("computed in", f"{found.precision}, by {where}"),
        ("size on disk", in_bytes(found.bytes)),
        ("start-up", f"{found.startup_ms:.0f} ms: import, load, first answer in a new process"),
        ("memory", f"{in_bytes(found.memory)}: peak of that process"),
        (found.takes, f"{found.documents}, {kind}; {mean:.0f} {unit} on average"),
        (f"one {one}", f"p50 {found.p50_us:.0f} µs, p99 {found.p99_us:.0f} µs; 1 thread"),
        ("all of them", "; ".join(f"{n:,.0f}/s on {_threads(t)}" for t, n in speeds)),
    ]
    if unit == "seconds":
        rate = max(found.documents_per_second.values()) * mean
        shown.append(("real time", f"{rate:,.0f} seconds of sound in a second"))
    if found.us_per_token is not None:
        alone = f"{found.us_per_token:.2f} µs a symbol; one text at a time, 1 thread"
        shown.append(("network alone", alone))
    machine, limit = found.machine, found.limit
    if machine is None or limit is None or found.share is None:
        return shown
    rates = [f"{in_bytes(size)} {rate / 1e9:.0f}" for size, rate in machine.bandwidth.items()]
    peaks = [f"{name} {2 * rate / 1e9:,.0f}" for name, rate in machine.peak.items()]
    bound = {
        "memory": f"reading {in_bytes(limit.weight_bytes)} of weights",
        "products": f"{limit.products:,} products",
    }[limit.bound]
    return [
        *shown,
        ("its limit", f"{limit.seconds * 1e6:.2f} µs a symbol: {bound}"),
        ("reached", f"{found.share:.0%} of the limit"),
        ("reads, GB/s", ", ".join(rates)),
        ("peak, Gop/s", ", ".join(peaks) + "; 1 core"),
    ]
