"""The encoders by name. To add one: a file with a subclass of `Encoder`, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seqmap.config import EncoderConfig
from seqmap.runtime.ops.base import Encoder
from seqmap.runtime.ops.gru import restore_gru
from seqmap.runtime.ops.lstm import restore_lstm
from seqmap.runtime.ops.lstm_transformer import LSTMTransformerEncoder
from seqmap.runtime.ops.rnn import restore_rnn
from seqmap.runtime.ops.transformer import TransformerEncoder
from seqmap.runtime.ops.weights import Arrays, Floats

Restore = Callable[[Arrays, Floats, EncoderConfig, str], Encoder]
"""Builds an encoder from arrays, embedding, sizes, and what stands before its arrays' names."""

ENCODERS: Mapping[str, Restore] = {
    "lstm": restore_lstm,
    "gru": restore_gru,
    "rnn": restore_rnn,
    "transformer": TransformerEncoder,
}


def restore_encoder(
    arrays: Arrays,
    embedding: Floats,
    config: EncoderConfig,
    encoders: Mapping[str, Restore] = ENCODERS,
) -> Encoder:
    """Build the encoder that a configuration names.

    Args:
        arrays: An archive's.
        embedding: (vocabulary, size).
        config: Name and sizes.
        encoders: What is available; the native core puts its own in place of NumPy's.

    Raises:
        ArchiveError: The arrays do not fit the configuration.
    """
    if config.name == "lstm-transformer":
        lstm = encoders["lstm"](arrays, embedding, config, "encoder.lstm.")
        return LSTMTransformerEncoder(lstm, arrays, config)
    return encoders[config.name](arrays, embedding, config, "encoder.")
