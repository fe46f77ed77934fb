"""The simple recurrent network (Elman 1990), h' = tanh(W x + U h + b), in NumPy."""

from __future__ import annotations

import numpy as np

from seqmap.config import EncoderConfig
from seqmap.runtime.ops.recurrent import (
    Cell,
    RecurrentEncoder,
    cell_prefixes,
    layer_inputs,
    stacked,
)
from seqmap.runtime.ops.weights import Arrays, Floats, take


class RNNCell(Cell):
    """One layer.

    Args:
        w_ih: For each direction, (hidden, inputs).
        w_hh: (hidden, hidden).
        bias: (hidden).
    """

    def __init__(self, w_ih: list[Floats], w_hh: list[Floats], bias: list[Floats]) -> None:
        self.w_in, self.w, self.b_in = map(stacked, (w_ih, w_hh, bias))

    def run(self, x: Floats, sizes: list[int], carried: Floats) -> Floats:
        """Run all steps; `carried` holds h. (directions, tokens, ...) in step order."""
        out = np.empty_like(x)
        h = carried[0]
        place = 0
        for size in sizes:
            h, now = h[:, :size], out[:, place : place + size]
            np.matmul(h, self.w, out=now)
            now += x[:, place : place + size]
            np.tanh(now, out=now)
            h[...] = now
            place += size
        return out


def restore_rnn(
    arrays: Arrays, embedding: Floats, config: EncoderConfig, prefix: str = "encoder."
) -> RecurrentEncoder:
    """Build the encoder from `prefix`layers.{k}.{forward|backward}.{w_ih,w_hh,bias}."""
    cells = []
    for layer in range(config.layers):
        inputs = layer_inputs(layer, embedding.shape[1], config)
        names = cell_prefixes(prefix, layer, config)
        w_ih = [take(arrays, f"{name}.w_ih", config.hidden, inputs) for name in names]
        w_hh = [take(arrays, f"{name}.w_hh", config.hidden, config.hidden) for name in names]
        bias = [take(arrays, f"{name}.bias", config.hidden) for name in names]
        cells.append(RNNCell(w_ih, w_hh, bias))
    return RecurrentEncoder(embedding, cells, config)
