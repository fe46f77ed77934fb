"""The sample of text classification: synthetic reviews in English and Chinese.

The reviews are written by this project's own grammar, so they need no download and no licence but
that of seqmap. They show what a sequence model is for; they say nothing about real reviews.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from seqmap.data import Example
from seqmap.samples.chinese import CHINESE
from seqmap.samples.english import ENGLISH
from seqmap.samples.grammar import Sentence, write

SYNTHETIC_NOTICE = (
    "Synthetic data: a seeded grammar wrote these reviews, not people. The hotels,\n"
    "novels and products do not exist; the figures say nothing about real reviews."
)

LABELS = ("negative", "positive")


@dataclass(frozen=True)
class Reviews:
    """The three parts of the sample; no text occurs twice."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]


def reviews(seed: int = 42, *, train: int = 6000, dev: int = 600, test: int = 1000) -> Reviews:
    """Write the sample; the same seed gives the same reviews on every machine.

    Half of the reviews are positive, and half of them are English.

    Args:
        seed: Seed of the grammar.
        train: Size of the training part.
        dev: Size of the part that decides when to stop.
        test: Size of the part that is only measured.
    """
    written = sentences(train + dev + test, seed=seed)
    examples = tuple(Example(text=s.text, labels=(LABELS[s.good],)) for s in written)
    return Reviews(examples[:train], examples[train : train + dev], examples[train + dev :])


def sentences(count: int, *, seed: int = 42) -> list[Sentence]:
    """Write `count` different reviews, with the pattern behind each of them."""
    source = random.Random(seed)
    seen: set[str] = set()
    written: list[Sentence] = []
    while len(written) < count:
        language = ENGLISH if source.random() < 0.5 else CHINESE
        sentence = write(language, good=len(written) % 2 == 0, source=source)
        if sentence.text not in seen:
            seen.add(sentence.text)
            written.append(sentence)
    return written
