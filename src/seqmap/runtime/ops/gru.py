"""The gated recurrent unit (Cho et al. 2014), in torch's form, in NumPy.

r, z = σ(W x + b + U h + c)     n = tanh(W_n x + b_n + r ∘ (U_n h + c_n))
h' = (1 - z) ∘ n + z ∘ h
"""

from __future__ import annotations

import numpy as np

from seqmap.config import EncoderConfig
from seqmap.runtime.ops.recurrent import (
    Cell,
    RecurrentEncoder,
    cell_prefixes,
    layer_inputs,
    sigmoid,
    stacked,
)
from seqmap.runtime.ops.weights import Arrays, Floats, take


class GRUCell(Cell):
    """One layer.

    Args:
        w_ih: For each direction, (3 hidden, inputs), gates r, z, n.
        w_hh: (3 hidden, hidden).
        bias_ih: (3 hidden).
        bias_hh: (3 hidden); that of n stands inside the product with r.
    """

    def __init__(
        self,
        w_ih: list[Floats],
        w_hh: list[Floats],
        bias_ih: list[Floats],
        bias_hh: list[Floats],
    ) -> None:
        hidden = w_hh[0].shape[1]
        self.w_in, self.w, self.b_in, inner = map(stacked, (w_ih, w_hh, bias_ih, bias_hh))
        # The biases of r and z may as well be added to the input; that of n is scaled by r.
        self.b_in[:, : 2 * hidden] += inner[:, : 2 * hidden]
        # (directions, 1, hidden)
        self.b_n = np.ascontiguousarray(inner[:, None, 2 * hidden :])

    def run(self, x: Floats, sizes: list[int], carried: Floats) -> Floats:
        """Run all steps; `carried` holds h. (directions, tokens, ...) in step order."""
        directions, tokens, columns = x.shape
        hidden = columns // 3
        out = np.empty((directions, tokens, hidden), dtype=np.float32)
        h = carried[0]
        buffer = np.empty((directions, h.shape[1], columns), dtype=np.float32)
        place = 0
        for size in sizes:
            h, gates, now = h[:, :size], buffer[:, :size], x[:, place : place + size]
            np.matmul(h, self.w, out=gates)
            rz, n = gates[:, :, : 2 * hidden], gates[:, :, 2 * hidden :]
            rz += now[:, :, : 2 * hidden]
            sigmoid(rz)
            r, z = rz[:, :, :hidden], rz[:, :, hidden:]
            n += self.b_n
            n *= r
            n += now[:, :, 2 * hidden :]
            np.tanh(n, out=n)
            # (1 - z) n + z h = n + z (h - n)
            h -= n
            h *= z
            h += n
            out[:, place : place + size] = h
            place += size
        return out


def restore_gru(
    arrays: Arrays, embedding: Floats, config: EncoderConfig, prefix: str = "encoder."
) -> RecurrentEncoder:
    """Build it from `prefix`layers.{k}.{forward|backward}.{w_ih,w_hh,bias_ih,bias_hh}."""
    rows, cells = 3 * config.hidden, []
    for layer in range(config.layers):
        inputs = layer_inputs(layer, embedding.shape[1], config)
        names = cell_prefixes(prefix, layer, config)
        w_ih = [take(arrays, f"{name}.w_ih", rows, inputs) for name in names]
        w_hh = [take(arrays, f"{name}.w_hh", rows, config.hidden) for name in names]
        bias_ih = [take(arrays, f"{name}.bias_ih", rows) for name in names]
        bias_hh = [take(arrays, f"{name}.bias_hh", rows) for name in names]
        cells.append(GRUCell(w_ih, w_hh, bias_ih, bias_hh))
    return RecurrentEncoder(embedding, cells, config)
