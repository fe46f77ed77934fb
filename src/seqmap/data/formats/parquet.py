"""Parquet, through pyarrow (the extra `parquet`), in batches, only the columns in use."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from seqmap.data.records import ReadOptions
from seqmap.data.source import Source
from seqmap.data.table import FileFormat, Rows, Table
from seqmap.errors import DataError, MissingExtraError

BATCH_ROWS = 4096
SAMPLE_ROWS = 200


def open_parquet(source: Source, options: ReadOptions) -> Table:
    """Open a Parquet file; nothing but the sample is read yet.

    Raises:
        MissingExtraError: pyarrow is not installed.
        DataError: The file is not Parquet.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    file = source.open()
    with source.errors():
        # Parquet is read from its end; what is compressed or piped must be unpacked first.
        seekable = file if not source.is_stream and source.is_plain else io.BytesIO(file.read())
    try:
        table = parquet.ParquetFile(seekable)
        names = tuple(table.schema_arrow.names)
        first = next(table.iter_batches(batch_size=SAMPLE_ROWS), None)
        sample = [] if first is None else [tuple(row.values()) for row in first.to_pylist()]
    except (arrow.ArrowException, OSError) as error:
        file.close()
        problem = f"not a readable Parquet file: {str(error).splitlines()[0]}"
        raise DataError(problem, path=source.shown) from None

    def read(places: Sequence[int]) -> Rows:
        wanted = [names[place] for place in places]
        number = 0
        for batch in _batches(table, wanted, source):
            columns = [batch.column(name).to_pylist() for name in wanted]
            for cells in zip(*columns, strict=True):
                number += 1
                yield number, cells
        file.close()

    return Table(
        source=source,
        format="parquet",
        columns=names,
        sample=list(sample),
        read=read,
    )


def _batches(table: Any, wanted: list[str], source: Source) -> Iterator[Any]:
    import pyarrow as arrow

    try:
        yield from table.iter_batches(batch_size=BATCH_ROWS, columns=list(dict.fromkeys(wanted)))
    except (arrow.ArrowException, OSError) as error:
        problem = f"damaged Parquet file: {str(error).splitlines()[0]}"
        raise DataError(problem, path=source.shown) from None


PARQUET = FileFormat("parquet", (".parquet", ".pq"), open_parquet)
