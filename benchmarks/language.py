"""Language models: tinyshakespeare, and what pretraining brings to sst2.

    python benchmarks/language.py shakespeare [M.seqmap --from RUN.json]
    python benchmarks/language.py pretrain LM.seqmap [--corpus C.txt] [--on resume_ner] [--set …]
    python benchmarks/language.py finetune [LM.seqmap] [--on sst2] [--seeds 1] [--set …]

`shakespeare` trains configs/tinyshakespeare.toml on the first 90 % of the characters and measures
the deployed model on the rest; `--from` notes a run that `seqmap train language --json` printed.
`pretrain` writes the corpus (the training reviews of imdb, and those sentences of mr that are in no
part of sst2; for resume_ner the titles of thucnews' training part and the training sentences of
resume_ner itself) and trains on it. `finetune` trains sst2, imdb (official train and test), wnut17
or resume_ner from it, or from scratch where none is given, with the file of the set's name in
configs/, or SET_from_lm.toml there. Each adds a JSON line to benchmarks/results/language.jsonl.
Nothing is chosen on test data.
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
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqmap.config import load_config
from seqmap.data import ReadOptions, read_examples
from seqmap.data.corpus import read_corpus
from seqmap.data.tagging import read_tagged
from seqmap.evaluate import evaluate
from seqmap.runtime.session import load, restore
from seqmap.tasks import find_task
from seqmap.training import reference, train
from tagging import SETS

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
        fitting, held = task.hold_out(corpus, 0.1)
        deployed, plain = evaluate(session, held).metrics, reference(task, fitting, held, None)
        assert plain is not None
        losses = [epoch["dev_loss"] for epoch in found["history"]]
        note(
            {
                "what": "tinyshakespeare",
                "trained": found["dev_metrics"],
                "deployed": deployed,
                "baseline": {"title": plain.title, **plain.metrics},
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


def write_shuffled(texts: list[str], path: Path) -> None:
    """Write texts, one a line, in an order that is always the same."""
    random.Random(0).shuffle(texts)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")


def write_chinese(data: Path, path: Path) -> dict[str, int]:
    """Write titles of news and the sentences of resume_ner's training part; return the counts."""
    with gzip.open(data / "thucnews_titles" / "train_part.txt.gz", "rt", encoding="utf-8") as file:
        titles = [line.rsplit("\t", 1)[0] for line in file]
    sentences = read_tagged(data / SETS["resume_ner"].train).examples
    own = ["".join(sentence.tokens) for sentence in sentences]
    write_shuffled(titles + own, path)
    return {"thucnews_titles": len(titles), "resume_ner": len(own)}


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
    write_shuffled([" ".join(text.split()) for text in kept + others], path)
    return {
        "imdb": len(kept),
        "imdb_removed": len(reviews) - len(kept),
        "mr": len(others),
        "mr_removed": len(sentences) - len(others),
    }


# Of a set: what its language model reads, and what writes that.
CORPORA = {"sst2": ("imdb+mr", write_corpus), "resume_ner": ("thucnews+resume", write_chinese)}


def sst2(data: Path, part: str) -> Sequence[Any]:
    """Read a part of sst2."""
    options = ReadOptions(format="tsv", header=False, quoting=False)
    return read_examples(data / "sst2" / f"{part}.tsv", options).examples


def pretrain(data: Path, name: str, out: Path, corpus: Path, settings: Sequence[str]) -> None:
    """Write the corpus for a set, and train on it."""
    what, write = CORPORA.get(name, CORPORA["sst2"])
    counts = write(data, corpus)
    words = [word for setting in settings for word in ("--set", setting)]
    found = seqmap("pretrain", corpus, "--out", out, *words)
    note(
        {
            "what": f"pretrain {what}",
            "settings": list(settings),
            "corpus": counts,
            "dev": found["dev_metrics"],
            "seconds": round(found["train_seconds"], 1),
            "epochs": found["epochs"],
            "digest": load(out).digest,
        }
    )


def parts_of(data: Path, name: str) -> tuple[Any, dict[str, Any]]:
    """Return the task of a set, and its parts; without `dev` a tenth of train is held out."""
    if name == "sst2":
        return find_task("classify"), {part: sst2(data, part) for part in ("train", "dev", "test")}
    if name == "imdb":
        files = {part: data / "imdb" / f"{part}.csv.gz" for part in ("train", "test")}
        read = {part: read_examples(file, ReadOptions()).examples for part, file in files.items()}
        return find_task("classify"), {**read, "dev": None}
    split = SETS[name]
    files = {"train": split.train, "dev": str(split.dev), "test": split.test}
    return find_task("tag"), {
        part: read_tagged(data / file).examples for part, file in files.items()
    }


def finetune(data: Path, name: str, init: Path | None, seeds: range, settings: list[str]) -> None:
    """Train on a set from a language model, or from scratch."""
    task, parts = parts_of(data, name)
    names = [name] if init is None else [f"{name}_from_lm", name]
    paths = [HERE.parent / "configs" / f"{one}.toml" for one in names]
    path = next((one for one in paths if one.exists()), None)
    base = load_config(path, settings, base=task.config())
    for seed in seeds:
        config = base.replace(train__seed=seed)
        started = time.process_time()
        trained = train(task, parts["train"], parts["dev"], config=config, init=init)
        row: dict[str, Any] = {
            "what": name,
            "init": None if init is None else load(init).digest,
            "seed": seed,
            "settings": list(settings),
            "config": "defaults" if path is None else f"configs/{path.name}",
            "dev": trained.metrics,
            "epochs": len(trained.history),
            "cpu_seconds": round(time.process_time() - started, 1),
            "seconds": round(trained.seconds, 1),
        }
        session = restore(trained.archive)
        row["test"] = evaluate(session, parts["test"]).metrics
        if task.name == "classify":
            alone = session.without_wide()  # type: ignore[attr-defined]
            row["test_alone"] = evaluate(alone, parts["test"]).metrics
            if parts["dev"] is not None:
                row["dev_alone"] = evaluate(alone, parts["dev"]).metrics
        note(row)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("shakespeare", "pretrain", "finetune"))
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--from", dest="run", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("corpus.txt"))
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=42)
    parser.add_argument("--on", choices=("sst2", "imdb", *SETS), default="sst2")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    given = parser.parse_args()
    if given.what == "shakespeare":
        shakespeare(given.data, given.run, given.model)
    elif given.what == "pretrain":
        pretrain(given.data, given.on, given.model, given.corpus, given.settings)
    else:
        seeds = range(given.first_seed, given.first_seed + given.seeds)
        finetune(given.data, given.on, given.model, seeds, given.settings)


if __name__ == "__main__":
    main()
