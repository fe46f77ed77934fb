"""BLEU of `seqmap train translate` on multi30k, beside a dictionary (IBM model 1).

    python benchmarks/translation.py [RUN ...] [--seeds 3] [--data ../shared/data] [--no-baseline]

A run is a direction and a model, such as `en-de-lstm`, configured by configs/multi30k-RUN.toml, or
by configs/multi30k-MODEL.toml where there is no such file.
Trained on train, chosen on val (epoch and length penalty), measured once on test_2016_flickr with
sacrebleu: case kept, on text as people write it. One JSON line per run is added to
benchmarks/results/translation.jsonl; `benchmarks/run` turns these into RESULTS.md. The model of
each run is left in --models, if that is given; one that is there is measured again, with the beam
of its configuration, instead of trained.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqmap.config import Config
from seqmap.data.pairs import Pair, PairDataset, read_pairs
from seqmap.evaluate import evaluate
from seqmap.runtime.archive import Archive, read, to_bytes
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training import Epoch, Watch, reference, train
from shipped import shipped

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "translation.jsonl"
TASK = find_task("translate")
RUNS = ("en-de-lstm", "en-de-hybrid", "en-de-best", "en-fr-lstm", "en-fr-hybrid")


def part(data: Path, name: str, pair: str) -> PairDataset:
    """Read a part of the set in one direction."""
    folder = data / "multi30k"
    first, second = (folder / f"{name}.{language}.gz" for language in pair.split("-"))
    return read_pairs(f"{first},{second}")


def run(name: str, data: Path, seeds: range, *, baseline: bool, models: Path | None) -> None:
    """Train and measure one run, and note each seed."""
    pair, model = name.rsplit("-", 1)
    config, path = shipped(f"multi30k-{name}", f"multi30k-{model}", base=TASK.config())
    parts = [part(data, split, pair).examples for split in ("train", "val", "test_2016_flickr")]
    fitting, dev, test = parts
    found = reference(TASK, fitting, test, None) if baseline else None
    for seed in seeds:
        chosen = replace(config, train=replace(config.train, seed=seed))
        out = None if models is None else models / f"{name}.{seed}.seqmap"
        archive, facts = made(name, chosen, fitting, dev, out)
        beam = config.translate.beam
        whole = restore(archive).with_search(beam=beam)
        small = restore(quantized(archive, "int8")).with_search(beam=beam)
        exact, rounded = evaluate(whole, test), evaluate(small, test)
        row = {
            "run": name,
            "seed": seed,
            "config": path,
            **facts,
            "dev": evaluate(whole, dev).metrics,
            "test": {**exact.metrics, "bleu_lowercase": exact.details["bleu_lowercase"]},
            "test_int8": rounded.metrics,
            "signatures": exact.details["signatures"],
            "baseline": None if found is None else found.metrics,
            "bytes_int8": len(to_bytes(small.archive)),
        }
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{name} {seed} BLEU {row['test']['bleu']:.2f} {facts['seconds']} s", flush=True)


def made(
    name: str, config: Config, fitting: Sequence[Pair], dev: Sequence[Pair], out: Path | None
) -> tuple[Archive, dict[str, Any]]:
    """Return a model, and how long its training took: of one that is there, what was noted then."""
    kept = ("epochs", "seconds", "cpu_seconds", "notes")
    if out is not None and out.exists():
        rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
        noted = [row for row in rows if (row["run"], row["seed"]) == (name, config.train.seed)]
        if not noted:
            raise SystemExit(f"{out} is there, but {RESULTS} does not say how it was made")
        return read(out), {key: noted[-1][key] for key in kept}
    started, busy = time.perf_counter(), time.process_time()
    trained = train(
        TASK, fitting, dev, config=config, out=out, resume=True, watch=Watch(epoch=_say)
    )
    seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    values = (len(trained.history), round(seconds, 1), round(cpu, 1), trained.notes)
    return trained.archive, dict(zip(kept, values, strict=True))


def _say(epoch: Epoch) -> None:
    figures = epoch.dev_metrics
    print(
        f"{epoch.number} train {epoch.train_loss:.3f} dev {epoch.dev_loss:.4f}"
        f" bleu {figures.get('bleu', 0):.2f} {epoch.seconds:.0f} s cpu {time.process_time():.0f} s",
        flush=True,
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=", ".join(RUNS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=42)
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    arguments = parser.parse_args()
    if arguments.models is not None:
        arguments.models.mkdir(parents=True, exist_ok=True)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for name in arguments.runs or RUNS:
        run(
            name,
            arguments.data,
            seeds,
            baseline=not arguments.no_baseline,
            models=arguments.models,
        )


if __name__ == "__main__":
    main()
