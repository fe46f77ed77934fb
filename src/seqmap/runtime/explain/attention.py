"""What encoders look at: maps of self-attention, and the weights of attention pooling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seqmap.runtime.explain.explanation import Array
from seqmap.runtime.explain.lstm import gate_views
from seqmap.runtime.numpy_network import NumpyNetwork
from seqmap.runtime.ops import Floats, Ids, Layout
from seqmap.runtime.ops.lstm_transformer import LSTMTransformerEncoder
from seqmap.runtime.ops.transformer import TransformerEncoder
from seqmap.runtime.ops.weights import take

if TYPE_CHECKING:
    from seqmap.runtime.classify import ClassifySession


@dataclass(frozen=True)
class Views:
    """What can be seen of a network whose gradient is not at hand.

    Attributes:
        layers: Gates, cell and state of LSTM layers, as in `Explanation`.
        maps: Which symbol looks at which, (heads, tokens, tokens), by layer.
        pooling: Weights of attention pooling, (tokens,), if the model pools so.
    """

    layers: dict[str, dict[str, Array]] = field(default_factory=dict)
    maps: dict[str, Array] = field(default_factory=dict)
    pooling: Array | None = None


def views_of(session: ClassifySession, ids: Ids) -> Views:
    """Look into a classifier's network while it reads some symbols, (time,), one at least."""
    config, arrays = session.config, session.archive.arrays
    network = NumpyNetwork(
        arrays,
        config,
        vocabulary=session.codecs.source.size,
        classes=len(session.labels),
    )
    encoder, layout = network.encoder, Layout([len(ids)])
    maps: list[Floats] = []
    layers: dict[str, dict[str, Array]] = {}
    if isinstance(encoder, TransformerEncoder):
        maps = encoder.transformer.maps(encoder.embedding[ids])
    elif isinstance(encoder, LSTMTransformerEncoder):
        maps = encoder.transformer.maps(encoder.lstm.encode(ids, layout))
        embedding = take(arrays, "embedding.weight", None, config.embedding.size)
        layers = gate_views(arrays, embedding[ids], config.encoder, "encoder.lstm.")
    pooling = None
    if config.head.pooling == "attention":
        pooling = network.pooling.weights(encoder.encode(ids, layout)).astype(np.float64)
    named = {f"{place + 1}": found.astype(np.float64) for place, found in enumerate(maps)}
    return Views(layers, named, pooling)
