"""Scaling: the same training by 1 and 2 processes, the same folder by 1 and 2 of Ray's processors.

    python benchmarks/scaling.py [--rounds 3] [--data ../shared/data]

Trains a classifier on 1,000 reviews of imdb with one process on one thread, then with two by
torchrun, alternately; the seconds are those of the epochs, without start and reading, and the
reviews that were learned from. Predicts a folder of JSON Lines with `--engine ray` on one and on
two processors, and with `--engine local` beside them. Writes results/scaling.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from seqmap.data import ReadOptions, read_examples

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "scaling.json"
SETTINGS = ("train.threads=1", "train.epochs=2", "train.batch_size=64", "text.max_length=200",
            "wide.kind=none", "train.closing=0")  # fmt: skip
EXAMPLES = 1000
FILES = 6


def run(*command: str | Path, **environment: str) -> dict[str, Any]:
    """Run seqmap's command, and return its JSON."""
    done = subprocess.run(
        [*map(str, command), "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def trained(processes: int, train: Path, folder: Path) -> float:
    """Train; return the examples a second of the second epoch, scoring dev included."""
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        start += [str(processes)]
    words = [word for setting in SETTINGS for word in ("--set", setting)]
    out = folder / "m.seqmap"
    found = run(*start, "-m", "seqmap", "train", "classify", train, "--out", out,
                "--no-baseline", *words)  # fmt: skip
    return float(found["data"]["train"] / found["history"][-1]["seconds"])


def predicted(engine: str, processors: int, model: Path, source: Path, out: Path) -> float:
    """Answer the folder; return the seconds, start included."""
    shutil.rmtree(out, ignore_errors=True)
    started = time.perf_counter()
    # How many processors Ray takes this machine for.
    run(sys.executable, "-m", "seqmap", "predict", model, source, "--out", out, "--engine", engine,
        RAY_OVERRIDE_RESOURCES=json.dumps({"CPU": processors}))  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    given = parser.parse_args()
    examples = read_examples(given.data / "imdb" / "train.csv.gz", ReadOptions()).examples
    chosen = random.Random(0).sample(examples, EXAMPLES)
    rates: dict[int, list[float]] = {1: [], 2: []}
    seconds: dict[str, list[float]] = {"local": [], "ray 1": [], "ray 2": []}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        train = folder / "train.jsonl"
        rows = [json.dumps({"text": e.text, "label": e.labels[0]}) + "\n" for e in chosen]
        train.write_text("".join(rows), encoding="utf-8")
        (folder / "in").mkdir()
        for number in range(FILES):
            texts = [json.dumps({"text": e.text}) + "\n" for e in chosen]
            (folder / "in" / f"{number:02}.jsonl").write_text("".join(texts), encoding="utf-8")
        for _ in range(given.rounds):
            for processes, found in rates.items():
                found.append(trained(processes, train, folder))
            for name, found in seconds.items():
                engine, _, processors = name.partition(" ")
                place = folder / "m.seqmap"
                found.append(
                    predicted(engine, int(processors or 1), place, folder / "in", folder / "out")
                )
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "rounds": given.rounds,
        "examples": len(chosen),
        "settings": list(SETTINGS),
        "files": FILES,
        "train": {str(n): statistics.median(found) for n, found in rates.items()},
        "train_ratio": statistics.median(
            two / one for one, two in zip(rates[1], rates[2], strict=True)
        ),
        "predict": {name: statistics.median(found) for name, found in seconds.items()},
        "predict_ratio": statistics.median(
            one / two for one, two in zip(seconds["ray 1"], seconds["ray 2"], strict=True)
        ),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
