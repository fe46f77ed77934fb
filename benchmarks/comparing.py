"""`seqmap compare` and `seqmap search` on trec (5,452 questions, 6 classes, official test part).

    python benchmarks/comparing.py [compare] [search] [--data ../shared/data]

Six encoders with the same settings, two learning rates each and two seeds; then a search within
4 MB and 1 ms, and its winner on test. What they print as JSON is kept in results/comparing.json;
their pictures and pages are left in runs/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "comparing.json"
RUNS = HERE.parent / "runs"
ENCODERS = "rnn,gru,lstm,lstm-attention,transformer,lstm-transformer"
COMPARE = ("train.epochs=4", "encoder.hidden=64", "embedding.size=64", "train.threads=1")
SEARCH = ("train.epochs=5", "train.threads=1", "text.vocabulary=3000")


def run(name: str, data: Path, settings: tuple[str, ...], *more: str) -> dict[str, Any]:
    """Run a command on trec, and return its JSON and how it was called."""
    words = [word for setting in settings for word in ("--set", setting)]
    words = [str(data / "trec" / "TREC.train.all"), "--out", str(RUNS / f"trec-{name}"), *words]
    words += ["--test", str(data / "trec" / "TREC.test.all"), *more]
    command = [sys.executable, "-m", "seqmap", name, "classify", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"settings": list(settings), "options": list(more), **found}


def main() -> None:
    """Run what was asked for, and keep the figures of the rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["compare", "search"])
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    given = parser.parse_args()
    RUNS.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if "compare" in given.what:
        options: tuple[str, ...] = ("--encoders", ENCODERS, "--seeds", "2", "--probe-steps", "200")
        kept["compare"] = run("compare", given.data, COMPARE, *options)
    if "search" in given.what:
        options = ("--trials", "8", "--max-size", "4MB", "--max-latency", "1ms")
        options += ("--finalists", "2", "--seeds", "2")
        kept["search"] = run("search", given.data, SEARCH, *options)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
