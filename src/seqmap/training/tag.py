"""The recipe of tagging: codecs, network, CRF, calibration."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqmap.calibration import fit_temperature
from seqmap.codecs.vectors import read_vectors, vector_names
from seqmap.config import Config
from seqmap.data.tagging import Sentence
from seqmap.errors import DataError
from seqmap.nn.tagger import TagNetwork, TagSizes
from seqmap.runtime.archive import Archive
from seqmap.runtime.native_crf import best_kernel
from seqmap.runtime.session import restore
from seqmap.search.tagging import TagSearch
from seqmap.tasks.tag import Tag, TagCodecs, TagSet
from seqmap.tasks.tag_data import single_characters, tokeniser_of
from seqmap.training.closing import learn_held_out
from seqmap.training.cooccurrence import cooccurrence_vectors
from seqmap.training.job import Job, Trained
from seqmap.training.loop import Trainer, Watch
from seqmap.training.package import finite, manifest, put_away
from seqmap.training.pretrained import (
    Pretrained,
    adopted,
    depths,
    start_encoder,
    start_vectors,
)
from seqmap.training.setup import choose_precision, torch_set_up
from seqmap.training.tag_calibration import calibrate_spans
from seqmap.training.tag_fusion import Branch, lean
from seqmap.training.tag_judge import OUTSIDE_TAG, Judge
from seqmap.training.tag_learner import TagData, TagLearner, encode


def train_tagger(job: Job) -> Trained:
    """Train a tagger.

    Raises:
        DataError: The sentences cannot be trained on.
        OutputError: The archive cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task = job.task
    assert isinstance(task, Tag)
    fitting, choosing = job.parts()
    held_out = len(fitting) < len(job.train)
    targets = job.targets or TagSet(_marks_spans(fitting), tokeniser_of(fitting))
    config, init = _suited(job.config, fitting), job.init
    if init is not None:
        config = adopted(config, init)
        job.watch.tell(f"starts from {init.describe()}")
    fitting = cut(fitting, config.tag.window)
    if not fitting:
        raise DataError("there is no sentence to learn from")
    codecs = task.fit_codecs(fitting, config, targets, every=job.train)
    if init is not None:
        _learn_words(codecs, init, config)
    config, vectors = _vectors(config, codecs, job.watch)
    data, dev = (_encoded(part, codecs) for part in (fitting, choosing))

    with torch_set_up(config.train, job.group) as device:
        network = _build(codecs, config, data, vectors).to(device)
        judge = Judge(network, codecs, config, choosing, dev)
        learner = TagLearner(network, config, data, dev, measure=judge.score)
        # Dev is part of it: the best epoch so far was chosen on it.
        identity = {
            "config": config.to_dict(),
            "data": fingerprint(fitting),
            "dev": fingerprint(choosing),
        }
        if init is not None:
            _start_from(network, codecs, init)
            learner.depths = {
                weight: depth
                for member in network.members
                for weight, depth in depths(member.encoder, [member.words.weight]).items()
            }
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
        outputs = learner.outputs()
        share = judge.choose_share(outputs)
        fused = judge.fused(outputs, share)
        amount = judge.choose_lean(fused)
        calibration = _calibrated(codecs, lean(fused, amount, OUTSIDE_TAG), choosing)
        calibration |= {"wide": share, "lean": amount}
        if outputs.intents is not None:
            known = dev.intents >= 0
            calibration["intent_temperature"] = fit_temperature(
                outputs.intents[known], dev.intents[known]
            )
        everything = None
        if held_out and not trainer.interrupted:
            everything = _encoded([*fitting, *cut(choosing, config.tag.window)], codecs)
        if share == 0.0:
            codecs.source.drop_features()
        entries: dict[str, Any] = {
            **job.facts,
            "init": None if init is None else init.facts(),
            "calibration": calibration,
            "data": {
                "fingerprint": fingerprint(job.train),
                "train": len(fitting),
                "dev": len(choosing),
            },
        }
        # The figures on dev are those of the deployed model: what it says is what was measured.
        model = _packed(task, config, codecs, entries, judge.arrays(share, amount))
        metrics = restore(model).evaluate(choosing).metrics
        if everything is not None:
            learn_held_out(learner.with_data(everything), config.train, job.watch, job.group)
        entries["metrics"] = {"dev": finite(metrics)}
        archive = _packed(task, config, codecs, entries, judge.arrays(share, amount))

    put_away(archive, job, interrupted=trainer.interrupted)
    before, after = calibration["ece_before"], calibration["ece_after"]
    return Trained(
        archive,
        tuple(trainer.history),
        metrics,
        seconds=time.perf_counter() - started,
        interrupted=trainer.interrupted,
        cost=-metrics["f1"] - metrics.get("intent_accuracy", 0.0),
        notes=(f"calibrated on dev: ECE of spans {before:.4f} → {after:.4f}",),
    )


def _calibrated(codecs: TagCodecs, fused: Branch, dev: Sequence[Sentence]) -> dict[str, float]:
    search = TagSearch(codecs.target, fused.chain, kernel=best_kernel())
    return calibrate_spans(search, fused.emissions, [s.tags for s in dev])


