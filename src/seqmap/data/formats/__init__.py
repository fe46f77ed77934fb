"""The file formats: a new one is one file here and one line in FORMATS."""

from __future__ import annotations

from seqmap.data.formats.delimited import CSV, TSV
from seqmap.data.formats.jsonl import JSONL
from seqmap.data.formats.lines import LINES
from seqmap.data.formats.parquet import PARQUET
from seqmap.data.formats.plain import PLAIN
from seqmap.data.table import FileFormat

FORMATS: dict[str, FileFormat] = {
    "csv": CSV,
    "tsv": TSV,
    "jsonl": JSONL,
    "parquet": PARQUET,
    "lines": LINES,
    "plain": PLAIN,
}
