"""A translator as two ONNX graphs: one reads a text, the other writes a piece of its answer.

`encoder.onnx`

    ids             (batch, source) int64          pieces and the boundary behind them; 0 fills up
    lengths         (batch,) int64                 pieces of each text, its boundary included
    memory          (batch, source, features)      states of the source, zeros behind its end
    shut            (batch, source) float          0 inside of the text, -1e30 behind its end
    h0, h1, …       (batch, hidden) float          the decoder's first state; cells begin at zero

`decoder.onnx`, once a piece, for each hypothesis a row

    pieces          (rows,) int64                  the last piece; the boundary at the beginning
    memory, shut                                   of the row's text
    h0, c0, …       (rows, hidden) float           the state before
    fed, covered    (rows, size), (rows, source)   only of decoders with input feeding
    logits          (rows, pieces) float           what may be written
    attention       (rows, source) float           what was looked at
    h0_after, …                                    the state after

Of several networks (`translate.members`), all but the first have `others.0.`, `others.1.`, … before
the names of their memory and states.

A Transformer decoder has no h and c, and reads no memory but what `encoder.onnx` made of it:

    keys0, values0, …            (rows, heads, source, size)  of the row's text
    past_keys0, past_values0, …  (rows, heads, steps, size)   of the pieces so far; at first 0 steps
    past_keys0_after, …                                       the same with the last piece's

The search (`seqmap.search.beam`) stays outside: it only chooses rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from seqmap.codecs.pieces import BOUNDARY
from seqmap.config import TranslateConfig
from seqmap.export.onnx.classify import Feeds, padded
from seqmap.export.onnx.encoders import encoded, width_of
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.network import dense, inside, looked_up, products
from seqmap.export.onnx.transformer_decoder import decoder_step, empty_past, source_outputs
from seqmap.runtime.members import member_arrays, member_prefix
from seqmap.runtime.ops.weights import Arrays, take
from seqmap.runtime.translate import TranslateSession


def encoder_graph(session: TranslateSession) -> onnx.ModelProto:
    """Return the graph that reads."""
    graph = Graph("encoder")
    ids = graph.input("ids", "int64", "batch", "source")
    lengths = graph.input("lengths", "int64", "batch")
    turned = graph.add("Transpose", ids, perm=[1, 0])
    mask = ""
    for place in range(session.config.translate.members):
        graph.scope = member_prefix(place)
        arrays = member_arrays(session.archive.arrays, place)
        mask = _read(graph, session, arrays, turned, lengths)
    graph.scope = ""
    flat = graph.add("Transpose", graph.add("Squeeze", mask, graph.ints(2)), perm=[1, 0])
    closed = graph.add(
        "Where", flat, graph.constant(0, np.float32), graph.constant(-1e30, np.float32)
    )
    graph.output("shut", closed, "float", "batch", "source")
    return graph.model(str(__doc__))


def _read(
    graph: Graph, session: TranslateSession, arrays: Arrays, turned: str, lengths: str
) -> str:
    """Give what one network remembers of texts (source, batch); return what is inside of them."""
    config = session.config
    size, own, features = config.embedding.size, config.translate, width_of(config.encoder)
    shape = (session.codecs.source.size, size)
    vectors = looked_up(graph, arrays, "source.weight", shape, turned)
    x = graph.add("Mul", vectors, graph.constant(size**0.5, np.float32))
    short = graph.add("Cast", lengths, to=6)
    states, _ = encoded(graph, arrays, x, short, size, config.encoder, "encoder.")
    mask = inside(graph, states, lengths)
    kept = graph.add("Where", mask, states, graph.constant(0, np.float32))
    memory = graph.add("Transpose", kept, perm=[1, 0, 2])
    graph.output("memory", memory, "float", "batch", "source", features)
    if own.decoder == "transformer":
        source_outputs(graph, arrays, memory, features, own)
    else:
        _start(graph, arrays, own, features, kept, lengths)
    return mask


def _start(
    graph: Graph, arrays: Arrays, own: TranslateConfig, features: int, kept: str, lengths: str
) -> None:
    """Give the first state of an LSTM decoder, from the mean of the source's states."""
    total = graph.add("ReduceSum", kept, graph.ints(0), keepdims=0)
    count = graph.add("Cast", graph.add("Unsqueeze", lengths, graph.ints(1)), to=1)
    mean = graph.add("Div", total, count)
    start, bias = dense(graph, arrays, "decoder.start", (own.layers * own.hidden, features), mean)
    start = graph.add("Tanh", graph.add("Add", start, graph.constant(bias, np.float32)))
    for layer in range(own.layers):
        ends = graph.ints(layer * own.hidden), graph.ints((layer + 1) * own.hidden)
        part = graph.add("Slice", start, *ends, graph.ints(1))
        graph.output(f"h{layer}", part, "float", "batch", own.hidden)


