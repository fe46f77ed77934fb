"""The Transformer decoder as ONNX nodes; see `seqmap.runtime.decoders.transformer`.

What depends on the source alone, keys and values of its memory, belongs to the graph that reads; a
step appends the keys and values of its piece to those so far.
"""

from __future__ import annotations

import numpy as np

from seqmap.config import TranslateConfig
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.network import added
from seqmap.export.onnx.transformer import attended, by_head, fed, normed, positioned, together
from seqmap.runtime.ops.weights import Arrays


def source_outputs(
    graph: Graph, arrays: Arrays, memory: str, features: int, config: TranslateConfig
) -> None:
    """Give keys and values of a memory, (batch, source, features), for each layer.

    Args:
        graph: Where the nodes go.
        arrays: An archive's.
        memory: States of the source.
        features: Width of a state.
        config: Sizes of the decoder.
    """
    size = config.hidden // config.heads
    for layer in range(config.layers):
        for part in ("key", "value"):
            name = f"decoder.layers.{layer}.cross.{part}"
            made = added(graph, arrays, name, (config.hidden, features), memory)
            divided = by_head(graph, made, config.heads, config.hidden)
            graph.output(f"{part}s{layer}", divided, "float", "batch", config.heads, "source", size)


def decoder_step(
    graph: Graph, arrays: Arrays, words: str, shut: str, size: int, config: TranslateConfig
) -> tuple[str, str]:
    """Take a step; inputs and outputs of the state are declared.

    Args:
        graph: Where the nodes go.
        arrays: An archive's.
        words: Vectors of the last pieces, (rows, size).
        shut: What is added to scores, (rows, source): very negative behind the end of a text.
        size: Numbers of a piece's vector.
        config: Sizes of the decoder.

    Returns:
        What the scores are made from, (rows, size), and the mean attention of the last layer's
        heads, (rows, source).
    """
    width, heads = config.hidden, config.heads
    each = width // heads
    past = [
        [
            graph.input(f"past_{part}{n}", "float", "rows", heads, "steps", each)
            for part in ("keys", "values")
        ]
        for n in range(config.layers)
    ]
    source = [
        [
            graph.input(f"{part}{n}", "float", "rows", heads, "source", each)
            for part in ("keys", "values")
        ]
        for n in range(config.layers)
    ]
    closed = graph.add("Unsqueeze", shut, graph.ints(1, 2))
    step = graph.add("Shape", past[0][0], start=2, end=3)
    stream = added(graph, arrays, "decoder.project", (width, size), words)
    stream = graph.add("Add", stream, positioned(graph, step, width))
    stream, weights = graph.add("Unsqueeze", stream, graph.ints(1)), ""
    for layer in range(config.layers):
        stream = _own(graph, arrays, stream, layer, past[layer], config)
        name = f"decoder.layers.{layer}."
        here = normed(graph, arrays, f"{name}norm2", width, stream)
        query = added(graph, arrays, f"{name}cross.query", (width, width), here)
        context, weights = attended(
            graph, by_head(graph, query, heads, width), source[layer][0], source[layer][1], closed
        )
        joined = together(graph, context, width)
        out = added(graph, arrays, f"{name}cross.output", (width, width), joined)
        stream = graph.add("Add", stream, out)
        inner = config.feedforward or 2 * width
        stream = fed(graph, arrays, name, f"{name}norm3", (width, inner), stream)
    last = graph.add("Squeeze", stream, graph.ints(1))
    last = normed(graph, arrays, "decoder.norm", width, last)
    combined = added(graph, arrays, "decoder.combine", (size, width), last)
    looked = graph.add("ReduceMean", weights, axes=[1, 2], keepdims=0)
    return combined, looked


def _own(
    graph: Graph,
    arrays: Arrays,
    stream: str,
    layer: int,
    past: list[str],
    config: TranslateConfig,
) -> str:
    """Attend to the pieces so far; keys and values with the last one's are outputs."""
    width, heads = config.hidden, config.heads
    name = f"decoder.layers.{layer}."
    here = normed(graph, arrays, f"{name}norm1", width, stream)
    query, key, value = (
        by_head(
            graph, added(graph, arrays, f"{name}own.{part}", (width, width), here), heads, width
        )
        for part in ("query", "key", "value")
    )
    after = [
        graph.add("Concat", before, new, axis=2)
        for before, new in zip(past, (key, value), strict=True)
    ]
    for part, whole in zip(("keys", "values"), after, strict=True):
        graph.output(
            f"past_{part}{layer}_after",
            whole,
            "float",
            "rows",
            heads,
            "steps_after",
            width // heads,
        )
    context, _ = attended(graph, query, after[0], after[1], None)
    out = added(graph, arrays, f"{name}own.output", (width, width), together(graph, context, width))
    return graph.add("Add", stream, out)


def empty_past(rows: int, config: TranslateConfig) -> dict[str, np.ndarray]:
    """Return keys and values before the first step."""
    nothing = np.zeros((rows, config.heads, 0, config.hidden // config.heads), np.float32)
    parts = ("keys", "values")
    return {f"past_{part}{n}": nothing for part in parts for n in range(config.layers)}
