"""The decoders by name. To add one: a file with a subclass of `Decoder`, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seqmap.config import TranslateConfig
from seqmap.runtime.decoders.base import Decoder
from seqmap.runtime.decoders.lstm import FeedingDecoder, LSTMDecoder
from seqmap.runtime.decoders.ops import Ops
from seqmap.runtime.decoders.transformer import TransformerDecoder
from seqmap.runtime.ops.weights import Arrays

DECODERS: Mapping[str, Callable[[Arrays, int, int, TranslateConfig, Ops], Decoder]] = {
    "lstm": LSTMDecoder,
    "lstm-feeding": FeedingDecoder,
    "transformer": TransformerDecoder,
}


def restore_decoder(
    arrays: Arrays, size: int, memory_size: int, config: TranslateConfig, ops: Ops
) -> Decoder:
    """Build the decoder that a configuration names.

    Args:
        arrays: An archive's.
        size: Numbers of a word's vector.
        memory_size: Width of the encoder's states.
        config: Name and sizes.
        ops: What computes.

    Raises:
        ArchiveError: The arrays do not fit the configuration.
    """
    return DECODERS[config.decoder](arrays, size, memory_size, config, ops)
