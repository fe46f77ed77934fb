"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqmap.nn.encoders.base import RecurrentDirection, RecurrentEncoder, RecurrentLayer
from seqmap.nn.native_lstm import Precision, Weights, bilstm_layer, lstm_layer, usable


class LSTMDirection(RecurrentDirection):
    """i, f, o = σ(W·x + U·h + b), g = tanh(W_g·x + U_g·h + b_g), c = f∘c + i∘g, h = o∘tanh(c).

    Gate order i, f, g, o. The forget gate's bias starts at 1, so that memory is kept at first.
    """

    gates = 4

    def __init__(self, input_size: int, hidden: int) -> None:
        super().__init__(input_size, hidden)
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        with torch.no_grad():
            self.bias[hidden : 2 * hidden] = 1.0

    def run(self, x: Tensor, w_hh: Tensor) -> Tensor:
        """Read padded rows from left to right, (batch, time, size) -> (batch, time, hidden)."""
        weights = [self.w_ih, w_hh, self.bias, torch.zeros_like(self.bias)]
        start = x.new_zeros(1, x.shape[0], self.hidden)
        return torch.lstm(x, (start, start), weights, True, 1, 0.0, self.training, False, True)[0]


class LSTMLayer(RecurrentLayer):
    """Runs on the native core where it can (CPU, fp32), both directions at once; else on torch."""

    precision: Precision = "fp32"

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Encode, (batch, time, size) -> (batch, time, directions · hidden)."""
        if not usable(x):
            return super().forward(x, lengths)
        ahead = self._weights(self.ahead)
        if self.back is None:
            return lstm_layer(x, lengths, *ahead, precision=self.precision)[0]
        return bilstm_layer(x, lengths, ahead, self._weights(self.back), precision=self.precision)[
            0
        ]

    def _weights(self, direction: RecurrentDirection) -> Weights:
        assert isinstance(direction, LSTMDirection)
        return Weights(direction.w_ih, self.recurrent(direction), direction.bias)


class LSTMEncoder(RecurrentEncoder):
    """A stack of LSTM layers."""

    kind = LSTMDirection
    layer = LSTMLayer


def set_precision(model: nn.Module, precision: Precision) -> None:
    """Choose the arithmetic of all LSTM layers inside a model; torch's own path stays in fp32."""
    for module in model.modules():
        if isinstance(module, LSTMLayer):
            module.precision = precision
