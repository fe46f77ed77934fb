"""Prefix beam search over CTC with a language model and expected phrases.

Graves 2012 ("Sequence transduction", section 2.5) and Hannun et al. 2014 ("First-pass large
vocabulary continuous speech recognition using bi-directional recurrent DNNs", algorithm 1): a
reading is a sequence of symbols, with the probabilities of the paths that end in a blank and of
those that do not. A reading's worth is

    log p(reading | sound) + weight · log p(words) + bonus · words + boost · characters of phrases

A word that is not complete counts as the likeliest known word that begins so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import nlargest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.transcript import BLANK
from seqmap.search.ngram import END, SPECIAL, UNKNOWN, Context, NGrams
from seqmap.search.phrases import ROOT, Phrases

_NEVER = -math.inf
_HASH = (1 << 89) - 1  # a prime: two readings of one search never share a key in practice


@dataclass(frozen=True)
class BeamOptions:
    """How readings are weighed.

    Attributes:
        beam: Readings that are kept.
        weight: Of the language model.
        bonus: For each word.
        unknown: For each word that neither the language model nor a phrase knows.
        boost: For each character of a phrase that is completed.
        cutoff: Symbols less likely than the best by this (a natural logarithm) are not tried.
        sure: A blank at least so probable leaves all readings as they are.
    """

    beam: int = 32
    weight: float = 0.0
    bonus: float = 0.0
    unknown: float = 0.0
    boost: float = 1.5
    cutoff: float = 6.0
    sure: float = 0.999


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
    """

    table: tuple[str, ...]
    spaced: bool
    model: NGrams | None = None
    phrases: Phrases | None = None
    ahead: dict[str, float] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    rare: float = 0.0

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


@dataclass(frozen=True)
class Reading:
    """What may have been said.

    Attributes:
        numbers: The symbols.
        score: Its worth.
        history: Of the language model, after it.
    """

    numbers: tuple[int, ...]
    score: float
    history: Context


class _Prefix:
    """A reading so far: a node of the tree of readings."""

    __slots__ = ("boosted", "children", "extra", "history", "key", "parent", "part", "phrase",
                 "said", "symbol")  # fmt: skip

    def __init__(self, parent: _Prefix | None, symbol: int, key: int) -> None:
        self.parent = parent
        self.symbol = symbol
        self.key = key
        self.children: dict[int, _Prefix] = {}
        self.history: Context = ()
        self.part = ""
        """The word that is not complete."""
        self.said = 0.0
        """Worth of the complete words."""
        self.phrase = ROOT
        self.boosted = 0
        self.extra = 0.0
        """What is added to the logarithm of the probability."""


_Entry = list[Any]  # prefix, log p of paths that end in a blank, of those that do not


