"""Translation speed, in training and deployed, against plain torch.

    python benchmarks/translate_speed.py [--rounds 5] [--sentences 40] [--model NAME=M.seqmap ...]
        [--part train|deploy] [--clock wall|cpu] [--data ../shared/data]

Training: target pieces a second of whole steps (forward, backward, update) on the same batches of
multi30k en-de, in interleaved rounds.

- seqmap: `configs/multi30k-lstm.toml` with one decoder layer, whole sequences on the native core;
- torch: what Joey NMT's recurrent model does, with the same sizes: `nn.LSTM` over packed sequences,
  a decoder that goes step by step with input feeding, attention, `nn.Linear`, padded batches.

Deployed: one sentence a call, beam 4, text in and text out, for each model that is given by a name
(without any, for a quickly trained `multi30k-lstm`). torch runs the same weights with the same
search width: tensors for the beam, one step at a time, as is usual; see torch_translator.py.
Models that are not given keep the results that they have.

`--clock cpu` counts processor seconds of one thread instead of seconds: for a machine where other
work runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.config import Config, load_config
from seqmap.data.pairs import Pair, read_pairs
from seqmap.nn.translator import PairBatch, TranslationNetwork
from seqmap.runtime import native
from seqmap.runtime.archive import save
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import load, restore
from seqmap.runtime.translate import TranslateSession
from seqmap.tasks import find_task
from seqmap.tasks.translate import Translate
from seqmap.training import train
from seqmap.training.optimizer import Optimizer
from seqmap.training.translate_learner import TranslateLearner, encode_pairs, pair_batch
from torch_translator import TorchTranslator

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "translate_speed.json"
BEAM = 4


class FeedingNetwork(nn.Module):
    """An attentional translator as it is usually written in torch."""

    def __init__(self, pieces: int, config: Config) -> None:
        super().__init__()
        size, hidden, units = config.embedding.size, config.encoder.hidden, config.translate.hidden
        self.table = nn.Embedding(pieces, size)
        self.encoder = nn.LSTM(size, hidden, batch_first=True, bidirectional=True)
        self.start = nn.Linear(2 * hidden, units)
        self.key = nn.Linear(2 * hidden, units, bias=False)
        self.cell = nn.LSTM(2 * size, units, batch_first=True)
        self.combine = nn.Linear(units + 2 * hidden, size)
        self.output = nn.Linear(size, pieces)
        self.dropout = nn.Dropout(config.head.dropout)

    def loss(self, batch: PairBatch) -> Tensor:
        """Return the mean smoothed loss per piece."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.table(batch.source)),
            batch.source_lengths,
            batch_first=True,
            enforce_sorted=False,
        )
        memory, (last, _) = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(memory, batch_first=True)
        mask = torch.arange(memory.shape[1]) < batch.source_lengths[:, None]
        h = torch.tanh(self.start(torch.cat([last[0], last[1]], dim=1)))[None]
        state = (h, torch.zeros_like(h))
        keys = self.key(memory)
        words = self.dropout(self.table(F.pad(batch.target, (1, 0))[:, :-1]))
        fed = words.new_zeros(len(words), 1, words.shape[2])
        vectors = []
        for t in range(words.shape[1]):
            query, state = self.cell(torch.cat([words[:, t : t + 1], fed], dim=2), state)
            scores = (query @ keys.transpose(1, 2)).masked_fill(~mask[:, None], -1e9)
            context = scores.softmax(dim=-1) @ memory
            fed = torch.tanh(self.combine(self.dropout(torch.cat([query, context], dim=2))))
            vectors.append(fed)
        scores = self.output(torch.cat(vectors, dim=1))
        steps = torch.arange(words.shape[1])
        truth = batch.target.masked_fill(steps >= batch.target_lengths[:, None], -100)
        return F.cross_entropy(
            scores.flatten(0, 1), truth.flatten(), ignore_index=-100, label_smoothing=0.1
        )


