"""Reading data: files in, examples out.

`read_examples` reads a labelled file, `iter_texts` streams unlabelled texts, `hold_out` splits, and
`inspect` counts what a reader of the figures should know: duplicates, conflicts, empty texts and
overlap.
"""

from seqmap.data.examples import read_examples
from seqmap.data.formats import FORMATS
from seqmap.data.records import Dataset, Example, Layout, ReadOptions, order_labels
from seqmap.data.report import DataReport, Overlap, PartReport, fingerprint, inspect
from seqmap.data.split import check_trainable, hold_out
from seqmap.data.stream import TextStream, iter_texts

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
