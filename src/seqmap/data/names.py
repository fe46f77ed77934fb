"""Class names from a file, for labels that are numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from seqmap.data.records import Example
from seqmap.data.source import LineStream, Source
from seqmap.errors import DataError


def read_names(path: str) -> tuple[str, ...]:
    """Read class names, one a line, in the order of their numbers; blank lines do not count.

    Raises:
        DataError: The file is missing or empty, or a name comes twice.
    """
    names: dict[str, int] = {}
    for number, line in LineStream(Source(path)):
        name = line.strip()
        if name in names:
            problem = f"the class name was already on line {names[name]}"
            raise DataError(problem, path=path, line=number, given=name)
        if name:
            names[name] = number
    if not names:
        raise DataError("the file of class names is empty", path=path)
    return tuple(names)


def name_labels(
    examples: Sequence[Example], names: tuple[str, ...], path: str, notes: list[str]
) -> tuple[Example, ...]:
    """Replace labels that are numbers by names; labels that are names already stay.

    Numbers count from 1 when the number of classes occurs as a label and 0 does not, else from 0.

    Raises:
        DataError: A label is neither a number in range nor a name.
    """
    found = {label for example in examples for label in example.labels}
    if found <= set(names):
        return tuple(examples)
    base = 1 if str(len(names)) in found and "0" not in found else 0
    if base == 0 and "0" not in found:
        notes.append("no label is 0 and none is the number of classes: counted from 0")
    table = {str(index + base): name for index, name in enumerate(names)}
    table.update({name: name for name in names})

    def named(example: Example) -> Example:
        try:
            labels = tuple(table[label] for label in example.labels)
        except KeyError as error:
            raise DataError(
                "the label has no class name",
                path=path,
                line=example.line or None,
                given=error.args[0],
                allowed=f"{base} to {len(names) - 1 + base}, or one of {', '.join(names[:10])}",
            ) from None
        return dataclasses.replace(example, labels=labels)

    notes.append(f"classes named from number {base}: {', '.join(names[:10])}")
    return tuple(named(example) for example in examples)
