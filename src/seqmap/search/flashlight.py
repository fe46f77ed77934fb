"""The search of flashlight-text, where it is installed: the same words, weighed in C++.

Kahn et al. 2022 ("Flashlight: Enabling Innovation in Tools for Machine Learning"): a beam through
the tree of the language model's words. A word that the model does not have is never found, so
that there are no expected phrases here either. Words end by a blank: of words in pieces, flashlight
would leave out the paths whose last piece lasts longer than a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from flashlight.lib.text.decoder import (
    LM,
    CriterionType,
    LexiconDecoder,
    LexiconDecoderOptions,
    LMState,
    SmearingMode,
    Trie,
)
from numpy.typing import NDArray

from seqmap.codecs.transcript import BLANK
from seqmap.search.ctc_beam import BeamOptions, Reading
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import END, SPECIAL, UNKNOWN, Context, NGrams

_BEHIND = 50.0
"""Readings that are worse than the best by this (a natural logarithm) are dropped."""
_IMPOSSIBLE = -1e4


class _Words(LM):  # type: ignore[misc]
    """Asks an n-gram model on flashlight's behalf."""

    def __init__(self, model: NGrams, history: Context) -> None:
        LM.__init__(self)
        self._model, self._history = model, history
        # Each state is a node of a tree that flashlight keeps; what it means is kept here.
        self._histories: dict[Any, Context] = {}

    def start(self, start_with_nothing: bool) -> Any:
        state = LMState()
        self._histories[state] = self._history
        return state

    def score(self, state: Any, word: int) -> tuple[Any, float]:
        history, after = self._histories[state], state.child(word)
        self._histories[after] = self._model.after(history, word)
        return after, self._model.score(history, word)

    def finish(self, state: Any) -> tuple[Any, float]:
        return self.score(state, END)


class FlashlightSearch:
    """A search that takes rows of probabilities as they come.

    Args:
        lexicon: Symbols, a blank among them, and words; it must have a language model.
        spelled: Returns the numbers of a word's symbols.
        options: How readings are weighed; `unknown` and `boost` have no meaning here.
        history: Words before, for the language model; None for the beginning of a sentence.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        spelled: Callable[[str], Sequence[int] | NDArray[Any]],
        options: BeamOptions,
        history: Context | None = None,
    ) -> None:
        assert lexicon.model is not None
        self._model, self._table = lexicon.model, lexicon.table
        self._history = self._model.begin if history is None else history
        self._gap = self._table.index(" ")
        self._words = _Words(self._model, self._history)
        if "tree" not in lexicon.made:
            lexicon.made["tree"] = self._grown(spelled)
        chosen = LexiconDecoderOptions(
            options.beam,
            len(self._table),
            _BEHIND,
            options.weight,
            options.bonus,
            -math.inf,
            0.0,
            True,
            CriterionType.CTC,
        )
        self._decoder = LexiconDecoder(
            chosen, lexicon.made["tree"], self._words, self._gap, BLANK, UNKNOWN, [], False
        )
        self._decoder.decode_begin()
        self._rows = 0

    def _grown(self, spelled: Callable[[str], Sequence[int] | NDArray[Any]]) -> Any:
        """Return the tree of the words that the symbols can spell."""
        tree, table = Trie(len(self._table), self._gap), self._table
        for number, word in enumerate(self._model.words[len(SPECIAL) :], start=len(SPECIAL)):
            symbols = [int(symbol) for symbol in spelled(word)]
            if "".join(table[symbol] for symbol in symbols).strip() == word:
                tree.insert([*symbols, self._gap], number, self._model.score((), number))
        tree.smear(SmearingMode.MAX)
        return tree

    def feed(self, chances: NDArray[Any]) -> None:
        """Take logarithms of probabilities, (time, classes)."""
        rows = np.ascontiguousarray(chances, np.float32)
        if len(rows):
            self._decoder.decode_step(rows.ctypes.data, len(rows), len(self._table))
            self._rows += len(rows)

    def best(self) -> tuple[int, ...]:
        """Return the symbols of the best reading so far."""
        if not self._rows:
            return ()
        return self._collapsed(self._decoder.get_best_hypothesis(0).tokens)

    def readings(self, count: int = 1, *, closed: bool = True) -> list[Reading]:
        """Return the best readings; nothing can be fed after it.

        Args:
            count: How many at most.
            closed: Without a meaning here: flashlight always counts the end of the sentence.
        """
        # A last word is only one once a blank has followed.
        last = np.full((1, len(self._table)), _IMPOSSIBLE, np.float32)
        last[0, self._gap] = 0.0
        self.feed(last)
        self._decoder.decode_end()
        found: dict[tuple[int, ...], Reading] = {}
        for one in self._decoder.get_all_final_hypothesis():
            numbers = self._collapsed(one.tokens)
            if numbers not in found:
                found[numbers] = Reading(numbers, float(one.score), self._after(one.words))
        ordered = sorted(found.values(), key=lambda reading: reading.score, reverse=True)
        return ordered[:count] or [Reading((), 0.0, self._history)]

    def _after(self, words: Sequence[int]) -> Context:
        history = self._history
        for word in words:
            if word >= 0:
                history = self._model.after(history, word)
        return history

    def _collapsed(self, path: Sequence[int]) -> tuple[int, ...]:
        """Return the symbols of a path (Graves et al. 2006, the map B) without gaps at its ends.

        flashlight begins by one, and ends by the one that `readings` adds: no row stands for them.
        """
        found = [symbol for symbol, _ in groupby(path) if symbol not in (BLANK, -1)]
        first, last = 0, len(found)
        while first < last and found[first] == self._gap:
            first += 1
        while last > first and found[last - 1] == self._gap:
            last -= 1
        return tuple(found[first:last])
