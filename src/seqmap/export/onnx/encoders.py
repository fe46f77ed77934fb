"""Every encoder as ONNX nodes."""

from __future__ import annotations

from dataclasses import replace

from seqmap.config import EncoderConfig
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.recurrent import recurrent
from seqmap.export.onnx.transformer import transformer
from seqmap.runtime.ops.weights import Arrays

_TRANSFORMERS = ("transformer", "lstm-transformer")


def encoded(
    graph: Graph,
    arrays: Arrays,
    x: str,
    lengths: str,
    size: int,
    config: EncoderConfig,
    prefix: str,
) -> tuple[str, str]:
    """Read sequences.

    Args:
        graph: Where the nodes go.
        arrays: An archive's.
        x: (time, batch, size).
        lengths: (batch,) int32.
        size: Features of a symbol.
        config: Name and sizes.
        prefix: What stands before the arrays' names.

    Returns:
        States (time, batch, width), and the last states (batch, width) of the last layer: of a
        second direction those at the first symbol.
    """
    if config.name == "transformer":
        return transformer(graph, arrays, x, lengths, size, config, prefix)
    if config.name == "lstm-transformer":
        below = replace(config, name="lstm")
        x, _ = recurrent(graph, arrays, x, lengths, size, below, f"{prefix}lstm.")
        size = width_of(below)
        return transformer(graph, arrays, x, lengths, size, config, f"{prefix}transformer.")
    return recurrent(graph, arrays, x, lengths, size, config, prefix)


def width_of(config: EncoderConfig) -> int:
    """Return how many features a state has."""
    both = config.direction == "both" and config.name not in _TRANSFORMERS
    return config.hidden * (2 if both else 1)
