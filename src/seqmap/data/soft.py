"""Soft labels: a teacher's probabilities per class, for distillation (Hinton et al. 2015)."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Collection, Sequence

from seqmap.data.columns import Roles
from seqmap.data.names import Naming
from seqmap.data.records import Dataset, Example, order_labels
from seqmap.data.table import Cell, Table
from seqmap.errors import DataError

# Probabilities written with three digits still sum to one within this.
SUM_TOLERANCE = 0.02


class SoftReader:
    """Reads rows of probabilities, and finds out which class each belongs to.

    Args:
        path: The file's name in messages.
        names: The classes, where they are known before reading; None for cells that are lists.
        vector: Whether one cell holds all probabilities.
        hard: Whether the file has a label column, too.
    """

    def __init__(
        self,
        *,
        path: str,
        names: tuple[str, ...] | None,
        vector: bool,
        hard: bool,
    ) -> None:
        self.path = path
        self.names = names
        self.vector = vector
        self.hard = hard
        self._keyed = False

    @classmethod
    def of(cls, table: Table, roles: Roles) -> SoftReader | None:
        """Return the reader for a table, or None when it has no soft labels."""
        if not roles.soft:
            return None
        place = roles.soft[0]
        first = next((row[place] for row in table.sample if len(row) > place), None)
        vector = len(roles.soft) == 1 and isinstance(first, (dict, list))
        names = None
        if not vector and table.header is not False:
            names = tuple(table.columns[place] for place in roles.soft)
        hard = roles.label is not None
        return cls(path=table.source.shown, names=names, vector=vector, hard=hard)

    def row(self, cells: Sequence[Cell], line: int) -> tuple[float, ...]:
        """Return the probabilities of one row, as they stand there."""
        values: Sequence[Cell] = cells
        if self.vector:
            cell = cells[0]
            if isinstance(cell, dict):
                if self.names is None:
                    self._keyed = True
                    self.names = order_labels([str(name) for name in cell])
                if set(cell) != set(self.names):
                    raise self._wrong("other classes than in the rows before", line, list(cell))
                values = [cell[name] for name in self.names]
            elif isinstance(cell, (list, tuple)):
                values = cell
            else:
                raise self._wrong("soft labels are missing", line, cell)
        probabilities = tuple(self._one(value, line) for value in values)
        if self.names is not None and len(probabilities) != len(self.names):
            raise self._wrong(
                f"not one probability for each of {len(self.names)} classes", line, cells
            )
        return probabilities

    def numbers(self, names: Collection[str]) -> frozenset[str]:
        """Return what the classes are called where it is by numbers, to tell how those count."""
        for called in self._called():
            if all(name in names or name.isdecimal() for name in called):
                return frozenset(called)
        return frozenset()

    def finish(
        self, examples: tuple[Example, ...], naming: Naming | None, *, multi_label: bool
    ) -> tuple[tuple[Example, ...], tuple[str, ...]]:
        """Check sums, give label-less rows their likeliest class, and name the classes.

        Args:
            examples: As they were read, their labels named.
            naming: The names that were given: the probabilities are put into their order.
            multi_label: Whether labels are independent of each other.

        Raises:
            DataError: Probabilities do not sum to one, or the classes are not those of the labels.
        """
        width = len(examples[0].soft or ())
        names = self._class_names(examples, naming, width)
        known = set(names)
        checked = []
        for example in examples:
            soft = example.soft or ()
            if len(soft) != width:
                raise self._wrong(f"not {width} probabilities", example.line, len(soft))
            total = sum(soft)
            if not multi_label:
                if abs(total - 1.0) > SUM_TOLERANCE:
                    raise self._wrong(
                        "the probabilities do not sum to 1", example.line, f"{total:g}"
                    )
                soft = tuple(value / total for value in soft)
            labels = example.labels if self.hard else (names[soft.index(max(soft))],)
            if not known.issuperset(labels):
                raise DataError(
                    "the label is none of the classes of the soft labels",
                    path=self.path,
                    line=example.line,
                    given=", ".join(labels),
                    allowed=names,
                )
            checked.append(dataclasses.replace(example, labels=labels, soft=soft))
        if naming is None or names == naming.names:
            return tuple(checked), names
        return _reordered(checked, names, naming.names), naming.names

    def _called(self) -> tuple[tuple[str, ...], ...]:
        """Return what the classes may be called, most likely first; nothing for mere lists."""
        if self.names is None or self._keyed:
            return () if self.names is None else (self.names,)
        # Columns are often named p_neg, p_pos for the classes neg, pos.
        prefix = os.path.commonprefix(self.names)
        return self.names, tuple(name.removeprefix(prefix) for name in self.names)

    def _class_names(
        self, examples: tuple[Example, ...], naming: Naming | None, width: int
    ) -> tuple[str, ...]:
        if naming is not None and self.names is not None:
            return self._given_names(naming)
        found = {label for example in examples for label in example.labels}
        if self.names is not None:
            fitting = (called for called in self._called() if found <= set(called))
            return next(fitting, self.names) if found else self.names
        names = order_labels(found) if naming is None else naming.names
        if len(names) != width:
            raise DataError(
                f"{width} soft labels a row, but {len(names)} classes are known",
                path=self.path,
                remedy="Name the classes in their order with --label-names",
            )
        return names

    def _given_names(self, naming: Naming) -> tuple[str, ...]:
        """Return the names of the columns or keys, which must be all names that were given."""
        assert self.names is not None
        for called in self._called():
            names = tuple(naming.table.get(name, name) for name in called)
            if sorted(names) == sorted(naming.names):
                return names
        raise DataError(
            "the soft labels are of other classes than the file of class names",
            path=self.path,
            given=", ".join(self.names),
            allowed=naming.names,
        )

    def _one(self, cell: Cell, line: int) -> float:
        try:
            value = float(cell)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            value = math.nan
        if not 0.0 <= value <= 1.0 + 1e-6:
            raise self._wrong("a soft label is no probability", line, cell)
        return value

    def _wrong(self, problem: str, line: int, given: object) -> DataError:
        allowed = "numbers from 0 to 1, one per class, that sum to 1"
        return DataError(problem, path=self.path, line=line, given=given, allowed=allowed)


def aligned(other: Dataset, train: Dataset) -> Dataset:
    """Put a teacher's probabilities into the order of the training file's classes.

    Raises:
        DataError: They are of other classes.
    """
    if other.soft_names is None or other.soft_names == train.label_names:
        return other
    if set(other.soft_names) != set(train.label_names):
        raise DataError(
            "the soft labels are of other classes than the training data",
            path=other.path,
            given=", ".join(other.soft_names),
            allowed=train.label_names,
        )
    examples = _reordered(other.examples, other.soft_names, train.label_names)
    return dataclasses.replace(other, examples=examples, soft_names=train.label_names)


def _reordered(
    examples: Sequence[Example], names: tuple[str, ...], wanted: tuple[str, ...]
) -> tuple[Example, ...]:
    """Put probabilities in the order of `names` into the order of `wanted`."""
    order = [names.index(name) for name in wanted]
    return tuple(
        dataclasses.replace(
            example, soft=tuple(example.soft[place] for place in order) if example.soft else None
        )
        for example in examples
    )
