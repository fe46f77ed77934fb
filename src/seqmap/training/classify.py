"""The recipe of classification: codecs, network, wide branch, calibration."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqmap.batch import Batch, collate, plan_batches
from seqmap.codecs import truncate
from seqmap.codecs.vectors import Vectors, read_vectors
from seqmap.config import Config, WideConfig
from seqmap.data import Example, fingerprint
from seqmap.features.wide import WideModel
from seqmap.nn.model import SequenceModel, to_arrays
from seqmap.runtime.archive import Archive
from seqmap.tasks.classify import Classify, Codecs, LabelSet
from seqmap.training.adversarial import virtual_adversarial_loss
from seqmap.training.class_weights import class_weights, importance, overlooked
from seqmap.training.closing import learn_held_out
from seqmap.training.cooccurrence import cooccurrence_vectors
from seqmap.training.fusion import calibrate, fused, probabilities
from seqmap.training.job import Job, Trained
from seqmap.training.learner import Learner, Score
from seqmap.training.loop import Trainer, Watch
from seqmap.training.package import finite, manifest, put_away
from seqmap.training.pretrained import adopted, depths, extended, start_encoder, start_vectors
from seqmap.training.setup import choose_precision, torch_set_up
from seqmap.training.wide import Part, fit_wide


def train_classifier(job: Job) -> Trained:
    """Train a classifier.

    Raises:
        DataError: The examples cannot be trained on.
        OutputError: The archive cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task, targets = job.task, job.targets or LabelSet()
    assert isinstance(task, Classify)
    fitting, choosing = job.parts()
    config, init, source = job.config, job.init, None
    if init is not None:
        config = adopted(config, init)
        source = extended(init.codec, (e.text for e in fitting), config)
        job.watch.tell(f"starts from {init.describe()}")
    codecs = task.fit_codecs(fitting, config, targets, source=source)
    config, vectors = _with_vectors(config, codecs, job.watch)
    data, dev = (_encoded(task, part, codecs, config) for part in (fitting, choosing))

    weights = class_weights(data.targets, config.train)

    with torch_set_up(config.train, job.group) as device:
        model = _build(task, codecs, config, data, vectors).to(device)
        learner = ClassifyLearner(
            model,
            data,
            dev,
            measure=lambda logits: (
                task.evaluate(probabilities(logits, codecs.multi), dev.targets, codecs).metrics
            ),
            class_weights=weights,
            stability=_stability(model, config.train.adversarial, codecs),
        )
        identity = {
            "config": config.to_dict(),
            "data": fingerprint(fitting),
            "dev": fingerprint(choosing),
        }
        if init is not None:
            known = {symbol: symbol for symbol in range(1, len(init.vectors))}
            start_vectors(model.embedding.weight, init, known)
            start_encoder(model.encoder, init)
            learner.depths = depths(model.encoder, learner.tables)
            identity["init"] = init.digest
        trainer = Trainer(
            learner,
            config.train,
            identity=identity,
            checkpoint=job.checkpoint,
            watch=job.watch,
            group=job.group,
        )
        trainer.fit(resume=job.resume)
        deep = learner.logits(dev)  # before the held-out part is learned from
        if len(fitting) < len(job.train) and not trainer.interrupted:
            learn_held_out(learner.with_dev(), config.train, job.watch, job.group)
        arrays: dict[str, NDArray[Any]] = dict(to_arrays(model.state_dict()))

    multi = codecs.multi
    train, choose = (
        Part([e.text for e in examples], y, importance(y, weights, multi=multi))
        for examples, y in ((fitting, data.targets), (choosing, dev.targets))
    )
    wide, calibration, chances = _fuse(
        deep, train, choose, config.wide, multi, refit=job.dev is None
    )
    metrics = task.evaluate(chances, dev.targets, codecs).metrics
    if wide is not None:
        arrays.update(wide.to_arrays())
    entries, codec_arrays = task.codec_state(codecs)
    arrays.update(codec_arrays)
    described = {
        "wide": None if wide is None else wide.to_state(),
        **entries,
        **job.facts,
        "init": None if init is None else init.facts(),
        "calibration": calibration,
        "metrics": {"dev": finite(metrics)},
        "data": {"fingerprint": fingerprint(job.train), **_sizes(data, dev, codecs)},
    }
    archive = Archive(manifest(task, config, described), arrays)
    put_away(archive, job, interrupted=trainer.interrupted)
    return Trained(
        archive,
        tuple(trainer.history),
        metrics,
        seconds=time.perf_counter() - started,
        interrupted=trainer.interrupted,
        cost=metrics["loss"],
        notes=(
            _calibrated(calibration),
            *(
                ()
                if multi or weights is not None
                else overlooked(data.targets, dev.targets, chances, codecs.target.names)
            ),
        ),
    )


def _fuse(
    deep: NDArray[np.float64],
    train: Part,
    dev: Part,
    config: WideConfig,
    multi: bool,
    *,
    refit: bool,
) -> tuple[WideModel | None, dict[str, float], NDArray[np.float64]]:
    """Fit the wide branch and the calibration; return also the probabilities on dev."""
    found = fit_wide(train, dev, config, multi=multi, refit=refit)
    wide, logits = found or (None, None)
    calibration = calibrate(deep, logits, dev.targets, multi=multi, importance=dev.importance)
    return wide, calibration, probabilities(fused(deep, logits, calibration), multi)


