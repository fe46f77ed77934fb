"""Load on `seqmap serve`: requests a second, latency at a fixed rate, memory over time.

    python benchmarks/serve.py                         throughput and latency, about a minute
    python benchmarks/serve.py --memory-seconds 600    and memory over ten minutes

The default classifier (LSTM-128 in both directions, n-grams beside it) is trained for one epoch on
the embedded reviews and served in a process of its own; the load comes from another one, over
loopback only, with a bound on its requests and its seconds. Three loads:

- *throughput*: a fixed number of connections, each of which asks again as soon as it is answered;
- *latency*: requests leave at fixed moments whether or not earlier ones were answered, and are
  timed from the moment they should have left (no coordinated omission);
- *memory*: the same at half the rate, with the server's resident memory sampled.

Server and generator share the machine's cores, so the generator's own work counts against both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

RESULTS = Path(__file__).resolve().parent / "results" / "serve.json"
MOST_REQUESTS = 400_000
"""No run sends more."""
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Tally:
    """What came back.

    Attributes:
        seconds: From due to answered, one a request.
        statuses: How many of each HTTP status.
        began: When the first request was due.
        ended: When the last one was answered.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    began: float = 0.0
    ended: float = 0.0

    def summary(self) -> dict[str, float | int | dict[str, int]]:
        """Return rate and quantiles."""
        times = 1e3 * np.array(self.seconds)
        p50, p99, p999 = np.quantile(times, [0.5, 0.99, 0.999])
        return {
            "requests": len(times),
            "requests_per_second": round(len(times) / (self.ended - self.began), 1),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "p999_ms": round(float(p999), 2),
            "max_ms": round(float(times.max()), 2),
            "statuses": {str(code): count for code, count in sorted(self.statuses.items())},
        }


