"""Accuracy of `seqmap train classify` on signals, beside 1-NN with dynamic time warping.

    python benchmarks/signals.py [SET ...] [--seeds 5] [--data ../shared/data]

Trained with the defaults, or as configs/SET.toml says, on the usual training part, measured on the
usual test part, once per seed. One JSON line per run is added to benchmarks/results/signals.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqmap.data.signals import Signal, read_signals
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training import train
from seqmap.training.warping import nearest_labels
from shipped import shipped

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "signals.jsonl"
TS = {"japanesevowels": "JapaneseVowels", "basicmotions": "BasicMotions"}
NAMES = (*TS, "indoor_movement")

Parts = tuple[Sequence[Signal], Sequence[Signal]]


def parts_of(name: str, data: Path) -> Parts:
    """Return train and test."""
    if name in TS:
        found = [
            read_signals(data / name / f"{TS[name]}_{part}.ts").examples
            for part in ("TRAIN", "TEST")
        ]
        return found[0], found[1]
    place = data / name / "IndoorMovement.zip"
    with zipfile.ZipFile(place) as archive:
        text = archive.read("groups/MovementAAL_DatasetGroup.csv").decode()
    groups = {row[0]: row[1].strip() for row in csv.reader(io.StringIO(text)) if row[0][0] != "#"}
    signals = read_signals(place).examples
    of = [groups[one.name.rpartition("_")[2]] for one in signals]
    return (
        [one for one, group in zip(signals, of, strict=True) if group != "3"],
        [one for one, group in zip(signals, of, strict=True) if group == "3"],
    )


def main() -> None:
    """Run the sets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(NAMES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    given = parser.parse_args()
    task = find_task("signal")
    RESULTS.parent.mkdir(exist_ok=True)
    for name in given.sets or NAMES:
        fitting, testing = parts_of(name, given.data)
        config, _ = shipped(name, base=task.config())
        answers = nearest_labels(fitting, testing)
        plain = float(np.mean([a == b.labels[0] for a, b in zip(answers, testing, strict=True)]))
        for seed in range(42, 42 + given.seeds):
            trained = train(task, fitting, config=config.replace(train__seed=seed))
            found = restore(trained.archive).evaluate(testing).metrics
            row = {
                "set": name,
                "seed": seed,
                "test": found,
                "baseline": {"accuracy": plain},
                "seconds": trained.seconds,
            }
            with open(RESULTS, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{name} {seed}: {found['accuracy']:.4f}, 1-NN DTW {plain:.4f}", flush=True)


if __name__ == "__main__":
    main()
