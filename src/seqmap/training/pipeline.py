"""From labelled examples to an archive: codecs, network, wide branch, calibration."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import seqmap
from seqmap.codecs import truncate
from seqmap.codecs.vectors import Vectors, read_vectors
from seqmap.config import Config, TrainConfig
from seqmap.data import Example, fingerprint, hold_out
from seqmap.errors import DataError
from seqmap.features.wide import WideModel
from seqmap.nn.encoders.lstm import set_precision
from seqmap.nn.model import SequenceModel, to_arrays
from seqmap.nn.native_lstm import Precision
from seqmap.runtime import native
from seqmap.runtime.archive import FORMAT, Archive, save
from seqmap.tasks.base import Codecs, Task
from seqmap.training.cooccurrence import cooccurrence_vectors
from seqmap.training.fusion import calibrate, fused, probabilities
from seqmap.training.loop import Encoded, Epoch, Trainer, Watch
from seqmap.training.wide import Part, fit_wide


@dataclass(frozen=True)
class Trained:
    """What a training gave.

    Attributes:
        archive: The model, ready to be saved or loaded.
        history: One entry an epoch.
        metrics: Figures on the dev part, calibrated, of the model that was kept.
        seconds: Time from examples to archive.
        interrupted: Whether Ctrl-C ended it.
    """

    archive: Archive
    history: tuple[Epoch, ...]
    metrics: dict[str, float]
    seconds: float
    interrupted: bool


def train(
    task: Task,
    train: Sequence[Example],
    dev: Sequence[Example] | None = None,
    *,
    config: Config,
    multi: bool = False,
    labels: Sequence[str] | None = None,
    facts: Mapping[str, Any] | None = None,
    out: Path | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> Trained:
    """Train a model.

    Args:
        task: What is learned.
        train: Examples to learn from.
        dev: Examples to choose and calibrate on; None holds a stratified part of `train` out.
        config: Sizes, dropouts, rates.
        multi: Whether an example may carry several labels.
        labels: The classes in their order, which is also that of soft labels; None collects them.
        facts: Further entries of the manifest.
        out: Where to save the archive; the checkpoint lies beside it until the training is over.
        resume: Go on from that checkpoint.
        watch: Whom to tell.

    Raises:
        DataError: The examples cannot be trained on.
        OutputError: `out` cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    watch = watch or Watch()
    given = list(train)
    fitting, choosing = (given, list(dev)) if dev is not None else _held_out(given, config.train)
    codecs = task.fit_codecs(fitting, config, multi=multi, labels=labels)
    config, vectors = _with_vectors(config, codecs, watch)
    data, dev_data = (_encoded(task, part, codecs, config) for part in (fitting, choosing))
    checkpoint = None if out is None else out.with_name(out.name + ".checkpoint")

    with _torch_set_up(config.train) as device:
        model = _build(task, codecs, config, data, vectors).to(device)
        trainer = Trainer(
            model,
            config.train,
            measure=lambda logits: (
                task.evaluate(probabilities(logits, multi), dev_data.targets, codecs).metrics
            ),
            identity={"config": config.to_dict(), "data": fingerprint(fitting)},
            class_weights=_class_weights(data.targets, config.train),
            checkpoint=checkpoint,
            watch=watch,
        )
        trainer.fit(data, dev_data, resume=resume)
        deep = trainer.logits(dev_data)
        arrays: dict[str, NDArray[Any]] = dict(to_arrays(model.state_dict()))

    texts, dev_texts = ([e.text for e in part] for part in (fitting, choosing))
    wide, wide_dev = fit_wide(
        Part(texts, data.targets),
        Part(dev_texts, dev_data.targets),
        config.wide,
        multi=multi,
        refit=dev is None,
    ) or (None, None)
    calibration = calibrate(deep, wide_dev, dev_data.targets, multi=multi)
    chances = probabilities(fused(deep, wide_dev, calibration), multi)
    metrics = task.evaluate(chances, dev_data.targets, codecs).metrics
    if wide is not None:
        arrays.update(wide.to_arrays())
    manifest = _manifest(task, codecs, config, wide, arrays) | {
        **(facts or {}),
        "calibration": calibration,
        "metrics": {"dev": metrics},
        "data": {"fingerprint": fingerprint(given), "train": len(fitting), "dev": len(choosing)},
    }
    archive = Archive(manifest, arrays)
    if out is not None:
        save(archive, out)
    if checkpoint is not None and not trainer.interrupted:
        checkpoint.unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    return Trained(archive, tuple(trainer.history), metrics, seconds, trainer.interrupted)


