"""A language model as one ONNX graph, whose state is carried from call to call.

ids             (batch, time) int64              symbols by their place in the vocabulary
lengths         (batch,) int64                   symbols of each text; what follows fills up
h, c            (layers, batch, hidden) float    the state before; zeros at the beginning
logits          (batch, time, symbols) float     what may follow each symbol
h_after, c_after                                 the state after each text
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from seqmap.codecs.base import PAD
from seqmap.export.onnx.classify import Feeds, padded
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.network import dense, looked_up, products
from seqmap.export.onnx.recurrent import carried
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.ops.weights import take


def language_graph(session: LanguageSession) -> onnx.ModelProto:
    """Return the graph of a language model."""
    config, arrays = session.config, session.archive.arrays
    size, hidden, layers = config.embedding.size, config.encoder.hidden, config.encoder.layers
    symbols = session.codecs.source.size
    graph = Graph("language model")
    ids = graph.input("ids", "int64", "batch", "time")
    lengths = graph.input("lengths", "int64", "batch")
    h, c = (graph.input(name, "float", layers, "batch", hidden) for name in ("h", "c"))
    turned = graph.add("Transpose", ids, perm=[1, 0])
    x = looked_up(graph, arrays, "embedding.weight", (symbols, size), turned)
    states, h_after, c_after = carried(
        graph, arrays, x, graph.add("Cast", lengths, to=6), (h, c), size, config.encoder
    )
    if config.language.output != "free" and hidden != size:
        states, bias = dense(graph, arrays, "head.project", (size, hidden), states)
        states = graph.add("Add", states, graph.constant(bias, np.float32))
    name = "head" if config.language.output == "free" else "embedding"
    width = hidden if config.language.output == "free" else size
    scores = products(graph, arrays, f"{name}.weight", (symbols, width), states)
    bias = take(arrays, "head.bias", symbols).copy()
    bias[PAD] = -1e30  # never follows
    logits = graph.add("Add", scores, graph.constant(bias, np.float32))
    graph.output(
        "logits", graph.add("Transpose", logits, perm=[1, 0, 2]), "float", "batch", "time", symbols
    )
    graph.output("h_after", h_after, "float", layers, "batch", hidden)
    graph.output("c_after", c_after, "float", layers, "batch", hidden)
    return graph.model(str(__doc__))


def language_feeds(session: LanguageSession, texts: Sequence[str]) -> Feeds:
    """Return what the graph is given for some texts, each from its beginning."""
    ids = [session.encode(text) for text in texts]
    encoder = session.config.encoder
    nothing = np.zeros((encoder.layers, len(ids), encoder.hidden), np.float32)
    lengths = np.array([len(own) for own in ids], np.int64)
    return {"ids": padded(ids, PAD, np.int64), "lengths": lengths, "h": nothing, "c": nothing}
