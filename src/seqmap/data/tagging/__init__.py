"""Tagged text: readers, schemes, tokens whose places in the text are kept.

The names load on first use (PEP 562): a deployed tagger needs schemes and tokens, and no reader.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqmap.data.tagging.read import iter_untagged, read_tagged, sentence_of
    from seqmap.data.tagging.records import Sentence, TaggedDataset, TaggedLayout
    from seqmap.data.tagging.schemes import SCHEMES, Scheme, Span, spans_of, tags_of
    from seqmap.data.tagging.tokens import tokenise

_HOME = {
    "SCHEMES": "schemes",
    "Scheme": "schemes",
    "Sentence": "records",
    "Span": "schemes",
    "TaggedDataset": "records",
    "TaggedLayout": "records",
    "iter_untagged": "read",
    "read_tagged": "read",
    "sentence_of": "read",
    "spans_of": "schemes",
    "tags_of": "schemes",
    "tokenise": "tokens",
}

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


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"seqmap.data.tagging.{_HOME[name]}"), name)
    raise AttributeError(f"module 'seqmap.data.tagging' has no attribute {name!r}")
