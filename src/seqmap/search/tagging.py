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


class Kernel(Protocol):
    """What computes: `seqmap.search.crf`, or the native core."""

    def viterbi(self, emissions: Floats, lengths: Ints, chain: Chain) -> tuple[Ints, Floats]:
        """Return the best tags (batch, time) and their scores (batch,)."""

    def forward_backward(
        self, emissions: Floats, lengths: Ints, chain: Chain
    ) -> tuple[Floats, Floats, Floats]:
        """Return α, β (batch, time, tags) and log Z (batch,)."""


class NumpyKernel:
    """The search in NumPy."""

    def viterbi(self, emissions: Floats, lengths: Ints, chain: Chain) -> tuple[Ints, Floats]:
        """Return the best tags (batch, time) and their scores (batch,)."""
        return crf.viterbi(emissions, lengths, chain)

    def forward_backward(
        self, emissions: Floats, lengths: Ints, chain: Chain
    ) -> tuple[Floats, Floats, Floats]:
        """Return α, β (batch, time, tags) and log Z (batch,)."""
        return crf.forward_backward(emissions, lengths, chain)


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
        found: list[Ints] = [np.zeros(0, np.int64)] * len(emissions)
        for rows, padded, lengths in _batches(emissions):
            best, _ = self.kernel.viterbi(padded, lengths, self.chain)
            for place, row in enumerate(rows):
                found[row] = best[place, : lengths[place]]
        return found

    def search(self, emissions: Sequence[NDArray[Any]]) -> list[Tags]:
        """Return the best tags of each text with their probabilities."""
        nothing = Tags(np.zeros(0, np.int64), (), (), np.zeros(0), 1.0)
        found = [nothing] * len(emissions)
        warm = self._warm()
        for rows, padded, lengths in _batches(emissions):
            best, scores = self.kernel.viterbi(padded, lengths, self.chain)
            alphas, betas, log_z = self.kernel.forward_backward(
                padded / self.temperature, lengths, warm
            )
            sure = np.exp(scores / self.temperature - log_z)
            for place, row in enumerate(rows):
                length = lengths[place]
                lattice = _Lattice(
                    padded[place, :length] / self.temperature,
                    alphas[place, :length],
                    betas[place, :length],
                    float(log_z[place]),
                )
                found[row] = self._tags(best[place, :length], lattice, warm, float(sure[place]))
        return found

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

    def spans(self, numbers: Ints) -> tuple[Span, ...]:
        """Return what tags mark; nothing where they are plain labels."""
        return tuple(spans_of(self.codec.decode(numbers))) if self.codec.spans else ()

    def _warm(self) -> Chain:
        t = self.temperature
        return Chain(self.chain.transitions / t, self.chain.start / t, self.chain.end / t)

    def _tags(self, numbers: Ints, lattice: _Lattice, warm: Chain, probability: float) -> Tags:
        spans = self.spans(numbers)
        chances = []
        for start, end, _ in spans:
            inside = numbers[start:end]
            log = crf.span_log_probability(
                lattice.emissions, warm, start, inside, lattice.alphas, lattice.betas
            )
            chances.append(min(1.0, float(np.exp(log - lattice.log_z))))
        places = np.arange(len(numbers))
        own = lattice.alphas[places, numbers] + lattice.betas[places, numbers] - lattice.log_z
        return Tags(
            numbers, spans, tuple(chances), np.minimum(np.exp(own), 1.0), min(1.0, probability)
        )


@dataclass(frozen=True)
class _Lattice:
    """What forward-backward gave for one text."""

    emissions: Floats
    alphas: Floats
    betas: Floats
    log_z: float


def _batches(
    emissions: Sequence[NDArray[Any]],
) -> Iterator[tuple[list[int], Floats, Ints]]:
    """Yield row numbers, padded emissions (batch, time, tags) and lengths; empty texts are left."""
    order = sorted((len(e), row) for row, e in enumerate(emissions) if len(e))
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and (end + 1 - begin) * order[end][0] <= BATCH_TOKENS:
            end += 1
        rows = [row for _, row in order[begin:end]]
        lengths = np.array([length for length, _ in order[begin:end]], np.int64)
        padded = np.zeros((len(rows), int(lengths.max()), emissions[rows[0]].shape[1]))
        for place, row in enumerate(rows):
            padded[place, : lengths[place]] = emissions[row]
        yield rows, padded, lengths
        begin = end
