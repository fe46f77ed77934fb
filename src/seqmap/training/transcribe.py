"""The recipe of speech recognition: features once, CTC, a language model, confidence."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from seqmap.codecs.transcript import TranscriptCodec
from seqmap.config import Config
from seqmap.data.audio import Recording
from seqmap.errors import DataError
from seqmap.nn.model import to_arrays
from seqmap.nn.transcriber import TranscriberNetwork
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import restore
from seqmap.runtime.transcribe_decoder import check_flashlight
from seqmap.search.kneser_ney import fit_ngrams
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import UNKNOWN, NGrams, read_arpa
from seqmap.tasks.transcribe import Transcribe, TranscribeCodecs
from seqmap.training.closing import learn_held_out
from seqmap.training.heard import HeardPart, hear
from seqmap.training.job import Job, Trained
from seqmap.training.loop import Trainer
from seqmap.training.package import finite, manifest, put_away
from seqmap.training.setup import choose_precision, torch_set_up
from seqmap.training.transcribe_learner import TranscribeLearner
from seqmap.training.transcribe_tuning import tuned


def train_transcriber(job: Job) -> Trained:
    """Train a transcriber.

    Raises:
        DataError: The recordings cannot be learned from.
        OutputError: The archive cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task = job.task
    assert isinstance(task, Transcribe)
    fitting, choosing = job.parts()
    rate = job.targets.rate if job.targets else fitting[0].sound.header().rate
    target = TranscriptCodec.fit((one.text for one in fitting), job.config.text)
    source = task.source_codec(job.config, rate)
    if source.rate != rate:
        job.watch.tell(f"recordings at {rate:,} Hz are brought to {source.rate:,} Hz")
    train = hear(fitting, source, target, job.config.audio, job.watch)
    # What was held out is learned from in the end, and varied then as the rest is.
    closes = job.dev is None and job.config.train.closing > 0
    speed = job.config.audio.speed if closes else 0.0
    held = hear(choosing, source, target, replace(job.config.audio, speed=speed), job.watch)
    dev = held.unvaried()
    source = source.fitted(train.plain(), (own[0] for own in train.voices))
    codecs = TranscribeCodecs(source, target)
    # Before hours of training: whether there is such a language model and such a search.
    language = _language(job.config, target, train.texts)
    if job.config.transcribe.search == "flashlight":
        check_flashlight(Lexicon.of(target.table, spaced=target.spaced, model=language[0]))
    with torch_set_up(job.config.train, job.group) as device:
        network = TranscriberNetwork(source.size, target.classes, job.config).to(device)
        choose_precision(network, job.config.train)
        trainer = _trained(job, codecs, network, train, dev)
        trained = packed(job, codecs, _weights(network), train, dev, language)
        archive = trained.archive
        if closes and not trainer.interrupted:
            learner = _learner(job, codecs, network, train.with_more(held), dev)
            learn_held_out(learner, job.config.train, job.watch, job.group)
            archive = replace(archive, arrays={**archive.arrays, **_weights(network)})
    put_away(archive, job, interrupted=trainer.interrupted)
    return Trained(
        archive,
        tuple(trainer.history),
        trained.metrics,
        seconds=time.perf_counter() - started,
        interrupted=trainer.interrupted,
        cost=trained.metrics["wer"] + trained.metrics["cer"],
        notes=trained.notes,
    )


@dataclass(frozen=True)
class Packed:
    """A network with all that makes a model of it.

    Attributes:
        archive: The model.
        metrics: Figures on the dev part.
        notes: What its reader should know.
    """

    archive: Archive
    metrics: dict[str, float]
    notes: tuple[str, ...]


