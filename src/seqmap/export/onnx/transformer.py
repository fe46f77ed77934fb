"""The Transformer encoder as ONNX nodes; see `seqmap.runtime.ops.transformer`."""

from __future__ import annotations

import numpy as np

from seqmap.config import EncoderConfig
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.network import added, inside
from seqmap.runtime.ops.weights import Arrays, take

NORM_FLOOR = 1e-5
CLOSED = -1e30
"""Added to the score of what may not be looked at."""


def transformer(
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
        config: Sizes.
        prefix: What stands before the arrays' names.

    Returns:
        States (time, batch, hidden), and those of the last symbols (batch, hidden).
    """
    width, inner = config.hidden, config.feedforward or 4 * config.hidden
    lengths = graph.add("Cast", lengths, to=7)
    mask = inside(graph, x, lengths)
    # (time, batch, 1) -> (batch, 1, 1, time): the same for all heads and all that ask
    shut = graph.add("Unsqueeze", graph.add("Transpose", mask, perm=[1, 2, 0]), graph.ints(1))
    shut = graph.add(
        "Where", shut, graph.constant(0, np.float32), graph.constant(CLOSED, np.float32)
    )
    turned = graph.add("Transpose", x, perm=[1, 0, 2])
    time = graph.add("Gather", graph.add("Shape", x), graph.constant(0, np.int64))
    places = graph.add("Range", graph.constant(0, np.int64), time, graph.constant(1, np.int64))
    stream = added(graph, arrays, f"{prefix}project", (width, size), turned)
    stream = graph.add("Add", stream, positioned(graph, places, width))
    for layer in range(config.layers):
        name = f"{prefix}layers.{layer}."
        here = normed(graph, arrays, f"{name}norm1", width, stream)
        parts = [
            added(graph, arrays, f"{name}{part}", (width, width), here)
            for part in ("query", "key", "value")
        ]
        query, key, value = (by_head(graph, part, config.heads, width) for part in parts)
        context, _ = attended(graph, query, key, value, shut)
        joined = together(graph, context, width)
        out = added(graph, arrays, f"{name}output", (width, width), joined)
        stream = graph.add("Add", stream, out)
        stream = fed(graph, arrays, name, f"{name}norm2", (width, inner), stream)
    states = normed(graph, arrays, f"{prefix}norm", width, stream)
    states = graph.add("Transpose", states, perm=[1, 0, 2])
    return states, _last(graph, states, lengths)


def positioned(graph: Graph, places: str, width: int) -> str:
    """Return sinusoidal positions (count, width) for places (count,) int64, of any size.

    §3.5 of Vaswani et al. 2017. The angles are in fp64: in fp32 they are too coarse from some
    thousand symbols on. A cosine is the sine a quarter of a turn further.
    """
    even = np.arange(width) // 2 * 2
    rates = np.exp(even * (-np.log(10_000.0) / width))
    quarters = np.arange(width) % 2 * (np.pi / 2)
    steps = graph.add("Cast", graph.add("Unsqueeze", places, graph.ints(1)), to=11)
    angles = graph.add("Mul", steps, graph.constant(rates[None], np.float64))
    angles = graph.add("Add", angles, graph.constant(quarters[None], np.float64))
    return graph.add("Cast", graph.add("Sin", angles), to=1)


def normed(graph: Graph, arrays: Arrays, name: str, width: int, x: str) -> str:
    """Norm the last axis (Ba et al. 2016)."""
    weight = graph.constant(take(arrays, f"{name}.weight", width))
    bias = graph.constant(take(arrays, f"{name}.bias", width))
    return graph.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=NORM_FLOOR)


def by_head(graph: Graph, x: str, heads: int, width: int) -> str:
    """Divide features among heads, (batch, time, width) -> (batch, heads, time, width / heads)."""
    divided = graph.add("Reshape", x, graph.ints(0, 0, heads, width // heads))
    return graph.add("Transpose", divided, perm=[0, 2, 1, 3])


def together(graph: Graph, x: str, width: int) -> str:
    """Put heads side by side, (batch, heads, time, width / heads) -> (batch, time, width)."""
    return graph.add(
        "Reshape", graph.add("Transpose", x, perm=[0, 2, 1, 3]), graph.ints(0, 0, width)
    )


def attended(graph: Graph, query: str, key: str, value: str, shut: str | None) -> tuple[str, str]:
    """Attend, eq. 1 of Vaswani et al. 2017.

    Args:
        graph: Where the nodes go.
        query: (batch, heads, asking, size).
        key: (batch, heads, time, size).
        value: Of the same shape.
        shut: Added to the scores, (batch, 1, 1, time).

    Returns:
        Contexts (batch, heads, asking, size) and weights (batch, heads, asking, time).
    """
    size = graph.add("Shape", query, start=3)
    scale = graph.add("Sqrt", graph.add("Cast", size, to=1))
    turned = graph.add("Transpose", key, perm=[0, 1, 3, 2])
    scores = graph.add("MatMul", graph.add("Div", query, scale), turned)
    if shut is not None:
        scores = graph.add("Add", scores, shut)
    weights = graph.add("Softmax", scores, axis=3)
    return graph.add("MatMul", weights, value), weights


def fed(
    graph: Graph, arrays: Arrays, prefix: str, norm: str, shape: tuple[int, int], x: str
) -> str:
    """Add what the feed-forward network makes of a normed stream; `shape` is (width, inner)."""
    width, inner = shape
    here = normed(graph, arrays, norm, width, x)
    wide = graph.add("Relu", added(graph, arrays, f"{prefix}feed1", (inner, width), here))
    return graph.add("Add", x, added(graph, arrays, f"{prefix}feed2", (width, inner), wide))


def _last(graph: Graph, states: str, lengths: str) -> str:
    """Return the state of each last symbol, (batch, width); the first one of an empty sequence."""
    one, zero = graph.constant(1, np.int64), graph.constant(0, np.int64)
    at = graph.add("Max", graph.add("Sub", lengths, one), zero)
    rows = graph.add("Shape", lengths, start=0)
    count = graph.add("Squeeze", rows, graph.ints(0))
    batch = graph.add("Range", zero, count, one)
    pairs = [graph.add("Unsqueeze", part, graph.ints(1)) for part in (at, batch)]
    return graph.add("GatherND", states, graph.add("Concat", *pairs, axis=1))
