"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqmap.nn.embedding import variational_dropout
from seqmap.nn.encoders.base import RecurrentDirection, RecurrentEncoder, RecurrentLayer
from seqmap.nn.native_lstm import (
    Precision,
    State,
    Weights,
    bilstm_layer,
    lstm_layer,
    usable,
)


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
        return self.run_from(x, w_hh, None)[0]

    def run_from(self, x: Tensor, w_hh: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read on from (h, c), each (batch, hidden); also return those at the end."""
        weights = [self.w_ih, w_hh, self.bias, torch.zeros_like(self.bias)]
        start = x.new_zeros(x.shape[0], self.hidden)
        h, c = state or (start, start)
        states, h, c = torch.lstm(
            x, (h[None], c[None]), weights, True, 1, 0.0, self.training, False, True
        )
        return states, (h[0], c[0])


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

    def carry(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read on from a state; the second direction, if there is one, starts anew.

        Args:
            x: (batch, time, size), all rows of full length.
            state: (h, c) of the first direction, each (batch, hidden); None starts anew.

        Returns:
            (batch, time, directions · hidden), and the first direction's state at the end.
        """
        lengths = torch.full((x.shape[0],), x.shape[1], dtype=torch.int64, device=x.device)
        if not usable(x):
            assert isinstance(self.ahead, LSTMDirection)
            states, after = self.ahead.run_from(x, self.recurrent(self.ahead), state)
            if self.back is None:
                return states, after
            back = self.back.states(x, lengths, self.recurrent(self.back), backwards=True)
            return torch.cat([states, back], dim=-1), after
        ahead = self._weights(self.ahead)
        if self.back is None:
            h, c = state or (None, None)
            return lstm_layer(x, lengths, *ahead, h, c, precision=self.precision)
        states, after, _ = bilstm_layer(
            x, lengths, ahead, self._weights(self.back), state, precision=self.precision
        )
        return states, after

    def _weights(self, direction: RecurrentDirection) -> Weights:
        assert isinstance(direction, LSTMDirection)
        return Weights(direction.w_ih, self.recurrent(direction), direction.bias)


class LSTMEncoder(RecurrentEncoder):
    """A stack of LSTM layers."""

    kind = LSTMDirection
    layer = LSTMLayer

    def carry(self, x: Tensor, states: list[State] | None) -> tuple[Tensor, list[State]]:
        """Read on from the states of all layers; see `LSTMLayer.carry`."""
        after: list[State] = []
        for place, layer in enumerate(self.layers):
            if place:
                x = variational_dropout(x, self.config.dropout, self.training)
            assert isinstance(layer, LSTMLayer)
            x, state = layer.carry(x, None if states is None else states[place])
            after.append(state)
        return x, after


def set_precision(model: nn.Module, precision: Precision) -> None:
    """Choose the arithmetic of all LSTM layers inside a model; torch's own path stays in fp32."""
    for module in model.modules():
        if isinstance(module, LSTMLayer):
            module.precision = precision
