"""Training speed of LSTM layers: the native core against `nn.LSTM`, in one process.

The same model in every variant: embedding 128 over 20k words, two LSTM layers, mean pooling, a
linear layer. Documents are distinct, with Zipf words and the lengths of IMDB (cut at 400) or SST-2.
Variants take turns within each round, so that a slow minute of the machine hits all of them; what
counts is the ratio within a round, and the median over rounds.

    python benchmarks/train_kernel.py --case imdb128 --case sst128
    python benchmarks/train_kernel.py --clock cpu --threads 1    # on a busy machine

`--clock cpu` counts the process's CPU seconds instead of the wall's: with one thread it does not
see other processes (but for the caches they share).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from seqmap.nn.native_lstm import Precision, Weights, bilstm_layer, lstm_layer
from seqmap.runtime import native

WORDS = 20_000
EMBEDDING = 128
LAYERS = 2
CORPUS = 12_800
POOL = 50
"""Batches that are sorted by length together, in bucketed variants."""


@dataclass(frozen=True)
class Case:
    """A shape to measure."""

    kind: str
    hidden: int
    batch: int
    steps: int
    """Training steps of a round, spread over the range of batch lengths."""
    bidirectional: bool = False


CASES = {
    "imdb128": Case("imdb", 128, 32, 6),
    "imdb256": Case("imdb", 256, 32, 5),
    "sst128": Case("sst2", 128, 128, 20),
    "sst256": Case("sst2", 256, 128, 12),
    "imdb128bi": Case("imdb", 128, 32, 5, bidirectional=True),
    "sst128bi": Case("sst2", 128, 128, 12, bidirectional=True),
}


@dataclass(frozen=True)
class Variant:
    """A way to train the model."""

    core: Precision | None = None
    bucketed: bool = True
    autocast: bool = False
    fused_adam: bool = True


VARIANTS = {
    "nn.LSTM random batches": Variant(bucketed=False, fused_adam=False),
    "nn.LSTM bucketed, fused Adam": Variant(),
    "nn.LSTM bucketed, fused Adam, bf16": Variant(autocast=True),
    "seqmap fp32 random batches": Variant(core="fp32", bucketed=False),
    "seqmap bf16 random batches": Variant(core="bf16", bucketed=False),
    "seqmap bf16 bucketed": Variant(core="bf16"),
}


@dataclass(frozen=True)
class Batch:
    """A padded batch."""

    words: Tensor
    """(batch, time)."""
    lengths: Tensor
    """(batch,)."""
    labels: Tensor
    """(batch,)."""


class Model(nn.Module):
    """The classifier; weights live in an `nn.LSTM` for every variant."""

    def __init__(self, case: Case, core: Precision | None) -> None:
        super().__init__()
        self.core = core
        self.bidirectional = case.bidirectional
        self.embedding = nn.Embedding(WORDS, EMBEDDING)
        self.lstm = nn.LSTM(
            EMBEDDING, case.hidden, LAYERS, batch_first=True, bidirectional=case.bidirectional
        )
        self.linear = nn.Linear(case.hidden * (2 if case.bidirectional else 1), 2)

    def weights(self, layer: int, suffix: str = "") -> Weights:
        """Return the parameters of one layer and direction as the native op takes them."""
        get = self.lstm.get_parameter
        name = f"l{layer}{suffix}"
        return Weights(
            get(f"weight_ih_{name}"),
            get(f"weight_hh_{name}"),
            get(f"bias_ih_{name}") + get(f"bias_hh_{name}"),
        )

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(batch, time, input) -> (batch, time, width)."""
        if self.core is None:
            return self.lstm(x)[0]
        for layer in range(LAYERS):
            if self.bidirectional:
                ahead, back = self.weights(layer), self.weights(layer, "_reverse")
                x = bilstm_layer(x, lengths, ahead, back, precision=self.core)[0]
            else:
                x = lstm_layer(x, lengths, *self.weights(layer), precision=self.core)[0]
        return x

    def forward(self, batch: Batch) -> Tensor:
        """Return the scores of a batch, (batch, 2)."""
        states = self.states(self.embedding(batch.words), batch.lengths)
        if self.core is None:
            valid = torch.arange(states.shape[1]) < batch.lengths[:, None]
            share = (valid / batch.lengths[:, None]).to(states.dtype)
            return self.linear(torch.bmm(share[:, None], states)[:, 0])
        return self.linear(states.sum(1) / batch.lengths[:, None])  # zero beyond the lengths


