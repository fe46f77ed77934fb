"""Files of answers, JSON Lines or Parquet: written beside their place, moved there when whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from seqmap.errors import MissingExtraError, OutputError
from seqmap.runtime.plain import plain

_ROWS = 4096
"""Answers that go into one group of rows of a Parquet file."""


def write_answers(records: Iterable[dict[str, Any]], target: Path) -> int:
    """Write a file of answers, in constant memory; return how many there are.

    In Parquet, text, numbers and truth values are columns, and what is nested is JSON text.

    Args:
        records: The answers; those of a file need not have the same keys.
        target: The file, `.parquet` or `.pq`, else JSON Lines.

    Raises:
        MissingExtraError: pyarrow is needed and not installed.
        OutputError: It cannot be written.
    """
    lines = target.with_name(f".{target.name}.partial")
    table = target.with_name(f".{target.name}.table.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        kinds: dict[str, set[type]] = {}
        count = 0
        with lines.open("w", encoding="utf-8") as file:
            for record in records:
                row = plain(record)
                for key, value in row.items():
                    kinds.setdefault(key, set()).add(type(value))
                file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
                count += 1
            _synced(file)
        if target.suffix.lower() in (".parquet", ".pq"):
            _to_parquet(lines, kinds, table)
            table.replace(target)
        else:
            lines.replace(target)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=target) from None
    finally:
        lines.unlink(missing_ok=True)
        table.unlink(missing_ok=True)
    return count


def _to_parquet(lines: Path, kinds: dict[str, set[type]], table: Path) -> None:
    """Turn JSON Lines whose keys and types are known into Parquet."""
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    names = {"string": arrow.string(), "double": arrow.float64(), "int": arrow.int64()}
    names["bool"] = arrow.bool_()
    columns = {key: _kind(found) for key, found in kinds.items()}
    schema = arrow.schema([(key, names[kind or "string"]) for key, kind in columns.items()])
    with lines.open(encoding="utf-8") as file, table.open("wb") as out:
        with parquet.ParquetWriter(out, schema) as writer:
            for rows in _parts(map(json.loads, file)):
                for row in rows:
                    for key, kind in columns.items():
                        if kind is None and row.get(key) is not None:
                            row[key] = json.dumps(row[key], ensure_ascii=False)
                writer.write_table(arrow.Table.from_pylist(rows, schema))
        _synced(out)


def _kind(found: set[type]) -> str | None:
    """Return the type of a column; None for what is written as JSON."""
    found = found - {type(None)}
    if found == {bool}:
        return "bool"
    if found <= {int, float}:
        return "int" if found == {int} else "double"
    return "string" if found == {str} else None


def _parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while part := list(islice(rows, _ROWS)):
        yield part


def _synced(file: Any) -> None:
    """See that what was written survives a power cut."""
    file.flush()
    os.fsync(file.fileno())
