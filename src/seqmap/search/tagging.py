"""From emissions to tags, spans and their probabilities, whole batches at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.tags import TagCodec
from seqmap.data.tagging.schemes import Span, spans_of
from seqmap.search import crf
from seqmap.search.crf import Chain

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BATCH_TOKENS = 8192
"""Tokens, padding included, that are searched at once; bounds the memory that is used."""


@dataclass(frozen=True)
class Decoded:
    """The best tags of some texts, one text after the other.

    Attributes:
        best: (tokens,).
        marginal: P(y_t = best_t), (tokens,).
        conditional: P(y_t = best_t | y_(t-1) = best_(t-1)), (tokens,); the marginal where a text
            begins.
    """

    best: Ints
    marginal: Floats
    conditional: Floats


class Kernel(Protocol):
    """What computes: NumPy, or the native core."""

    def decode(
        self, emissions: NDArray[Any], lengths: Ints, chain: Chain, temperature: float
    ) -> Decoded:
        """Find the best tags and their probabilities.

        Args:
            emissions: (tokens, tags), one text after the other.
            lengths: Tokens of each text, (texts,); zero is allowed.
            chain: The scores between tags.
            temperature: All scores are divided by it before they become probabilities.
        """


class NumpyKernel:
    """The search in NumPy."""

    def decode(
        self, emissions: NDArray[Any], lengths: Ints, chain: Chain, temperature: float
    ) -> Decoded:
        """Find the best tags and their probabilities."""
        tokens, tags = emissions.shape
        found = Decoded(np.zeros(tokens, np.int64), np.zeros(tokens), np.zeros(tokens))
        begins = np.cumsum(lengths) - lengths
        warm = Chain(
            chain.transitions / temperature, chain.start / temperature, chain.end / temperature
        )
        for rows in _batches(lengths):
            mask = np.arange(int(lengths[rows].max()))[None, :] < lengths[rows][:, None]
            padded = np.zeros((*mask.shape, tags))
            places = (begins[rows][:, None] + np.arange(mask.shape[1])[None, :])[mask]
            padded[mask] = emissions[places]
            best, _ = crf.viterbi(padded, lengths[rows], chain)
            marginal, conditional = crf.best_probabilities(
                padded / temperature, lengths[rows], warm, best
            )
            found.best[places] = best[mask]
            found.marginal[places] = np.minimum(marginal[mask], 1.0)
            found.conditional[places] = np.minimum(conditional[mask], 1.0)
        return found


@dataclass(frozen=True)
class Tags:
    """The tags of one text.

    Attributes:
        numbers: The best sequence, (tokens,).
        spans: What it marks, in tokens; empty where tags are plain labels.
        span_probabilities: How probable each span is, ends and type, over all sequences.
        tag_probabilities: How probable each tag is by itself, (tokens,).
        probability: Of the whole sequence.
    """

    numbers: Ints
    spans: tuple[Span, ...]
    span_probabilities: tuple[float, ...]
    tag_probabilities: Floats
    probability: float


class TagSearch:
    """Finds the best tags, and says how sure they are.

    Args:
        codec: The tags.
        chain: The scores between them.
        temperature: All scores are divided by it before they become probabilities.
        kernel: What computes.
    """

    def __init__(
        self,
        codec: TagCodec,
        chain: Chain,
        *,
        temperature: float = 1.0,
        kernel: Kernel | None = None,
    ) -> None:
        self.codec, self.chain = codec, chain
        self.temperature = temperature
        self.kernel = kernel or NumpyKernel()

    def best(self, emissions: Sequence[NDArray[Any]]) -> list[Ints]:
        """Return the best tags of each text, (tokens,) for emissions (tokens, tags)."""
        return [tags.numbers for tags in self.search(emissions)]

    def search(self, emissions: Sequence[NDArray[Any]]) -> list[Tags]:
        """Return the best tags of each text with their probabilities."""
        if not emissions:
            return []
        lengths = np.array([len(e) for e in emissions], np.int64)
        flat = np.concatenate([np.zeros((0, len(self.codec)), np.float32), *emissions])
        found = self.kernel.decode(flat, lengths, self.chain, self.temperature)
        ends = np.cumsum(lengths)
        return [
            self._tags(found.best[b:e], found.marginal[b:e], found.conditional[b:e])
            for b, e in zip((ends - lengths).tolist(), ends.tolist(), strict=True)
        ]

    def n_best(self, emissions: NDArray[Any], count: int) -> list[tuple[Ints, float]]:
        """Return the best sequences of one text, (tokens,) each, with their probabilities."""
        warm = self._warm()
        scaled = np.asarray(emissions, np.float64) / self.temperature
        lengths = np.array([len(scaled)])
        if len(scaled) == 0:
            return [(np.zeros(0, np.int64), 1.0)]
        log_z = crf.log_partition(scaled[None], lengths, warm)[0]
        return [
            (np.array(path.tags, np.int64), float(np.exp(path.score - log_z)))
            for path in crf.n_best(scaled, warm, count)
        ]

    def marked(self, numbers: Ints) -> tuple[Span, ...]:
        """Return what tags mark; where they are plain labels, every token by itself."""
        if self.codec.spans:
            return self.spans(numbers)
        return tuple(Span(t, t + 1, name) for t, name in enumerate(self.codec.decode(numbers)))

    def spans(self, numbers: Ints) -> tuple[Span, ...]:
        """Return what tags mark; nothing where they are plain labels."""
        return tuple(spans_of(self.codec.decode(numbers))) if self.codec.spans else ()

    def _warm(self) -> Chain:
        t = self.temperature
        return Chain(self.chain.transitions / t, self.chain.start / t, self.chain.end / t)

    def _tags(self, numbers: Ints, marginal: Floats, conditional: Floats) -> Tags:
        spans = self.spans(numbers)
        chances = tuple(
            float(marginal[start] * conditional[start + 1 : end].prod()) for start, end, _ in spans
        )
        return Tags(numbers, spans, chances, marginal, float(conditional.prod()))


def _batches(lengths: Ints) -> Iterator[Ints]:
    """Yield row numbers, similar lengths together; empty texts are left out."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and (end + 1 - begin) * lengths[order[end]] <= BATCH_TOKENS:
            end += 1
        yield order[begin:end]
        begin = end