def packed(
    job: Job,
    codecs: TranscribeCodecs,
    arrays: dict[str, NDArray[Any]],
    train: HeardPart,
    dev: HeardPart,
    language: tuple[NGrams | None, str],
) -> Packed:
    """Add language model, weights of the search and confidence to a trained network.

    The weights are chosen with a language model that has not seen the dev part's transcripts; the
    one that is kept has.
    """
    task, config = job.task, job.config
    assert isinstance(task, Transcribe)
    state, kept = task.codec_state(codecs)
    entries = {**state, **job.facts}
    plain = {**arrays, **kept}
    model, note = language
    draft = _archive(task, config, entries, plain, model)
    calibration, metrics = tuned(draft, dev, codecs, config)
    final = model
    if model is not None and job.dev is None and not config.transcribe.language.endswith(".arpa"):
        final, _ = _language(config, codecs.target, [*train.texts, *dev.texts])
    described = {
        **entries,
        "calibration": calibration,
        "metrics": {"dev": finite(metrics)},
        "data": {
            "fingerprint": _fingerprint(job.train),
            "train": len(train.texts),
            "dev": len(dev.texts),
        },
    }
    archive = _archive(task, config, described, plain, final)
    restore(archive)  # what is written can be read
    return Packed(archive, metrics, (note,) if note else ())


def _archive(
    task: Transcribe,
    config: Config,
    entries: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    model: NGrams | None,
) -> Archive:
    own = {} if model is None else {f"language.{n}": a for n, a in model.to_arrays().items()}
    return Archive(manifest(task, config, entries), {**arrays, **own})


def _language(
    config: Config, target: TranscriptCodec, texts: Sequence[str]
) -> tuple[NGrams | None, str]:
    """Return the language model that is asked for, and a line about it."""
    settings = config.transcribe
    if settings.language.endswith(".arpa"):
        model = read_arpa(settings.language, target.normal)
        said = {word for text in texts for word in target.words(text)}
        known = sum(model.number(word) != UNKNOWN for word in said)
        return model, (
            f"language model: {settings.language}, {len(model.words):,} words, "
            f"{known:,} of the {len(said):,} of the transcripts among them"
        )
    if settings.order == 0:
        return None, ""
    lines = [*texts, *_lines(settings.language, target)]
    model = fit_ngrams([target.words(line) for line in lines], settings.order)
    note = (
        f"language model: {settings.order}-grams of {len(lines):,} lines, "
        f"{len(model.words) - 3:,} words, {len(model.chances):,} entries"
    )
    return model, note


def _lines(path: str, target: TranscriptCodec) -> list[str]:
    if not path:
        return []
    try:
        with open(path, encoding="utf-8-sig") as file:
            found = [target.normal(line) for line in file]
    except OSError as error:
        raise DataError(f"cannot read the text: {error.strerror}", path=path) from None
    except UnicodeDecodeError:
        raise DataError("this is not UTF-8", path=path) from None
    return [line for line in found if line]


def _learner(
    job: Job,
    codecs: TranscribeCodecs,
    network: TranscriberNetwork,
    train: HeardPart,
    dev: HeardPart,
) -> TranscribeLearner:
    return TranscribeLearner(
        network,
        codec=codecs.source,
        target=codecs.target,
        train=train,
        dev=dev,
        config=job.config,
    )


def _trained(
    job: Job,
    codecs: TranscribeCodecs,
    network: TranscriberNetwork,
    train: HeardPart,
    dev: HeardPart,
) -> Trainer:
    """Train the network; returns what knows how that went."""
    trainer = Trainer(
        _learner(job, codecs, network, train, dev),
        job.config.train,
        identity={"config": job.config.to_dict(), "data": _fingerprint(job.train)},
        checkpoint=job.checkpoint,
        watch=job.watch,
        group=job.group,
    )
    trainer.fit(resume=job.resume)
    return trainer


def _weights(network: TranscriberNetwork) -> dict[str, NDArray[Any]]:
    return dict(to_arrays(network.state_dict()))


def _fingerprint(recordings: Sequence[Recording]) -> str:
    digest = hashlib.sha256()
    for one in recordings:
        header = one.sound.header()
        digest.update(repr((one.name, one.text, header.rate, header.frames)).encode())
    return digest.hexdigest()[:16]
