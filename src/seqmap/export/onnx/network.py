"""Embeddings, dense layers and poolings as ONNX nodes."""

from __future__ import annotations

import numpy as np

from seqmap.config import Config
from seqmap.export.onnx.graph import Graph
from seqmap.runtime.ops.weights import Arrays, Floats, scales_of, take, take_dense


def looked_up(graph: Graph, arrays: Arrays, name: str, shape: tuple[int, int], ids: str) -> str:
    """Return vectors of symbols, (..., size) for ids (...)."""
    floats = take(arrays, name, *shape)
    stored = arrays[name]
    if stored.dtype != np.int8:
        return graph.add("Gather", graph.constant(floats, name=name), ids)
    steps = graph.add("Gather", graph.constant(stored, name=name), ids)
    scales = graph.add("Gather", graph.constant(scales_of(arrays, name)[:, None]), ids)
    return graph.add("Mul", graph.add("Cast", steps, to=1), scales)


def dense(
    graph: Graph, arrays: Arrays, name: str, shape: tuple[int, int], x: str
) -> tuple[str, Floats]:
    """Apply `name` (outputs, inputs) to the last axis; returns the products and the bias."""
    weight, bias = take_dense(arrays, name, *shape)
    stored = arrays[f"{name}.weight"]
    if stored.dtype != np.int8:
        return graph.add("MatMul", x, graph.constant(weight)), bias
    product = graph.add(
        "MatMul", x, graph.add("Cast", graph.constant(np.ascontiguousarray(stored.T)), to=1)
    )
    scaled = graph.add("Mul", product, graph.constant(scales_of(arrays, f"{name}.weight")))
    return scaled, bias


def added(graph: Graph, arrays: Arrays, name: str, shape: tuple[int, int], x: str) -> str:
    """Apply `name` (outputs, inputs) to the last axis, its bias included."""
    product, bias = dense(graph, arrays, name, shape, x)
    return graph.add("Add", product, graph.constant(bias, np.float32))


def products(graph: Graph, arrays: Arrays, name: str, shape: tuple[int, int], x: str) -> str:
    """Multiply vectors (…, size) by a matrix (rows, size), which may also be looked up."""
    floats = take(arrays, name, *shape)
    stored = arrays[name]
    if stored.dtype != np.int8:
        table = graph.add("Transpose", graph.constant(floats, name=name), perm=[1, 0])
        return graph.add("MatMul", x, table)
    steps = graph.add("Transpose", graph.constant(stored, name=name), perm=[1, 0])
    product = graph.add("MatMul", x, graph.add("Cast", steps, to=1))
    return graph.add("Mul", product, graph.constant(scales_of(arrays, name)))


def pooled(
    graph: Graph, arrays: Arrays, config: Config, states: str, last: str, lengths: str, width: int
) -> tuple[str, int]:
    """Pool states (time, batch, width) -> (batch, pooled); zeros for a text without symbols."""
    kind = config.head.pooling
    count = graph.add("Cast", graph.add("Unsqueeze", lengths, graph.ints(1)), to=1)
    some = graph.add("Greater", count, graph.constant(0, np.float32))
    nothing = graph.constant(0, np.float32)
    if kind == "last":
        return graph.add("Where", some, last, nothing), width
    mask = inside(graph, states, lengths)
    parts = []
    if kind == "attention":
        size = len(take(arrays, "pooling.context", None))
        products, bias = dense(graph, arrays, "pooling.project", (size, width), states)
        inner = graph.add("Tanh", graph.add("Add", products, graph.constant(bias)))
        context = take(arrays, "pooling.context", size)
        scores = graph.add("MatMul", inner, graph.constant(context[:, None]))
        hidden = graph.add("Where", mask, scores, graph.constant(-1e30, np.float32))
        weights = graph.add("Softmax", hidden, axis=0)
        parts.append(
            graph.add("ReduceSum", graph.add("Mul", states, weights), graph.ints(0), keepdims=0)
        )
    if kind in ("mean", "mean-max"):
        kept = graph.add("Where", mask, states, nothing)
        total = graph.add("ReduceSum", kept, graph.ints(0), keepdims=0)
        parts.append(
            graph.add("Div", total, graph.add("Max", count, graph.constant(1, np.float32)))
        )
    if kind in ("max", "mean-max"):
        kept = graph.add("Where", mask, states, graph.constant(-1e30, np.float32))
        parts.append(graph.add("ReduceMax", kept, axes=[0], keepdims=0))
    joined = parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)
    return graph.add("Where", some, joined, nothing), width * len(parts)


def inside(graph: Graph, states: str, lengths: str) -> str:
    """Return which places (time, batch, 1) are part of their sequences."""
    time = graph.add("Gather", graph.add("Shape", states), graph.constant(0, np.int64))
    zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
    places = graph.add("Unsqueeze", graph.add("Range", zero, time, one), graph.ints(1))
    mask = graph.add("Less", places, graph.add("Unsqueeze", lengths, graph.ints(0)))
    return graph.add("Unsqueeze", mask, graph.ints(2))
