"""Reading labelled examples from a file."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from seqmap.data.columns import Roles, resolve_roles
from seqmap.data.formats.guess import open_table
from seqmap.data.names import Naming, read_names
from seqmap.data.records import Dataset, Example, Layout, ReadOptions, order_labels
from seqmap.data.soft import SoftReader
from seqmap.data.source import Source
from seqmap.data.table import Cell, Table
from seqmap.errors import DataError

# What spreadsheets and data frames write for "no value".
_NO_LABEL = frozenset(("", "nan", "NaN", "NAN", "<NA>"))


def read_examples(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Dataset:
    """Read all examples of a labelled file.

    The file is read as a stream, in one pass (TSV, and text that is not UTF-8, in two).
    Texts are kept exactly as they are: empty ones, too.

    Args:
        path: The file; `-` is standard input.
        options: How to read it; what is None is guessed, and reported in the layout.

    Raises:
        DataError: The file is missing or empty, a column is not there, or a row cannot be used.
    """
    options = options or ReadOptions()
    source = Source(path)
    table = open_table(source, options, labelled=True)
    if not table.columns:
        # Reading nothing may still tell why nothing came out, such as a quote that never ends.
        for _ in table.read(()):
            pass
        raise DataError("the file is empty", path=source.shown, allowed="at least one example")
    roles = resolve_roles(table, options, labelled=True)
    reader = _LabelReader(source.shown, options.label_separator)
    soft = SoftReader.of(table, roles)
    examples = tuple(_examples(table, roles, reader, soft))
    if not examples:
        problem = "there is no row below the header" if table.header else "the file is empty"
        raise DataError(problem, path=source.shown, allowed="at least one example")
    if reader.several and not reader.lists_only:
        table.notes.append("some labels are lists and some are not: read as multi-label")
    multi_label = reader.several or options.label_separator is not None
    if not multi_label:
        table.notes.extend(joined_labels({label for e in examples for label in e.labels}))
    naming = _naming(examples, soft, options, table.notes)
    if naming is not None:
        examples = naming.label(examples, source.shown)
    soft_names = None
    if soft is not None:
        examples, soft_names = soft.finish(examples, naming, multi_label=multi_label)
    if naming is not None:
        names = naming.names
    else:
        found = order_labels({label for example in examples for label in example.labels})
        names = found if soft_names is None else soft_names
    return Dataset(
        path=os.fspath(path),
        examples=examples,
        layout=layout_of(table, roles),
        multi_label=multi_label,
        label_names=names,
        soft_names=soft_names,
        numbering=None if naming is None else naming.numbering,
    )


def _naming(
    examples: Sequence[Example], soft: SoftReader | None, options: ReadOptions, notes: list[str]
) -> Naming | None:
    """Return how labels get their names, from the labels and from what soft labels are called."""
    if options.label_names is None:
        return None
    names = read_names(options.label_names)
    found = {label for example in examples for label in example.labels}
    if soft is not None:
        found |= soft.numbers(names)
    return Naming.of(names, found, options.label_base, notes)


def joined_labels(labels: Collection[str]) -> tuple[str, ...]:
    """Return a hint where labels look like several ones in one cell, else nothing.

    They do when at least two are made of parts, and the parts are fewer than the labels because
    each of them also stands alone or in another label.
    """
    for separator in ("|", ";", ","):
        joined = sorted(label for label in labels if separator in label.strip(separator))
        seen = Counter(
            part.strip() for label in labels for part in label.split(separator) if part.strip()
        )
        parts = {part.strip() for label in joined for part in label.split(separator)}
        if len(joined) >= 2 and len(seen) < len(labels) and all(seen[part] > 1 for part in parts):
            return (
                f"labels such as {joined[0]!r} look like several in one cell: "
                f"--label-separator '{separator}' reads them apart",
            )
    return ()


def layout_of(table: Table, roles: Roles) -> Layout:
    """Return what was found in a table."""
    return Layout(
        format=table.format,
        encoding=table.encoding(),
        delimiter=table.delimiter,
        quoting=table.quoting,
        header=table.header,
        columns=table.columns,
        text_columns=tuple(table.columns[place] for place in roles.text),
        label_column=None if roles.label is None else table.columns[roles.label],
        soft_columns=tuple(table.columns[place] for place in roles.soft),
        notes=tuple(table.notes),
    )


def text_of(cells: Sequence[Cell]) -> str:
    """Join the cells of the text columns by a blank; a missing value is an empty text."""
    if len(cells) == 1:
        cell = cells[0]
        return cell if isinstance(cell, str) else _shown(cell)
    return " ".join(cell if isinstance(cell, str) else _shown(cell) for cell in cells)


def _examples(
    table: Table, roles: Roles, reader: _LabelReader, soft: SoftReader | None
) -> Iterator[Example]:
    width = len(roles.text)
    places = [*roles.text, *(() if roles.label is None else (roles.label,)), *roles.soft]
    soft_from = width + (roles.label is not None)
    empty = 0
    for number, cells in table.read(places):
        if all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells):
            # Spreadsheets leave such rows at the end. A text alone may be empty.
            empty += 1
            continue
        labels = () if roles.label is None else reader.labels(cells[width], number)
        probabilities = None if soft is None else soft.row(cells[soft_from:], number)
        yield Example(text_of(cells[:width]), labels, probabilities, number)
    if empty:
        table.notes.append(f"{empty} empty row(s) skipped")


class _LabelReader:
    """Turns cells into labels, and notices whether there are lists of labels."""

    def __init__(self, path: str, separator: str | None) -> None:
        self.path = path
        self.separator = separator
        self.several = False
        self.lists_only = True
        # Labels repeat: each distinct one is one string in memory.
        self._seen: dict[str, tuple[str, ...]] = {}

    def labels(self, cell: Cell, line: int) -> tuple[str, ...]:
        if isinstance(cell, (list, tuple)):
            self.several = True
            return tuple(dict.fromkeys(self._one(item, line) for item in cell))
        self.lists_only = False
        if self.separator and isinstance(cell, str):
            parts = (part.strip() for part in cell.split(self.separator))
            return tuple(dict.fromkeys(self._one(part, line) for part in parts if part))
        label = self._one(cell, line)
        return self._seen.setdefault(label, (label,))

    def _one(self, cell: Cell, line: int) -> str:
        label = cell.strip() if isinstance(cell, str) else _shown(cell)
        if label in _NO_LABEL or isinstance(cell, dict):
            raise DataError(
                "the label is missing" if label in ("", "{}") else "the label is not a value",
                path=self.path,
                line=line,
                given=label if label else None,
                allowed="a class name or number",
                remedy="Fill it in or delete the row",
            )
        return label


def _shown(cell: Cell) -> str:
    """Return a value of JSON or Parquet as text: 1.0 and 1 are the same, None is empty."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if math.isfinite(cell) and cell.is_integer() else str(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return str(cell)
