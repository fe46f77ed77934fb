"""The LSTM (Hochreiter & Schmidhuber 1997; Gers et al. 2000) in NumPy; see `runtime.reference`."""

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


class LSTMCell(Cell):
    """One layer.

    The archive's gate order i, f, g, o becomes i, f, o, g, and the weights of i, f, o are halved:
    σ(x) = (1 + tanh(x/2)) / 2, so one tanh over all columns serves every gate.

    Args:
        w_ih: For each direction, (4 hidden, inputs).
        w_hh: (4 hidden, hidden).
        bias: (4 hidden).
    """

    states = 2

    def __init__(self, w_ih: list[Floats], w_hh: list[Floats], bias: list[Floats]) -> None:
        self.w_in, self.w, self.b_in = (
            stacked([_reordered(part) for part in parts]) for parts in (w_ih, w_hh, bias)
        )

    def run(self, x: Floats, sizes: list[int], carried: Floats) -> Floats:
        """Run all steps; `carried` holds h and c. (directions, tokens, ...) in step order."""
        directions, tokens, columns = x.shape
        hidden = columns // 4
        out = np.empty((directions, tokens, hidden), dtype=np.float32)
        h, c = carried
        # all gates of a step: (directions, documents, 4 hidden)
        buffer = np.empty((directions, h.shape[1], columns), dtype=np.float32)
        place, live = 0, -1
        for size in sizes:
            if size != live:
                live = size
                h, c, gates = h[:, :live], c[:, :live], buffer[:, :live]
                sigmoids, g = gates[:, :, : 3 * hidden], gates[:, :, 3 * hidden :]
                i, f, o = (gates[:, :, k * hidden : (k + 1) * hidden] for k in range(3))
            np.matmul(h, self.w, out=gates)
            gates += x[:, place : place + live]
            np.tanh(gates, out=gates)
            sigmoids *= 0.5
            sigmoids += 0.5
            c *= f
            i *= g
            c += i
            np.tanh(c, out=g)
            np.multiply(o, g, out=h)
            out[:, place : place + live] = h
            place += live
        return out


def _reordered(part: Floats) -> Floats:
    """Rows (4 hidden, …) in the order i, f, o, g, those of i, f, o halved."""
    i, f, g, o = np.split(part, 4)
    return np.concatenate([0.5 * i, 0.5 * f, 0.5 * o, g])


def restore_lstm(
    arrays: Arrays, embedding: Floats, config: EncoderConfig, prefix: str = "encoder."
) -> RecurrentEncoder:
    """Build the encoder from `prefix`layers.{k}.{forward|backward}.{w_ih,w_hh,bias}."""
    rows, cells = 4 * config.hidden, []
    for layer in range(config.layers):
        inputs = layer_inputs(layer, embedding.shape[1], config)
        names = cell_prefixes(prefix, layer, config)
        w_ih = [take(arrays, f"{name}.w_ih", rows, inputs) for name in names]
        w_hh = [take(arrays, f"{name}.w_hh", rows, config.hidden) for name in names]
        bias = [take(arrays, f"{name}.bias", rows) for name in names]
        cells.append(LSTMCell(w_ih, w_hh, bias))
    return RecurrentEncoder(embedding, cells, config)
