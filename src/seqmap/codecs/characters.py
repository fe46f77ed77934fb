"""Character classes and case folding that the text codecs share.

Texts are never rewritten before they are split, because positions in the original text must stay
exact: a symbol is cut out first, and folded afterwards.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from seqmap.scripts import UNSPACED

# Marks that continue a word but are not `\w`: Latin to Arabic accents, Indic vowel signs (all of
# their blocks except the danda), the joiners of Persian and Indic words.
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u0900-\u0963\u0966-\u0df3\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\ufe20-\ufe2f"
)
# Pictographs and the symbols that become emoji with a variation selector.
EMOJI = "\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001f000-\U0001faff"

_LETTER = re.compile(r"[^\W\d_]")
_BREAK = re.compile("<[bB][rR] ?/?>")
_OPEN_BREAK = re.compile(r"<(?:[bB](?:[rR] ?/?)?)?\Z")
# Penn Treebank writes brackets and quotes in words; a model trained on such text must also read
# plain text, and the other way round.
_ALIASES = {
    "-lrb-": "(",
    "-rrb-": ")",
    "-lsb-": "[",
    "-rsb-": "]",
    "-lcb-": "{",
    "-rcb-": "}",
    "``": '"',
    "''": '"',
    "\u201c": '"',
    "\u201d": '"',
}
_SAMPLE_CHARACTERS = 2_000_000


def fold(surface: str, *, lowercase: bool) -> str:
    """Return the vocabulary's form of a symbol: `fold_characters`, then Penn's aliases undone."""
    folded = fold_characters(surface, lowercase=lowercase) or surface
    return _ALIASES.get(folded.lower(), folded)


def fold_characters(text: str, *, lowercase: bool) -> str:
    """Fold every character by itself: lower case if asked, NFKC, one kind of apostrophe.

    NFKC unites full-width and ordinary forms (`Ａ` and `A`, `，` and `,`). Each kind of blank
    becomes an ordinary one, variation selectors vanish, and half surrogates, which no file can
    hold, become U+FFFD. Neighbours do not matter, so that a table can stand for this function.
    """
    if text.isascii():
        return text.lower() if lowercase else text
    return text.translate(_LOWER if lowercase else _KEEP)


class _Folding(dict[int, str]):
    """The folded form of each code point, computed when first needed."""

    def __init__(self, lowercase: bool) -> None:
        super().__init__()
        self._lowercase = lowercase

    def __missing__(self, point: int) -> str:
        self[point] = folded = self._fold(chr(point))
        return folded

    def _fold(self, character: str) -> str:
        if character.isascii():
            return character.lower() if self._lowercase else character
        if character.isspace():
            return " "
        if "\ud800" <= character <= "\udfff":
            return "\ufffd"
        if character == "\ufe0f":
            return ""
        lowered = character.lower() if self._lowercase else character
        folded = unicodedata.normalize("NFKC", lowered).replace(" ", "")
        return folded.replace("\u2019", "'").replace("\u2018", "'")


_LOWER = _Folding(lowercase=True)
_KEEP = _Folding(lowercase=False)


def blank_breaks(text: str) -> str:
    """Replace each HTML line break (`<br>`, `<br />`) by as many blanks, so that positions stay."""
    if "<" not in text:
        return text
    return _BREAK.sub(lambda found: " " * len(found[0]), text)


def open_break(text: str) -> int:
    """Return where a line break that is not complete yet begins, or the length of `text`.

    The end of `text` may be the beginning of `<br />`: only the next characters can tell.
    """
    found = _OPEN_BREAK.search(text, max(0, len(text) - 5))
    return found.start() if found else len(text)


def choose_unit(texts: Iterable[str]) -> Literal["word", "char"]:
    """Return `char` when more than half of the letters belong to a script without blanks.

    Only the first two million characters are looked at. (The word codec also reads each such
    character as a symbol of its own, so that mixed text is in good hands with either.)
    """
    unspaced_script = re.compile(f"[{UNSPACED}]")
    letters = unspaced = seen = 0
    for text in texts:
        letters += len(_LETTER.findall(text))
        unspaced += len(unspaced_script.findall(text))
        seen += len(text)
        if seen > _SAMPLE_CHARACTERS:
            break
    return "char" if 2 * unspaced > letters else "word"
