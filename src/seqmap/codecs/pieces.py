"""Text ⇄ pieces that join to the same text again, for models that write text.

Nothing is folded: what a model learns to write is what its examples hold. Each run between blanks
is cut by itself, and its first piece begins with `▁`, as in sentencepiece; so joining the pieces
gives back the text, up to runs of blanks and pieces that are not known. Id 0, which no piece ever
has, is the boundary: where a text begins and where it ends.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import PAD, SPECIAL, UNKNOWN, Ids
from seqmap.codecs.vocabulary import Cache, Vocabulary
from seqmap.codecs.word import split_words
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError, DataError

BOUNDARY = PAD
"""The id of the beginning and of the end of a text."""
BLANK = "\u2581"
"""What stands for the blank before a run."""

_LONGEST_RUN = 256
_LONGEST_CACHED_RUN = 24
_READINGS = 8  # segmentations of a run that are sampled from
_UNKNOWN_PENALTY = 10.0  # as in sentencepiece: below the least probable piece


class PieceCodec(ABC):
    """Text ⇄ ids of pieces.

    Args:
        vocabulary: The known pieces.
        lowercase: Whether texts are read in lower case.
    """

    unit: ClassVar[str]

    def __init__(self, vocabulary: Vocabulary, *, lowercase: bool = False) -> None:
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self._runs: Cache[tuple[int, ...]] = Cache(self._numbers, longest=_LONGEST_CACHED_RUN)

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self.vocabulary)

    @classmethod
    @abstractmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig, size: int) -> Self:
        """Learn at most `size` pieces from texts."""

    @abstractmethod
    def _cut(self, run: str) -> list[str]:
        """Return the pieces of a run that begins with `▁`."""

    def pieces(self, text: str) -> list[str]:
        """Return the pieces of a text, known or not: as many as `encode` gives ids."""
        return [piece for run in self._split(text) for piece in self._cut(run)]

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, int32 `(time,)`, without boundaries."""
        runs = map(self._runs.__getitem__, self._split(text))
        return np.array([number for run in runs for number in run], np.int32)

    def sample(self, text: str, draw: Random, sharpness: float) -> Ids:
        """Return ids of a text; where it can be cut in several ways, of a random one."""
        return self.encode(text)

    def symbol(self, index: int) -> str:
        """Return the piece of one id."""
        return self.vocabulary.symbols[index]

    def decode(self, ids: Iterable[int]) -> str:
        """Return text for ids; boundaries are left out, what is unknown shows as `<unk>`."""
        return self.join(self.symbol(index) for index in ids if index != BOUNDARY)

    def join(self, pieces: Iterable[str]) -> str:
        """Return the text that pieces make."""
        return "".join(pieces).replace(BLANK, " ").removeprefix(" ")

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings, and the pieces as UTF-8 lines."""
        settings = {"unit": self.unit, "lowercase": self.lowercase}
        return settings, {"pieces": self.vocabulary.to_array()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids.

        Raises:
            ArchiveError: Something is missing or damaged.
        """
        vocabulary = Vocabulary.from_array(arrays.get("pieces"))
        return cls(vocabulary, lowercase=bool(state.get("lowercase", False)))

    def _numbers(self, run: str) -> tuple[int, ...]:
        ids = self.vocabulary.ids
        return tuple(ids.get(piece, UNKNOWN) for piece in self._cut(run))

    def _split(self, text: str) -> list[str]:
        """Return the runs between blanks, each with `▁` before it; very long ones are cut."""
        if self.lowercase:
            text = text.lower()
        runs = [BLANK + run for run in text.replace(BLANK, "_").replace("\0", "\ufffd").split()]
        if all(len(run) <= _LONGEST_RUN for run in runs):
            return runs
        return [
            run[start : start + _LONGEST_RUN]
            for run in runs
            for start in range(0, len(run), _LONGEST_RUN)
        ]


class CharPieces(PieceCodec):
    """Characters; a blank is one too."""

    unit = "char"

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig, size: int) -> Self:
        """Keep the most frequent characters."""
        plain = cls(Vocabulary(()), lowercase=config.lowercase)
        return cls(_counted(plain, texts, config, size), lowercase=config.lowercase)

    def _cut(self, run: str) -> list[str]:
        return list(run)


class WordPieces(PieceCodec):
    """Words, numbers, single marks, single characters of scripts without blanks."""

    unit = "word"

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig, size: int) -> Self:
        """Keep the most frequent words."""
        plain = cls(Vocabulary(()), lowercase=config.lowercase)
        return cls(_counted(plain, texts, config, size), lowercase=config.lowercase)

    def _cut(self, run: str) -> list[str]:
        marked = run.startswith(BLANK)
        words = split_words(run.removeprefix(BLANK))
        return [BLANK + words[0], *words[1:]] if marked and words else words


