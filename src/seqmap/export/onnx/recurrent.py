"""LSTM, GRU and RNN as ONNX nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqmap.config import EncoderConfig
from seqmap.export.onnx.graph import Graph
from seqmap.runtime.ops.recurrent import cell_prefixes, layer_inputs
from seqmap.runtime.ops.weights import Arrays, scales_of, take

# The operator of each encoder, and its gates in the order of ONNX by their places in the archive.
OPERATORS: dict[str, tuple[str, tuple[int, ...]]] = {
    "lstm": ("LSTM", (0, 3, 1, 2)),  # i, f, g, o -> i, o, f, c
    "gru": ("GRU", (1, 0, 2)),  # r, z, n -> z, r, h
    "rnn": ("RNN", (0,)),
}


def recurrent(
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
        config: Names and sizes.
        prefix: What stands before the arrays' names.

    Returns:
        States (time, batch, width), and the last states (batch, width) of the last layer: of the
        second direction those at the first symbol.
    """
    operator, order = OPERATORS[config.name]
    sides = 2 if config.direction == "both" else 1
    extra = {"linear_before_reset": 1} if config.name == "gru" else {}
    last = ""
    for layer in range(config.layers):
        inputs = layer_inputs(layer, size, config)
        names = cell_prefixes(prefix, layer, config)
        rows = len(order) * config.hidden
        w = [_gates(graph, arrays, f"{n}.w_ih", rows, inputs, order) for n in names]
        r = [_gates(graph, arrays, f"{n}.w_hh", rows, config.hidden, order) for n in names]
        b = graph.constant(np.stack([_biases(arrays, n, rows, order, config.name) for n in names]))
        stacked = [graph.add("Concat", *part, axis=0) for part in (w, r)]
        y, last = graph.add_many(
            operator,
            [x, *stacked, b, lengths],
            2,
            hidden_size=config.hidden,
            direction="bidirectional" if sides == 2 else "forward",
            **extra,
        )
        # (time, sides, batch, hidden) -> (time, batch, width)
        x = _side_by_side(graph, y, (0, 2, 1, 3), sides * config.hidden, 0)
    return x, _side_by_side(graph, last, (1, 0, 2), sides * config.hidden, None)


def carried(
    graph: Graph,
    arrays: Arrays,
    x: str,
    lengths: str,
    state: tuple[str, str],
    size: int,
    config: EncoderConfig,
) -> tuple[str, str, str]:
    """Read sequences forwards from a state.

    Args:
        graph: Where the nodes go.
        arrays: An archive's.
        x: (time, batch, size).
        lengths: (batch,) int32.
        state: h and c of all layers, (layers, batch, hidden) each.
        size: Features of a symbol.
        config: Names and sizes; the encoder is an LSTM.

    Returns:
        States (time, batch, hidden), and h and c of all layers after them.
    """
    _, order = OPERATORS["lstm"]
    hidden, after = config.hidden, ([], [])  # type: tuple[int, tuple[list[str], list[str]]]
    for layer in range(config.layers):
        name, inputs = f"encoder.layers.{layer}.forward", size if layer == 0 else hidden
        w = _gates(graph, arrays, f"{name}.w_ih", 4 * hidden, inputs, order)
        r = _gates(graph, arrays, f"{name}.w_hh", 4 * hidden, hidden, order)
        b = graph.constant(_biases(arrays, name, 4 * hidden, order, "lstm")[None])
        begun = [
            graph.add("Slice", part, graph.ints(layer), graph.ints(layer + 1), graph.ints(0))
            for part in state
        ]
        y, *ends = graph.add_many("LSTM", [x, w, r, b, lengths, *begun], 3, hidden_size=hidden)
        x = graph.add("Squeeze", y, graph.ints(1))
        for kept, end in zip(after, ends, strict=True):
            kept.append(end)
    h, c = (graph.add("Concat", *parts, axis=0) for parts in after)
    return x, h, c


def _side_by_side(
    graph: Graph, value: str, order: tuple[int, ...], width: int, kept: int | None
) -> str:
    """Put both directions into one row."""
    moved = graph.add("Transpose", value, perm=list(order))
    shape = (0, 0, width) if kept is not None else (0, width)
    return graph.add("Reshape", moved, graph.ints(*shape))


def _gates(
    graph: Graph, arrays: Arrays, name: str, rows: int, columns: int, order: tuple[int, ...]
) -> str:
    """Return a matrix with its gates in the order of ONNX, (1, rows, columns)."""
    floats = take(arrays, name, rows, columns)
    stored = arrays[name]
    if stored.dtype != np.int8:
        return graph.constant(_reordered(floats, order)[None])
    weight = graph.add(
        "DequantizeLinear",
        graph.constant(_reordered(stored, order)),
        graph.constant(_reordered(scales_of(arrays, name), order)),
        graph.constant(np.zeros(rows, np.int8)),
        axis=0,
    )
    return graph.add("Unsqueeze", weight, graph.ints(0))


def _biases(
    arrays: Arrays, name: str, rows: int, order: tuple[int, ...], cell: str
) -> NDArray[np.float32]:
    """Return the biases of inputs and of states, (2 rows,)."""
    if cell != "gru":
        own = _reordered(take(arrays, f"{name}.bias", rows), order)
        return np.concatenate([own, np.zeros_like(own)])
    both = [take(arrays, f"{name}.{part}", rows) for part in ("bias_ih", "bias_hh")]
    return np.concatenate([_reordered(part, order) for part in both])


def _reordered(part: NDArray[np.generic], order: tuple[int, ...]) -> NDArray[np.generic]:
    gates = np.split(np.asarray(part), len(order))
    return np.concatenate([gates[place] for place in order])
