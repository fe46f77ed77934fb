"""Words: the symbols of text in scripts with blanks.

A text is split at blanks into runs, and each run by one regular expression into symbols:

- words of letters, digits and marks; `don't` becomes `do n't` and `it's` becomes `it 's` as in the
  Penn Treebank, so that text that was already split that way gives the same symbols;
- numbers with inner points and commas (`3,000.5`);
- every character of a script without blanks (Chinese, Japanese, Thai, …) by itself;
- an emoji with its modifiers and joined parts;
- `...`, `--` and doubled quotes, and every other character by itself.

No character except blanks (and HTML line breaks) is lost, and nothing before a symbol influences
it: that is what makes caching and streaming exact.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import PAD, UNKNOWN, Ids, TextCodec
from seqmap.codecs.characters import EMOJI, MARKS, blank_breaks, fold, open_break
from seqmap.codecs.vocabulary import Cache, Vocabulary
from seqmap.config import TextConfig
from seqmap.scripts import UNSPACED

# The longest match is 64 characters and a match looks at most 5 characters beyond its end, so that
# what follows later cannot change a symbol that ended more than _REACH characters ago.
_REACH = 80
_WINDOW = 256
_LONGEST_CACHED_RUN = 24

# Most text is ASCII: the pattern without the classes of other scripts finds the same symbols in it,
# twice as fast, and is compiled in a twentieth of the time, which is felt when a model is loaded.
_SCRIPTS = {True: ("", "", ""), False: (UNSPACED, MARKS, EMOJI)}


def _pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of symbols for a text."""
    return _compiled(text.isascii())


@functools.cache
def _compiled(ascii_only: bool) -> re.Pattern[str]:
    unspaced, marks, emoji = _SCRIPTS[ascii_only]
    # No unspaced character stands where a word begins: it is taken before, by itself.
    first = r"[^\W_]"
    word = first if ascii_only else rf"[^\W_{unspaced}{marks}]|[{marks}]"
    picture = rf"[{emoji}][\ufe0f\u20e3\U0001f3fb-\U0001f3ff]{{0,2}}"
    others = [
        r"[0-9#*]\ufe0f?\u20e3",
        r"[\U0001f1e6-\U0001f1ff]{2}",
        rf"{picture}(?:\u200d{picture}){{0,7}}",
        rf"[{unspaced}]",
    ]
    ordinary = [
        rf"(?i:n['\u2019]t|['\u2019](?:s|m|d|re|ve|ll))(?!{word})",
        rf"{first}(?:{word}){{0,62}}?(?=(?i:n['\u2019]t)(?!{word}))",
        r"\d{1,12}(?:[.,]\d{1,12}){1,3}",
        rf"{first}(?:{word}){{0,63}}",
        r"(?i:-[lr][rsc]b-)",
        r"\.{2,64}",
        r"-{2,64}",
        r"``|''",
        r"\S",
    ]
    return re.compile("|".join(ordinary if ascii_only else others + ordinary))


@functools.cache
def _boundary(ascii_only: bool) -> re.Pattern[str]:
    return re.compile(r"\s" if ascii_only else rf"[\s{UNSPACED}]")


_LEADERS = re.compile(r"\.{2,}|-{2,}")


class WordCodec(TextCodec):
    """Text ⇄ ids of words.

    Args:
        vocabulary: The known words.
        lowercase: Whether case is folded before looking words up.
    """

    unit: ClassVar[Literal["word"]] = "word"

    def __init__(self, vocabulary: Vocabulary, *, lowercase: bool = True) -> None:
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self._ids: Cache[int] = Cache(self._id, longest=_LONGEST_CACHED_RUN)
        self._runs: Cache[tuple[int, ...]] = Cache(self._run, longest=_LONGEST_CACHED_RUN)

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self.vocabulary)

    @classmethod
    def fit(cls, texts: Iterable[str], *, config: TextConfig) -> Self:
        """Keep the most frequent words of the texts."""
        counts: Counter[str] = Counter()
        runs: Counter[str] = Counter()
        for text in texts:
            runs.update(blank_breaks(text).split())
            if len(runs) > 200_000:  # bounded memory for a large corpus
                _count_symbols(runs, counts)
                runs.clear()
        _count_symbols(runs, counts)
        folded: Counter[str] = Counter()
        for surface, count in counts.items():
            folded[fold_word(surface, lowercase=config.lowercase)] += count
        return cls(Vocabulary.from_counts(folded, config), lowercase=config.lowercase)

    def symbols(self, text: str) -> list[str]:
        """Return the folded words of a text, known or not."""
        found = _pattern(text).findall(blank_breaks(text))
        return [fold_word(surface, lowercase=self.lowercase) for surface in found]

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, int32 `(time,)`."""
        runs = blank_breaks(text).split()
        return np.fromiter(chain.from_iterable(map(self._runs.__getitem__, runs)), dtype=np.int32)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return (start, end) of each word in characters."""
        return [found.span() for found in _pattern(text).finditer(blank_breaks(text))]

    def symbol(self, index: int) -> str:
        """Return the word of one id."""
        return self.vocabulary.symbols[index]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words with blanks between them."""
        return " ".join(self.vocabulary.symbols[index] for index in ids if index != PAD)

    def split_stable(self, text: str) -> tuple[str, str]:
        """Cut after the last blank or unspaced character; inside a very long run, at a symbol."""
        blanked = blank_breaks(text)
        end = open_break(blanked)
        cut = _last_boundary(blanked, max(0, end - _WINDOW), end)
        if cut == 0 and end > _WINDOW:
            start = _last_boundary(blanked, 0, end - _WINDOW)
            spans = (found.end() for found in _pattern(blanked).finditer(blanked, start, end))
            cut = max((stop for stop in spans if stop <= end - _REACH), default=start)
        return text[:cut], text[cut:]

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the settings, and the words as UTF-8 lines."""
        settings = {"unit": self.unit, "lowercase": self.lowercase}
        return settings, {"vocabulary": self.vocabulary.to_array()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a codec that gives the same ids."""
        vocabulary = Vocabulary.from_array(arrays.get("vocabulary"))
        return cls(vocabulary, lowercase=bool(state.get("lowercase", True)))

    def _id(self, surface: str) -> int:
        folded = fold_word(surface, lowercase=self.lowercase)
        return self.vocabulary.ids.get(folded, UNKNOWN)

    def _run(self, run: str) -> tuple[int, ...]:
        return tuple(map(self._ids.__getitem__, _pattern(run).findall(run)))


def fold_word(surface: str, *, lowercase: bool) -> str:
    """Return the vocabulary's form of a word; longer ellipses and dashes become `...` and `--`."""
    folded = fold(surface, lowercase=lowercase)
    if _LEADERS.fullmatch(folded):
        return "..." if folded[0] == "." else "--"
    return folded


def split_words(text: str) -> list[str]:
    """Return the words of a text as they stand there (blank HTML line breaks out first)."""
    return _pattern(text).findall(text)


def _count_symbols(runs: Mapping[str, int], counts: Counter[str]) -> None:
    for run, count in runs.items():
        for surface in _pattern(run).findall(run):
            counts[surface] += count


def _last_boundary(text: str, start: int, end: int) -> int:
    """Return the end of the last blank or unspaced character in `text[start:end]`, else 0."""
    cut = 0
    for found in _boundary(text.isascii()).finditer(text, start, end):
        cut = found.end()
    return cut
