"""Running text: what a language model learns from, read as a stream and never held in memory."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from seqmap.data.formats import FORMATS
from seqmap.data.records import ReadOptions
from seqmap.data.source import Source, comes_once
from seqmap.data.stream import TextStream
from seqmap.errors import DataError

_ENOUGH = 1 << 16
"""Characters that are handed on together."""


class Corpus(ABC):
    """Running text that can be read again and again; each line or text ends with a line feed.

    Attributes:
        characters: How many there are.
    """

    characters: int

    @abstractmethod
    def pieces(self) -> Iterator[str]:
        """Read it from its beginning, in pieces of whole lines."""


@dataclass(frozen=True)
class FileCorpus(Corpus):
    """The lines of a file, or the texts of a table.

    Attributes:
        path: The file.
        options: How it is read.
        characters: How many there are.
        lines: How many lines or texts.
    """

    path: str
    options: ReadOptions
    characters: int
    lines: int

    def pieces(self) -> Iterator[str]:
        """Read the file from its beginning."""
        return _together(_lines(self.path, self.options))


@dataclass(frozen=True)
class TextCorpus(Corpus):
    """Texts that are in memory already."""

    texts: tuple[str, ...]

    @property
    def characters(self) -> int:  # type: ignore[override]
        """How many there are, with a line feed for each text."""
        return sum(map(len, self.texts)) + len(self.texts)

    def pieces(self) -> Iterator[str]:
        """Return the texts, a line feed behind each."""
        return _together(self.texts)


@dataclass(frozen=True)
class Passage(Corpus):
    """A part of a corpus.

    Attributes:
        corpus: Of which it is a part.
        begin: Its first character.
        end: One after its last.
    """

    corpus: Corpus
    begin: int
    end: int

    @property
    def characters(self) -> int:  # type: ignore[override]
        """How many there are."""
        return self.end - self.begin

    def pieces(self) -> Iterator[str]:
        """Read the part from its beginning."""
        place = 0
        for piece in self.corpus.pieces():
            if place >= self.end:
                return
            part = piece[max(0, self.begin - place) : max(0, self.end - place)]
            place += len(piece)
            if part:
                yield part


@dataclass(frozen=True)
class CorpusLayout:
    """What was found in a file of running text."""

    format: str
    encoding: str
    characters: int
    lines: int

    def describe(self) -> str:
        """Return one line of facts."""
        return (
            f"{self.format}, {self.encoding}, {self.characters:,} characters in {self.lines:,}"
            f" {'lines' if self.format == 'plain' else 'texts'}"
        )


@dataclass(frozen=True)
class CorpusDataset:
    """The running text of one file."""

    path: str
    examples: tuple[Corpus, ...]
    layout: CorpusLayout


def read_corpus(path: str | os.PathLike[str], options: ReadOptions) -> CorpusDataset:
    """Open a file of running text, or the texts of a table; one pass, in constant memory.

    A file is read line by line, unless its name (`.csv`, `.jsonl`, …) or the options tell that it
    is a table.

    Raises:
        DataError: It cannot be read, is empty, or can be read only once.
    """
    shown = os.fspath(path)
    if comes_once(shown):
        raise DataError(
            "a corpus is read several times, which a pipe cannot be",
            path="standard input" if shown == "-" else shown,
            remedy="Write it to a file",
        )
    options = _as_text(shown, options)
    stream = TextStream(shown, options)
    characters = lines = 0
    for _, text in stream:
        characters += len(text) + 1
        lines += 1
    if not characters - lines:
        raise DataError("there is no text in it", path=shown)
    layout = stream.layout
    assert layout is not None
    found = CorpusLayout(layout.format, layout.encoding, characters, lines)
    options = replace(options, encoding=layout.encoding)
    return CorpusDataset(shown, (FileCorpus(shown, options, characters, lines),), found)


def split_corpora(
    corpora: Sequence[Corpus], share: float
) -> tuple[Sequence[Corpus], Sequence[Corpus]]:
    """Split the last part off each corpus.

    Raises:
        DataError: There is too little text to spare any.
    """
    kept, held = [], []
    for corpus in corpora:
        cut = int(corpus.characters * (1 - share))
        if 0 < cut < corpus.characters:
            kept.append(Passage(corpus, 0, cut))
            held.append(Passage(corpus, cut, corpus.characters))
        else:
            raise DataError("too little text to hold a part out", given=corpus.characters)
    return kept, held


def corpus_fingerprint(corpora: Iterable[Corpus]) -> str:
    """Return the SHA-256 of the running text, in hexadecimal."""
    digest = hashlib.sha256()
    for corpus in corpora:
        for piece in corpus.pieces():
            digest.update(piece.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def pieces_of(corpora: Iterable[Corpus]) -> Iterator[str]:
    """Read corpora one after the other."""
    for corpus in corpora:
        yield from corpus.pieces()


def _as_text(path: str, options: ReadOptions) -> ReadOptions:
    """Read lines of text where nothing tells that the file is a table."""
    if options.format or options.text_columns is not None or options.delimiter is not None:
        return options
    extension = Source(path).extension
    if any(extension in form.extensions for form in FORMATS.values()):
        return options
    return replace(options, format="plain")


def _lines(path: str, options: ReadOptions) -> Iterator[str]:
    for _, text in TextStream(path, options):
        yield text


def _together(texts: Iterable[str]) -> Iterator[str]:
    """Put a line feed behind each text, and some texts together."""
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text + "\n")
        size += len(text) + 1
        if size >= _ENOUGH:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)
