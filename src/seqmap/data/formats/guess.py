"""Which format a file has: by its name, else by its first lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seqmap.data.columns import KNOWN_NAMES, requested_names
from seqmap.data.delimited import CANDIDATES, sample_records
from seqmap.data.formats import FORMATS
from seqmap.data.formats.lines import FASTTEXT, split_line
from seqmap.data.records import ReadOptions
from seqmap.data.source import LineStream, Source, without_cr
from seqmap.data.table import FileFormat, Table
from seqmap.errors import DataError, nearest

PARQUET_MAGIC = b"PAR1"
# Too few lines can look regular by chance.
_FEW_LINES = 4


def open_table(source: Source, options: ReadOptions, *, labelled: bool) -> Table:
    """Open a source in the format given, or in the one guessed.

    Args:
        source: The file.
        options: As the user gave them.
        labelled: Whether labels are needed; without them, lines of text are a format too.

    Raises:
        DataError: There is no such format, or none can be guessed.
    """
    if options.format is not None:
        return _named(options.format).open(source, options)
    by_name = next((form for form in FORMATS.values() if source.extension in form.extensions), None)
    if by_name is not None:
        return by_name.open(source, options)
    if source.is_stream:
        return FORMATS[_stream_format(options, labelled=labelled)].open(source, options)
    with source.errors(), source.open() as file:
        magic = file.read(4)
    if magic == PARQUET_MAGIC:
        return FORMATS["parquet"].open(source, options)
    stream = LineStream(source, options.encoding)
    lines = [(number, text) for number, text in stream.peek() if text.strip()]
    stream.close()
    name = _by_content(lines, options, path=source.shown, labelled=labelled)
    table = FORMATS[name].open(source, options)
    table.notes.append(f"took the format {name}, by the content (--format)")
    return table


def _named(name: str) -> FileFormat:
    if name not in FORMATS:
        close = nearest(name, FORMATS)
        raise DataError(
            "no such format",
            given=name,
            allowed=FORMATS,
            remedy=f"Did you mean {close!r}?" if close else None,
        )
    return FORMATS[name]


def _stream_format(options: ReadOptions, *, labelled: bool) -> str:
    if options.delimiter is not None or options.text_columns is not None:
        return "tsv" if options.delimiter == "\t" else "csv"
    return "lines" if labelled else "plain"


def _by_content(
    lines: Sequence[tuple[int, str]], options: ReadOptions, *, path: str, labelled: bool
) -> str:
    if not lines and labelled:
        raise DataError("the file is empty", path=path, allowed="at least one example")
    if not lines:
        return "plain"
    texts = [without_cr(text) for _, text in lines]
    if all(text.lstrip().startswith("{") for text in texts):
        return "jsonl"
    if texts[0].startswith(FASTTEXT):
        return "lines"
    if options.delimiter is not None:
        return "tsv" if options.delimiter == "\t" else "csv"
    tabs = {text.count("\t") for text in texts}
    if len(tabs) == 1 and tabs != {0}:
        return "tsv"
    if _is_csv(lines, options, labelled=labelled):
        return "csv"
    if not labelled:
        return "csv" if options.text_columns is not None else "plain"
    if _is_label_text(texts):
        return "lines"
    raise DataError(
        "the format cannot be guessed from the name or from the first lines",
        path=path,
        given=texts[0],
        remedy=f"Give it with --format; there are {', '.join(FORMATS)}",
    )


def _is_csv(lines: Sequence[tuple[int, str]], options: ReadOptions, *, labelled: bool) -> bool:
    """Tell whether the first row holds column names, or all rows have one width and a label.

    Without labels only names count: a few sentences with one comma each are no table.
    """
    names = {*KNOWN_NAMES, *requested_names(options)}
    for delimiter in CANDIDATES:
        rows = sample_records(lines, delimiter=delimiter, quoting=True)
        if not rows or len(rows[0]) < 2:
            continue
        if sum(cell.strip().lower() in names or cell.strip() in names for cell in rows[0]) >= 2:
            return True
        if labelled and _is_labelled_table(rows):
            return True
    return False


def _is_labelled_table(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether all rows have one width, and the values of a column repeat as labels do."""
    if len(rows) < _FEW_LINES or len({len(row) for row in rows}) != 1:
        return False
    return min(len(set(column)) for column in zip(*rows, strict=True)) <= len(rows) // 2


def _is_label_text(texts: Sequence[str]) -> bool:
    """Tell whether the first words repeat as labels do, while what follows them does not."""
    cells = [split_line(text) for text in texts]
    if len(cells) < _FEW_LINES:
        return all(" " in text for text in texts)
    labels = Counter(str(label) for label, _ in cells)
    return 2 * len(labels) <= len(cells)
