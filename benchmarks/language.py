"""Language models: tinyshakespeare, and what pretraining brings to sst2.

    python benchmarks/language.py shakespeare [M.seqmap --from RUN.json]
    python benchmarks/language.py pretrain LM.seqmap [--corpus C.txt] [--set …]
    python benchmarks/language.py finetune LM.seqmap [--seeds 1] [--set …]

`shakespeare` trains configs/tinyshakespeare.toml on the first 90 % of the characters and measures
the deployed model on the rest; `--from` notes a run that `seqmap train language --json` printed.
`pretrain` writes the corpus (the training reviews of imdb, and those sentences of mr that are in no
part of sst2) and trains on it. `finetune` trains sst2 with and without it. Each adds a JSON line to
benchmarks/results/language.jsonl. Nothing is chosen on test data.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqmap.config import load_config
from seqmap.data import ReadOptions, read_examples
from seqmap.data.corpus import read_corpus
from seqmap.evaluate import evaluate
from seqmap.runtime.session import load, restore
from seqmap.tasks import find_task
from seqmap.training import train

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "language.jsonl"
SHAKESPEARE = HERE.parent / "configs" / "tinyshakespeare.toml"


def note(row: dict[str, Any]) -> None:
    """Add a line to the results, and print it."""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def seqmap(*words: str | Path) -> dict[str, Any]:
    """Run a command, and return its JSON."""
    command = [sys.executable, "-m", "seqmap", *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def shakespeare(data: Path, run: Path | None, model: Path | None) -> None:
    """Train, or take a run that is over; measure the deployed model on the last tenth."""
    path = data / "tinyshakespeare" / "input.txt"
    with tempfile.TemporaryDirectory() as folder:
        if run is None:
            model = Path(folder) / "m.seqmap"
            found = seqmap(
                "train", "language", path, "--config", SHAKESPEARE, "--out", model, "--no-baseline"
            )
        else:
            found = json.loads(run.read_text().splitlines()[-1])
        assert model is not None
        task, session = find_task("language"), load(model)
        corpus = read_corpus(path, ReadOptions()).examples
        deployed = evaluate(session, task.hold_out(corpus, 0.1)[1]).metrics
        losses = [epoch["dev_loss"] for epoch in found["history"]]
        note(
            {
                "what": "tinyshakespeare",
                "trained": found["dev_metrics"],
                "deployed": deployed,
                "seconds": round(found["train_seconds"], 1),
                "epoch_seconds": [round(epoch["seconds"], 1) for epoch in found["history"]],
                "dev_losses": losses,
                "epochs_planned": session.config.train.epochs,
                "bytes": model.stat().st_size,
                "hidden": session.config.encoder.hidden,
                "layers": session.config.encoder.layers,
            }
        )


def key(text: str) -> str:
    """Return the letters and digits alone: the two sets write brackets and quotes differently."""
    bare = re.sub(r"-[lr][rsc]b-", "", text.lower())
    return re.sub(r"[^a-z0-9]", "", bare)


def write_corpus(data: Path, path: Path) -> dict[str, int]:
    """Write imdb's training reviews and mr's other sentences, shuffled; return the counts."""
    known = {
        key(example.text)
        for part in ("train", "dev", "test")
        for example in sst2(data, part)
    }  # fmt: skip
    lines = (data / "mr" / "rt-polarity.all").read_bytes().decode("cp1252").split("\n")
    sentences = [line.split(" ", 1)[1] for line in lines if line]
    others = [text for text in sentences if key(text) not in known]
    csv.field_size_limit(10**9)
    with gzip.open(data / "imdb" / "train.csv.gz", "rt", encoding="utf-8", newline="") as file:
        reviews = [row["text"].replace("<br />", " ") for row in csv.DictReader(file)]
    kept = [text for text in reviews if key(text) not in known]
    texts = kept + others
    random.Random(0).shuffle(texts)
    path.write_text("".join(" ".join(t.split()) + "\n" for t in texts), encoding="utf-8")
    return {
        "imdb": len(kept),
        "imdb_removed": len(reviews) - len(kept),
        "mr": len(others),
        "mr_removed": len(sentences) - len(others),
    }


def sst2(data: Path, part: str) -> Sequence[Any]:
    """Read a part of sst2."""
    options = ReadOptions(format="tsv", header=False, quoting=False)
    return read_examples(data / "sst2" / f"{part}.tsv", options).examples


def pretrain(data: Path, out: Path, corpus: Path, settings: Sequence[str]) -> None:
    """Write the corpus, and train on it."""
    counts = write_corpus(data, corpus)
    words = [word for setting in settings for word in ("--set", setting)]
    found = seqmap("pretrain", corpus, "--out", out, *words)
    note(
        {
            "what": "pretrain imdb+mr",
            "corpus": counts,
            "dev": found["dev_metrics"],
            "seconds": round(found["train_seconds"], 1),
            "epochs": found["epochs"],
            "digest": load(out).digest,
        }
    )


def finetune(data: Path, init: Path | None, seeds: range, settings: Sequence[str]) -> None:
    """Train sst2 from a language model, or from scratch."""
    task = find_task("classify")
    parts = {part: sst2(data, part) for part in ("train", "dev", "test")}
    base = load_config(None, settings, base=task.config())
    for seed in seeds:
        config = base.replace(train__seed=seed)
        trained = train(task, parts["train"], parts["dev"], config=config, init=init)
        session = restore(trained.archive)
        alone = session.without_wide()  # type: ignore[attr-defined]
        note(
            {
                "what": "sst2",
                "init": None if init is None else load(init).digest,
                "seed": seed,
                "settings": list(settings),
                "dev": trained.metrics,
                "dev_alone": evaluate(alone, parts["dev"]).metrics,
                "test": evaluate(session, parts["test"]).metrics,
                "test_alone": evaluate(alone, parts["test"]).metrics,
                "epochs": len(trained.history),
                "seconds": round(trained.seconds, 1),
            }
        )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("shakespeare", "pretrain", "finetune"))
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--from", dest="run", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("corpus.txt"))
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    given = parser.parse_args()
    if given.what == "shakespeare":
        shakespeare(given.data, given.run, given.model)
    elif given.what == "pretrain":
        pretrain(given.data, given.model, given.corpus, given.settings)
    else:
        finetune(given.data, given.model, range(42, 42 + given.seeds), given.settings)


if __name__ == "__main__":
    main()
