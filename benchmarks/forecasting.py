"""Accuracy of `seqmap train forecast` on public series, beside naive and linear forecasts.

    python benchmarks/forecasting.py [SET ...] [--seeds 3] [--data ../shared/data]

Each set is split by time, trained with the defaults, chosen on its dev part and measured on its
test part, once per seed. One JSON line per run is added to benchmarks/results/forecast.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqmap.data import ReadOptions
from seqmap.data.series import Series, read_series
from seqmap.runtime.forecast import ForecastSession
from seqmap.tasks import find_task
from seqmap.training import train

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "forecast.jsonl"
MONTH = 30 * 24


@dataclass(frozen=True)
class Set:
    """A file, what is forecast of it, and where its parts end (steps, or shares of the length)."""

    file: str
    horizon: int
    ends: tuple[float, float, float]
    values: tuple[str, ...] | None = None


SETS = {
    "ETTh1": Set("ett/ETTh1.csv.gz", 24, (12 * MONTH, 16 * MONTH, 20 * MONTH), ("OT",)),
    "exchange_rate": Set("exchange_rate/exchange_rate.txt.gz", 3, (0.6, 0.8, 1.0)),
    "airline-passengers": Set("series/airline-passengers.csv", 12, (0.6, 0.8, 1.0)),
    "daily-min-temperatures": Set("series/daily-min-temperatures.csv", 7, (0.6, 0.8, 1.0)),
    "monthly-sunspots": Set("series/monthly-sunspots.csv", 12, (0.6, 0.8, 1.0)),
}


def parts_of(series: Sequence[Series], chosen: Set) -> list[list[Series]]:
    """Return train, dev and test: each sees what lies before it, none what lies behind."""
    found: list[list[Series]] = [[], [], []]
    for one in series:
        ends = [int(e * len(one)) if e <= 1 else int(e) for e in chosen.ends]
        for part, begin, end in zip(found, [0, *ends], ends, strict=False):
            part.append(
                replace(one, values=one.values[:end], covariates=one.covariates[:end], start=begin)
            )
    return found


def run(name: str, data: Path, seed: int) -> dict[str, Any]:
    """Train and measure once."""
    chosen = SETS[name]
    dataset = read_series(data / chosen.file, ReadOptions(value_columns=chosen.values))
    fitting, choosing, testing = parts_of(dataset.examples, chosen)
    task = find_task("forecast")
    config = task.config().replace(forecast__horizon=chosen.horizon, train__seed=seed)
    trained = train(task, fitting, choosing, config=config)
    session = ForecastSession(trained.archive)
    found = session.evaluate(testing)
    stream = session.follow(fitting[0].cut(0, len(fitting[0])))
    values = choosing[0].values[-1000:].tolist()
    rounds = []
    for _ in range(7):
        before = time.perf_counter()
        for value in values:
            stream.feed(value)
        rounds.append((time.perf_counter() - before) / len(values))
    return {
        "set": name,
        "seed": seed,
        "horizon": chosen.horizon,
        "test": found.metrics,
        "dev": trained.metrics,
        "baselines": found.details["baselines"],
        "weights": trained.archive.manifest["calibration"],
        "seconds": trained.seconds,
        "update_us": sorted(rounds)[3] * 1e6,
        "backend": session.encoder.backend,
    }


def main() -> None:
    """Run the sets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    given = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    for name in given.sets or SETS:
        for seed in range(42, 42 + given.seeds):
            row = run(name, given.data, seed)
            with open(RESULTS, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            kept = {k: round(v, 5) for k, v in row["test"].items()}
            print(f"{name} {seed}: {kept} {row['weights']} {row['update_us']:.1f} µs", flush=True)


if __name__ == "__main__":
    main()
