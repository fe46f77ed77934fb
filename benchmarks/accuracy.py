"""Accuracy of `seqmap train classify` on public sets, beside the linear baseline.

    python benchmarks/accuracy.py [SET ...] [--seeds 3] [--data ../shared/data]

Each set is trained with the defaults (or with the file of its name in configs/), once per seed, on
its official split, or on the stated split where it has none. One JSON line per run is added to
benchmarks/results/accuracy.jsonl; `benchmarks/run` turns these into RESULTS.md. Nothing is chosen
on test data.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqmap.config import Config
from seqmap.data import Example, ReadOptions, read_examples
from seqmap.evaluate import evaluate
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training import train
from seqmap.training.baseline import linear_baseline
from shipped import shipped

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "accuracy.jsonl"
Part = Sequence[Example]


@dataclass(frozen=True)
class Split:
    """One division of a set into parts; `dev` None lets training hold a part out."""

    train: Part
    dev: Part | None
    test: Part


def _files(
    names: tuple[str, str | None, str],
    options: ReadOptions,
    test_options: ReadOptions | None = None,
) -> Callable[[Path], Iterator[Split]]:
    """Official parts, one file each."""

    def load(data: Path) -> Iterator[Split]:
        parts = [
            None if n is None else read_examples(str(data / n), o).examples
            for n, o in zip(names, (options, options, test_options or options), strict=True)
        ]
        assert parts[0] is not None and parts[2] is not None
        yield Split(parts[0], parts[1], parts[2])

    return load


def _stratified(
    name: str, options: ReadOptions, folds: int, use: int
) -> Callable[[Path], Iterator[Split]]:
    """The first `use` of `folds` stratified folds, seed 42, as scikit-learn cuts them."""

    def load(data: Path) -> Iterator[Split]:
        from sklearn.model_selection import StratifiedKFold, train_test_split

        examples = list(read_examples(str(data / name), options).examples)
        labels = [example.labels[0] for example in examples]
        if use == 1:
            parts = train_test_split(
                examples, test_size=1 / folds, stratify=labels, random_state=42
            )
            yield Split(parts[0], None, parts[1])
            return
        cutter = StratifiedKFold(folds, shuffle=True, random_state=42)
        for fit, test in cutter.split(examples, labels):
            yield Split([examples[i] for i in fit], None, [examples[i] for i in test])

    return load


SETS: dict[str, Callable[[Path], Iterator[Split]]] = {
    "sst2": _files(("sst2/train.tsv", "sst2/dev.tsv", "sst2/test.tsv"), ReadOptions()),
    "trec": _files(("trec/TREC.train.all", None, "trec/TREC.test.all"), ReadOptions()),
    "sms_spam": _stratified("sms_spam/sms.tsv", ReadOptions(), 5, 1),
    "ag_news": _files(
        ("ag_news/train_part.txt.gz", None, "ag_news/test.csv"),
        ReadOptions(),
        ReadOptions(header=False, label_column=0, text_columns=(1, 2)),
    ),
    "thucnews_titles": _files(
        (
            "thucnews_titles/train_part.txt.gz",
            "thucnews_titles/dev.txt",
            "thucnews_titles/test.txt",
        ),
        ReadOptions(),
    ),
    "chnsenticorp_htl": _stratified(
        "chnsenticorp_htl/ChnSentiCorp_htl_all.csv.gz", ReadOptions(), 10, 1
    ),
    "waimai_10k": _stratified("waimai_10k/waimai_10k.csv", ReadOptions(), 10, 1),
    "mr": _stratified("mr/rt-polarity.all", ReadOptions(), 10, 10),
    "imdb": _files(
        ("imdb/train.csv.gz", None, "imdb/test.csv.gz"),
        ReadOptions(text_columns=("text",), label_column="label"),
    ),
}


def run(name: str, data: Path, seeds: int, first_seed: int) -> None:
    """Train and measure one set, and note each run."""
    config, source = shipped(name, base=Config())
    for fold, split in enumerate(SETS[name](data)):
        baseline = linear_baseline(split.train, split.test, multi=False).metrics
        for seed in range(first_seed, first_seed + seeds):
            started = time.perf_counter()
            chosen = replace(config, train=replace(config.train, seed=seed))
            trained = train(find_task("classify"), split.train, split.dev, config=chosen)
            seconds = time.perf_counter() - started
            session = restore(trained.archive)
            row = {
                "set": name,
                "fold": fold,
                "seed": seed,
                "config": source,
                "branches": "fused" if config.wide.kind != "none" else "lstm",
                "epochs": len(trained.history),
                "seconds": round(seconds, 1),
                "dev": trained.metrics,
                "test": evaluate(session, split.test).metrics,
                "lstm_alone": evaluate(session.without_wide(), split.test).metrics,
                "baseline": baseline,
                "calibration": trained.archive.manifest["calibration"],
                "test_examples": len(split.test),
            }
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            accuracies = [m["accuracy"] for m in (row["test"], row["lstm_alone"], baseline)]
            print(name, fold, seed, *np.round(accuracies, 4), f"{seconds:.0f} s", flush=True)


def main() -> None:
    """Run the chosen sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=42)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    arguments = parser.parse_args()
    for name in arguments.sets or SETS:
        run(name, arguments.data, arguments.seeds, arguments.first_seed)


if __name__ == "__main__":
    main()
