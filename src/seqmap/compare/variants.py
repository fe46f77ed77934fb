"""What is compared, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqmap.config import Config, from_dict
from seqmap.errors import UserError, nearest

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "rnn": {"encoder.name": "rnn"},
    "gru": {"encoder.name": "gru"},
    "lstm": {"encoder.name": "lstm"},
    "lstm-attention": {"encoder.name": "lstm", "head.pooling": "attention"},
    "transformer": {"encoder.name": "transformer"},
    "lstm-transformer": {"encoder.name": "lstm-transformer"},
}
"""What each changes in a configuration; all else is the same for all."""

TASKS = ("classify", "tag")
"""The tasks whose encoder can be chosen."""


def named(words: Sequence[str]) -> tuple[str, ...]:
    """Check names.

    Raises:
        UserError: There is no such encoder, or one is named twice.
    """
    for word in words:
        if word not in VARIANTS:
            close = nearest(word, VARIANTS)
            remedy = f"Did you mean {close}?" if close else None
            raise UserError("unknown encoder", given=word, allowed=VARIANTS, remedy=remedy)
    if len(set(words)) < len(words) or not words:
        raise UserError("name each encoder once", given=", ".join(words), allowed=VARIANTS)
    return tuple(words)


def alone(config: Config) -> Config:
    """Return the configuration without what stands beside the encoder: it alone is compared."""
    return from_dict({"wide.kind": "none", "tag.features": "none"}, base=config)


def varied(config: Config, name: str) -> Config:
    """Return the configuration with an encoder of that name."""
    return from_dict(dict(VARIANTS[name]), base=config)
