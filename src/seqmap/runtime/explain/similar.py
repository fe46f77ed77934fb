"""Find spans of a corpus where the network is in a state similar to that at a span of a text."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.codecs import truncate
from seqmap.runtime.explain.explanation import Match
from seqmap.runtime.ops.encoders import restore_encoder
from seqmap.runtime.ops.layout import Layout
from seqmap.runtime.ops.weights import take

if TYPE_CHECKING:
    from seqmap.runtime.classify import ClassifySession

Spans = Sequence[tuple[int, int]]
Read = Callable[[list[str]], list[tuple[Any, Spans]]]
"""Of each text the states of its symbols, (symbols, width), and where these stand."""

_CHUNK = 64
_AROUND = 60
"""Characters that are shown on each side of a place."""


def similar_places(
    read: Read, text: str, span: tuple[int, int], corpus: Iterable[str], *, count: int = 8
) -> tuple[Match, ...]:
    """Return the spans whose states are the most similar (cosine), one a text, the best first.

    A span of n symbols is compared by the mean of its n states with all spans of n symbols.

    Args:
        read: What the network makes of texts.
        text: The text that is explained.
        span: Its first symbol, and how many symbols it has.
        corpus: Texts to look in; read once, in constant memory.
        count: How many places.
    """
    first, length = span
    wanted = _unit(_means(read([text])[0][0], length))[first]
    best: list[tuple[float, int, str, tuple[int, int]]] = []
    coming, number = iter(corpus), 0
    while part := list(islice(coming, _CHUNK)):
        for given, (states, spans) in zip(part, read(part), strict=True):
            number += 1
            if len(states) < length or given == text:
                continue
            likeness = _unit(_means(states, length)) @ wanted
            place = int(likeness.argmax())
            # The number settles ties, so that texts are never compared.
            item = (
                float(likeness[place]),
                -number,
                given,
                (spans[place][0], spans[place + length - 1][1]),
            )
            if len(best) < count:
                heapq.heappush(best, item)
            else:
                heapq.heappushpop(best, item)
    return tuple(
        _match(likeness, given, place) for likeness, _, given, place in sorted(best, reverse=True)
    )


def _means(states: Any, length: int) -> Any:
    """Return the mean state of each span, (symbols - length + 1, width)."""
    if length == 1:
        return states
    sums = np.cumsum(states, axis=0, dtype=np.float64)
    sums[length:] -= sums[:-length].copy()
    return sums[length - 1 :] / length


def _unit(states: Any) -> Any:
    return states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-9)


def _match(likeness: float, text: str, span: tuple[int, int]) -> Match:
    start, end = span
    begin = max(0, start - _AROUND)
    return Match(likeness, text[begin : end + _AROUND], start - begin, end - begin)


def classifier_reader(session: ClassifySession) -> Read:
    """Return what reads texts as a classifier does; any encoder."""
    config, codec = session.config, session.codecs.source
    embedding = take(session.archive.arrays, "embedding.weight", codec.size, config.embedding.size)
    encoder = restore_encoder(session.archive.arrays, embedding, config.encoder)

    def read(texts: list[str]) -> list[tuple[Any, Spans]]:
        ids = [codec.encode(given) for given in texts]
        limit, side = config.text.max_length, config.text.truncate
        kept = [truncate(np.arange(len(part), dtype=np.int32), limit, side) for part in ids]
        ids = [part[places] for part, places in zip(ids, kept, strict=True)]
        layout = Layout([len(part) for part in ids])
        states = np.split(encoder.encode(np.concatenate(ids), layout), layout.offsets[1:-1])
        spans = [codec.offsets(given) for given in texts]
        shown = [[own[k] for k in places] for own, places in zip(spans, kept, strict=True)]
        return list(zip(states, shown, strict=True))

    return read
