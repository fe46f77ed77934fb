"""Models of signals, series and speech as one ONNX graph each; features are made outside.

    steps           (batch, time, size) float     features of each step (`features_of`); 0 fills up
    lengths         (batch,) int64                steps of each, at least one

A classifier of signals gives

    probabilities   (batch, classes) float        calibrated for the steps that were read
    logits          (batch, classes) float

a forecaster, which also reads what its linear branch looks back at,

    past            (batch, past) float           see `seqmap.codecs.series`
    point           (batch, horizon) float        expected change from the last value, in units
    quantiles       (batch, horizon, levels)      its quantiles, rising, before the margins

and a transcriber

    chances         (batch, time, classes) float  logarithms, as CTC searches them; 0 is the blank
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from seqmap.export.onnx.classify import Feeds
from seqmap.export.onnx.encoders import encoded, width_of
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.network import dense, pooled
from seqmap.runtime.forecast import ForecastSession
from seqmap.runtime.ops.convolution import StepShape
from seqmap.runtime.ops.weights import take
from seqmap.runtime.signal import SignalSession
from seqmap.runtime.transcribe import TranscribeSession


def signal_graph(session: SignalSession) -> onnx.ModelProto:
    """Return the graph of a classifier of signals."""
    graph = Graph("signals")
    states, last, lengths = _read(graph, session, session.codecs.source.size)
    config, width = session.config, _width(session)
    vector, features = pooled(graph, session.archive.arrays, config, states, last, lengths, width)
    classes = len(session.labels)
    scores, bias = dense(graph, session.archive.arrays, "head", (classes, features), vector)
    logits = graph.add("Add", scores, graph.constant(bias, np.float32))
    warm = graph.add("Div", logits, _temperature(graph, session, lengths))
    graph.output("probabilities", graph.add("Softmax", warm, axis=1), "float", "batch", classes)
    graph.output("logits", logits, "float", "batch", classes)
    return graph.model(str(__doc__))


def _temperature(graph: Graph, session: SignalSession, lengths: str) -> str:
    """Return the temperature of each signal, (batch, 1): linear between those of the calibration.

    T(n) = T_0 + Σ_k slope_k · (min(max(n, n_k), n_(k+1)) - n_k)
    """
    steps, temperatures = session.calibration
    count = graph.add("Cast", graph.add("Unsqueeze", lengths, graph.ints(1)), to=1)
    found = graph.constant(temperatures[:1][None], np.float32)
    if len(steps) == 1:
        zero = graph.add("Mul", count, graph.constant(0, np.float32))
        return graph.add("Add", zero, found)
    low, slopes = steps[:-1], np.diff(temperatures) / np.diff(steps)
    inside = graph.add("Max", count, graph.constant(low[None], np.float32))
    inside = graph.add("Min", inside, graph.constant(steps[1:][None], np.float32))
    gone = graph.add("Sub", inside, graph.constant(low[None], np.float32))
    rises = graph.add("Mul", gone, graph.constant(slopes[None], np.float32))
    return graph.add("Add", found, graph.add("ReduceSum", rises, graph.ints(1), keepdims=1))


def forecast_graph(session: ForecastSession) -> onnx.ModelProto:
    """Return the graph of a forecaster."""
    graph = Graph("forecaster")
    _, last, _ = _read(graph, session, session.codecs.size)
    past = graph.input("past", "float", "batch", session.codecs.linear_size)
    levels, block = len(session.levels), session.block
    raw, bias = dense(
        graph, session.archive.arrays, "head", (block * (1 + levels), _width(session)), last
    )
    raw = graph.add("Add", raw, graph.constant(bias, np.float32))
    raw = graph.add("Reshape", raw, graph.ints(0, block, 1 + levels))
    mean = graph.add("Slice", raw, graph.ints(0), graph.ints(1), graph.ints(2))
    ends = graph.add("Slice", raw, graph.ints(1), graph.ints(1 + levels), graph.ints(2))
    a, b = session.factors
    linear = graph.add("MatMul", past, graph.constant(a * session.linear, np.float32))
    weighed = graph.add("Mul", mean, graph.constant(b, np.float32))
    point = graph.add("Add", linear, graph.add("Squeeze", weighed, graph.ints(2)))
    offsets, _ = graph.add_many(
        "TopK", [graph.add("Sub", ends, mean), graph.ints(levels)], 2, axis=2, largest=0
    )
    quantiles = graph.add("Add", graph.add("Unsqueeze", point, graph.ints(2)), offsets)
    graph.output("point", point, "float", "batch", block)
    graph.output("quantiles", quantiles, "float", "batch", block, levels)
    return graph.model(str(__doc__))


def acoustic_graph(session: TranscribeSession) -> onnx.ModelProto:
    """Return the graph of a transcriber's network; its search stays outside."""
    graph = Graph("acoustics")
    steps, lengths = _inputs(graph, session.codecs.source.size)
    steps, size = _convolved(graph, session, steps)
    states, _ = _encoded(graph, session, steps, lengths, size)
    classes = session.codecs.target.classes
    scores, bias = dense(
        graph, session.archive.arrays, "output", (classes, _width(session)), states
    )
    logits = graph.add("Add", scores, graph.constant(bias, np.float32))
    chances = graph.add("LogSoftmax", logits, axis=2)
    turned = graph.add("Transpose", chances, perm=[1, 0, 2])
    graph.output("chances", turned, "float", "batch", "time", classes)
    return graph.model(str(__doc__))


