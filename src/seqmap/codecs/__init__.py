"""Codecs: between what people write and what a network reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import PAD, UNKNOWN, Ids, TextCodec
from seqmap.codecs.char import CharCodec
from seqmap.codecs.characters import choose_unit
from seqmap.codecs.labels import LabelCodec
from seqmap.codecs.lines import LineCodec
from seqmap.codecs.literal import LiteralCodec
from seqmap.codecs.subword import SubwordCodec
from seqmap.codecs.word import WordCodec
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError

__all__ = [
    "CODECS",
    "PAD",
    "UNKNOWN",
    "CharCodec",
    "LabelCodec",
    "LineCodec",
    "LiteralCodec",
    "SubwordCodec",
    "TextCodec",
    "WordCodec",
    "choose_unit",
    "fit_codec",
    "restore_codec",
    "truncate",
]

CODECS: dict[str, type[TextCodec]] = {
    "word": WordCodec,
    "char": CharCodec,
    "subword": SubwordCodec,
    "literal": LiteralCodec,
}

_CHOICE_TEXTS = 100_000


def fit_codec(texts: Iterable[str], config: TextConfig) -> TextCodec:
    """Fit the codec that the configuration names; `auto` goes by the script of the texts."""
    unit: str = config.unit
    if unit == "auto":
        rest = iter(texts)
        first = list(islice(rest, _CHOICE_TEXTS))
        unit = choose_unit(first)
        texts = chain(first, rest)
    return CODECS[unit].fit(texts, config=config)


def restore_codec(state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TextCodec:
    """Rebuild a codec from `TextCodec.to_state`.

    Raises:
        ArchiveError: The state names no known codec, or is damaged.
        MissingExtraError: The codec needs a package that is not installed.
    """
    if state.get("unit") == LineCodec.unit:
        return LineCodec(restore_codec(state["inner"], arrays))
    codec = CODECS.get(str(state.get("unit")))
    if codec is None:
        raise ArchiveError(
            "the model's text codec is unknown", given=state.get("unit"), allowed=CODECS
        )
    return codec.from_state(state, arrays)


def truncate(ids: Ids, max_length: int, side: Literal["end", "start", "middle"]) -> Ids:
    """Drop what is too long from the end, the start, or the middle.

    Args:
        ids: `(time,)`.
        max_length: How many are kept at most.
        side: What is dropped. For `middle` the first half (rounded up) and the last are kept.
    """
    if len(ids) <= max_length:
        return ids
    if side == "end":
        return ids[:max_length]
    if side == "start":
        return ids[len(ids) - max_length :]
    head = (max_length + 1) // 2
    return np.concatenate([ids[:head], ids[len(ids) - (max_length - head) :]])
