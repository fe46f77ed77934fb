"""Reading data: files in, examples out.

`read_examples` reads a labelled file, `iter_texts` streams unlabelled texts, `hold_out` splits, and
`inspect` counts what a reader of the figures should know: duplicates, conflicts, empty texts and
overlap. The names load on first use (PEP 562): a deployed model may need one of the small parts and
never read a file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqmap.data.examples import read_examples
    from seqmap.data.formats import FORMATS
    from seqmap.data.records import Dataset, Example, Layout, ReadOptions, order_labels
    from seqmap.data.report import DataReport, Overlap, PartReport, fingerprint, inspect
    from seqmap.data.split import check_trainable, hold_out
    from seqmap.data.stream import TextStream, iter_texts

_HOME = {
    "FORMATS": "formats",
    "DataReport": "report",
    "Dataset": "records",
    "Example": "records",
    "Layout": "records",
    "Overlap": "report",
    "PartReport": "report",
    "ReadOptions": "records",
    "TextStream": "stream",
    "check_trainable": "split",
    "fingerprint": "report",
    "hold_out": "split",
    "inspect": "report",
    "iter_texts": "stream",
    "order_labels": "records",
    "read_examples": "examples",
}

__all__ = [
    "FORMATS",
    "DataReport",
    "Dataset",
    "Example",
    "Layout",
    "Overlap",
    "PartReport",
    "ReadOptions",
    "TextStream",
    "check_trainable",
    "fingerprint",
    "hold_out",
    "inspect",
    "iter_texts",
    "order_labels",
    "read_examples",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"seqmap.data.{_HOME[name]}"), name)
    raise AttributeError(f"module 'seqmap.data' has no attribute {name!r}")
