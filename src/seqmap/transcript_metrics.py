"""Error rates of transcripts, and what was taken for what; by jiwer.

Word error rate: substitutions, deletions and insertions of the best alignment over the words of
the truth. Character error rate: the same over characters, blanks included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from seqmap.errors import MissingExtraError


@dataclass(frozen=True)
class WordErrors:
    """How words were heard.

    Attributes:
        words: Of the truth.
        right: Heard as they are.
        substitutions: Heard as another word.
        deletions: Not heard.
        insertions: Heard where there is none.
        confusions: (truth, heard) and how often, the most frequent first; an empty string stands
            for no word.
    """

    words: int
    right: int
    substitutions: int
    deletions: int
    insertions: int
    confusions: tuple[tuple[str, str, int], ...]

    @property
    def rate(self) -> float:
        """The word error rate."""
        return (self.substitutions + self.deletions + self.insertions) / max(self.words, 1)


def error_rates(truth: Sequence[str], heard: Sequence[str]) -> dict[str, float]:
    """Return `wer` and `cer` over all transcripts, words separated by blanks.

    Raises:
        MissingExtraError: jiwer is not installed.
    """
    if not truth:
        return {"wer": 0.0, "cer": 0.0}
    found = _jiwer().process_characters(list(truth), list(heard))
    return {"wer": word_errors(truth, heard).rate, "cer": float(found.cer)}


def word_errors(truth: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """Count right and wrong words over all transcripts.

    Raises:
        MissingExtraError: jiwer is not installed.
    """
    confusions: Counter[tuple[str, str]] = Counter()
    right = substitutions = deletions = insertions = 0
    for pairs in alignments(truth, heard):
        for said, found in pairs:
            if said == found:
                right += 1
                continue
            confusions[said, found] += 1
            substitutions += bool(said and found)
            deletions += not found
            insertions += not said
    listed = sorted(confusions.items(), key=lambda item: (-item[1], item[0]))
    return WordErrors(
        right + substitutions + deletions,
        right,
        substitutions,
        deletions,
        insertions,
        tuple((said, found, count) for (said, found), count in listed),
    )


def alignments(truth: Sequence[str], heard: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Return for each transcript its words beside those that were heard; "" where there is none.

    Raises:
        MissingExtraError: jiwer is not installed.
    """
    if not truth:
        return []
    found = _jiwer().process_words(list(truth), list(heard))
    return [
        list(_pairs(said, got, chunks))
        for said, got, chunks in zip(
            found.references, found.hypotheses, found.alignments, strict=True
        )
    ]


def _pairs(said: list[str], got: list[str], chunks: Sequence[Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for chunk in chunks:
        ours = said[chunk.ref_start_idx : chunk.ref_end_idx]
        theirs = got[chunk.hyp_start_idx : chunk.hyp_end_idx]
        pairs += [
            (ours[k] if k < len(ours) else "", theirs[k] if k < len(theirs) else "")
            for k in range(max(len(ours), len(theirs)))
        ]
    return pairs


def _jiwer() -> Any:
    try:
        return import_module("jiwer")
    except ImportError:
        raise MissingExtraError("jiwer", "audio") from None
