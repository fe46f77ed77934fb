"""Public data sets that can be fetched by name."""

from seqmap.data.sets.catalogue import SETS, KnownFile, KnownSet
from seqmap.data.sets.fetch import fetch, find_set

__all__ = ["SETS", "KnownFile", "KnownSet", "fetch", "find_set"]
