"""What hearing gives: words with times and confidence, and how right they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqmap.codecs.transcript import TranscriptCodec
from seqmap.metrics import ece
from seqmap.tasks.base import Evaluation
from seqmap.transcript_metrics import WordErrors, alignments, error_rates, word_errors

_SHOWN = 12  # confusions in a report


@dataclass(frozen=True)
class Word:
    """One word that was heard.

    Attributes:
        text: The word.
        start: When it begins, in seconds.
        end: When it ends.
        confidence: How probable it is to be right.
    """

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class OtherReading:
    """Something else that may have been said.

    Attributes:
        text: The whole text.
        probability: Among the readings that the search kept.
    """

    text: str
    probability: float


@dataclass(frozen=True)
class Transcript:
    """What was heard.

    Attributes:
        text: All of it.
        words: Its words.
        seconds: How long the recording is, or where the part of a stream ends.
        name: Of the recording.
        notes: What a reader should know of the sound.
        alternatives: Several readings, if asked for, the likeliest first.
    """

    text: str
    words: tuple[Word, ...]
    seconds: float
    name: str = ""
    notes: tuple[str, ...] = ()
    alternatives: tuple[OtherReading, ...] = ()


def joined(words: Sequence[str], codec: TranscriptCodec) -> str:
    """Put words together as the training's transcripts are written."""
    return (" " if codec.spaced else "").join(words)


def evaluate_transcripts(
    texts: Sequence[str], answers: Sequence[Transcript], codec: TranscriptCodec
) -> Evaluation:
    """Score transcripts against what was said.

    Args:
        texts: What was said.
        answers: What was heard.
        codec: How texts are folded and cut into words; characters count as words in scripts
            without blanks.
    """
    truth = [" ".join(codec.words(codec.normal(text))) for text in texts]
    heard = [" ".join(codec.words(answer.text)) for answer in answers]
    rates = error_rates(truth, heard)
    found = word_errors(truth, heard)
    chances, right = _trust(truth, heard, answers)
    metrics = {
        **rates,
        "accuracy": float(np.mean([a == b for a, b in zip(truth, heard, strict=True)])),
        "ece": ece(np.stack([1 - chances, chances], axis=1), right) if len(right) else 0.0,
    }
    details = {
        "words": found.words,
        "substitutions": found.substitutions,
        "deletions": found.deletions,
        "insertions": found.insertions,
        "confusions": [list(one) for one in found.confusions[:50]],
        "seconds": float(sum(answer.seconds for answer in answers)),
    }
    return Evaluation(metrics, _table(found, metrics, len(texts)), details)


def word_truth(
    truth: Sequence[str], heard: Sequence[str], counts: Sequence[int]
) -> list[list[bool]]:
    """Return for each heard word whether it is right.

    Args:
        truth: Folded texts, words separated by blanks.
        heard: The same of what was heard.
        counts: How many words each heard text has.
    """
    found = []
    for pairs, count in zip(alignments(truth, heard), counts, strict=True):
        own = [said == got for said, got in pairs if got]
        found.append(own if len(own) == count else [False] * count)
    return found


def _trust(
    truth: Sequence[str], heard: Sequence[str], answers: Sequence[Transcript]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence of all heard words, and whether they are right."""
    counts = [len(answer.words) for answer in answers]
    right = [one for own in word_truth(truth, heard, counts) for one in own]
    chances = [word.confidence for answer in answers for word in answer.words]
    return np.array(chances, np.float64), np.array(right, np.int64)


def _table(found: WordErrors, metrics: dict[str, float], count: int) -> str:
    lines = [
        f"{count:,} recordings, {found.words:,} words: {found.right:,} right, "
        f"{found.substitutions} taken for another, {found.deletions} missed, "
        f"{found.insertions} that were not said",
        f"word error rate {metrics['wer']:.4f}, character error rate {metrics['cer']:.4f}, "
        f"whole recordings right {metrics['accuracy']:.4f}",
    ]
    if found.confusions:
        lines += ["", f"{'said':<20} {'heard':<20} {'times':>5}"]
        for said, got, times in found.confusions[:_SHOWN]:
            lines.append(f"{said or '–':<20} {got or '–':<20} {times:>5}")
    return "\n".join(lines)
