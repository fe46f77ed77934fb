"""The recipe of text → text: pieces, network, the search on dev."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.pieces import BLANK
from seqmap.config import Config
from seqmap.data.pairs import Pair
from seqmap.errors import DataError, MissingExtraError
from seqmap.nn.model import to_arrays
from seqmap.nn.translator import TranslationNetwork
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import restore
from seqmap.runtime.translate import TranslateSession
from seqmap.tasks.base import Task
from seqmap.tasks.translate import PairCodecs, Translate, fingerprint
from seqmap.training.job import Job, Trained
from seqmap.training.loop import Trainer
from seqmap.training.package import finite, manifest, put_away
from seqmap.training.pretrained import (
    Pretrained,
    adopted,
    depths,
    start_encoder,
    start_vectors,
)
from seqmap.training.setup import precision_of, torch_set_up
from seqmap.training.translate_learner import PairData, TranslateLearner, encode_pairs

# Dev pairs that are answered, greedily, after each epoch to choose the best one by.
_ANSWERED = 500
_SEED = 42
_LENGTH_PENALTIES = (0.4, 0.7, 1.0, 1.3, 1.6, 2.0)


def train_translator(job: Job) -> Trained:
    """Train a translator.

    Raises:
        DataError: The pairs cannot be trained on.
        OutputError: The archive cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task, config = job.task, job.config
    assert isinstance(task, Translate)
    fitting, choosing = job.parts()
    if not fitting:
        raise DataError("there is no pair to learn from")
    init = job.init
    if init is not None:
        config = adopted(config, init)
        job.watch.tell(f"starts from {init.describe()}")
    codecs = task.fit_codecs(fitting, config)
    longest = config.text.max_length
    data, dev = (encode_pairs(part, codecs, longest) for part in (fitting, choosing))
    entries, arrays = task.codec_state(codecs)
    described: dict[str, Any] = {
        **entries,
        **job.facts,
        "init": None if init is None else init.facts(),
        "search": {"slope": _slope(data)},
        "data": {
            "fingerprint": fingerprint(job.train),
            "train": len(fitting),
            "dev": len(choosing),
        },
    }

    with torch_set_up(config.train, job.group) as device:
        network = _build(codecs, config).to(device)
        learner = TranslateLearner(
            network,
            codecs,
            config,
            data,
            dev,
            measure=_measure(task, config, described, arrays, choosing),
        )
        identity: dict[str, Any] = {"config": config.to_dict(), "data": fingerprint(fitting)}
        if init is not None:
            count = _start_from(network, codecs, init)
            job.watch.tell(f"{count:,} of {codecs.source.size:,} pieces known from there")
            for member in network.members:
                # A table that also writes must learn to from the first step on.
                tables = [] if member.target is None else [member.source.weight]
                learner.depths = {**learner.depths, **depths(member.encoder, tables)}
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
        arrays |= to_arrays(network.state_dict())

    # The figures on dev are those of the deployed model: what it says is what was measured.
    session, metrics, note = _tuned(task, config, described, arrays, choosing)
    archive = Archive({**session.archive.manifest, "metrics": {"dev": finite(metrics)}}, arrays)
    put_away(archive, job, interrupted=trainer.interrupted)
    return Trained(
        archive,
        tuple(trainer.history),
        metrics,
        seconds=time.perf_counter() - started,
        interrupted=trainer.interrupted,
        cost=-metrics.get("bleu", metrics.get("exact", 0.0)),
        notes=(note,),
    )


def _start_from(network: TranslationNetwork, codecs: PairCodecs, init: Pretrained) -> int:
    """Copy vectors by the pieces' names, and the encoder's weights; return how many pieces."""
    symbols = {init.codec.symbol(place): place for place in range(2, len(init.vectors))}
    places = {}
    for row, piece in enumerate(codecs.source.vocabulary.symbols):
        # Words of a language model carry no sign of the blank before them; subwords do.
        for name in (piece, piece.removeprefix(BLANK)):
            if row > 1 and name in symbols:
                places[row] = symbols[name]
                break
    # The network multiplies its vectors by √size, which the language model did not.
    scale = float(network.config.embedding.size) ** -0.5
    count = 0
    for member in network.members:
        count = start_vectors(member.source.weight, init, places, scale=scale)
        start_encoder(member.encoder, init)
    return count


def _build(codecs: PairCodecs, config: Config) -> TranslationNetwork:
    network = TranslationNetwork(
        source=codecs.source.size, target=codecs.target.size, config=config
    )
    network.set_precision(precision_of(config.train))
    return network


def _slope(data: PairData) -> float:
    """Return the longest target for its source: pieces over pieces and ten, see the session."""
    pairs = zip(data.sources, data.targets, strict=True)
    return max(len(target) / (len(source) + 10) for source, target in pairs)


def _session(
    task: Task, config: Config, described: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> TranslateSession:
    session = restore(Archive(manifest(task, config, described), arrays))
    assert isinstance(session, TranslateSession)
    return session


def _measure(
    task: Task,
    config: Config,
    described: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    dev: Sequence[Pair],
) -> Callable[[TranslationNetwork], dict[str, float]]:
    """Return what answers some of dev with a network as it is now, as it would be deployed."""
    # Drawn, not every n-th: in multi30k's val every second sentence is a short one.
    some = Random(_SEED).sample(list(dev), min(_ANSWERED, len(dev)))

    def measure(network: TranslationNetwork) -> dict[str, float]:
        weights = to_arrays(network.state_dict())
        session = _session(task, config, described, {**arrays, **weights}).with_search(beam=1)
        try:
            return session.evaluate(some).metrics
        except MissingExtraError:
            return {}  # no sacrebleu: the share of right pieces chooses

    return measure


def _tuned(
    task: Task,
    config: Config,
    described: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    dev: Sequence[Pair],
) -> tuple[TranslateSession, dict[str, float], str]:
    """Choose the length penalty on dev, unless it was set; return the model with its figures."""
    given = config.translate.length_penalty
    default = type(config.translate)().length_penalty
    session = _session(task, config, described, arrays)
    try:
        if given != default or config.translate.beam == 1:
            return session, session.evaluate(dev).metrics, f"length penalty {given:g}, as set"
        found = {
            penalty: session.with_search(length_penalty=penalty).evaluate(dev).metrics
            for penalty in _LENGTH_PENALTIES
        }
    except MissingExtraError:
        return session, _exact(session, dev), "no sacrebleu: BLEU and chrF were not measured"
    best = max(found, key=lambda penalty: (found[penalty]["bleu"], -abs(penalty - default)))
    own = replace(config.translate, length_penalty=best)
    chosen = _session(task, replace(config, translate=own), described, arrays)
    return chosen, found[best], f"length penalty {best:g}, chosen on dev"


def _exact(session: TranslateSession, dev: Sequence[Pair]) -> dict[str, float]:
    answers = session.predict([pair.source for pair in dev])
    right = [one.text == pair.target for one, pair in zip(answers, dev, strict=True)]
    return {"exact": float(np.mean(right))}