def _convolved(graph: Graph, session: TranscribeSession, steps: str) -> tuple[str, int]:
    """Add the convolutions of a transcriber, if it has any; returns features and their number."""
    source, filters = session.codecs.source, session.config.audio.filters
    if filters == 0:
        return steps, source.size
    shape = StepShape(source.frames, source.mels, filters)
    # Batch and time stay beside each other: each step is an image of its own.
    sizes = graph.add("Slice", graph.add("Shape", steps), graph.ints(0), graph.ints(2))
    places = graph.add("Reshape", steps, graph.ints(-1, 1, shape.frames, shape.mels))
    channels = 1
    for name, kernel in zip(("first", "second"), shape.kernels, strict=True):
        key, side = f"convolution.{name}", kernel[1] // 2
        weight = take(session.archive.arrays, f"{key}.weight", filters, channels, *kernel)
        bias = take(session.archive.arrays, f"{key}.bias", filters)
        places = graph.add(
            "Conv",
            places,
            graph.constant(weight, np.float32),
            graph.constant(bias, np.float32),
            strides=[1, 2],
            pads=[0, side, 0, side],
        )
        places, channels = graph.add("Tanh", places), filters
    wanted = graph.add("Concat", sizes, graph.ints(shape.width), axis=0)
    return graph.add("Reshape", places, wanted), shape.width


def _inputs(graph: Graph, size: int) -> tuple[str, str]:
    steps = graph.input("steps", "float", "batch", "time", size)
    return steps, graph.input("lengths", "int64", "batch")


def _encoded(graph: Graph, session: Any, steps: str, lengths: str, size: int) -> tuple[str, str]:
    """Add the encoder; returns states, (time, batch, width), and last states."""
    turned = graph.add("Transpose", steps, perm=[1, 0, 2])
    short = graph.add("Cast", lengths, to=6)
    return encoded(
        graph, session.archive.arrays, turned, short, size, session.config.encoder, "encoder."
    )


def _read(graph: Graph, session: Any, size: int) -> tuple[str, str, str]:
    """Add inputs and the encoder; returns states, last states, and lengths."""
    steps, lengths = _inputs(graph, size)
    states, last = _encoded(graph, session, steps, lengths, size)
    return states, last, lengths


def _width(session: Any) -> int:
    return width_of(session.config.encoder)


def features_of(session: Any, inputs: Sequence[Any]) -> Feeds:
    """Return what a graph of this module is given for some inputs of its model.

    Args:
        session: The model.
        inputs: Signals (time, channels); series; or sounds.
    """
    past: list[Any] = []
    if isinstance(session, ForecastSession):
        read = [session.codecs.read(one) for one in inputs]
        rows = [steps.features for steps in read]
        past = [
            session.codecs.linear_inputs(steps, np.array([len(one) - 1]))[0]
            for steps, one in zip(read, inputs, strict=True)
        ]
    elif isinstance(session, TranscribeSession):
        rows = [session.codecs.source.encode(one.samples(session.rate)) for one in inputs]
    else:
        rows = [session.codecs.source.encode(np.asarray(one)) for one in inputs]
    lengths = np.array([len(own) for own in rows], np.int64)
    steps = np.zeros((len(rows), int(lengths.max()), rows[0].shape[1]), np.float32)
    for place, own in enumerate(rows):
        steps[place, : len(own)] = own
    feeds: Feeds = {"steps": steps, "lengths": lengths}
    if past:
        feeds["past"] = np.array(past, np.float32)
    return feeds
