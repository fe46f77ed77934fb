"""One text a line, without labels: what `predict` reads from a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from seqmap.data.records import ReadOptions
from seqmap.data.source import LineStream, Source, without_cr
from seqmap.data.table import FileFormat, Rows, Table


def open_plain(source: Source, options: ReadOptions) -> Table:
    """Open lines of text; an empty line is an empty text, so that results stay aligned."""
    stream = LineStream(source, options.encoding)

    def read(places: Sequence[int]) -> Rows:
        for number, line in stream:
            yield number, [without_cr(line)] * len(places)

    return Table(
        source=source,
        format="plain",
        columns=("text",),
        sample=[],
        read=read,
        encoding=lambda: stream.encoding,
    )


PLAIN = FileFormat("plain", (), open_plain)