def decoder_graph(session: TranslateSession) -> onnx.ModelProto:
    """Return the graph that writes one piece."""
    graph = Graph("decoder")
    pieces = graph.input("pieces", "int64", "rows")
    shut = graph.input("shut", "float", "rows", "source")
    found = []
    for place in range(session.config.translate.members):
        graph.scope = member_prefix(place)
        arrays = member_arrays(session.archive.arrays, place)
        found.append(_Step(graph, session, arrays).add(pieces, shut))
    graph.scope = ""
    logits, weights = found[0]
    if len(found) > 1:
        likely = [graph.add("Softmax", own, axis=1) for own, _ in found]
        logits = graph.add("Log", graph.add("Mean", *likely))
        weights = graph.add("Mean", *(own for _, own in found))
    graph.output("logits", logits, "float", "rows", session.codecs.target.size)
    graph.output("attention", weights, "float", "rows", "source")
    return graph.model(str(__doc__))


class _Step:
    """Adds the step of one network; see `seqmap.runtime.decoders`."""

    def __init__(self, graph: Graph, session: TranslateSession, arrays: Arrays) -> None:
        self._graph, self._arrays = graph, arrays
        self._own, self._size = session.config.translate, session.config.embedding.size
        self._features = width_of(session.config.encoder)
        self._pieces = session.codecs.target.size

    def add(self, pieces: str, shut: str) -> tuple[str, str]:
        """Return scores of all pieces and the attention; the state is declared."""
        graph, own, target = self._graph, self._own, self._pieces
        table = "source.weight" if own.tie == "all" else "target.weight"
        vectors = looked_up(graph, self._arrays, table, (target, self._size), pieces)
        words = graph.add("Mul", vectors, graph.constant(self._size**0.5, np.float32))
        if own.decoder == "transformer":
            combined, weights = decoder_step(graph, self._arrays, words, shut, self._size, own)
        else:
            combined, weights = self._recurrent(words, shut)
        name = "output.weight" if own.tie == "none" else table
        scores = products(graph, self._arrays, name, (target, self._size), combined)
        bias = take(self._arrays, "bias", target)
        return graph.add("Add", scores, graph.constant(bias, np.float32)), weights

    def _recurrent(self, words: str, shut: str) -> tuple[str, str]:
        graph, own = self._graph, self._own
        memory = graph.input("memory", "float", "rows", "source", self._features)
        states = [
            [graph.input(f"{name}{n}", "float", "rows", own.hidden) for name in ("h", "c")]
            for n in range(own.layers)
        ]
        step = self._feeding if own.decoder == "lstm-feeding" else self._plain
        return step(words, memory, shut, states)

    def _plain(
        self, words: str, memory: str, shut: str, states: list[list[str]]
    ) -> tuple[str, str]:
        graph, own = self._graph, self._own
        hidden = self._cell(0, words, self._size, states[0])
        context, weights = self._attended(hidden, memory, shut, None)
        for layer in range(1, own.layers):
            both = graph.add("Concat", hidden, context, axis=1)
            above = self._cell(layer, both, own.hidden + self._features, states[layer])
            hidden = graph.add("Add", hidden, above)
        return self._combined(hidden, context), weights

    def _feeding(
        self, words: str, memory: str, shut: str, states: list[list[str]]
    ) -> tuple[str, str]:
        graph, own = self._graph, self._own
        fed = graph.input("fed", "float", "rows", self._size)
        covered = graph.input("covered", "float", "rows", "source")
        x, inputs = graph.add("Concat", words, fed, axis=1), 2 * self._size
        for layer in range(own.layers):
            x = self._cell(layer, x, inputs, states[layer])
            inputs = own.hidden
        seen = covered if own.coverage == "sum" else None
        context, weights = self._attended(x, memory, shut, seen)
        combined = self._combined(x, context)
        graph.output("fed_after", combined, "float", "rows", self._size)
        graph.output("covered_after", graph.add("Add", covered, weights), "float", "rows", "source")
        return combined, weights

    def _cell(self, layer: int, x: str, inputs: int, state: list[str]) -> str:
        """Take a step of a layer, i f g o; the state after is an output."""
        graph, hidden = self._graph, self._own.hidden
        name = f"decoder.layers.{layer}."
        sums = []
        for part, value, width in (("w_ih", x, inputs), ("w_hh", state[0], hidden)):
            sums.append(products(graph, self._arrays, f"{name}{part}", (4 * hidden, width), value))
        bias = take(self._arrays, f"{name}bias", 4 * hidden)
        gates = graph.add("Add", graph.add("Add", *sums), graph.constant(bias, np.float32))
        i, f, g, o = graph.add_many("Split", [gates], 4, axis=1)
        kept = graph.add("Mul", graph.add("Sigmoid", f), state[1])
        new = graph.add("Mul", graph.add("Sigmoid", i), graph.add("Tanh", g))
        c = graph.add("Add", kept, new)
        h = graph.add("Mul", graph.add("Sigmoid", o), graph.add("Tanh", c))
        graph.output(f"h{layer}_after", h, "float", "rows", hidden)
        graph.output(f"c{layer}_after", c, "float", "rows", hidden)
        return h

    def _attended(self, query: str, memory: str, shut: str, covered: str | None) -> tuple[str, str]:
        """Return contexts (rows, features) and weights (rows, source)."""
        graph, own, arrays = self._graph, self._own, self._arrays
        name, hidden = "decoder.attention.", own.hidden
        keys = products(graph, arrays, f"{name}key.weight", (hidden, self._features), memory)
        if own.attention == "luong":
            keys = graph.add("Mul", keys, graph.constant(hidden**-0.5, np.float32))
            asked = graph.add("Unsqueeze", query, graph.ints(2))
            scores = graph.add("Squeeze", graph.add("MatMul", keys, asked), graph.ints(2))
        else:
            bias = take(arrays, f"{name}key.bias", hidden)
            asked = products(graph, arrays, f"{name}query.weight", (hidden, hidden), query)
            asked = graph.add("Add", asked, graph.constant(bias, np.float32))
            inner = graph.add("Add", keys, graph.add("Unsqueeze", asked, graph.ints(1)))
            if covered is not None:
                wide = graph.add("Unsqueeze", covered, graph.ints(2))
                part = take(arrays, f"{name}covered", hidden)
                inner = graph.add("Add", inner, graph.add("Mul", wide, graph.constant(part)))
            score = take(arrays, f"{name}score", hidden)
            sums = graph.add("MatMul", graph.add("Tanh", inner), graph.constant(score[:, None]))
            scores = graph.add("Squeeze", sums, graph.ints(2))
        weights = graph.add("Softmax", graph.add("Add", scores, shut), axis=1)
        row = graph.add("Unsqueeze", weights, graph.ints(1))
        context = graph.add("Squeeze", graph.add("MatMul", row, memory), graph.ints(1))
        return context, weights

    def _combined(self, states: str, context: str) -> str:
        graph = self._graph
        shape = (self._size, self._own.hidden + self._features)
        both = graph.add("Concat", states, context, axis=1)
        out, bias = dense(graph, self._arrays, "decoder.combine", shape, both)
        return graph.add("Tanh", graph.add("Add", out, graph.constant(bias, np.float32)))