class Connection(asyncio.Protocol):
    """A kept-alive connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.due: float | None = None
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the way out."""
        self.transport: asyncio.Transport = transport

    def send(self, due: float) -> None:
        """Ask, timed from a moment."""
        self.due = due
        self.transport.write(self.load.next_request())

    def data_received(self, data: bytes) -> None:
        """Take a whole answer."""
        self.received += data
        head = self.received.find(b"\r\n\r\n")
        if head < 0:
            return
        found = LENGTH.search(self.received, 0, head)
        assert found is not None, self.received
        if len(self.received) < head + 4 + int(found[1]):
            return
        status, self.received = int(self.received[9:12]), b""
        due, self.due = self.due, None
        assert due is not None
        self.load.answered(self, status, due)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the load."""
        self.load.lost(self)


class Load:
    """Asks `count` times.

    Args:
        requests: Ready bytes, sent in turn.
        count: How many to send.
        rate: Requests a second, at fixed moments; 0 asks again as soon as there is an answer.
    """

    def __init__(self, requests: Sequence[bytes], count: int, rate: float) -> None:
        assert count <= MOST_REQUESTS
        self.requests, self.count, self.rate = requests, count, rate
        self.tally = Tally()
        self.sent = 0
        self.free: deque[Connection] = deque()
        self.waiting: deque[float] = deque()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next_request(self) -> bytes:
        """Return the next request's bytes."""
        self.sent += 1
        return self.requests[self.sent % len(self.requests)]

    def answered(self, connection: Connection, status: int, due: float) -> None:
        """Note an answer, and use the connection again."""
        now = time.perf_counter()
        self.tally.seconds.append(now - due)
        self.tally.statuses[status] += 1
        self.tally.ended = now
        if len(self.tally.seconds) == self.count and not self.done.done():
            self.done.set_result(None)
        elif self.rate and self.waiting:
            connection.send(self.waiting.popleft())
        elif self.rate:
            self.free.append(connection)
        elif self.sent < self.count:
            connection.send(now)

    def lost(self, connection: Connection) -> None:
        """A connection that the server cut with a request under way ends the run."""
        if connection.due is not None and not self.done.done():
            self.done.set_exception(ConnectionError("the server cut a connection"))

    async def run(self, port: int, connections: int, limit: float) -> Tally:
        """Run against a port of this machine, for at most `limit` seconds."""
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_connection(lambda: Connection(self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        self.free = deque(opened)
        self.tally.began = time.perf_counter()
        async with asyncio.timeout(limit):
            if self.rate:
                await self._paced()
            else:
                for connection in opened:
                    connection.send(time.perf_counter())
            await self.done
        for connection in opened:
            connection.transport.close()
        return self.tally

    async def _paced(self) -> None:
        due = self.tally.began
        for _ in range(self.count):
            due += 1 / self.rate
            pause = due - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            if self.free:
                self.free.popleft().send(due)
            else:
                self.waiting.append(due)


def generate(port: int, texts: Sequence[str], options: dict[str, float]) -> None:
    """Be the generator: run one load and print its summary."""
    requests = []
    for text in texts:
        body = json.dumps({"input": text}).encode()
        head = (
            "POST /v1/models/bench/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)

    async def run() -> Tally:
        load = Load(requests, int(options["count"]), options["rate"])
        return await load.run(port, int(options["connections"]), options["limit"])

    print(json.dumps(uvloop.run(run()).summary()))


def train_model(folder: Path) -> tuple[Path, list[str]]:
    """Train the default classifier for an epoch; return it and 500 other texts."""
    from seqmap.config import Config
    from seqmap.samples.reviews import reviews
    from seqmap.tasks import find_task
    from seqmap.training import train

    data = reviews(train=1000, dev=100, test=500)
    out = folder / "bench.seqmap"
    config = Config().replace(train__epochs=1)
    train(find_task("classify"), data.train, data.dev, config=config, out=out)
    return out, [example.text for example in data.test]


class Server:
    """`seqmap serve` in a process of its own."""

    def __init__(self, model: Path) -> None:
        command = [sys.executable, "-m", "seqmap.cli", "serve", str(model), "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            found = re.search(r"serving on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                return
        raise SystemExit("the server did not start")

    def memory(self) -> float:
        """Return its resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Stop it as an operator would."""
        self.process.terminate()
        self.process.wait(30)


def measure(server: Server, texts: Path, **options: float) -> dict[str, Any]:
    """Run one load in another process; add the server's own time, and memory if it takes long."""
    words = [sys.executable, __file__, "--generate", str(server.port), str(texts)]
    before, memory = server.cpu(), []
    with subprocess.Popen(
        [*words, json.dumps(options)], stdout=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            memory.append(round(server.memory(), 1))
            time.sleep(min(5.0, options["limit"] / 20))
        assert process.stdout is not None
        found = json.loads(process.stdout.read())
    found["server_cpu_us_per_request"] = round(1e6 * (server.cpu() - before) / found["requests"])
    found["memory_mib"] = {"first": memory[0], "last": memory[-1], "most": max(memory)}
    if options["limit"] > 120:
        found["memory_mib"]["after_a_tenth"] = memory[len(memory) // 10]
        found["memory_mib"]["samples"] = memory[:: max(1, len(memory) // 40)]
    return found


def main() -> None:
    """Measure, print, and write the results."""
    if sys.argv[1:2] == ["--generate"]:
        texts = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
        generate(int(sys.argv[2]), texts, json.loads(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="of throughput")
    parser.add_argument("--seconds", type=float, default=20, help="of latency")
    parser.add_argument("--memory-seconds", type=float, default=0)
    parser.add_argument(
        "--shared", action="store_true", help="other work runs: of the long load only memory counts"
    )
    options = parser.parse_args()
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        model, documents = train_model(Path(name))
        texts = Path(name) / "texts.json"
        texts.write_text(json.dumps(documents), encoding="utf-8")
        server = Server(model)
        try:
            found = run_all(server, texts, options)
        finally:
            server.stop()
    found["characters"] = round(float(np.mean([len(text) for text in documents])))
    found["cores"] = len(os.sched_getaffinity(0))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept | found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))


def run_all(server: Server, texts: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run the loads that were asked for."""
    found: dict[str, Any] = {}
    measure(server, texts, count=2000, rate=0, connections=16, limit=30)  # warm
    if options.rounds:
        for connections in (1, 16, 64):
            runs = [
                measure(server, texts, count=10_000, rate=0, connections=connections, limit=60)
                for _ in range(options.rounds if connections == 64 else 1)
            ]
            runs.sort(key=lambda run: run["requests_per_second"])
            found[f"throughput_{connections}"] = runs[len(runs) // 2]
            print(connections, [run["requests_per_second"] for run in runs], file=sys.stderr)
    if options.seconds:
        count = int(1000 * options.seconds)
        limit = options.seconds + 30
        found["latency"] = measure(
            server, texts, count=count, rate=1000, connections=64, limit=limit
        )
    if options.memory_seconds:
        count = min(MOST_REQUESTS, int(500 * options.memory_seconds))
        found["memory"] = measure(
            server,
            texts,
            count=count,
            rate=500,
            connections=64,
            limit=options.memory_seconds + 120,
        )
        found["memory"]["shared"] = options.shared
    return found


if __name__ == "__main__":
    main()
