"""The gated recurrent unit (Cho et al. 2014), with the reset gate after the product as in torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqmap.nn.encoders.base import RecurrentDirection, RecurrentEncoder


class GRUDirection(RecurrentDirection):
    """r, z = σ(W·x + U·h), n = tanh(W_n·x + b + r ∘ (U_n·h + c)), h = (1 - z) ∘ n + z ∘ h."""

    gates = 3

    def __init__(self, input_size: int, hidden: int) -> None:
        super().__init__(input_size, hidden)
        self.bias_ih = nn.Parameter(torch.zeros(3 * hidden))
        self.bias_hh = nn.Parameter(torch.zeros(3 * hidden))

    def run(self, x: Tensor, w_hh: Tensor) -> Tensor:
        """Read padded rows from left to right, (batch, time, size) -> (batch, time, hidden)."""
        weights = [self.w_ih, w_hh, self.bias_ih, self.bias_hh]
        start = x.new_zeros(1, x.shape[0], self.hidden)
        return torch.gru(x, start, weights, True, 1, 0.0, self.training, False, True)[0]


class GRUEncoder(RecurrentEncoder):
    """A stack of GRU layers."""

    kind = GRUDirection
