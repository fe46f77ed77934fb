"""Lines of a label, a blank and a text; also fastText's `__label__a __label__b text`."""

from __future__ import annotations

from collections.abc import Sequence

from seqmap.data.records import ReadOptions
from seqmap.data.source import LineStream, Source, without_cr
from seqmap.data.table import Cell, FileFormat, Rows, Table
from seqmap.errors import DataError

FASTTEXT = "__label__"
COLUMNS = ("label", "text")


def open_lines(source: Source, options: ReadOptions) -> Table:
    """Open label-text lines; the label ends at the first blank, or at a TAB if that comes first."""
    stream = LineStream(source, options.encoding)
    head = [] if source.is_stream else stream.peek()
    sample = [split_line(line) for _, line in head if line.strip()]
    notes: list[str] = []
    lines = iter(stream)

    def read(places: Sequence[int]) -> Rows:
        blank = 0
        for number, line in lines:
            line = without_cr(line)
            if not line:
                blank += 1
                continue
            cells = split_line(line)
            if not cells[0]:
                raise DataError(
                    "the line begins with a blank, so that it has no label",
                    path=source.shown,
                    line=number,
                    remedy="Write the label, one blank, the text",
                )
            yield number, [cells[place] for place in places]
        if blank:
            notes.append(f"{blank} blank line(s) skipped")

    return Table(
        source=source,
        format="lines",
        columns=COLUMNS,
        sample=list(sample),
        read=read,
        encoding=lambda: stream.encoding,
        notes=notes,
    )


def split_line(line: str) -> tuple[Cell, str]:
    """Return the label (a list when written as in fastText) and the text of a line."""
    if line.startswith(FASTTEXT):
        labels = []
        rest = line
        while rest.startswith(FASTTEXT):
            label, _, rest = rest.partition(" ")
            labels.append(label.removeprefix(FASTTEXT))
        return (labels if len(labels) > 1 else labels[0]), rest
    label, blank, text = line.partition(" ")
    if not blank or "\t" in label:
        label, _, text = line.partition("\t")
    return label, text


LINES = FileFormat("lines", (), open_lines)