def _held_out(
    examples: list[Example], config: TrainConfig
) -> tuple[Sequence[Example], Sequence[Example]]:
    try:
        return hold_out(examples, config.holdout)
    except DataError:
        # With one example of each label nothing can be spared: choose on what was learned.
        return examples, examples


def _with_vectors(config: Config, codecs: Codecs, watch: Watch) -> tuple[Config, Vectors | None]:
    """Read the word vectors, if any are given; the embedding takes their dimension."""
    if not config.text.vectors:
        return config, None
    found = read_vectors(config.text.vectors, codecs.source)
    watch.tell(f"word vectors: {found.describe()}")
    embedding = replace(config.embedding, size=found.matrix.shape[1])
    return replace(config, embedding=embedding), found


def _encoded(task: Task, examples: Sequence[Example], codecs: Codecs, config: Config) -> Encoded:
    limit, side = config.text.max_length, config.text.truncate
    sources = [truncate(codecs.source.encode(e.text), limit, side) for e in examples]
    return Encoded(sources, task.encode_targets(examples, codecs))


@contextmanager
def _torch_set_up(config: TrainConfig) -> Iterator[torch.device]:
    """Seed, threads and device for one training; the caller's torch stays as it was."""
    cuda = torch.cuda.is_available()
    if config.device == "cuda" and not cuda:
        raise DataError("train.device is cuda, but torch sees no GPU", allowed="auto, cpu")
    device = torch.device("cuda" if cuda and config.device != "cpu" else "cpu")
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads or len(os.sched_getaffinity(0)))
        try:
            yield device
        finally:
            torch.set_num_threads(threads)


def _build(
    task: Task, codecs: Codecs, config: Config, data: Encoded, vectors: Vectors | None
) -> SequenceModel:
    model = SequenceModel(
        vocabulary=codecs.source.size,
        classes=len(codecs.target.names),
        head=task.head(codecs),
        config=config,
    )
    weight = model.embedding.weight.data
    if config.embedding.start == "cooccurrence":
        company = cooccurrence_vectors(data.sources, *weight.shape)
        known = company.any(axis=1)
        weight[torch.from_numpy(known)] = torch.from_numpy(company[known])
    if vectors is not None:
        weight[torch.from_numpy(vectors.found)] = torch.from_numpy(vectors.matrix[vectors.found])
    set_precision(model, _precision(config.train))
    return model


def _precision(config: TrainConfig) -> Precision:
    if config.precision == "auto":
        return "bf16" if native.available() and native.has_feature("bf16") else "fp32"
    return config.precision


def _class_weights(targets: NDArray[np.float32], config: TrainConfig) -> NDArray[np.float32] | None:
    if config.class_weights == "none":
        return None
    counts = np.maximum(targets.sum(axis=0), 1e-6)
    return np.asarray(counts.sum() / (len(counts) * counts), dtype=np.float32)


def _manifest(
    task: Task,
    codecs: Codecs,
    config: Config,
    wide: WideModel | None,
    arrays: dict[str, NDArray[Any]],
) -> dict[str, Any]:
    """Return what describes the model; the codecs' arrays join `arrays`."""
    entries, codec_arrays = task.codec_state(codecs)
    arrays.update(codec_arrays)
    return {
        "format": FORMAT,
        "seqmap": seqmap.__version__,
        "task": task.name,
        "config": config.to_dict(),
        "wide": None if wide is None else wide.to_state(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **entries,
    }
