"""The plain model of speech generation: the recording whose text is nearest, played again."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from seqmap.codecs.speech import SpeechCodec
from seqmap.config import Config
from seqmap.data.audio import Recording
from seqmap.speech_metrics import distortions
from seqmap.tasks import find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.tasks.speak import Speak
from seqmap.training.job import Reference


def speak_reference(
    train: Sequence[Recording], test: Sequence[Recording], targets: AudioSet
) -> Reference:
    """Return how far the nearest text's recording is from the true one."""
    task = find_task("speak")
    assert isinstance(task, Speak)
    config: Config = task.config()
    codec = task.fit_codecs([one.text for one in train], targets.rate, config).target
    known: dict[str, Recording] = {}
    for one in train:
        known.setdefault(one.text, one)
    chosen = {text: _nearest(text, known) for text in {one.text for one in test}}
    truth = [_logs(one, codec) for one in test]
    said = [_logs(chosen[one.text], codec) for one in test]
    return Reference(
        "the recording of the nearest training text",
        {"mcd": float(np.mean(distortions(truth, said)))},
    )


def _nearest(text: str, known: dict[str, Recording]) -> Recording:
    if text in known:
        return known[text]
    matcher = SequenceMatcher(None, "", text, autojunk=False)

    def likeness(other: str) -> float:
        matcher.set_seq1(other)
        return matcher.ratio()

    return known[max(known, key=likeness)]


def _logs(one: Recording, codec: SpeechCodec) -> np.ndarray:
    return codec.logs(codec.level(one.sound.samples(codec.rate)))
