"""What a model remembers of its training file, so that files of the same shape need no options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from seqmap.data.records import Dataset, Layout, ReadOptions
from seqmap.data.source import Source
from seqmap.data.stream import TextStream
from seqmap.errors import DataError

# Options that belong to a kind of file; they are taken again where the file name ends the same.
_KIND = ("format", "header", "delimiter", "quoting")
# Formats whose columns are always the same.
_FIXED = ("lines", "plain")


def describe_input(dataset: Dataset, options: ReadOptions) -> dict[str, Any]:
    """Return what to remember, for the manifest.

    Args:
        dataset: The training data.
        options: What was given to read it.
    """
    layout, numbering = dataset.layout, dataset.numbering
    return {
        "format": layout.format,
        "extension": Source(dataset.path).extension,
        "header": layout.header,
        "columns": len(layout.columns),
        "text_columns": list(layout.text_columns),
        "label_column": layout.label_column,
        "soft_columns": list(layout.soft_columns),
        "label_separator": options.label_separator,
        "given": {name: getattr(options, name) for name in _KIND},
        **({} if numbering is None else {"label_base": numbering.base}),
    }


def remembered(
    path: str, options: ReadOptions, memory: Mapping[str, Any] | None, *, labelled: bool
) -> ReadOptions:
    """Complete the options for a file by those of the training file, if it has the same shape.

    What is given counts; a file that lacks the columns of the training file is guessed at.

    Args:
        path: The file. Standard input and pipes, which cannot be read twice, are left alone.
        options: As the user gave them.
        memory: What `describe_input` gave, or None.
        labelled: Whether the labels are needed.
    """
    if not memory:
        return options
    if options.label_names is not None:
        # Numbers mean the same classes in every file, of whatever shape.
        options = _completed(options, {"label_base": memory.get("label_base")})
    source = Source(path)
    if source.is_stream:
        return options
    given = dict(memory["given"]) if source.extension == memory["extension"] else {}
    if given.get("format") in _FIXED and not labelled:
        del given["format"]  # texts without labels look otherwise
    for attempt in (_completed(options, given), options):
        layout = _look(path, attempt)
        if layout is not None and _fits(layout, memory, labelled=labelled):
            return _completed(attempt, _columns(memory, layout))
    return options


def _completed(options: ReadOptions, known: Mapping[str, Any]) -> ReadOptions:
    """Fill in what was left open."""
    open_ = {field.name for field in fields(options) if getattr(options, field.name) is None}
    return replace(options, **{name: value for name, value in known.items() if name in open_})


def _look(path: str, options: ReadOptions) -> Layout | None:
    try:
        return TextStream(path, options).layout
    except DataError:
        return None  # Reading it proper tells why.


def _fits(layout: Layout, memory: Mapping[str, Any], *, labelled: bool) -> bool:
    if layout.format in _FIXED or memory["format"] in _FIXED:
        return bool(layout.format == memory["format"])
    if layout.header is False or memory["header"] is False:
        same = (layout.header, len(layout.columns)) == (memory["header"], memory["columns"])
        return bool(same)
    needed = set(memory["text_columns"])
    if labelled:
        needed.update(_truth(memory))
    return needed <= set(layout.columns)


def _truth(memory: Mapping[str, Any]) -> list[str]:
    """Return the column of the label, or those of a teacher's probabilities if there is none."""
    if memory["label_column"] is None:
        return list(memory.get("soft_columns", ()))
    return [memory["label_column"]]


def _columns(memory: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    known: dict[str, Any] = {"label_separator": memory["label_separator"]}
    if layout.format not in _FIXED:
        number = int if layout.header is False else str
        truth = tuple(map(number, _truth(memory)))
        known["text_columns"] = tuple(map(number, memory["text_columns"]))
        if memory["label_column"] is None:
            known["soft_columns"] = truth
        else:
            known["label_column"] = truth[0]
    return known


def same_columns(
    path: str, options: ReadOptions, memory: Mapping[str, Any], *, format: str | None
) -> ReadOptions:
    """Complete the options for a file whose name ends as that of the training file.

    Args:
        path: The file. Standard input and pipes are left alone.
        options: As the user gave them; a format that is given means another kind of file.
        memory: Its `extension`, and the options that were `given` for it.
        format: What to read the file as; None guesses.
    """
    if options.format is not None:
        return options
    source = Source(path)
    if source.is_stream or source.extension != memory["extension"]:
        return options
    given = memory["given"]
    columns = options.text_columns or given["text_columns"]
    label = given["label_column"] if options.label_column is None else options.label_column
    return replace(
        options,
        format=format,
        text_columns=tuple(columns) if columns else None,
        label_column=label,
        delimiter=options.delimiter or given["delimiter"],
    )
