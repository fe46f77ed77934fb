"""Heads turn encoded sequences into answers and into a loss.

To add one: a file with a subclass of `Head`, and one line in `HEADS`.
"""

from __future__ import annotations

from seqmap.nn.heads.base import Head
from seqmap.nn.heads.labels import LabelHead, MultiLabelHead

HEADS: dict[str, type[Head]] = {"label": LabelHead, "multi-label": MultiLabelHead}