def measure_training(
    pairs: Sequence[Pair], rounds: int, threads: int, clock: Callable[[], float]
) -> dict[str, Any]:
    """Return target pieces a second of both, in interleaved rounds on the same batches."""
    task = find_task("translate")
    assert isinstance(task, Translate)
    base = load_config(HERE.parent / "configs" / "multi30k-lstm.toml", base=task.config())
    config = base.replace(translate__layers=1, translate__sampling=0.0)
    codecs = task.fit_codecs(pairs, config)
    data = encode_pairs(pairs, codecs, config.text.max_length)
    torch.set_num_threads(threads)
    native.set_threads(threads)
    ours = {}
    for precision in ("bf16", "fp32"):
        torch.manual_seed(1)
        network = TranslationNetwork(
            source=codecs.source.size, target=codecs.target.size, config=config
        )
        network.set_precision(precision)
        ours[f"seqmap {precision}"] = network.train()
    learners = {
        name: TranslateLearner(network, codecs, config, data, data, measure=lambda _: {})
        for name, network in ours.items()
    }
    peer = FeedingNetwork(codecs.target.size, config).train()
    steppers: dict[str, Callable[[NDArray[np.int64]], Tensor]] = {
        name: learner.loss for name, learner in learners.items()
    }
    cpu = torch.device("cpu")
    steppers["torch, padded, input feeding"] = lambda rows: peer.loss(
        pair_batch([data.sources[r] for r in rows], [data.targets[r] for r in rows], cpu)
    )
    models = {**ours, "torch, padded, input feeding": peer}
    optimizers = {name: Optimizer(model, (), config.train) for name, model in models.items()}
    plan = next(iter(learners.values())).plan(config.train, np.random.default_rng(1))
    speeds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds + 1):
        for name, step in steppers.items():
            batches = plan[4 * number : 4 * number + 4]
            begun = clock()
            for rows in batches:
                optimizers[name].step(step(rows), 1e-3)
            pieces = sum(len(data.targets[r]) + 1 for rows in batches for r in rows)
            if number:  # the first round warms up
                speeds[name].append(pieces / (clock() - begun))
    base_speed = speeds["torch, padded, input feeding"]
    return {
        name: {
            "pieces_per_second": statistics.median(own),
            "slowest": min(own),
            "fastest": max(own),
            "times_torch": statistics.median(a / b for a, b in zip(own, base_speed, strict=True)),
        }
        for name, own in speeds.items()
    }


def measure_deployed(
    model: Path, sources: Sequence[str], rounds: int, clock: Callable[[], float]
) -> dict[str, Any]:
    """Return milliseconds a sentence, and facts about the model."""
    torch.set_num_threads(1)
    native.set_threads(1)
    exact = load(model)
    assert isinstance(exact, TranslateSession)
    archive = quantized(exact.archive, "int8")
    with tempfile.TemporaryDirectory() as folder:
        small_path = Path(folder) / "small.seqmap"
        save(archive, small_path)
        size = small_path.stat().st_size
        small = load(small_path)
    exact = restore(exact.archive, precision="fp32").with_search(beam=BEAM)
    small = small.with_search(beam=BEAM)
    peer = TorchTranslator(exact, BEAM)
    ways: dict[str, Callable[[str], str]] = {
        "seqmap int8": lambda text: small.predict([text])[0].text,
        "seqmap fp32": lambda text: exact.predict([text])[0].text,
        "torch fp32": peer.translate,
    }
    answers = {name: [way(text) for text in sources] for name, way in ways.items()}
    same = np.mean(
        [a == b for a, b in zip(answers["seqmap fp32"], answers["torch fp32"], strict=True)]
    )
    times: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            own = []
            for text in sources:
                begun = clock()
                way(text)
                own.append(1e3 * (clock() - begun))
            times[name].append(own)
    base = [sum(own) for own in times["torch fp32"]]
    ways_found = {
        name: {
            "ms": statistics.median(sum(own) / len(own) for own in rows),
            "p99_ms": float(np.percentile(np.median(np.array(rows), axis=0), 99)),
            "times_torch": statistics.median(
                b / sum(own) for own, b in zip(rows, base, strict=True)
            ),
        }
        for name, rows in times.items()
    }
    return {
        "ways": ways_found,
        "bytes_int8": size,
        "same_as_torch": float(same),
        "beam": BEAM,
        "sentences": len(sources),
        "clock": "cpu" if clock is time.process_time else "wall",
        "rounds": rounds,
    }


def quick_model(pairs: Sequence[Pair], dev: Sequence[Pair], folder: Path) -> Path:
    """Train a little: answers must look like sentences for their lengths to be usual ones."""
    task = find_task("translate")
    config = load_config(HERE.parent / "configs" / "multi30k-lstm.toml", base=task.config())
    path = folder / "quick.seqmap"
    train(task, pairs, dev[:200], config=config.replace(train__epochs=2), out=path)
    return path


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=M.seqmap")
    parser.add_argument("--part", choices=("train", "deploy"))
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    arguments = parser.parse_args()
    folder = arguments.data / "multi30k"
    train_pairs, dev = (
        read_pairs(f"{folder / name}.en.gz,{folder / name}.de.gz").examples
        for name in ("train", "val")
    )
    content = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    content |= {"isa": native.isa(), "torch": torch.__version__, "rounds": arguments.rounds}
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    threads = 1 if arguments.clock == "cpu" else len(os.sched_getaffinity(0))
    if arguments.part != "deploy":
        content["train"] = measure_training(train_pairs, arguments.rounds, threads, clock)
        content |= {"train_threads": threads, "train_clock": arguments.clock}
    if arguments.part != "train":
        with tempfile.TemporaryDirectory() as made:
            given = dict(one.split("=", 1) for one in arguments.model)
            if not given:
                given = {"multi30k-lstm": quick_model(train_pairs, dev, Path(made))}
            sources = [pair.source for pair in dev[: arguments.sentences]]
            for name, model in given.items():
                found = measure_deployed(Path(model), sources, arguments.rounds, clock)
                content["deploy"] = {**content.get("deploy", {}), name: found}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
