"""Encoders read a sequence of vectors: (batch, time, size) -> (batch, time, width).

To add one: a file with a subclass of `Encoder`, and one line in `ENCODERS`.
"""

from __future__ import annotations

from seqmap.config import EncoderConfig
from seqmap.nn.encoders.base import Encoder
from seqmap.nn.encoders.gru import GRUEncoder
from seqmap.nn.encoders.lstm import LSTMEncoder
from seqmap.nn.encoders.lstm_transformer import LSTMTransformerEncoder
from seqmap.nn.encoders.rnn import RNNEncoder
from seqmap.nn.encoders.transformer import TransformerEncoder

ENCODERS: dict[str, type[Encoder]] = {
    "lstm": LSTMEncoder,
    "gru": GRUEncoder,
    "rnn": RNNEncoder,
    "transformer": TransformerEncoder,
    "lstm-transformer": LSTMTransformerEncoder,
}


def build_encoder(input_size: int, config: EncoderConfig) -> Encoder:
    """Build the encoder that a configuration names."""
    return ENCODERS[config.name](input_size, config)
