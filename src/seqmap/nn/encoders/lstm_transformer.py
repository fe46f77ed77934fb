"""LSTM below, Transformer above: order and locality from the one, long reach from the other."""

from __future__ import annotations

from torch import Tensor

from seqmap.config import EncoderConfig
from seqmap.nn.encoders.base import Encoder
from seqmap.nn.encoders.lstm import LSTMEncoder
from seqmap.nn.encoders.transformer import TransformerEncoder


class LSTMTransformerEncoder(Encoder):
    """The LSTM stack's states are what the Transformer attends over."""

    directions = 1

    def __init__(self, input_size: int, config: EncoderConfig) -> None:
        super().__init__(input_size, config)
        self.lstm = LSTMEncoder(input_size, config)
        self.transformer = TransformerEncoder(self.lstm.width, config)
        self.width = self.transformer.width

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Encode, (batch, time, size) -> (batch, time, hidden)."""
        states: Tensor = self.lstm(x, lengths)
        encoded: Tensor = self.transformer(states, lengths)
        return encoded
