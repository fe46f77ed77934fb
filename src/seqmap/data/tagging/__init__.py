"""Tagged text: readers, schemes, tokens whose places in the text are kept."""

from seqmap.data.tagging.read import iter_untagged, read_tagged, sentence_of
from seqmap.data.tagging.records import Sentence, TaggedDataset, TaggedLayout
from seqmap.data.tagging.schemes import SCHEMES, Scheme, Span, spans_of, tags_of
from seqmap.data.tagging.tokens import tokenise

__all__ = [
    "SCHEMES",
    "Scheme",
    "Sentence",
    "Span",
    "TaggedDataset",
    "TaggedLayout",
    "iter_untagged",
    "read_tagged",
    "sentence_of",
    "spans_of",
    "tags_of",
    "tokenise",
]