def translate_feeds(session: TranslateSession, texts: Sequence[str]) -> Feeds:
    """Return what `encoder.onnx` is given for some texts."""
    longest = session.config.text.max_length
    ids = [
        np.append(session.codecs.source.encode(text)[:longest], BOUNDARY).astype(np.int64)
        for text in texts
    ]
    lengths = np.array([len(own) for own in ids], np.int64)
    return {"ids": padded(ids, 0, np.int64), "lengths": lengths}


def begun(session: TranslateSession, read: Feeds) -> Feeds:
    """Return what `decoder.onnx` is given at the beginning, from what `encoder.onnx` gave."""
    own, rows = session.config.translate, len(read["memory"])
    feeds: Feeds = {"pieces": np.full(rows, BOUNDARY, np.int64), "shut": read["shut"]}
    for prefix in map(member_prefix, range(own.members)):
        if own.decoder == "transformer":
            for name, array in empty_past(rows, own).items():
                feeds[prefix + name] = array
            for layer in range(own.layers):
                for part in ("keys", "values"):
                    feeds[f"{prefix}{part}{layer}"] = read[f"{prefix}{part}{layer}"]
            continue
        feeds[f"{prefix}memory"] = read[f"{prefix}memory"]
        for layer in range(own.layers):
            feeds[f"{prefix}h{layer}"] = read[f"{prefix}h{layer}"]
            feeds[f"{prefix}c{layer}"] = np.zeros((rows, own.hidden), np.float32)
        if own.decoder == "lstm-feeding":
            feeds[f"{prefix}fed"] = np.zeros((rows, session.config.embedding.size), np.float32)
            feeds[f"{prefix}covered"] = np.zeros(read["memory"].shape[:2], np.float32)
    return feeds


def followed(feeds: Feeds, found: dict[str, Any], pieces: Any) -> Feeds:
    """Return what `decoder.onnx` is given for the next step, from what the last one gave."""
    after = {name.removesuffix("_after"): a for name, a in found.items() if name.endswith("_after")}
    return {**feeds, **after, "pieces": np.asarray(pieces, np.int64)}
