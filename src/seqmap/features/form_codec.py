"""Tokens as a tagger reads them: word, letters, shape, and keys of lexical features.

What depends on a token's form alone is worked out once per distinct form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import UNKNOWN, Ids
from seqmap.codecs.characters import fold_characters
from seqmap.codecs.vocabulary import Cache, Vocabulary
from seqmap.config import Config, TextConfig
from seqmap.errors import ArchiveError
from seqmap.features.forms import (
    Keys,
    folded,
    form_hashes,
    form_keys,
    pair_keys,
    shape_class,
)

_LONGEST_CACHED = 48


@dataclass(frozen=True, slots=True)
class Form:
    """One distinct token.

    Attributes:
        word: The id of its word.
        letters: The ids of its letters, (letters,), at least one.
        shape: Its shape class.
        keys: Its lexical features, by their place in the table of features, (features,).
        hashes: Of its word and of its shape, for pairs.
    """

    word: int
    letters: Ids
    shape: int
    keys: Ids
    hashes: tuple[int, int]


class FormCodec:
    """Tokens → numbers.

    Args:
        words: The known words, folded.
        letters: The known letters.
        features: Keys of lexical features, sorted, (features,) uint32.
        pairs: Keys of the pairs that have a vector, sorted, (pairs,) uint32.
        longest: Letters of a longer word that are kept.
    """

    def __init__(
        self, words: Vocabulary, letters: Vocabulary, features: Keys, pairs: Keys, longest: int
    ) -> None:
        self.words, self.letters = words, letters
        self.features, self.pairs = features, pairs
        self.longest = longest
        self.forms: Cache[Form] = Cache(self._form, longest=_LONGEST_CACHED)

    unit = "word"

    @property
    def size(self) -> int:
        """The number of word ids."""
        return len(self.words)

    def symbol(self, index: int) -> str:
        """Return the word of an id."""
        return self.words.symbols[index]

    def symbols(self, text: str) -> list[str]:
        """Return what a token is folded to."""
        return [_word(text)]

    @classmethod
    def fit(cls, sentences: Sequence[Sequence[str]], config: Config) -> Self:
        """Collect words, letters, features and pairs of the training sentences."""
        forms = Counter(token for tokens in sentences for token in tokens)
        words: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        for token, count in forms.items():
            words[_word(token)] += count
            for letter in _letters(token):
                letters[letter] += count
        known = Vocabulary.from_counts(words, config.text)
        alphabet = Vocabulary.from_counts(letters, TextConfig(min_count=2, vocabulary=8000))
        nothing = np.zeros(0, np.uint32)
        tag = config.tag
        features = pairs = nothing
        if tag.features == "window" or tag.pair_size:
            neighbours = _neighbours(sentences)
            if tag.pair_size:
                pairs = _frequent(neighbours[:, 0], np.ones(len(neighbours)), 2)
            if tag.features == "window":
                own = [form_keys(token) for token in forms]
                often = np.repeat(list(forms.values()), [len(keys) for keys in own])
                keys = np.concatenate([*own, neighbours.ravel()])
                counts = np.concatenate([often, np.ones(neighbours.size)])
                features = _frequent(keys, counts, tag.feature_count)
        return cls(known, alphabet, features, pairs, tag.longest_word)

    def add_words(self, names: Iterable[str], limit: int) -> None:
        """Know more words than those of the training data, in their order, up to a limit.

        Their vectors come from elsewhere: a word that training never saw then has a meaning.
        """
        room = limit - len(self.words)
        new: dict[str, None] = {}
        for name in names:
            if len(new) >= room:
                break
            if name not in self.words.ids and "\n" not in name:
                new[name] = None
        self.words = Vocabulary([*self.words.symbols[2:], *new])
        self.forms.clear()

    def drop_features(self) -> None:
        """Forget all lexical features: they turned out to say nothing."""
        self.features = np.zeros(0, np.uint32)
        self.forms.clear()

    def encode_pairs(self, forms: Sequence[Form]) -> tuple[Ids, Ids]:
        """Return what neighbours are together.

        Args:
            forms: Those of a sentence.

        Returns:
            Ids of the vectors of pairs, (tokens,), 1 for an unknown pair; and places in the table
            of features, (tokens, 3), -1 for what is no feature.
        """
        hashes = np.array([form.hashes for form in forms], np.uint64).reshape(-1, 2)
        keys = pair_keys(hashes[:, 0], hashes[:, 1])
        vectors = _find(self.pairs, keys[:, 0])
        return np.where(vectors < 0, UNKNOWN, vectors + 2).astype(np.int32), _find(
            self.features, keys
        )

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return settings and arrays that `from_state` reads."""
        return {"longest_word": self.longest}, {
            "vocabulary.words": self.words.to_array(),
            "vocabulary.letters": self.letters.to_array(),
            "vocabulary.features": self.features,
            "vocabulary.pairs": self.pairs,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild the codec.

        Raises:
            ArchiveError: An array is missing or damaged.
        """
        keys = [arrays[name] for name in ("vocabulary.features", "vocabulary.pairs")]
        if any(k.dtype != np.uint32 or k.ndim != 1 or (k[1:] <= k[:-1]).any() for k in keys):
            raise ArchiveError("the model's features are damaged")
        return cls(
            Vocabulary.from_array(arrays.get("vocabulary.words")),
            Vocabulary.from_array(arrays.get("vocabulary.letters")),
            keys[0],
            keys[1],
            int(state["longest_word"]),
        )

    def _form(self, token: str) -> Form:
        letters = [self.letters.ids.get(letter, UNKNOWN) for letter in _letters(token)]
        if len(letters) > self.longest:
            half = (self.longest + 1) // 2
            letters = letters[:half] + letters[len(letters) - (self.longest - half) :]
        keys = np.zeros(0, np.int32)
        if len(self.features):
            keys = _find(self.features, form_keys(token))
            keys = keys[keys >= 0]
        return Form(
            self.words.ids.get(_word(token), UNKNOWN),
            np.array(letters or [UNKNOWN], np.int32),
            shape_class(token),
            keys,
            form_hashes(token),
        )


def _word(token: str) -> str:
    """Return a token folded; a vocabulary is stored a symbol a line, so line feeds are left out."""
    word = folded(token)
    return (word.replace("\n", "") or " ") if "\n" in word else word


def _letters(token: str) -> list[str]:
    """Return the letters of a token, full-width ones as ordinary ones; no line feed can occur."""
    return [letter for letter in fold_characters(token, lowercase=False) if letter != "\n"]


def _neighbours(sentences: Sequence[Sequence[str]]) -> NDArray[np.uint32]:
    """Return the keys of all pairs, (tokens, 3)."""
    hashes: Cache[tuple[int, int]] = Cache(form_hashes, longest=_LONGEST_CACHED)
    found = [np.zeros((0, 3), np.uint32)]
    for tokens in sentences:
        own = np.array([hashes[token] for token in tokens], np.uint64).reshape(-1, 2)
        found.append(pair_keys(own[:, 0], own[:, 1]))
    return np.concatenate(found)


def _frequent(keys: NDArray[np.uint32], counts: NDArray[Any], least: int) -> Keys:
    """Return the keys whose counts come to at least so many, sorted."""
    distinct, places = np.unique(keys, return_inverse=True)
    return np.asarray(distinct[np.bincount(places, counts, len(distinct)) >= least])


def _find(table: Keys, keys: NDArray[np.uint32]) -> Ids:
    """Return where keys stand in a sorted table, -1 for those that do not."""
    if len(table) == 0:
        return np.full(keys.shape, -1, np.int32)
    places = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where(table[places] == keys, places, -1).astype(np.int32)