@dataclass(frozen=True)
class Encoded:
    """Examples as numbers.

    Attributes:
        sources: Symbol ids of each example, (time,) int32.
        targets: (examples, classes) float32.
    """

    sources: Sequence[NDArray[np.int32]]
    targets: NDArray[np.float32]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Symbols in each example, (examples,)."""
        return np.array([len(source) for source in self.sources], dtype=np.int64)


class ClassifyLearner(Learner):
    """A network that scores whole sequences.

    Args:
        model: The network.
        data: What it learns from.
        dev: What it is measured on.
        measure: Turns dev logits (examples, classes) into named figures.
        class_weights: Weight of each class in the loss, (classes,), or None.
        stability: Adds a loss that needs no labels to that of a batch (symbols, lengths), or None.
    """

    def __init__(
        self,
        model: SequenceModel,
        data: Encoded,
        dev: Encoded,
        *,
        measure: Callable[[NDArray[np.float64]], dict[str, float]],
        class_weights: NDArray[np.float32] | None = None,
        stability: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self.network: SequenceModel = model
        self._stability = stability
        self.lengths = data.lengths
        self.tables = [model.embedding.weight]
        self._device = next(model.parameters()).device
        self._data, self._dev = data, dev
        self._measure = measure
        self._weights = None if class_weights is None else torch.from_numpy(class_weights)

    def with_dev(self) -> ClassifyLearner:
        """Return a learner of the same network that learns from the dev part as well."""
        data, dev = self._data, self._dev
        targets = np.concatenate([data.targets, dev.targets])
        other = ClassifyLearner(
            self.network,
            Encoded([*data.sources, *dev.sources], targets),
            dev,
            measure=self._measure,
            class_weights=None if self._weights is None else self._weights.numpy(),
            stability=self._stability,
        )
        other.depths = self.depths
        return other

    def loss(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the mean loss of a batch."""
        batch = collate(self._data.sources, self._data.targets, rows)
        target = torch.from_numpy(batch.target).to(self._device)
        inputs = self._inputs(batch)
        found: Tensor = self.network.head.loss(self.network(*inputs), target, self._weights)
        return found if self._stability is None else found + self._stability(*inputs)

    def score(self) -> Score:
        """Return the dev loss and figures."""
        logits = self.logits(self._dev)
        targets = torch.from_numpy(self._dev.targets)
        loss = float(self.network.head.loss(torch.from_numpy(logits), targets, self._weights))
        return Score(loss, self._measure(logits))

    @torch.no_grad()
    def logits(self, data: Encoded) -> NDArray[np.float64]:
        """Return the model's logits, (examples, classes), in the order of the data."""
        self.network.eval()
        out = np.zeros(data.targets.shape, dtype=np.float64)
        for rows in plan_batches(data.lengths, batch_size=256, batch_tokens=32_768):
            batch = collate(data.sources, data.targets, rows)
            out[rows] = self.network(*self._inputs(batch)).float().cpu().numpy()
        return out

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(batch.source).to(self._device),
            torch.from_numpy(batch.lengths).to(self._device),
        )


def _stability(
    model: SequenceModel, share: float, codecs: Codecs
) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Return the loss of virtual adversarial training, where it is wanted."""
    if share == 0:
        return None
    return lambda ids, lengths: virtual_adversarial_loss(
        model, ids, lengths, share, multi=codecs.multi
    )


def _with_vectors(config: Config, codecs: Codecs, watch: Watch) -> tuple[Config, Vectors | None]:
    """Read the word vectors, if any are given; the embedding takes their dimension."""
    if not config.text.vectors:
        return config, None
    found = read_vectors(config.text.vectors, codecs.source)
    watch.tell(f"word vectors: {found.describe()}")
    embedding = replace(config.embedding, size=found.matrix.shape[1])
    return replace(config, embedding=embedding), found


def _encoded(
    task: Classify, examples: Sequence[Example], codecs: Codecs, config: Config
) -> Encoded:
    limit, side = config.text.max_length, config.text.truncate
    sources = [truncate(codecs.source.encode(e.text), limit, side) for e in examples]
    return Encoded(sources, task.encode_targets(examples, codecs))


def _build(
    task: Classify, codecs: Codecs, config: Config, data: Encoded, vectors: Vectors | None
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
    choose_precision(model, config.train)
    return model


def _sizes(data: Encoded, dev: Encoded, codecs: Codecs) -> dict[str, Any]:
    """Return how many examples there are, in all and of each class (a teacher's shares rounded)."""
    totals = [round(float(total)) for total in data.targets.sum(axis=0)]
    classes = dict(zip(codecs.target.names, totals, strict=True))
    return {"train": len(data.sources), "dev": len(dev.sources), "classes": classes}


def _calibrated(calibration: dict[str, float]) -> str:
    before, after = calibration["ece_before"], calibration["ece_after"]
    return f"calibrated on dev: ECE {before:.4f} → {after:.4f}"
