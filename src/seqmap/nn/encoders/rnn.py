"""The simple recurrent network (Elman 1990)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqmap.nn.encoders.base import RecurrentDirection, RecurrentEncoder


class RNNDirection(RecurrentDirection):
    """h_t = tanh(W·x_t + U·h_{t-1} + b)."""

    gates = 1

    def __init__(self, input_size: int, hidden: int) -> None:
        super().__init__(input_size, hidden)
        self.bias = nn.Parameter(torch.zeros(hidden))

    def run(self, x: Tensor, w_hh: Tensor) -> Tensor:
        """Read padded rows from left to right, (batch, time, size) -> (batch, time, hidden)."""
        weights = [self.w_ih, w_hh, self.bias, torch.zeros_like(self.bias)]
        start = x.new_zeros(1, x.shape[0], self.hidden)
        return torch.rnn_tanh(x, start, weights, True, 1, 0.0, self.training, False, True)[0]


class RNNEncoder(RecurrentEncoder):
    """A stack of simple recurrent layers."""

    kind = RNNDirection
