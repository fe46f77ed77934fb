"""What reading takes and gives: options, examples, the layout that was found, the data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Column = str | int
"""A column by its name, or by its number counted from 0 (negative numbers count from the end)."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file. None means: guess it, and report the guess in the layout."""

    format: str | None = None
    """`csv`, `tsv`, `jsonl`, `parquet`, `lines` (label, blank, text), `plain` (one text a line)."""
    text_columns: tuple[Column, ...] | None = None
    """The columns of the text; several are joined by a blank."""
    label_column: Column | None = None
    """The column of the label, or of the list of labels."""
    soft_columns: tuple[Column, ...] | None = None
    """A teacher's probabilities: one column per class, or one column of lists or objects."""
    encoding: str | None = None
    """Any encoding that Python knows."""
    header: bool | None = None
    """Whether the first row holds column names."""
    delimiter: str | None = None
    """The character between columns."""
    quoting: bool | None = None
    """Whether double quotes may enclose a field (RFC 4180), or are characters like all others."""
    label_separator: str | None = None
    """What separates the labels of one example; giving it makes the data multi-label."""
    label_names: str | None = None
    """A file of class names, one a line, for labels that are numbers from 0 or from 1."""
    time_column: Column | None = None
    """Of a time series: the column of the time."""
    series_column: Column | None = None
    """Of many series, one below the other: the column that names the series."""
    value_columns: tuple[Column, ...] | None = None
    """The columns to forecast; each is a series."""
    covariates: tuple[Column, ...] | None = None
    """Columns that help to forecast and are known up to the present."""
    audio: str | None = None
    """Of a manifest of recordings: the folder, zip or tar that they are in."""
    scheme: str | None = None
    """How tags mark spans: `iob1`, `iob2`, `bioes`, `bmes`, `bilou`, or `none` for plain labels."""
    label_base: int | None = None
    """With `label_names`: the number of the first class, 0 or 1, where it is known already."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text with its labels."""

    text: str
    labels: tuple[str, ...] = ()
    """One entry for single-label data; none when unlabelled."""
    soft: tuple[float, ...] | None = None
    """Shape `(classes,)`: a teacher's probabilities, in the order of `Dataset.soft_names`."""
    line: int = 0
    """The line (of Parquet: the row) on which it begins, counted from 1; 0 when not from a file."""


@dataclass(frozen=True)
class Layout:
    """What was found in a file."""

    format: str
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: bool | None = None
    header: bool | None = None
    columns: tuple[str, ...] = ()
    """The names of the columns; numbers from 0 where the file gives no names."""
    text_columns: tuple[str, ...] = ()
    label_column: str | None = None
    soft_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know: guesses that could be wrong, rows that were skipped."""

    def describe(self) -> str:
        """Return one line of facts, and one line for each note."""
        facts = [self.format, self.encoding]
        if self.delimiter is not None:
            shown = {"\t": "TAB", " ": "blank"}.get(self.delimiter, repr(self.delimiter))
            facts.append(f"delimiter {shown}")
        if self.quoting is not None:
            facts.append("quoting on" if self.quoting else "quoting off")
        if self.header is not None:
            facts.append("header" if self.header else "no header")
        kind = "column" if self.header is not False else "column number"
        if self.text_columns and self.columns != ("text",):
            facts.append(f"text = {kind} {few(self.text_columns, ' + ')}")
        if self.label_column is not None:
            facts.append(f"label = {kind} {self.label_column}")
        if self.soft_columns:
            facts.append(f"soft = {kind} {few(self.soft_columns)}")
        return "\n".join([", ".join(facts), *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class Numbering:
    """How the labels of a file that are numbers were read, where a file of names was given."""

    base: int
    """The number of the first class: 0 or 1."""
    sure: bool
    """Whether the labels themselves show it; else it was taken for want of better."""
    mixed: bool
    """Whether other labels were names already."""


@dataclass(frozen=True)
class Dataset:
    """The examples of one file."""

    path: str
    examples: tuple[Example, ...]
    layout: Layout
    multi_label: bool
    label_names: tuple[str, ...]
    """All labels, ordered: as in the file of names, else numbers by value, else by code point."""
    soft_names: tuple[str, ...] | None = None
    """The labels that the entries of `Example.soft` belong to, in order."""
    numbering: Numbering | None = None
    """How numbers were turned into names; None where no label was a number with a name."""

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)


def order_labels(labels: Sequence[str] | set[str]) -> tuple[str, ...]:
    """Return the distinct labels in a fixed order: integers by value, otherwise by code point."""
    names = set(labels)
    try:
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    except ValueError:
        return tuple(sorted(names))


def few(names: Sequence[str], joint: str = ", ") -> str:
    """Join names for a line of text; of many only the first and the last are shown."""
    shown = [*names[:5], "…", names[-1]] if len(names) > 8 else names
    return joint.join(shown)
