"""The recipe of speech generation: frames of one voice, attention, what holds speech to an end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.data.audio import Recording
from seqmap.errors import DataError
from seqmap.nn.model import to_arrays
from seqmap.nn.speaker import SpeakerNetwork
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import restore
from seqmap.runtime.speak import SpeakSession
from seqmap.speech_metrics import distortions
from seqmap.tasks.speak import Speak, SpeakCodecs
from seqmap.training.job import Job, Trained
from seqmap.training.loop import Trainer, Watch
from seqmap.training.package import finite, manifest, put_away
from seqmap.training.setup import precision_of, torch_set_up
from seqmap.training.speak_learner import SpeakLearner, SpokenPart, expected_lengths

Floats = NDArray[np.float32]

_SPOKEN = 32
"""Dev texts that are spoken after each epoch to choose the best one by."""
_SEED = 42
_SPARE = 1.5
"""How much longer than in the training speech, or a stay at one symbol, may take."""
_AT_ONCE = 32


def train_speaker(job: Job) -> Trained:
    """Train a speaker.

    Raises:
        DataError: The recordings cannot be learned from.
        OutputError: The archive cannot be written.
        TrainingError: The loss became infinite or NaN.
    """
    started = time.perf_counter()
    task, config = job.task, job.config
    assert isinstance(task, Speak)
    fitting, choosing = job.parts()
    rate = job.targets.rate if job.targets else fitting[0].sound.header().rate
    plain = task.fit_codecs([one.text for one in fitting], rate, config)
    heard, dev_heard = (_heard(part, plain, job.watch) for part in (fitting, choosing))
    codecs = SpeakCodecs(plain.source, plain.target.fitted(heard.logs))
    usual = expected_lengths(heard.symbols, heard.logs, plain.source.size)
    train, dev = (_part(part, codecs, usual) for part in (heard, dev_heard))
    entries, named = task.codec_state(codecs)
    data = {"fingerprint": _fingerprint(job.train), "train": len(train.texts)}
    draft = _Draft(
        task,
        config,
        {**entries, **job.facts, "data": {**data, "dev": len(dev.texts)}},
        named,
        _bounds(train, config),
    )
    with torch_set_up(config.train, job.group) as device:
        network = _build(codecs, len(train.texts), config).to(device)
        learner = SpeakLearner(
            network, config=config, train=train, dev=dev, measure=_measure(draft, dev_heard)
        )
        trainer = Trainer(
            learner,
            config.train,
            identity={"config": config.to_dict(), "data": _fingerprint(job.train)},
            checkpoint=job.checkpoint,
            watch=job.watch,
            group=job.group,
        )
        trainer.fit(resume=job.resume)
        stay = _longest_stay(network, train, config)
    session = draft.session(network, stay=stay)
    metrics = session.evaluate(dev_heard.recordings).metrics
    made = session.archive
    archive = Archive({**made.manifest, "metrics": {"dev": finite(metrics)}}, made.arrays)
    put_away(archive, job, interrupted=trainer.interrupted)
    return Trained(
        archive,
        tuple(trainer.history),
        metrics,
        seconds=time.perf_counter() - started,
        interrupted=trainer.interrupted,
        cost=metrics["mcd"],
    )


@dataclass(frozen=True)
class _Heard:
    """Recordings as they were heard.

    Attributes:
        recordings: Those that can be learned from.
        texts: What is said.
        symbols: Its numbers, the end included, (symbols,) each.
        logs: Log-mel bands, (frames, mels) each.
    """

    recordings: tuple[Recording, ...]
    texts: tuple[str, ...]
    symbols: tuple[NDArray[np.int32], ...]
    logs: tuple[Floats, ...]


@dataclass(frozen=True)
class _Draft:
    """All of an archive but the network's weights."""

    task: Speak
    config: Config
    entries: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    bounds: dict[str, float]

    def session(self, network: SpeakerNetwork, *, stay: int | None = None) -> SpeakSession:
        """Return a network as it would be deployed; `stay` replaces the first guess."""
        speech = dict(self.bounds) if stay is None else {**self.bounds, "stay": stay}
        described = manifest(self.task, self.config, {**self.entries, "speech": speech})
        found = restore(Archive(described, {**self.arrays, **to_arrays(network.state_dict())}))
        assert isinstance(found, SpeakSession)
        return found


