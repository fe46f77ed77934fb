"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence

from seqmap.data.records import ReadOptions
from seqmap.data.source import LineStream, Source
from seqmap.data.table import Cell, FileFormat, Rows, Table
from seqmap.errors import DataError, nearest


def open_jsonl(source: Source, options: ReadOptions) -> Table:
    """Open JSON Lines; the keys of the first objects are the columns."""
    stream = LineStream(source, options.encoding)
    head = stream.peek(lines=1) if source.is_stream else stream.peek()
    records = [
        parse_object(line, number, source.shown) for number, line in head if line.strip(" \t\r")
    ]
    columns = tuple(dict.fromkeys(key for record in records for key in record))
    lines = iter(stream)

    def read(places: Sequence[int]) -> Rows:
        names = [columns[place] for place in places]
        for number, line in lines:
            if not line.strip(" \t\r"):
                continue
            record = parse_object(line, number, source.shown)
            try:
                yield number, [record[name] for name in names]
            except KeyError as error:
                raise _no_such_key(str(error.args[0]), record, number, source.shown) from None

    return Table(
        source=source,
        format="jsonl",
        columns=columns,
        sample=[[record.get(name) for name in columns] for record in records],
        read=read,
        encoding=lambda: stream.encoding,
    )


def parse_object(line: str, number: int, path: str) -> dict[str, Cell]:
    """Return the object on one line.

    Raises:
        DataError: The line is not JSON, or JSON but not an object.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        problem = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(
            f"not valid JSON: {problem}",
            path=path,
            line=number,
            remedy="JSON Lines hold one whole object on each line",
        ) from None
    if not isinstance(record, dict):
        raise DataError(
            "not a JSON object",
            path=path,
            line=number,
            given=type(record).__name__,
            allowed='one object a line, for example {"text": "...", "label": "..."}',
        )
    # "\ud800" without its second half is valid JSON but not text that can be written again.
    return _repaired(record) if "\\u" in line else record


def _repaired(record: dict[str, Cell]) -> dict[str, Cell]:
    def repair(value: Cell) -> Cell:
        if isinstance(value, str):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, list):
            return [repair(item) for item in value]
        if isinstance(value, dict):
            return {str(repair(key)): repair(item) for key, item in value.items()}
        return value

    return {str(repair(key)): repair(value) for key, value in record.items()}


def _no_such_key(key: str, record: dict[str, Cell], number: int, path: str) -> DataError:
    close = nearest(key, record)
    return DataError(
        f"the object has no key {key!r}",
        path=path,
        line=number,
        allowed=list(record)[:10] or "at least one key",
        remedy=f"Did you mean {close!r}?" if close else None,
    )


JSONL = FileFormat("jsonl", (".jsonl", ".ndjson", ".json"), open_jsonl)
