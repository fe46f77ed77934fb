"""Guessing and decoding encodings, line by line, so that an error can name its line.

The rule without an option: a byte-order mark decides; else everything is UTF-8 until a line is
not. Then all bytes from there on are looked at once more: they are GB 18030 when most of the bytes
above 127 form common Chinese characters, Windows-1252 when such bytes are few and all of them mean
something there, and otherwise an error that names the line. A file with both valid and invalid
non-ASCII UTF-8 is damaged, and an error too.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from seqmap.errors import DataError

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HIGH = bytes(range(0x80, 0x100))
_LETTERS = bytes(range(0x41, 0x5B)) + bytes(range(0x61, 0x7B))
# Control characters, and the five bytes that Windows-1252 does not define.
_IMPOSSIBLE = bytes([*range(9), *range(14, 27), *range(28, 32), 0x81, 0x8D, 0x8F, 0x90, 0x9D])
_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")
# The first level of GB 2312: 3,755 common characters. Windows-1251 falls into the second one.
_COMMON = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")
# One in ten characters of Chinese is one of these; Korean in EUC-KR has other bytes here.
_FREQUENT = frozenset(char.encode("gb18030") for char in "的一是了我不在有人这")
_FREQUENT_SHARE = 0.03
_ENOUGH_PAIRS = 100
# In Western European text at most about one letter in seven is accented; a third is something else.
_WESTERN_SHARE = 0.3
_CHINESE_SHARE = 0.6

Rest = Callable[[int], Iterable[bytes] | None]


class Decoder:
    """Turns the raw lines of one file into text and remembers the encoding that it found.

    Args:
        shown: The name of the file in messages.
        encoding: The encoding, or None to guess it.

    Raises:
        DataError: Python does not know the encoding.
    """

    def __init__(self, shown: str, encoding: str | None = None) -> None:
        self.shown = shown
        self.encoding = "utf-8" if encoding is None else known_encoding(encoding)
        self._given = encoding is not None
        self._multibyte_seen = False

    def lines(self, file: IO[bytes], rest: Rest) -> Iterator[tuple[int, str]]:
        """Yield `(number, line)`, each line with its LF.

        Args:
            file: The bytes; only what is needed for the next line is read.
            rest: Gives the raw lines from a number on, for the guess; None for a stream.

        Raises:
            DataError: A line cannot be decoded.
        """
        first = file.readline()
        if not self._given:
            self.encoding = _mark(first) or "utf-8"
        if self.encoding.startswith(("utf-16", "utf-32")):
            yield from self._wide_lines(file, first)
            return
        if first.startswith(codecs.BOM_UTF8) and self.encoding in ("utf-8", "utf-8-sig"):
            first, self.encoding = first[3:], "utf-8-sig"
        number = 0
        raw = first
        codec = "utf-8" if self.encoding == "utf-8-sig" else self.encoding
        while raw:
            number += 1
            try:
                line = raw.decode(codec)
            except UnicodeError as error:
                codec = self._other(number, raw, error, rest)
                line = raw.decode(codec)
            else:
                self._multibyte_seen = self._multibyte_seen or not line.isascii()
            yield number, line
            raw = file.readline()

    def _other(self, number: int, raw: bytes, error: UnicodeError, rest: Rest) -> str:
        """Return the encoding of a file that is not UTF-8 from line `number` on."""
        if self._given or self.encoding != "utf-8":
            raise self._undecodable(number, raw, error, f"not valid {self.encoding}")
        if self._multibyte_seen:
            raise self._undecodable(number, raw, error, "not valid UTF-8, though lines before are")
        ahead = rest(number)
        found = guess_legacy([raw] if ahead is None else ahead)
        if found is None:
            problem = "not valid UTF-8, and in no encoding that can be guessed"
            raise self._undecodable(number, raw, error, problem)
        self.encoding = found
        return found

    def _undecodable(self, number: int, raw: bytes, error: UnicodeError, problem: str) -> DataError:
        examples = "gb18030, cp1251, shift_jis"
        if isinstance(error, UnicodeDecodeError):
            byte = raw[error.start] if error.start < len(raw) else 0
            detail = f"byte 0x{byte:02X} at position {error.start + 1}"
        else:  # such as UTF-16 without the mark that says which
            detail = str(error)
            if self.encoding in ("utf-16", "utf-32"):
                examples = f"{self.encoding}-le, {self.encoding}-be"
        return DataError(
            f"undecodable bytes: {problem} ({detail})",
            path=self.shown,
            line=number,
            remedy=f"Give the file's encoding (--encoding, for example {examples})",
        )

    def _wide_lines(self, file: IO[bytes], first: bytes) -> Iterator[tuple[int, str]]:
        # LF is no byte of its own in UTF-16 and UTF-32, so the text is split after decoding.
        decoder = codecs.getincrementaldecoder(self.encoding)()
        number, text = 0, ""
        chunk = first
        try:
            while True:
                text += decoder.decode(chunk, final=not chunk)
                *whole, text = text.split("\n")
                for line in whole:
                    number += 1
                    yield number, line.removeprefix("\ufeff" if number == 1 else "") + "\n"
                if not chunk:
                    break
                chunk = file.read(1 << 16)
        except UnicodeError as error:
            problem = f"not valid {self.encoding}"
            raw = error.object if isinstance(error, UnicodeDecodeError) else b""
            raise self._undecodable(number + 1, raw, error, problem) from None
        if text:
            yield number + 1, text


def guess_legacy(lines: Iterable[bytes]) -> str | None:
    """Guess the encoding of lines that are not all UTF-8: `gb18030`, `windows-1252` or None."""
    high = letters = common = frequent = damaged = valid = 0
    chinese = western = True
    for raw in lines:
        letters += _count(raw, _LETTERS)
        western = western and not _count(raw, _IMPOSSIBLE)
        if raw.isascii():
            continue
        high += _count(raw, _HIGH)
        pairs = _PAIR.findall(raw)
        common += sum(_COMMON.fullmatch(pair) is not None for pair in pairs)
        frequent += sum(pair in _FREQUENT for pair in pairs)
        chinese = chinese and _decodes(raw, "gb18030")
        if _decodes(raw, "utf-8"):
            valid += 1
        else:
            damaged += 1
    if not high or valid >= max(damaged, 1):
        return None
    typical = common < _ENOUGH_PAIRS or frequent >= _FREQUENT_SHARE * common
    if chinese and typical and 2 * common >= _CHINESE_SHARE * high:
        return "gb18030"
    if western and high <= _WESTERN_SHARE * (high + letters):
        return "windows-1252"
    return None


def _count(raw: bytes, members: bytes) -> int:
    return len(raw) - len(raw.translate(None, members))


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _mark(first: bytes) -> str | None:
    """Return the encoding that the first bytes state, or that their NUL bytes show."""
    for mark, encoding in _BOMS:
        if first.startswith(mark):
            return encoding
    head = first[:64]
    # ASCII in UTF-16 has a NUL in every second place.
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[offset::2], head[1 - offset :: 2]
        if len(zeros) >= 2 and not any(zeros[: len(others)]) and all(others):
            return encoding
    return None


def known_encoding(encoding: str) -> str:
    """Return the usual name of an encoding of text.

    Raises:
        DataError: Python does not know it, or it is none of text, such as base64.
    """
    try:
        name = codecs.lookup(encoding).name
        io.TextIOWrapper(io.BytesIO(), encoding=name)
    except (LookupError, ValueError):
        raise DataError(
            "no such encoding", given=encoding, allowed="utf-8, gb18030, cp1252, latin-1, ..."
        ) from None
    return "windows-1252" if name == "cp1252" else name
