"""Class names from a file, for labels that are numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from seqmap.data.records import Dataset, Example, Numbering
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


@dataclass(frozen=True)
class Naming:
    """Which name belongs to each label of a file.

    Attributes:
        names: The class names in the order of their numbers.
        table: From labels as they stand in the file, numbers or names, to names.
        numbering: How numbers are read; None where all labels are names.
        told: Whether the training file decided that, not this one.
    """

    names: tuple[str, ...]
    table: Mapping[str, str]
    numbering: Numbering | None
    told: bool

    @classmethod
    def of(
        cls, names: tuple[str, ...], found: Collection[str], base: int | None, notes: list[str]
    ) -> Naming:
        """Find out how the numbers among the labels of a file count.

        They count as they are said to; else from 1 when the number of classes occurs as a label
        and 0 does not, else from 0.

        Args:
            names: The class names.
            found: All labels of the file.
            base: The number of the first class where it is known, else None.
            notes: Is told what was found.
        """
        table = {name: name for name in names}
        if table.keys() >= set(found):
            return cls(names, table, None, told=False)
        told, sure = base is not None, True
        if base is None:
            base = 1 if str(len(names)) in found and "0" not in found else 0
            sure = base == 1 or "0" in found
        if not sure:
            notes.append(
                "no label is 0 and none is the number of classes: counted from 0 for want of "
                "better; dev and test follow the training file"
            )
        notes.append(f"classes named from number {base}: {', '.join(names[:10])}")
        table = {str(index + base): name for index, name in enumerate(names)} | table
        mixed = not set(names).isdisjoint(found)
        return cls(names, table, Numbering(base, sure, mixed), told)

    def label(self, examples: Sequence[Example], path: str) -> tuple[Example, ...]:
        """Replace labels that are numbers by names; labels that are names already stay.

        Raises:
            DataError: A label is neither a number in range nor a name.
        """
        if self.numbering is None:
            return tuple(examples)
        return tuple(self._named(example, path, self.numbering.base) for example in examples)

    def _named(self, example: Example, path: str, base: int) -> Example:
        try:
            labels = tuple(self.table[label] for label in example.labels)
        except KeyError as error:
            first = ", ".join(self.names[:10])
            raise DataError(
                "the label has no class name",
                path=path,
                line=example.line or None,
                given=error.args[0],
                allowed=f"{base} to {len(self.names) - 1 + base}, or one of {first}",
                remedy=f"The training file counts from {base}" if self.told else None,
            ) from None
        return dataclasses.replace(example, labels=labels)


def renumbered(other: Dataset, train: Dataset) -> Dataset:
    """Read the numbers of a dev or test file as those of the training file were read.

    A file that lacks the first and the last class does not show how it counts.

    Raises:
        DataError: It does show it, and it counts otherwise.
    """
    mine, first = other.numbering, train.numbering
    if mine is None or first is None or mine.base == first.base:
        return other
    if mine.sure or mine.mixed:
        raise DataError(
            f"the labels count from {mine.base}, those of the training file from {first.base}",
            path=other.path,
            remedy="Number both alike, or write the names instead of the numbers"
            + ("" if first.sure else ": the training file has neither the first nor the last"),
        )
    # It was counted from 0 for want of better, so the number k got the name of k + 1 from 1.
    names = other.label_names
    down = dict(zip(names[1:], names[:-1], strict=True))
    examples = tuple(
        dataclasses.replace(example, labels=tuple(down[label] for label in example.labels))
        for example in other.examples
    )
    return dataclasses.replace(other, examples=examples, numbering=first)
