"""F1 of `seqmap train tag` on public sets, beside a feature-window CRF.

    python benchmarks/tagging.py [SET ...] [--seeds 3] [--data ../shared/data] [--no-baseline]
                                 [--share 0.5]

Each set is trained with the defaults (or with the file of its name in configs/), once per seed, on
its official split, or on the stated one. One JSON line per run is added to
benchmarks/results/tagging.jsonl; `benchmarks/run` turns these into RESULTS.md. Nothing is chosen on
test data; no outside vectors or text is used. The baseline needs python-crfsuite. With --share only
so much of the training sentences is used: for a curve of how F1 grows with them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqmap.config import Config
from seqmap.data.tagging import Sentence, read_tagged
from seqmap.evaluate import evaluate
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.tasks.tag import TagSet
from seqmap.training import reference, train
from shipped import shipped

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "tagging.jsonl"
TAG = find_task("tag")


@dataclass(frozen=True)
class Split:
    """A set's files; `dev` None holds a tenth of train out."""

    train: str
    dev: str | None
    test: str


SETS = {
    "resume_ner": Split(
        "resume_ner/train.char.bmes", "resume_ner/dev.char.bmes", "resume_ner/test.char.bmes"
    ),
    "wnut17": Split(
        "wnut17/wnut17train.conll", "wnut17/emerging.dev.conll", "wnut17/emerging.test.annotated"
    ),
    "wikiann_en": Split(
        "wikiann_en/train.conllu", "wikiann_en/val.conllu", "wikiann_en/test.conllu"
    ),
    "wikineural_en": Split("wikineural_en/val.conllu.gz", None, "wikineural_en/test.conllu.gz"),
}


def run(name: str, data: Path, seeds: range, *, baseline: bool, share: float = 1.0) -> None:
    """Train and measure one set, and note each run."""
    config, source = shipped(name, base=TAG.config())
    split = SETS[name]
    fitting, dev, test = (
        None if path is None else read_tagged(data / path).examples
        for path in (split.train, split.dev, split.test)
    )
    assert fitting is not None and test is not None
    fitting = fitting[: round(share * len(fitting))]
    plain = _baseline(fitting, dev, test, config) if baseline else None
    for seed in seeds:
        started = time.perf_counter()
        chosen = replace(config, train=replace(config.train, seed=seed))
        trained = train(TAG, fitting, dev, config=chosen)
        seconds = time.perf_counter() - started
        row = {
            "set": name,
            "seed": seed,
            "config": source,
            "share": share,
            "epochs": len(trained.history),
            "seconds": round(seconds, 1),
            "dev": trained.metrics,
            "test": evaluate(restore(trained.archive), test).metrics,
            "baseline": plain,
            "calibration": trained.archive.manifest["calibration"],
            "test_examples": len(test),
        }
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        beside = "" if plain is None else f" baseline {plain['f1']:.4f}"
        print(f"{name} {seed} f1 {row['test']['f1']:.4f}{beside} {seconds:.0f} s", flush=True)


def _baseline(
    fitting: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    test: Sequence[Sentence],
    config: Config,
) -> dict[str, float]:
    """Fit the feature-window CRF on what the network learns from."""
    if dev is None:
        fitting = TAG.hold_out(fitting, config.train.holdout)[0]
    found = reference(TAG, fitting, test, TagSet())
    if found is None:
        raise SystemExit("the baseline needs python-crfsuite (or give --no-baseline)")
    return found.metrics


def main() -> None:
    """Run the chosen sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=42)
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for name in arguments.sets or SETS:
        run(
            name,
            arguments.data,
            seeds,
            baseline=not arguments.no_baseline,
            share=arguments.share,
        )


if __name__ == "__main__":
    main()
