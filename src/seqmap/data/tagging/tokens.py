"""Cutting raw text into tokens whose places are kept exactly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from seqmap.scripts import UNSPACED

_ALNUM = rf"[^\W_{UNSPACED}]"

# A character of a script without blanks, a word or number, or any other character by itself.
# Apart from blanks nothing is lost, and no rule looks at letters: spans annotated by people end
# at punctuation, and `U.K.` or `don't` come back together because a span may hold several tokens.
_WORD = re.compile(rf"[{UNSPACED}]|{_ALNUM}+|[^\s]")
_CHARACTER = re.compile(r"\S")

# What tokens are looked at to learn how they were cut: marks inside and before a word.
_INSIDE = re.compile(rf"(?<={_ALNUM})([^\w\s])(?={_ALNUM})")
_BEFORE = re.compile(rf"([^\w\s]){_ALNUM}")
_DIGITS = frozenset("0123456789")
_MOST_ABBREVIATIONS = 500
_LONGEST_ABBREVIATION = 12
_LEAST = 2  # times that a habit must be seen
_SHARE = 0.05  # of the times that a mark stands between two tokens


def tokenise(text: str, unit: str) -> list[tuple[int, int]]:
    """Return where the tokens of a text stand, (start, end) in characters.

    Args:
        text: Anything.
        unit: `word`, or `char` for every character by itself.
    """
    pattern = _CHARACTER if unit == "char" else _WORD
    return [found.span() for found in pattern.finditer(text)]


@dataclass(frozen=True)
class Tokeniser:
    """Cuts raw text as the tokens of the training data were cut.

    Corpora differ: `U.S.`, `30,000` and `first-class` are one token in most, `don't` and `@user` in
    some. A model reads best what is cut as it was in training, so this is learned from the tokens.

    Attributes:
        unit: `word`, or `char` for every character by itself.
        letters: Marks that join two words, such as `-`, unless both sides are digits.
        digits: Marks that join two digits, such as `.` and `,`.
        before: Marks that belong to the word after them, such as `@`.
        abbreviations: Words that keep a full stop; those with a stop inside do anyway.
        stops: Whether there are such words at all.
    """

    unit: str = "word"
    letters: str = ""
    digits: str = ""
    before: str = ""
    abbreviations: tuple[str, ...] = ()
    stops: bool = False

    @classmethod
    def fit(cls, sentences: Iterable[Iterable[str]], unit: str) -> Tokeniser:
        """Learn from tokens that somebody else cut.

        A mark joins if tokens have it inside, more often than at their beginning, and not just by
        accident: between two tokens it often stands because blanks were lost (`May 5, 2003`), so
        that need not be rarer. It belongs to the next word if tokens begin with it at least as
        often as it stands alone before a word.
        """
        if unit == "char":
            return cls(unit)
        seen, stopped = _Habits(), Counter[str]()
        for sentence in sentences:
            tokens = list(sentence)
            seen.read(tokens)
            for token in tokens:
                if token[-1:] == "." and token[:-1].isalpha():
                    stopped[token[:-1]] += 1
        short = Counter({w: n for w, n in stopped.items() if len(w) <= _LONGEST_ABBREVIATION})
        often = sorted(w for w, n in short.most_common(_MOST_ABBREVIATIONS) if n >= _LEAST)
        return cls(
            unit,
            letters=_usual(seen.in_letters, seen.leading, seen.between_letters),
            digits=_usual(seen.in_digits, Counter(), seen.between_digits),
            before=_usual(seen.leading, seen.alone, Counter()),
            abbreviations=tuple(often),
            stops=bool(often),
        )

    @classmethod
    def from_state(cls, unit: str, state: Mapping[str, Any] | None) -> Tokeniser:
        """Rebuild one; None is one that knows no habits."""
        if state is None:
            return cls(unit)
        habits = {**state, "abbreviations": tuple(state["abbreviations"])}
        return cls(unit, **habits)

    def to_state(self) -> dict[str, Any]:
        """Return what `from_state` reads besides the unit."""
        return {name: value for name, value in asdict(self).items() if name != "unit"}

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the tokens of a text stand, (start, end) in characters."""
        found: list[tuple[int, int]] = []
        for match in self._pattern.finditer(text):
            start, end = match.span()
            if text[start:end] == "." and found and found[-1][1] == start and self.stops:
                begin = found[-1][0]
                if self._keeps_stop(text[begin:start]):
                    found[-1] = (begin, end)
                    continue
            found.append((start, end))
        return found

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        if self.unit == "char":
            return _CHARACTER
        joins = []
        if self.digits:
            joins.append(rf"(?<=[0-9])[{re.escape(self.digits)}](?=[0-9])")
        if self.letters:
            marks = f"[{re.escape(self.letters)}]"
            joins.append(rf"(?<![0-9]){marks}(?={_ALNUM})|{marks}(?=(?![0-9]){_ALNUM})")
        word = rf"{_ALNUM}+"
        if joins:
            word += rf"(?:(?:{'|'.join(joins)}){_ALNUM}+)*"
        if self.before:
            word = rf"[{re.escape(self.before)}]?{word}"
        return re.compile(rf"[{UNSPACED}]|{word}|[^\s]")

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.abbreviations)

    def _keeps_stop(self, word: str) -> bool:
        """Whether a full stop after a token belongs to it."""
        return word in self._known or ("." in word[1:-1] and word[-1].isalpha())


class _Habits:
    """How often marks stand inside of tokens, and beside them."""

    def __init__(self) -> None:
        self.in_letters, self.between_letters = Counter[str](), Counter[str]()
        self.in_digits, self.between_digits = Counter[str](), Counter[str]()
        self.leading, self.alone = Counter[str](), Counter[str]()

    def read(self, tokens: list[str]) -> None:
        """Count one sentence."""
        for token in tokens:
            if len(token) < 2:
                continue
            for found in _INSIDE.finditer(token):
                sides = {token[found.start() - 1], token[found.end()]}
                (self.in_digits if sides <= _DIGITS else self.in_letters)[found[1]] += 1
            if found_before := _BEFORE.match(token):
                self.leading[found_before[1]] += 1
        for before, mark, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
            if len(mark) != 1 or mark.isalnum() or not after[:1].isalnum():
                continue
            self.alone[mark] += 1
            if before[-1:].isalnum():
                sides = {before[-1], after[0]}
                (self.between_digits if sides <= _DIGITS else self.between_letters)[mark] += 1


def _usual(counts: Counter[str], rarer: Counter[str], far_rarer: Counter[str]) -> str:
    """Return the marks that were counted often enough beside what speaks against them, sorted."""
    return "".join(
        sorted(
            mark
            for mark, count in counts.items()
            if count >= max(_LEAST, rarer[mark], _SHARE * far_rarer[mark])
        )
    )
