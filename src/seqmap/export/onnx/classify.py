"""A classifier as one ONNX graph.

    ids             (batch, time) int64     symbols by their place in the vocabulary; 0 fills up
    lengths         (batch,) int64          symbols of each text
    feature_ids     (batch, features) int64 n-grams of each text by their number; -1 fills up
    feature_values  (batch, features) float what each is worth (`seqmap.features.space`); 0 fills up
    probabilities   (batch, classes) float  calibrated
    logits          (batch, classes) float  the logarithms that they were made from

The two inputs of features are there only where the model has a wide branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from seqmap.export.onnx.encoders import encoded, width_of
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.network import dense, looked_up, pooled
from seqmap.runtime.classify import ClassifySession

Feeds = dict[str, NDArray[Any]]


def classifier(session: ClassifySession) -> onnx.ModelProto:
    """Return the graph of a classifier."""
    config, arrays, classes = session.config, session.archive.arrays, len(session.labels)
    graph = Graph("classifier")
    ids = graph.input("ids", "int64", "batch", "time")
    lengths = graph.input("lengths", "int64", "batch")
    short = graph.add("Cast", lengths, to=6)
    turned = graph.add("Transpose", ids, perm=[1, 0])
    size = config.embedding.size
    shape = (session.codecs.source.size, size)
    x = looked_up(graph, arrays, "embedding.weight", shape, turned)
    states, last = encoded(graph, arrays, x, short, size, config.encoder, "encoder.")
    width = width_of(config.encoder)
    vector, features = pooled(graph, arrays, config, states, last, lengths, width)
    scores, head_bias = dense(graph, arrays, "head", (classes, features), vector)
    deep, _, bias = session.factors
    # Calibrated: deep factor * (scores + head's bias) + bias.
    scores = graph.add("Mul", scores, graph.constant(deep, np.float32))
    bias = bias + deep * head_bias
    if session.wide is not None:
        wide, more = _wide(graph, session)
        scores = graph.add("Add", scores, wide)
        bias = bias + more
    logits = graph.add("Add", scores, graph.constant(bias, np.float32))
    multi = session.codecs.multi
    chances = graph.add("Sigmoid", logits) if multi else graph.add("Softmax", logits, axis=1)
    graph.output("probabilities", chances, "float", "batch", classes)
    graph.output("logits", logits, "float", "batch", classes)
    return graph.model(str(__doc__))


def _wide(graph: Graph, session: ClassifySession) -> tuple[str, NDArray[np.float64]]:
    """Return the wide branch's weighed scores, and what is added to all texts alike."""
    model: Any = session.wide
    factor = session.factors[1]
    ids = graph.input("feature_ids", "int64", "batch", "features")
    values = graph.input("feature_values", "float", "batch", "features")
    # The row behind the last feature, which -1 means, is zero.
    table = np.concatenate([model.weights, np.zeros((1, model.weights.shape[1]), np.int8)])
    rows = graph.add("Gather", graph.constant(table, name="wide.weights"), ids)
    q = graph.add("Cast", rows, to=1)
    weights = graph.add("Mul", q, graph.add("Abs", q))
    weighed = graph.add("Mul", weights, graph.add("Unsqueeze", values, graph.ints(2)))
    sums = graph.add("ReduceSum", weighed, graph.ints(1), keepdims=0)
    steps = graph.constant(factor * model.steps.astype(np.float64), np.float32)
    return graph.add("Mul", sums, steps), factor * model.bias.astype(np.float64)


def classify_feeds(session: ClassifySession, texts: Sequence[str]) -> Feeds:
    """Return what the graph is given for some texts."""
    ids = [session.encode(text) for text in texts]
    lengths = np.array([len(row) for row in ids], np.int64)
    feeds: Feeds = {"ids": padded(ids, 0, np.int64), "lengths": lengths}
    if session.wide is not None:
        x = session.wide.space.transform(texts)
        cuts = x.indptr[1:-1]
        feeds["feature_ids"] = padded(np.split(x.indices, cuts), -1, np.int64)
        feeds["feature_values"] = padded(np.split(x.values, cuts), 0, np.float32)
    return feeds


def padded(rows: Sequence[NDArray[Any]], filler: int, kind: Any) -> NDArray[Any]:
    """Put rows of different lengths into a table, which has a column at least."""
    table = np.full((len(rows), max(1, *(len(row) for row in rows), 1)), filler, kind)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return table
