"""Where the time of a whole `seqmap train` goes.

    python benchmarks/train_profile.py [--epochs 2] [--data ../shared/data/imdb/train.csv.gz]

Runs the command on IMDB with configs/imdb.toml and a stopwatch around each part: reading, fitting
the codec, tokenising, word vectors, batches, the LSTM kernel forward and backward, what torch does
beside it, the optimizer, averaging, scoring dev, the wide branch. A part's time leaves out that of
the parts inside it. Epochs are alike, so a few stand for all; shares of the whole run are those of
the configured number of epochs. Writes results/train_profile.json.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from seqmap.cli import app
from seqmap.config import load_config
from seqmap.runtime import native

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "train_profile.json"
CONFIG = HERE.parent / "configs" / "imdb.toml"
BAR = 0.25
"""No part beside the kernel may take more of an epoch."""

CLASSIFY = "seqmap.training.classify"
KERNEL = ("LSTM kernel, forward", "LSTM kernel, backward")
# Where -> the part that it belongs to.
PARTS = {
    "seqmap.tasks.classify:Classify.read": "reading",
    "seqmap.tasks.classify:Classify.hold_out": "holding dev out",
    "seqmap.tasks.classify:Classify.inspect": "counting duplicates",
    "seqmap.tasks.classify:Classify.fit_codecs": "fitting the codec",
    f"{CLASSIFY}:_encoded": "tokenising",
    f"{CLASSIFY}:cooccurrence_vectors": "word vectors",
    f"{CLASSIFY}:fingerprint": "fingerprints",
    f"{CLASSIFY}:fit_wide": "wide branch",
    f"{CLASSIFY}:calibrate": "calibration",
    f"{CLASSIFY}:put_away": "saving",
    "seqmap.training.loop:Trainer._run_epoch": "rest of the epoch",
    "seqmap.training.loop:Trainer._save": "checkpoints",
    f"{CLASSIFY}:ClassifyLearner.plan": "batches",
    f"{CLASSIFY}:collate": "batches",
    f"{CLASSIFY}:ClassifyLearner.loss": "loss",
    "seqmap.nn.model:SequenceModel.forward": "embedding, pooling, head: forward",
    "seqmap.nn.native_lstm:_LSTM.forward": KERNEL[0],
    "torch:Tensor.backward": "embedding, pooling, head: backward",
    "seqmap.nn.native_lstm:_LSTM.backward": KERNEL[1],
    "seqmap.training.optimizer:Optimizer.step": "optimizer",
    "seqmap.training.average:WeightAverage.update": "averaging weights",
    "seqmap.training.average:WeightAverage.state": "averaging weights",
    f"{CLASSIFY}:ClassifyLearner.score": "scoring dev",
}
WHOLE = ("wide branch", "scoring dev")
"""Parts whose insides count as theirs."""


class Clock:
    """Seconds of each part, without those of the parts inside it."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[bool, str], float] = defaultdict(float)
        self.epochs = 0.0
        self._inside: list[str] = []
        self._since = time.perf_counter()

    def _book(self) -> None:
        now = time.perf_counter()
        if self._inside:
            epoch = "rest of the epoch" in self._inside
            whole = next((part for part in self._inside if part in WHOLE), self._inside[-1])
            self.seconds[epoch, whole] += now - self._since
        self._since = now

    def around(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return the function with the stopwatch around it."""

        @functools.wraps(function)
        def run(*given: Any, **named: Any) -> Any:
            self._book()
            self._inside.append(part)
            try:
                return function(*given, **named)
            finally:
                self._book()
                self._inside.pop()

        return run


def install(clock: Clock) -> None:
    """Put the stopwatch around every part."""
    for place, part in PARTS.items():
        module, _, path = place.partition(":")
        *owners, name = path.split(".")
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        timed = clock.around(getattr(owner, name), part)
        static = isinstance(vars(owner).get(name), staticmethod)
        setattr(owner, name, staticmethod(timed) if static else timed)


def main() -> None:
    """Train, show, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    data = HERE.parent.parent / "shared" / "data" / "imdb" / "train.csv.gz"
    parser.add_argument("--data", type=Path, default=data)
    arguments = parser.parse_args()
    clock = Clock()
    install(clock)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "classify", str(arguments.data), "--config", str(CONFIG), "--quiet"]
        words += ["--no-baseline", "--set", f"train.epochs={arguments.epochs}"]
        words += ["--out", f"{folder}/m.seqmap"]
        clock.around(app, "everything else")(words, standalone_mode=False)
    total = time.perf_counter() - begun
    show_and_write(clock, total, arguments.epochs, load_config(CONFIG).train.epochs)


def show_and_write(clock: Clock, total: float, epochs: int, configured: int) -> None:
    """Print shares and write them down."""
    once = {p: s for (epoch, p), s in clock.seconds.items() if not epoch}
    each = {p: s / epochs for (epoch, p), s in clock.seconds.items() if epoch}
    one_epoch, whole = sum(each.values()), sum(once.values()) + configured * sum(each.values())
    rows = []
    for part, seconds in sorted(each.items(), key=lambda row: -row[1]):
        share = seconds / one_epoch
        rows.append({"part": part, "each_epoch": seconds, "share_of_epoch": share})
        rows[-1]["share_of_run"] = configured * seconds / whole
    for part, seconds in sorted(once.items(), key=lambda row: -row[1]):
        rows.append({"part": part, "once": seconds, "share_of_run": seconds / whole})
    for row in rows:
        epoch = f"{row['share_of_epoch']:6.1%} of an epoch" if "each_epoch" in row else " " * 18
        seconds = row.get("each_epoch", row.get("once", 0.0))
        print(f"{row['part']:36s} {seconds:8.2f} s  {epoch}  {row['share_of_run']:6.1%} of all")
    content = {
        "machine": platform.processor() or platform.machine(),
        "isa": native.isa(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "epochs_measured": epochs,
        "epochs": configured,
        "seconds_measured": total,
        "epoch_seconds": one_epoch,
        "run_seconds": whole,
        "kernel_share_of_epoch": sum(each.get(part, 0.0) for part in KERNEL) / one_epoch,
        "bar": BAR,
        "rows": rows,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
