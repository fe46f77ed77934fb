"""Training speed of seqmap's own step against the usual pipelines, in interleaved rounds.

Everyone trains the same classifier: embedding 128 over 20,000 words, two LSTM layers of 128, two
classes. Documents are distinct, with Zipf words and the lengths of IMDB (cut at 400).

- Keras: the usual tutorial on TensorFlow, padded to maxlen 400 (`pad_sequences`), Adam
- nn.LSTM: padded to the longest of a random batch, Adam
- seqmap: batches of similar length, native kernel, row-sparse and fused Adam, as in `seqmap train`

    python -m venv .venv-peers && .venv-peers/bin/pip install tensorflow-cpu
    python benchmarks/train_speed.py --keras-python .venv-peers/bin/python

Keras lives in a process of its own (two thread pools in one process slow each other down), which
waits while the others run. TensorFlow has two speed modes on some CPUs: slowest and fastest round
are kept beside the median.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from seqmap.config import Config
from seqmap.nn.encoders.lstm import set_precision
from seqmap.nn.model import SequenceModel
from seqmap.runtime import native
from seqmap.training.optimizer import Optimizer
from train_kernel import CASES, VARIANTS, choose_batches, draw_corpus, make_round, pad

RESULTS = Path(__file__).resolve().parent / "results" / "train_speed.json"
MAXLEN = 400
STEPS = 6
CASE = CASES["imdb128"]

KERAS = f"""
import sys, time
import numpy as np
import tensorflow as tf
from tensorflow import keras
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(2)
keras.utils.set_random_seed(0)
model = keras.Sequential([
    keras.layers.Embedding(20_000, 128),
    keras.layers.LSTM(128, return_sequences=True),
    keras.layers.LSTM(128),
    keras.layers.Dense(2, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
data = np.load(sys.argv[1])
words, labels = data["words"], data["labels"]
model.train_on_batch(words[:32], labels[:32])
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for step in range({STEPS}):
        rows = slice(32 * step, 32 * step + 32)
        model.train_on_batch(words[rows], labels[rows])
    print(time.perf_counter() - start, flush=True)
"""


class Keras:
    """A TensorFlow process that trains a round when it is told to.

    Args:
        python: An interpreter that has tensorflow.
        folder: Where the documents are handed over.
    """

    def __init__(self, python: str, folder: Path) -> None:
        documents, lengths, labels = draw_corpus("imdb")
        rows = np.random.default_rng(3).permutation(len(lengths))[: 32 * STEPS]
        words = np.zeros((len(rows), MAXLEN), np.int32)
        for place, row in enumerate(rows):  # padded in front, as pad_sequences does
            words[place, MAXLEN - lengths[row] :] = documents[row]
        path = folder / "keras-batches.npz"
        np.savez(path, words=words, labels=labels[rows])
        command = [python, "-c", KERAS, str(path)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._answer() != "ready":
            raise SystemExit("the Keras process did not start: is tensorflow installed there?")

    def _answer(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == "ready" or line[:1].isdigit():
                return line.strip()
        return ""

    def seconds(self) -> float:
        """Train one round, and return how long it took there."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self._answer())


def timed(train: Callable[[], None]) -> Callable[[], float]:
    """Return a function that trains one round and gives its seconds."""

    def run() -> float:
        start = time.perf_counter()
        train()
        return time.perf_counter() - start

    return run


def seqmap_round() -> Callable[[], None]:
    """The step of `seqmap train`: same layers, its own kernel and optimiser."""
    config = Config().replace(
        encoder__layers=2,
        encoder__direction="forward",
        head__pooling="mean",
        head__dropout=0.0,
        encoder__dropout=0.0,
        embedding__dropout=0.0,
        embedding__word_dropout=0.0,
    )
    torch.manual_seed(0)
    model = SequenceModel(vocabulary=20_000, classes=2, head="label", config=config).train()
    if native.available() and native.has_feature("bf16"):
        set_precision(model, "bf16")
    optimizer = Optimizer(model, [model.embedding.weight], config.train)
    corpus = draw_corpus("imdb")
    batches = [pad(corpus, rows) for rows in choose_batches(corpus[1], CASE, bucketed=True)]

    def train() -> None:
        for batch in batches:
            target = torch.nn.functional.one_hot(batch.labels, 2).float()
            loss = model.head.loss(model(batch.words, batch.lengths), target)
            optimizer.step(loss, 1e-3)

    return train


def torch_round(name: str) -> Callable[[], None]:
    """A variant of benchmarks/train_kernel.py."""
    corpus = draw_corpus("imdb")
    rows = choose_batches(corpus[1], CASE, VARIANTS[name].bucketed)
    return make_round(CASE, VARIANTS[name], [pad(corpus, part) for part in rows])


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keras-python", help="an interpreter with tensorflow; left out without")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    native.set_threads(options.threads)
    RESULTS.parent.mkdir(exist_ok=True)
    runs: dict[str, Callable[[], float]] = {
        name: timed(torch_round(name))
        for name in ("nn.LSTM random batches", "nn.LSTM bucketed, fused Adam")
    }
    runs["seqmap"] = timed(seqmap_round())
    if options.keras_python:
        runs["Keras, padded to maxlen"] = Keras(options.keras_python, RESULTS.parent).seconds
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            seconds[name].append(run())
    show(seconds)
    (RESULTS.parent / "keras-batches.npz").unlink(missing_ok=True)


def show(seconds: dict[str, list[float]]) -> None:
    """Print and keep examples per second and seqmap's ratio to each, as medians over rounds."""
    found = {}
    for name, values in seconds.items():
        speeds = [STEPS * CASE.batch / value for value in values]
        ratio = statistics.median(v / s for v, s in zip(values, seconds["seqmap"], strict=True))
        found[name] = {
            "examples_per_second": round(statistics.median(speeds), 1),
            "slowest": round(min(speeds), 1),
            "fastest": round(max(speeds), 1),
            "seqmap_is_faster_by": round(ratio, 2),
        }
        print(f"{name:32s}", found[name], file=sys.stderr)
    RESULTS.write_text(json.dumps({"rounds": len(values), "variants": found}, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