def _packed(
    task: Tag,
    config: Config,
    codecs: TagCodecs,
    entries: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> Archive:
    """Return a model as it is deployed."""
    described, own = task.codec_state(codecs)
    return Archive(manifest(task, config, {**described, **entries}), {**arrays, **own})


def cut(sentences: Sequence[Sentence], window: int) -> list[Sentence]:
    """Cut sentences that are longer than a window, between spans where that is possible."""
    found = []
    for sentence in sentences:
        rest = sentence
        while len(rest.tokens) > window:
            place = next(
                (p for p in range(window, window // 2, -1) if not rest.tags[p].startswith("I")),
                window,
            )
            found.append(_part(rest, 0, place))
            rest = _part(rest, place, len(rest.tokens))
        if rest.tokens:
            found.append(rest)
    return found


def fingerprint(sentences: Sequence[Sentence]) -> str:
    """Return the SHA-256 of all tokens, tags and intents in their order, in hexadecimal."""
    digest = hashlib.sha256()
    for sentence in sentences:
        parts = (*sentence.tokens, "", *sentence.tags, "", sentence.intent or "")
        fields = [part.encode("utf-8", "surrogatepass") for part in parts]
        head = ",".join(str(len(field)) for field in fields)
        digest.update(b"".join([head.encode(), b";", *fields]))
    return digest.hexdigest()


def _part(sentence: Sentence, start: int, end: int) -> Sentence:
    return replace(
        sentence,
        tokens=sentence.tokens[start:end],
        offsets=sentence.offsets[start:end],
        tags=sentence.tags[start:end],
    )


def _marks_spans(sentences: Sequence[Sentence]) -> bool:
    """Whether all tags are of IOB2: for callers who do not say so."""
    return all(t == "O" or t[:2] in ("B-", "I-") or t in "BI" for s in sentences for t in s.tags)


def _suited(config: Config, sentences: Sequence[Sentence]) -> Config:
    """Single characters have no letters to read; pairs of them say more than shapes."""
    usual = Tag().config().tag
    unchanged = (config.tag.characters, config.tag.pair_size) == (usual.characters, usual.pair_size)
    if unchanged and single_characters(sentences):
        return config.replace(tag__characters="none", tag__pair_size=50)
    return config


def _vectors(config: Config, codecs: TagCodecs, watch: Watch) -> tuple[Config, Any]:
    """Read the word vectors, if any are given; the embedding takes their dimension."""
    if not config.text.vectors:
        return config, None
    source, path = codecs.source, config.text.vectors
    seen = source.size
    # Words that only the file has are known too: test data is full of words that training lacks.
    source.add_words(vector_names(path, source), config.text.vocabulary)
    found = read_vectors(path, source, least=seen)
    watch.tell(f"word vectors: {found.describe()}")
    embedding = replace(config.embedding, size=found.matrix.shape[1])
    return replace(config, embedding=embedding), found


def _encoded(sentences: Sequence[Sentence], codecs: TagCodecs) -> TagData:
    names = codecs.intents.names if codecs.intents else ()
    numbers = {name: number for number, name in enumerate(names)}
    return encode(
        codecs.source,
        [s.tokens for s in sentences],
        [codecs.target.encode(s.tags) for s in sentences],
        np.array([numbers.get(s.intent or "", -1) for s in sentences], np.int64),
    )


def _build(codecs: TagCodecs, config: Config, data: TagData, vectors: Any) -> TagNetwork:
    source = codecs.source
    sizes = TagSizes(
        words=len(source.words),
        letters=len(source.letters),
        pairs=len(source.pairs) + 2 if len(source.pairs) else 0,
        features=len(source.features),
        tags=len(codecs.target),
        intents=len(codecs.intents) if codecs.intents else 0,
    )
    network = TagNetwork(sizes, torch.from_numpy(codecs.target.allowed()), config)
    tables = [member.words.weight.data for member in network.members]
    if config.embedding.start == "cooccurrence":
        forms = np.array([form.word for form in data.forms], np.int32)
        _start(tables, [forms[places] for places in data.places])
        pairs = [member.pairs for member in network.members if member.pairs is not None]
        _start([table.weight.data for table in pairs], data.pairs)
    if vectors is not None:
        for table in tables:
            table[torch.from_numpy(vectors.found)] = torch.from_numpy(vectors.matrix[vectors.found])
    choose_precision(network, config.train)
    return network


def _learn_words(codecs: TagCodecs, init: Pretrained, config: Config) -> None:
    """Know the language model's words too: test data is full of words that training lacks."""
    names = (init.codec.symbol(place) for place in range(2, len(init.vectors)))
    codecs.source.add_words(names, max(config.text.vocabulary, len(init.vectors)))


def _start_from(network: TagNetwork, codecs: TagCodecs, init: Pretrained) -> None:
    """Copy vectors by the words' names, and the LSTM's weights."""
    symbols = {init.codec.symbol(place): place for place in range(2, len(init.vectors))}
    words = codecs.source.words.symbols
    places = {row: symbols[word] for row, word in enumerate(words) if word in symbols}
    for member in network.members:
        start_vectors(member.words.weight, init, places)
        start_encoder(member.encoder, init)


def _start(tables: Sequence[Tensor], sources: Sequence[NDArray[np.int32]]) -> None:
    """Start vectors from the company that symbols keep."""
    if not tables:
        return
    company = cooccurrence_vectors(sources, *tables[0].shape)
    known = company.any(axis=1)
    for table in tables:
        table[torch.from_numpy(known)] = torch.from_numpy(company[known])
