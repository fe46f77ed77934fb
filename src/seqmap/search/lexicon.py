"""What a search knows of words: the language model, phrases, and how words may begin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seqmap.search.ngram import SPECIAL, UNKNOWN, Context, NGrams
from seqmap.search.phrases import Phrases

_NEVER = -math.inf


@dataclass(frozen=True)
class Lexicon:
    """What the search knows of words.

    Attributes:
        table: What each symbol adds to a text.
        spaced: Whether blanks stand between words; else each character is a word.
        model: The language model, or None.
        phrases: Expected phrases, or None.
        ahead: The best chance of a word of the model that begins so.
        new: The beginnings of words that only phrases have.
        rare: The chance of such a word: that of a word of the model in the geometric mean.
        made: What a search has made of the words, to be made once.
    """

    table: tuple[str, ...]
    spaced: bool
    model: NGrams | None = None
    phrases: Phrases | None = None
    ahead: dict[str, float] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    rare: float = 0.0
    made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        table: Sequence[str],
        *,
        spaced: bool,
        model: NGrams | None = None,
        phrases: Phrases | None = None,
    ) -> Lexicon:
        """Work out what the beginnings of words promise."""
        ahead: dict[str, float] = {}
        rare = 0.0
        if model is not None:
            chances = [model.chances.get((k,), 0.0) for k in range(len(model.words))]
            known = list(zip(model.words, chances, strict=True))[len(SPECIAL) :]
            rare = sum(chance for _, chance in known) / max(len(known), 1)
            for word, chance in known:
                for end in range(1, len(word) + 1):
                    begun = word[:end]
                    if chance > ahead.get(begun, _NEVER):
                        ahead[begun] = chance
        plain = cls(tuple(table), spaced, model, None, ahead, frozenset(), rare)
        return plain.expecting(phrases)

    def expecting(self, phrases: Phrases | None) -> Lexicon:
        """Return the same with other phrases; what is known of the model is shared."""
        new: frozenset[str] = frozenset()
        if self.model is not None and phrases is not None:
            words = [word for word in phrases.words if not self.model.number(word)]
            new = frozenset(word[:end] for word in words for end in range(1, len(word) + 1))
        return replace(self, phrases=phrases, new=new)

    def promise(self, part: str) -> float | None:
        """Return the best chance of a known word that begins so; None where there is none."""
        best = self.ahead.get(part)
        if part in self.new and (best is None or self.rare > best):
            return self.rare
        return best

    def knows(self, word: str) -> bool:
        """Tell whether the model or a phrase has a word."""
        model, phrases = self.model, self.phrases
        return (model is not None and word in model.numbers) or (
            phrases is not None and word in phrases.words
        )

    def chance(self, history: Context, word: str) -> tuple[float, Context]:
        """Return the chance of a word after others by the model, and the history after it."""
        assert self.model is not None
        number = self.model.number(word)
        only_phrase = number == UNKNOWN and self.knows(word)
        chance = self.rare if only_phrase else self.model.score(history, number)
        return chance, self.model.after(history, number)
