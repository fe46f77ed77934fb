"""LSTM below, Transformer above: the LSTM's states are what the Transformer attends over."""

from __future__ import annotations

from seqmap.config import EncoderConfig
from seqmap.runtime.ops.base import Encoder, Ids
from seqmap.runtime.ops.layout import Layout
from seqmap.runtime.ops.transformer import Transformer
from seqmap.runtime.ops.weights import Arrays, Floats


class LSTMTransformerEncoder(Encoder):
    """Two encoders in a row.

    Args:
        lstm: Reads the symbols.
        arrays: An archive's, with `encoder.transformer.…`.
        config: Sizes.
    """

    directions = 1

    def __init__(self, lstm: Encoder, arrays: Arrays, config: EncoderConfig) -> None:
        self.lstm = lstm
        self.transformer = Transformer(arrays, "encoder.transformer.", lstm.width, config)
        self.width = self.transformer.width

    def encode(self, ids: Ids, layout: Layout) -> Floats:
        """Read whole documents, (tokens,) -> (tokens, width)."""
        return self.transformer.run(self.lstm.encode(ids, layout), layout)
