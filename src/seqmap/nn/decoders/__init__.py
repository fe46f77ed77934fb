"""Decoders write a sequence while they attend to another one.

To add one: a file with a subclass of `Decoder`, and one line in `DECODERS`.
"""

from __future__ import annotations

from seqmap.config import TranslateConfig
from seqmap.errors import ConfigError
from seqmap.nn.decoders.base import Decoder
from seqmap.nn.decoders.lstm import FeedingDecoder, LSTMDecoder
from seqmap.nn.decoders.transformer import TransformerDecoder

DECODERS: dict[str, type[Decoder]] = {
    "lstm": LSTMDecoder,
    "lstm-feeding": FeedingDecoder,
    "transformer": TransformerDecoder,
}


def build_decoder(input_size: int, memory_size: int, config: TranslateConfig) -> Decoder:
    """Build the decoder that a configuration names.

    Raises:
        ConfigError: Coverage with a decoder or an attention that cannot see it.
    """
    able = config.decoder == "lstm-feeding" and config.attention == "bahdanau"
    if config.coverage != "none" and not able:
        raise ConfigError(
            "translate.coverage needs input feeding and the Bahdanau score",
            given=f"{config.decoder}, {config.attention}",
            remedy="Set translate.decoder = 'lstm-feeding', translate.attention = 'bahdanau'",
        )
    return DECODERS[config.decoder](input_size, memory_size, config)