class SubwordPieces(PieceCodec):
    """Pieces of words by the unigram model (Kudo 2018); no sentencepiece is needed to apply it.

    Args:
        vocabulary: The known pieces.
        scores: The logarithm of each one's probability, (pieces,); those of the special ids are
            not used.
        lowercase: Whether texts are read in lower case.
    """

    unit = "subword"

    def __init__(
        self, vocabulary: Vocabulary, scores: NDArray[np.float32], *, lowercase: bool = False
    ) -> None:
        super().__init__(vocabulary, lowercase=lowercase)
        if scores.shape != (len(vocabulary),):
            raise ArchiveError("the model's subwords and their scores differ in number")
        self.scores = scores
        known = vocabulary.ids.items()
        values = scores.tolist()
        self._scored = {piece: values[number] for piece, number in known}
        self._unknown = min(self._scored.values(), default=0.0) - _UNKNOWN_PENALTY
        self._longest = max(map(len, self._scored), default=1)
        self._sampled: Cache[tuple[list[tuple[int, ...]], list[float]]] = Cache(
            self._readings, longest=_LONGEST_CACHED_RUN
        )
        self._sharpness = 1.0

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig, size: int) -> Self:
        """Learn the pieces by sentencepiece.

        Raises:
            MissingExtraError: The package sentencepiece is not installed.
            DataError: The texts are empty.
            ConfigError: `size` cannot even hold the single characters.
        """
        from seqmap.codecs.subword import learn_pieces

        plain = CharPieces(Vocabulary(()), lowercase=config.lowercase)
        sentences = [
            line for text in texts if (line := " ".join(r[1:] for r in plain._split(text)))
        ]
        if not sentences:
            raise DataError("there is no text to learn subwords from")
        found = learn_pieces(sentences, size)
        names, scores = zip(*found[len(SPECIAL) :], strict=True)
        padded = np.array([0.0] * len(SPECIAL) + list(scores), np.float32)
        return cls(Vocabulary(names), padded, lowercase=config.lowercase)

    def sample(self, text: str, draw: Random, sharpness: float) -> Ids:
        """Cut each run at random, as probable as its segmentation to the power of `sharpness`.

        Subword regularisation, eq. 8 of Kudo 2018, over the best segmentations of a run.
        """
        if sharpness != self._sharpness:
            self._sharpness = sharpness
            self._sampled.clear()
        found: list[int] = []
        for run in self._split(text):
            readings, bounds = self._sampled[run]
            chosen = 0 if len(readings) == 1 else bisect(bounds, draw.random())
            found.extend(readings[min(chosen, len(readings) - 1)])
        return np.array(found, np.int32)

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings, the pieces and their scores."""
        settings, arrays = super().to_state()
        return settings, {**arrays, "scores": self.scores}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids."""
        vocabulary, scores = Vocabulary.from_array(arrays.get("pieces")), arrays.get("scores")
        if scores is None or scores.dtype != np.float32 or not np.isfinite(scores).all():
            raise ArchiveError("the scores of the model's subwords are missing or damaged")
        return cls(vocabulary, scores, lowercase=bool(state.get("lowercase", False)))

    def _cut(self, run: str) -> list[str]:
        """Return the most probable segmentation (Viterbi 1967), unknown characters together."""
        best = [0.0] + [-math.inf] * len(run)
        begun = [0] * (len(run) + 1)
        scored = self._scored.get
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - self._longest), end):
                score = scored(run[start:end])
                if score is None:
                    if end - start > 1:
                        continue
                    score = self._unknown
                if best[start] + score > best[end]:
                    best[end], begun[end] = best[start] + score, start
        return _merged(_traced(run, begun), self._scored)

    def _readings(self, run: str) -> tuple[list[tuple[int, ...]], list[float]]:
        """Return the best segmentations of a run as ids, and the upper bounds of their shares."""
        ids, scored = self.vocabulary.ids, self._scored.get
        kept: list[list[tuple[float, tuple[int, ...]]]] = [[(0.0, ())]]
        for end in range(1, len(run) + 1):
            found: list[tuple[float, tuple[int, ...]]] = []
            for start in range(max(0, end - self._longest), end):
                piece = run[start:end]
                score = scored(piece)
                if score is None:
                    if end - start > 1:
                        continue
                    score = self._unknown
                number = ids.get(piece, UNKNOWN)
                found += [(before + score, (*cut, number)) for before, cut in kept[start]]
            kept.append(sorted(found, reverse=True)[:_READINGS])
        scores = np.array([score for score, _ in kept[-1]])
        shares = np.exp(self._sharpness * (scores - scores.max()))
        return [cut for _, cut in kept[-1]], np.cumsum(shares / shares.sum()).tolist()


PIECES: dict[str, type[PieceCodec]] = {
    "subword": SubwordPieces,
    "word": WordPieces,
    "char": CharPieces,
}


def restore_pieces(state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> PieceCodec:
    """Rebuild a codec from `PieceCodec.to_state`.

    Raises:
        ArchiveError: The state names no known codec, or is damaged.
    """
    codec = PIECES.get(str(state.get("unit")))
    if codec is None:
        raise ArchiveError(
            "the model's text codec is unknown", given=state.get("unit"), allowed=PIECES
        )
    return codec.from_state(state, arrays)


def _counted(codec: PieceCodec, texts: Iterable[str], config: TextConfig, size: int) -> Vocabulary:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(codec.pieces(text))
    kept = [(count, piece) for piece, count in counts.items() if count >= config.min_count]
    kept.sort(key=lambda item: (-item[0], item[1]))
    return Vocabulary(piece for _, piece in kept[:size])


def _traced(run: str, begun: Sequence[int]) -> list[str]:
    pieces, end = [], len(run)
    while end > 0:
        pieces.append(run[begun[end] : end])
        end = begun[end]
    return pieces[::-1]


def _merged(pieces: Sequence[str], known: Mapping[str, float]) -> list[str]:
    """Join unknown pieces that stand side by side, as sentencepiece does."""
    found: list[str] = []
    last = False
    for piece in pieces:
        unknown = piece not in known
        if unknown and last:
            found[-1] += piece
        else:
            found.append(piece)
        last = unknown
    return found
