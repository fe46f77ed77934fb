"""The operations of a deployed network in NumPy, one file each.

Only the types stand here: where the native core does the work, the operations are never imported.
"""

from __future__ import annotations

from seqmap.runtime.ops.base import Encoder, Ids, State
from seqmap.runtime.ops.layout import Layout
from seqmap.runtime.ops.weights import Arrays, Floats

__all__ = ["Arrays", "Encoder", "Floats", "Ids", "Layout", "State"]