def _heard(recordings: Sequence[Recording], codecs: SpeakCodecs, watch: Watch) -> _Heard:
    """Compute the bands of all recordings; silent ones and unreadable texts are left out.

    Raises:
        DataError: None is left.
    """
    target, started = codecs.target, time.perf_counter()
    kept, texts, symbols, bands, left = [], [], [], [], []
    for one in recordings:
        samples = target.level(one.sound.samples(target.rate))
        numbers, known, _ = codecs.read(one.text)
        if len(samples) < target.size or not float(np.abs(samples).max()) or not known:
            left.append(one.name)
            continue
        kept.append(one)
        texts.append(one.text)
        symbols.append(numbers)
        bands.append(target.logs(samples))
    if not texts:
        raise DataError(
            "there is no sound in any recording", given=left[0] if left else "no recording"
        )
    if left:
        watch.tell(
            f"{len(left)} recordings are silent, too short or of no known symbol, and left out:"
            f" {left[0]}"
        )
    seconds = sum(map(len, bands)) * target.step
    spent = time.perf_counter() - started
    watch.tell(f"heard {len(texts):,} recordings, {seconds / 60:.1f} min, in {spent:.1f} s")
    return _Heard(tuple(kept), tuple(texts), tuple(symbols), tuple(bands))


def _part(heard: _Heard, codecs: SpeakCodecs, usual: NDArray[np.float64]) -> SpokenPart:
    """Standardise bands, and find each recording's pace beside the usual one of its symbols."""
    expected = [max(float(usual[one].sum()), 1.0) for one in heard.symbols]
    pace = np.log([len(b) / e for b, e in zip(heard.logs, expected, strict=True)])
    frames = tuple(codecs.target.scaled(logs) for logs in heard.logs)
    return SpokenPart(heard.texts, heard.symbols, frames, pace.astype(np.float32))


def _bounds(train: SpokenPart, config: Config) -> dict[str, float]:
    """Return what holds speech to an end, before attention is known."""
    steps = np.array([-(-len(one) // config.speak.frames) for one in train.frames])
    symbols = np.array([len(one) for one in train.symbols])
    slowest = float((steps / (symbols + 4)).max())
    fast, slow = np.percentile(train.pace, [5, 95])
    return {
        "stay": int(np.ceil(6 * slowest)) + 1,
        "slowest": _SPARE * slowest,
        "longest": int(symbols.max()) - 1,
        "fast": min(float(fast), 0.0),
        "slow": max(float(slow), 0.0),
    }


def _build(codecs: SpeakCodecs, recordings: int, config: Config) -> SpeakerNetwork:
    network = SpeakerNetwork(codecs.source.size, codecs.target.mels, recordings, config)
    network.set_precision(precision_of(config.train))
    return network


def _measure(draft: _Draft, dev: _Heard) -> Any:
    """Return what speaks some of dev with a network as it is now, as it would be deployed."""
    # Drawn, not every n-th: recordings may come in turns of length or kind.
    places = range(len(dev.texts))
    some = sorted(Random(_SEED).sample(places, min(_SPOKEN, len(places))))
    texts, truth = [dev.texts[place] for place in some], [dev.logs[place] for place in some]

    def measure(network: SpeakerNetwork) -> dict[str, float]:
        said = draft.session(network).frames(texts)
        lengths = [len(b) / len(a) for a, b in zip(truth, said, strict=True)]
        return {
            "mcd": float(distortions(truth, said).mean()),
            "duration": float(np.exp(np.mean(np.log(lengths)))),
        }

    return measure


@torch.no_grad()
def _longest_stay(network: SpeakerNetwork, train: SpokenPart, config: Config) -> int:
    """Return how many steps attention may stay at one symbol: more than in nearly all training."""
    network.eval()
    longest: list[int] = []
    for begin in range(0, len(train.texts), _AT_ONCE):
        rows = range(begin, min(begin + _AT_ONCE, len(train.texts)))
        batch = train.batch(rows, config.speak.frames, known=True, device=network.style.device)
        peaks = network(batch).alignment.argmax(dim=2).cpu().numpy()
        for one, steps in zip(peaks, batch.step_lengths.tolist(), strict=True):
            longest.append(int(np.bincount(one[:steps]).max()))
    return int(np.ceil(_SPARE * np.percentile(longest, 99))) + 1


def _fingerprint(recordings: Sequence[Recording]) -> str:
    digest = hashlib.sha256()
    for one in recordings:
        header = one.sound.header()
        digest.update(repr((one.name, one.text, header.rate, header.frames)).encode())
    return digest.hexdigest()[:16]
