"""What int8 and bf16 cost in accuracy, and save in bytes.

    python benchmarks/quantized.py [SET ...] [--data ../shared/data] [--models runs/quantized]

Each set is trained on its official split (as `benchmarks/accuracy.py` does), three seeds or one;
every model is exported as `seqmap export` does it, and measured on the test part in each precision.
The models stay in a folder, so that a second run only measures. Writes results/quantized.json.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

from accuracy import SETS, Split
from seqmap.config import Config
from seqmap.evaluate import evaluate
from seqmap.runtime import native
from seqmap.runtime.archive import save
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import Session, load
from seqmap.tasks import find_task
from seqmap.training import train
from shipped import shipped

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "quantized.json"
SEEDS = {"sst2": (42, 43, 44), "imdb": (42,)}
PRECISIONS = ("bf16", "int8")
BAR = 0.002
"""Accuracy that int8 may lose."""


def model_of(name: str, seed: int, split: Split, folder: Path) -> Path:
    """Train a model, unless it is there, and return its file."""
    path = folder / f"{name}-{seed}.seqmap"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        config, _ = shipped(name, base=Config())
        chosen = replace(config, train=replace(config.train, seed=seed))
        train(find_task("classify"), split.train, split.dev, config=chosen, out=path)
    return path


def measured(session: Session, split: Split) -> dict[str, float]:
    """Accuracy on the test part, of the whole model and of the network alone."""
    return {
        "accuracy": evaluate(session, split.test).metrics["accuracy"],
        "lstm_alone": evaluate(session.without_wide(), split.test).metrics["accuracy"],
    }


def measure(path: Path, split: Split) -> dict[str, Any]:
    """Measure one model in every precision."""
    found: dict[str, Any] = {"fp32": measured(load(path), split) | {"bytes": path.stat().st_size}}
    for precision in PRECISIONS:
        small = path.with_suffix(f".{precision}.seqmap")
        save(quantized(load(path).archive, precision), small)
        found[precision] = measured(load(small), split) | {"bytes": small.stat().st_size}
        found[precision]["loss"] = found["fp32"]["accuracy"] - found[precision]["accuracy"]
        found[precision]["lstm_alone_loss"] = (
            found["fp32"]["lstm_alone"] - found[precision]["lstm_alone"]
        )
    return found


def main() -> None:
    """Train what is missing, measure, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=list(SEEDS), metavar="SET")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--models", type=Path, default=HERE.parent / "runs" / "quantized")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.sets:
        split = next(SETS[name](arguments.data))
        for seed in SEEDS[name]:
            row = measure(model_of(name, seed, split, arguments.models), split)
            rows.append({"set": name, "seed": seed, "test_examples": len(split.test), **row})
            print(name, seed, *(f"{p} {row[p]['accuracy']:.4f}" for p in row), flush=True)
    content = {
        "machine": platform.processor() or platform.machine(),
        "isa": native.isa() if native.available() else "numpy",
        "bar": BAR,
        "rows": rows,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
