"""Texts without labels, as a stream in constant memory: what `predict` reads."""

from __future__ import annotations

import os
from collections.abc import Iterator

from seqmap.data.columns import resolve_roles
from seqmap.data.examples import layout_of, text_of
from seqmap.data.formats.guess import open_table
from seqmap.data.records import Layout, ReadOptions
from seqmap.data.source import Source


class TextStream:
    """The texts of a file, read as they are asked for.

    Iterating yields `(line, text)`; it can be done once.

    Args:
        path: The file; `-` is standard input, read as one text a line unless the options name a
            format, a delimiter or columns.
        options: How to read it; what is None is guessed.

    Raises:
        DataError: As for `read_examples`, but an empty file is no error: it gives no text.
    """

    def __init__(self, path: str | os.PathLike[str], options: ReadOptions | None = None) -> None:
        options = options or ReadOptions()
        self._table = open_table(Source(path), options, labelled=False)
        self._roles = None
        if self._table.columns:
            self._roles = resolve_roles(self._table, options, labelled=False)

    @property
    def layout(self) -> Layout | None:
        """What was found so far; None for an empty file."""
        return None if self._roles is None else layout_of(self._table, self._roles)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        places = () if self._roles is None else self._roles.text
        for number, cells in self._table.read(places):
            yield number, text_of(cells)


def iter_texts(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> Iterator[tuple[int, str]]:
    """Yield `(line, text)` for each text of a file or of stdin (`-`), in constant memory."""
    yield from TextStream(path, options)