class BeamSearch:
    """A search that takes rows of probabilities as they come.

    Args:
        lexicon: Symbols, words, phrases.
        options: How readings are weighed.
        history: Words before, for the language model; None for the beginning of a sentence.
    """

    def __init__(
        self, lexicon: Lexicon, options: BeamOptions, history: Context | None = None
    ) -> None:
        self._lexicon, self._options = lexicon, options
        root = _Prefix(None, BLANK, 1)
        if lexicon.model is not None:
            root.history = lexicon.model.begin if history is None else history
        if lexicon.phrases is not None:
            root.phrase = lexicon.phrases.start
        self._beam: list[_Entry] = [[root, 0.0, _NEVER]]

    def feed(self, chances: NDArray[Any]) -> None:
        """Take logarithms of probabilities, (time, classes)."""
        sure = math.log(self._options.sure) if self._options.sure < 1 else math.inf
        for row in chances:
            if row[BLANK] >= sure:
                self._rest(float(row[BLANK]))
            else:
                tried = np.flatnonzero(row >= row.max() - self._options.cutoff).tolist()
                self._step(row.tolist(), [k for k in tried if k != BLANK])

    def best(self) -> tuple[int, ...]:
        """Return the symbols of the best reading so far."""
        return _numbers(self._beam[0][0])

    def readings(self, count: int = 1, *, closed: bool = True) -> list[Reading]:
        """Return the best readings as they would be if nothing came any more.

        Symbols that differ in blanks alone (`a`, `a `) are one reading.

        Args:
            count: How many at most.
            closed: Whether the sentence ends here, too.
        """
        found: dict[str, Reading] = {}
        # The likeliest first: its symbols stand for those that differ in blanks.
        for prefix, blank, other in sorted(self._beam, key=_worth, reverse=True):
            extra, history = self._finished(prefix, closed)
            numbers, score = _numbers(prefix), _sum(blank, other) + extra
            text = "".join(self._lexicon.table[number] for number in numbers)
            key = " ".join(text.split())
            before = found.get(key)
            if before is not None:
                numbers, score = before.numbers, _sum(before.score, score)
            found[key] = Reading(numbers, score, history)
        return nlargest(count, found.values(), key=lambda reading: reading.score)

    def _rest(self, blank: float) -> None:
        for entry in self._beam:
            entry[1], entry[2] = _sum(entry[1], entry[2]) + blank, _NEVER

    def _step(self, row: list[float], tried: list[int]) -> None:
        blank = row[BLANK]
        found: dict[int, _Entry] = {}
        for prefix, ended, open_ in self._beam:
            total = _sum(ended, open_)
            stays = found.get(prefix.key)
            if stays is None:
                stays = found[prefix.key] = [prefix, _NEVER, _NEVER]
            stays[1] = _sum(stays[1], total + blank)
            last = prefix.symbol
            if last != BLANK:
                stays[2] = _sum(stays[2], open_ + row[last])
            children = prefix.children
            for symbol in tried:
                # The same symbol again is a new one only after a blank.
                before = ended if symbol == last else total
                if before == _NEVER:
                    continue
                child = children.get(symbol)
                if child is None:
                    child = children[symbol] = self._extended(prefix, symbol)
                entry = found.get(child.key)
                if entry is None:
                    entry = found[child.key] = [child, _NEVER, _NEVER]
                entry[2] = _sum(entry[2], before + row[symbol])
        kept = nlargest(self._options.beam, found.values(), key=_worth)
        alive = {entry[0].key for entry in kept}
        for prefix, _, _ in self._beam:
            if prefix.key not in alive:
                prefix.children.clear()
        self._beam = kept

    def _extended(self, prefix: _Prefix, symbol: int) -> _Prefix:
        """Return a reading with one symbol more, and what it is worth."""
        lexicon, options = self._lexicon, self._options
        child = _Prefix(prefix, symbol, (prefix.key * 1_000_003 + symbol) % _HASH)
        child.history, child.said = prefix.history, prefix.said
        child.phrase, child.boosted, child.part = prefix.phrase, prefix.boosted, prefix.part
        piece = lexicon.table[symbol]
        if lexicon.phrases is not None:
            child.phrase, gained = lexicon.phrases.read(child.phrase, piece)
            child.boosted += gained
        for character in piece:
            if character == " " or not lexicon.spaced:
                self._complete(child)
            if character != " ":
                child.part += character
        child.extra = child.said + self._promise(child.part)
        if lexicon.phrases is not None:
            pending = lexicon.phrases.pending(child.phrase)
            child.extra += options.boost * (child.boosted + pending)
        return child

    def _complete(self, prefix: _Prefix) -> None:
        """Count the word that ends here."""
        if not prefix.part:
            return
        prefix.said += self._options.bonus
        if self._lexicon.model is not None:
            chance, prefix.history = self._lexicon.chance(prefix.history, prefix.part)
            prefix.said += self._options.weight * chance
            if not self._lexicon.knows(prefix.part):
                prefix.said += self._options.unknown
        prefix.part = ""

    def _promise(self, part: str) -> float:
        """Return what a word that begins so may bring."""
        lexicon, options = self._lexicon, self._options
        if lexicon.model is None or not part:
            return 0.0
        best = lexicon.promise(part)
        if best is None:
            unknown = lexicon.model.score((), UNKNOWN)
            return options.weight * unknown + options.unknown + options.bonus
        return options.weight * best + options.bonus

    def _finished(self, prefix: _Prefix, closed: bool) -> tuple[float, Context]:
        """Return what a reading is worth, and the history after it, if it ends here."""
        last = _Prefix(None, BLANK, 0)
        last.history, last.said, last.part = prefix.history, prefix.said, prefix.part
        self._complete(last)
        worth = last.said
        lexicon = self._lexicon
        if closed and lexicon.model is not None:
            worth += self._options.weight * lexicon.model.score(last.history, END)
        if lexicon.phrases is not None:
            boosted = prefix.boosted + lexicon.phrases.end(prefix.phrase)
            worth += self._options.boost * boosted
        return worth, last.history


def _sum(a: float, b: float) -> float:
    """Return log(exp a + exp b)."""
    if a < b:
        a, b = b, a
    if b == _NEVER:
        return a
    return a + math.log1p(math.exp(b - a))


def _worth(entry: _Entry) -> float:
    return _sum(entry[1], entry[2]) + float(entry[0].extra)


def _numbers(prefix: _Prefix) -> tuple[int, ...]:
    found = []
    node: _Prefix | None = prefix
    while node is not None and node.parent is not None:
        found.append(node.symbol)
        node = node.parent
    return tuple(reversed(found))
