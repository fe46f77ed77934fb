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
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.transcript import BLANK
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import END, UNKNOWN, Context
from seqmap.search.phrases import ROOT

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
            last = prefix.symbol
            repeated = _NEVER if last == BLANK else open_ + row[last]
            stays = found.get(prefix.key)
            if stays is None:
                found[prefix.key] = [prefix, total + blank, repeated]
            else:
                stays[1], stays[2] = _sum(stays[1], total + blank), _sum(stays[2], repeated)
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
                    found[child.key] = [child, _NEVER, before + row[symbol]]
                else:
                    entry[2] = _sum(entry[2], before + row[symbol])
        kept = sorted(found.values(), key=_worth, reverse=True)[: self._options.beam]
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
