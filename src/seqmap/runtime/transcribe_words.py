"""Words of symbols that were found: their times, and how far they can be trusted."""

from __future__ import annotations

import numpy as np

from seqmap.calibration import sigmoid
from seqmap.codecs.audio import Floats
from seqmap.codecs.transcript import TranscriptCodec
from seqmap.search.ctc import align
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import Context
from seqmap.tasks.transcribe_results import Word

TRUST = (2.0, 1.0, 0.0, 2.0)
"""Weights of a word's confidence before it is calibrated."""


def words_of(
    numbers: list[int],
    chances: Floats,
    codec: TranscriptCodec,
    lexicon: Lexicon,
    *,
    step: float,
    trust: tuple[float, ...],
) -> list[Word]:
    """Return the words of some symbols, with times from the beginning of the rows.

    Args:
        numbers: The symbols.
        chances: Logarithms of probabilities, (time, classes).
        codec: What the symbols mean.
        lexicon: Holds the language model.
        step: Seconds of a row.
        trust: Weights of the confidence, as `TRUST`.
    """
    found = []
    for text, first, last, features in word_features(numbers, chances, codec, lexicon):
        logit = float(np.dot(features, trust[:-1])) + trust[-1]
        sure = float(sigmoid(np.array(logit)))
        found.append(Word(text, first * step, last * step, sure))
    return found


def word_features(
    numbers: list[int], chances: Floats, codec: TranscriptCodec, lexicon: Lexicon
) -> list[tuple[str, int, int, tuple[float, float, float]]]:
    """Return words with their first step, one after the last, and what tells of their truth.

    That is the mean and the least of the logarithms of their symbols' probabilities, and that of
    the word after the words before (0 without a language model), per character.
    """
    pieces: list[tuple[str, int, int, float]] = []
    for number, (first, last) in zip(numbers, align(chances, numbers), strict=True):
        sure = float(chances[first:last, number].max())
        pieces += [(character, first, last, sure) for character in codec.table[number]]
    words: list[list[tuple[str, int, int, float]]] = [[]]
    for piece in pieces:
        if piece[0] == " ":
            words.append([])
        elif codec.spaced:
            words[-1].append(piece)
        else:
            words.append([piece])
    found = []
    model = lexicon.model
    history: Context = model.begin if model is not None else ()
    for word in filter(None, words):
        text = "".join(piece[0] for piece in word)
        each = [piece[3] for piece in word]
        likely = 0.0
        if model is not None:
            likely = model.score(history, model.number(text)) / len(text)
            history = model.after(history, model.number(text))
        features = (sum(each) / len(each), min(each), likely)
        found.append((text, word[0][1], word[-1][2], features))
    return found