def draw_lengths(kind: str, count: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "imdb":  # log-normal with median 175 and mean 235 words
        spread = np.sqrt(2 * np.log(235 / 175))
        return np.clip(rng.lognormal(np.log(175), spread, count), 10, 400).astype(np.int64)
    return np.clip(rng.lognormal(np.log(20) - 0.125, 0.5, count), 3, 55).astype(np.int64)


def draw_corpus(kind: str) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Documents, their lengths and labels."""
    rng = np.random.default_rng(0)
    lengths = draw_lengths(kind, CORPUS, rng)
    share = 1 / np.arange(1, WORDS)
    cumulative = np.cumsum(share / share.sum())
    documents = [np.searchsorted(cumulative, rng.random(n)).clip(0, WORDS - 2) + 1 for n in lengths]
    return documents, lengths, rng.integers(0, 2, CORPUS)


def choose_batches(lengths: np.ndarray, case: Case, bucketed: bool) -> list[np.ndarray]:
    """Row numbers of `case.steps` batches at equal distances in the order of their tokens."""
    rng = np.random.default_rng(1)
    order = rng.permutation(len(lengths))
    size = case.batch
    if bucketed:
        pools = [order[i : i + POOL * size] for i in range(0, len(order), POOL * size)]
        order = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    batches = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
    batches.sort(key=lambda rows: int(lengths[rows].sum()))
    chosen = ((np.arange(case.steps) + 0.5) / case.steps * len(batches)).astype(int)
    return [batches[i] for i in rng.permutation(chosen)]


def pad(corpus: tuple[list[np.ndarray], np.ndarray, np.ndarray], rows: np.ndarray) -> Batch:
    documents, lengths, labels = corpus
    words = np.zeros((len(rows), lengths[rows].max()), np.int64)
    for place, row in enumerate(rows):
        words[place, : lengths[row]] = documents[row]
    return Batch(*(torch.from_numpy(a) for a in (words, lengths[rows], labels[rows])))


def make_round(case: Case, variant: Variant, batches: list[Batch]) -> Callable[[], None]:
    """A function that trains over the batches once."""
    torch.manual_seed(0)
    model = Model(case, variant.core)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=1e-3, fused=True if variant.fused_adam else None
    )

    def train() -> None:
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=variant.autocast):
                logits = model(batch)
            nn.functional.cross_entropy(logits.float(), batch.labels).backward()
            optimizer.step()

    return train


def measure(
    case: Case, names: list[str], rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Examples per second of each variant, by round."""
    corpus = draw_corpus(case.kind)
    sets = {
        bucketed: [pad(corpus, rows) for rows in choose_batches(corpus[1], case, bucketed)]
        for bucketed in {VARIANTS[name].bucketed for name in names}
    }
    trains = {
        name: make_round(case, VARIANTS[name], sets[VARIANTS[name].bucketed]) for name in names
    }
    for train in trains.values():
        train()
    speeds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, train in trains.items():
            start = clock()
            train()
            speeds[name].append(case.steps * case.batch / (clock() - start))
    return speeds


def ratio(speeds: dict[str, list[float]], name: str, base: str) -> float:
    """Median over rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(speeds[name], speeds[base], strict=True))


def report(title: str, speeds: dict[str, list[float]]) -> dict[str, object]:
    bases = [name for name in speeds if name.startswith("nn.LSTM")]
    print(f"\n{title}\n{'':38s} {'ex/s':>8s} {'spread':>7s}  ratio to: " + " | ".join(bases))
    rows: dict[str, object] = {}
    for name, values in speeds.items():
        middle = statistics.median(values)
        ratios = {base: round(ratio(speeds, name, base), 3) for base in bases}
        spread = (max(values) - min(values)) / middle
        print(
            f"{name:38s} {middle:8.0f} {spread:6.0%}   "
            + "  ".join(f"{r:5.2f}" for r in ratios.values())
        )
        rows[name] = {
            "examples_per_second": round(middle, 1),
            "spread": round(spread, 3),
            "ratios": ratios,
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", action="append", choices=list(CASES), help="default: all")
    parser.add_argument(
        "--variant", action="append", help="a part of a variant's name; default: all"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    native.set_threads(options.threads)
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    names = [
        n for n in VARIANTS if not options.variant or any(part in n for part in options.variant)
    ]
    results: dict[str, object] = {
        "machine": platform.processor() or platform.machine(),
        "isa": native.isa(),
        "torch": torch.__version__,
        "threads": options.threads,
        "clock": options.clock,
    }
    for name in options.case or CASES:
        case = CASES[name]
        speeds = measure(case, names, options.rounds, clock)
        load = os.getloadavg()[0]
        title = f"{name}: {case}, {options.threads} threads, {options.clock} clock, load {load:.1f}"
        results[name] = report(title, speeds)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
