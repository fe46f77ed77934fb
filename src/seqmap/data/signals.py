"""Reading signals: recordings of one or several channels, each with a label.

`.ts` (the format of timeseriesclassification.com), `.npz` (arrays `X` and `y`), a folder or a zip
of one CSV a recording beside a CSV of labels, and one table of all recordings (CSV, Parquet, …)
with a column that names the recording of each row.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.formats.guess import open_table
from seqmap.data.records import Column, ReadOptions, order_labels
from seqmap.data.source import Source
from seqmap.data.ts import read_ts
from seqmap.errors import DataError

Channels = NDArray[np.float32]
_MANIFEST = re.compile(r"target|label|manifest|annotation", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_SEPARATORS = (";", "\t", ",")
"""What may stand between the values of a recording; the first one that a line has counts."""
_NAMES = ("recording", "id", "sequence_id", "file", "filename", "name")


@dataclass(frozen=True, slots=True)
class Signal:
    """One recording.

    Attributes:
        values: (time, channels), NaN where missing.
        labels: One label; none when unlabelled.
        name: Where it is from.
        line: The line on which it begins, counted from 1; 0 when it has none.
        even: Whether its steps are equally far apart, as far as that is known.
        soft: Always None: signals have no soft labels.
    """

    values: Channels
    labels: tuple[str, ...] = ()
    name: str = ""
    line: int = 0
    even: bool = True
    soft: None = None


@dataclass(frozen=True)
class SignalLayout:
    """What was found in a file of signals."""

    facts: str
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return one line of facts, and one line for each note."""
        return "\n".join([self.facts, *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class SignalDataset:
    """The recordings of one file."""

    path: str
    examples: tuple[Signal, ...]
    layout: SignalLayout
    label_names: tuple[str, ...]


def is_signals(path: str | os.PathLike[str]) -> bool:
    """Tell by its name, or by what it holds, whether a file is one of signals and not of texts."""
    place = Path(path)
    if place.suffix.lower() in (".ts", ".npz") or place.name.lower().endswith(".ts.gz"):
        return True
    if place.is_dir():
        return True
    if place.suffix.lower() == ".zip" and zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            return sum(name.lower().endswith(".csv") for name in archive.namelist()) > 2
    return False


def read_signals(
    path: str | os.PathLike[str], options: ReadOptions | None = None, *, labelled: bool = True
) -> SignalDataset:
    """Read all recordings.

    Args:
        path: A file, or a folder.
        options: `series_column` and `label_column` of a table; others as for texts.
        labelled: Whether every recording needs a label.

    Raises:
        DataError: It cannot be read, a value is no number, or recordings differ in channels.
    """
    options, place, shown = options or ReadOptions(), Path(path), os.fspath(path)
    if place.is_dir() or (place.suffix.lower() == ".zip" and is_signals(path)):
        examples, kind = tuple(_folder(place, shown, labelled=labelled)), "a recording a file"
    elif place.suffix.lower() == ".npz":
        examples, kind = tuple(_arrays(place, shown)), "NumPy"
    elif place.suffix.lower() == ".ts" or place.name.lower().endswith(".ts.gz"):
        examples, kind = tuple(_ts(Source(path))), ".ts"
    else:
        table = _table(Source(path), options, labelled=labelled)
        examples, kind = tuple(table), "a table of all recordings"
    if not examples:
        raise DataError("there is no recording in it", path=shown)
    width = examples[0].values.shape[1]
    for one in examples:
        if one.values.shape[1] != width:
            raise DataError(
                "the recordings differ in channels",
                path=shown,
                line=one.line or None,
                given=f"{one.values.shape[1]} in {one.name}",
                allowed=str(width),
            )
        if labelled and not one.labels:
            raise DataError("a recording has no label", path=shown, given=one.name)
    lengths = sorted(len(one.values) for one in examples)
    gone = sum(int(np.isnan(one.values).sum()) for one in examples)
    facts = (
        f"{kind}, {len(examples):,} recordings, {width} channels, {lengths[0]}-{lengths[-1]} steps"
    )
    notes: tuple[str, ...] = (f"{gone:,} value(s) missing",) if gone else ()
    uneven = sum(not one.even for one in examples)
    if uneven:
        notes += (f"{uneven:,} recordings have uneven times: only the order of steps is used",)
    names = order_labels({label for one in examples for label in one.labels})
    return SignalDataset(shown, examples, SignalLayout(facts, notes), names)


def _numbers(cells: Iterable[Any], path: str, line: int) -> list[float]:
    """Read numbers; a cell that holds a comma has it for the decimal point."""
    found = []
    for cell in cells:
        text = "" if cell is None else str(cell).strip()
        if _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        try:
            found.append(float(text) if text not in ("", "?") else float("nan"))
        except ValueError:
            raise DataError(
                "a value of a signal is a number", path=path, line=line, given=text
            ) from None
    return found


def _ts(source: Source) -> Iterator[Signal]:
    """Read a `.ts` file."""
    for count, row in enumerate(read_ts(source, _numbers), start=1):
        yield Signal(row.values, row.labels, str(count), row.line, even=row.even)


def _arrays(place: Path, shown: str) -> Iterator[Signal]:
    """Read X, (recordings, time, channels), and y where there is one; NaN at the end is padding."""
    try:
        with np.load(place, allow_pickle=False) as held:
            x = np.asarray(held["X"], dtype=np.float32)
            y = _labels(held["y"]) if "y" in held else None
    except FileNotFoundError:
        raise DataError("no such file", path=shown) from None
    except (
        ValueError, TypeError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error
    ) as error:  # fmt: skip
        raise DataError(
            f"not a readable .npz file: {error}", path=shown, allowed="arrays X and y, no objects"
        ) from None
    if x.ndim == 2:
        x = x[:, :, None]
    if x.ndim != 3 or (y is not None and len(y) != len(x)):
        raise DataError(
            "X is (recordings, time, channels), y one label each",
            path=shown,
            given=f"X {x.shape}, y {None if y is None else len(y)}",
        )
    for k, values in enumerate(x):
        known = np.flatnonzero(~np.isnan(values).all(axis=1))
        end = int(known[-1]) + 1 if len(known) else 0
        yield Signal(values[:end], () if y is None else y[k], str(k))


def _labels(y: NDArray[Any]) -> list[tuple[str, ...]]:
    """Return the label of each recording; none where it is missing."""
    return [_label(value) for value in y.reshape(-1).tolist()]


def _label(value: Any) -> tuple[str, ...]:
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    missing = value is None or value != value or str(value).strip() == ""
    return () if missing else (str(value),)


def _folder(place: Path, shown: str, *, labelled: bool) -> Iterator[Signal]:
    """Read one CSV a recording, and their labels from the CSV whose name says so."""
    files, open_file = _members(place, shown)
    csvs = [name for name in files if name.lower().endswith((".csv", ".txt"))]
    manifests = [name for name in csvs if _MANIFEST.search(Path(name).name)]
    if not manifests and not labelled:
        for name in csvs:
            yield Signal(_recording(open_file(name), f"{shown}/{name}"), (), Path(name).stem)
        return
    if not manifests:
        raise DataError(
            "no file of labels in it",
            path=shown,
            allowed="a CSV named …target…, …label… or …manifest…: recording, label",
        )
    manifest = manifests[0]
    inside = [n for n in csvs if Path(n).parent == Path(manifest).parent and n != manifest]
    by_stem = {Path(name).stem: name for name in inside}
    by_number = {m.group(): n for n in inside if (m := re.search(r"\d+$", Path(n).stem))}
    for line, row in _rows(open_file(manifest)):
        if len(row) < 2 or row[0].startswith("#"):
            continue
        found = by_stem.get(Path(row[0]).stem) or by_number.get(row[0])
        if found is None:
            if line == 1:
                continue  # a header
            raise DataError(
                "a recording of the label file is missing", path=shown, line=line, given=row[0]
            )
        values = _recording(open_file(found), f"{shown}/{found}")
        yield Signal(values, _label(row[1]), Path(found).stem)


def _members(place: Path, shown: str) -> tuple[list[str], Callable[[str], str]]:
    try:
        if place.is_dir():
            names = sorted(p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file())
            return names, lambda name: _text((place / name).read_bytes(), f"{shown}/{name}")
        archive = zipfile.ZipFile(io.BytesIO(place.read_bytes()))
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot read it: {error}", path=shown) from None
    names = [n for n in archive.namelist() if not n.endswith("/") and "__MACOSX" not in n]
    return names, lambda name: _text(_unpacked(archive, name, shown), f"{shown}/{name}")


def _unpacked(archive: zipfile.ZipFile, name: str, shown: str) -> bytes:
    try:
        return archive.read(name)
    except (RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"cannot read it: {error}", path=f"{shown}/{name}") from None


def _text(raw: bytes, path: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("this is not UTF-8", path=path, remedy="Write it again as UTF-8") from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for line, raw in enumerate(text.split("\n"), start=1):
        if raw.strip():
            between = next((mark for mark in _SEPARATORS if mark in raw), ",")
            yield line, [cell.strip() for cell in raw.rstrip("\r").split(between)]


def _recording(text: str, path: str) -> Channels:
    rows = []
    for line, row in _rows(text):
        if row[0].startswith("#"):
            continue
        if line == 1 and not _is_number(row[0]) and not _DECIMAL_COMMA.fullmatch(row[0]):
            continue
        rows.append(_numbers(row, path, line))
        if len(rows[-1]) != len(rows[0]):
            raise DataError(
                "the rows of a recording differ in channels", path=path, line=line, given=len(row)
            )
    if not rows:
        raise DataError("a recording has no values", path=path)
    return np.array(rows, dtype=np.float32)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _table(source: Source, options: ReadOptions, *, labelled: bool) -> Iterator[Signal]:
    """Read one table of all recordings: a column names the recording of each row."""
    if options.format is None and source.extension not in (".tsv", ".tab", ".jsonl", ".parquet"):
        options = replace(options, format="csv")
    table = open_table(source, options, labelled=labelled)
    lower = [name.strip().lower() for name in table.columns]

    def place(column: Column | None, usual: tuple[str, ...], what: str) -> int | None:
        if isinstance(column, int) and 0 <= column < len(lower):
            return column
        if column is not None and column in table.columns:
            return table.columns.index(str(column))
        found = next((lower.index(name) for name in usual if name in lower), None)
        if column is None and found is None and what == "label" and not labelled:
            return None
        if column is not None or found is None:
            raise DataError(
                f"no column for the {what}",
                path=source.shown,
                given=column,
                allowed=table.columns,
                remedy="Name it with --series-column and --label-column",
            )
        return found

    recording = place(options.series_column, _NAMES, "recording")
    label = place(options.label_column, ("label", "class", "target", "y"), "label")
    rest = [k for k in range(len(lower)) if k not in (recording, label)]
    assert recording is not None
    first = [recording] if label is None else [recording, label]
    rows: dict[str, list[list[float]]] = {}
    about: dict[str, tuple[tuple[str, ...], int]] = {}
    for line, cells in table.read([*first, *rest]):
        name, own = str(cells[0]), () if label is None else _label(cells[1])
        if about.setdefault(name, (own, line))[0] != own:
            raise DataError(
                "a recording has two labels", path=source.shown, line=line, given=str(cells[1])
            )
        rows.setdefault(name, []).append(_numbers(cells[len(first) :], source.shown, line))
    for name, values in rows.items():
        labels, begun = about[name]
        yield Signal(np.array(values, np.float32), labels, name, begun)
