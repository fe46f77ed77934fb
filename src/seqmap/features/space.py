"""The space of n-gram features: which are kept, how they weigh, and the vector of a text.

In the vector of a text, the n-gram j that occurs c times has the value (1 + ln c) · scale_j, and
each block is divided by its Euclidean norm. With N texts, of which d_j have the n-gram,

    scale_j = (ln((1 + N) / (1 + d_j)) + 1) · (max_k |r_jk| + 0.01)^½       two classes
    scale_j =  ln((1 + N) / (1 + d_j)) + 1                                  otherwise

    r_jk    = ln (share of the texts of class k that have j / share of the other texts that have j)

with the shares smoothed: (d + 1) / (n + 2). This is tf-idf weighed by the log-count ratio of naive
Bayes, in the spirit of NB-SVM (Wang & Manning 2012). With more classes the ratio differs by class
and cannot be part of one vector; `prior` holds it for the training of the weights. Scales are
rounded to float16, the form in which they are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.features.ngrams import Counted, NgramCounter, NgramSpec
from seqmap.features.table import KeyTable

Floats = NDArray[np.float32]

_PIECE = 256
"""Texts that are worked on at a time, so that arrays stay in the processor's caches."""
_SMOOTHING = 1.0
_FLOOR, _PRIOR_FLOOR = 0.01, 0.05


@dataclass(frozen=True)
class Sparse:
    """Rows of a sparse matrix in the usual compressed form (CSR)."""

    indptr: NDArray[np.int64]
    """`(rows + 1,)`: where each row begins."""
    indices: NDArray[np.int64]
    """`(entries,)`: columns, rising within a row."""
    values: Floats
    """`(entries,)`."""
    columns: int
    """Number of columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.indptr) - 1, self.columns

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of each entry, `(entries,)`."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))


@dataclass(frozen=True)
class Fitted:
    """What fitting a space gives."""

    space: NgramSpace
    """The space."""
    x: Sparse
    """The texts in it, `(texts, features)`."""
    prior: Floats | None
    """`(features, classes)`: |r_jk| + 0.05. With v penalised, prior · v are the weights. None for
    two classes, where the ratio is in the vectors already."""


class NgramSpace:
    """Features of texts.

    Args:
        spec: Which n-grams are looked at.
        keys: For each block, the sorted keys of the features, `(features of the block,)`.
        scales: For each block, the scale of each feature, likewise.
    """

    def __init__(
        self, spec: NgramSpec, keys: dict[str, NDArray[np.uint32]], scales: dict[str, Floats]
    ) -> None:
        self.spec = spec
        self.keys = keys
        self.scales = scales
        self._counter = NgramCounter(spec)
        self._tables = {name: KeyTable(keys[name]) for name in spec.blocks}

    @property
    def size(self) -> int:
        """The number of features; those of the block `words` come first."""
        return sum(len(self.keys[name]) for name in self.spec.blocks)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        targets: Floats,
        *,
        spec: NgramSpec,
        independent: bool = False,
        least: int = 2,
    ) -> Fitted:
        """Take every n-gram that occurs in enough texts.

        Args:
            texts: The training texts.
            targets: The share of each class in each text, `(texts, classes)`.
            spec: Which n-grams.
            independent: Whether a text may have several classes.
            least: In how many texts a feature must occur.
        """
        two = targets.shape[1] == 2 and not independent
        counter = NgramCounter(spec)
        keys, scales, priors = {}, {}, []
        counted = counter.count(texts)
        for name, block in counted.items():
            distinct, frequency = _distinct(block.keys)
            kept = frequency >= least
            keys[name], frequency = distinct[kept], frequency[kept]
            ratio = _ratios(block, KeyTable(keys[name]), targets, frequency)
            scale = np.log((1 + len(texts)) / (1 + frequency)) + 1
            if two:
                scale *= np.sqrt(ratio.max(axis=1, initial=0) + _FLOOR)
            scales[name] = scale.astype(np.float16).astype(np.float32)
            priors.append((ratio + _PRIOR_FLOOR).astype(np.float32))
        space = cls(spec, keys, scales)
        pieces = (
            ({name: block.part(start, stop) for name, block in counted.items()}, stop - start)
            for start, stop in _pieces(len(texts))
        )
        prior = None if two or not priors else np.concatenate(priors)
        return Fitted(space, space._stacked(pieces), prior)

    def transform(self, texts: Sequence[str]) -> Sparse:
        """Return the vectors of texts, `(texts, features)`."""
        return self._stacked(
            (self._counter.count(texts[start:stop]), stop - start)
            for start, stop in _pieces(len(texts))
        )

    def _stacked(self, pieces: Iterable[tuple[dict[str, Counted], int]]) -> Sparse:
        indptr, indices, values = [np.zeros(1, np.int64)], [], []
        for counted, rows in pieces:
            starts, columns, entries = self._vectors(counted, rows)
            indptr.append(starts[1:] + indptr[-1][-1])
            indices.append(columns)
            values.append(entries)
        return Sparse(
            np.concatenate(indptr),
            np.concatenate([np.zeros(0, np.int64), *indices]),
            np.concatenate([np.zeros(0, np.float32), *values]),
            self.size,
        )

    def _vectors(
        self, counted: dict[str, Counted], rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return where each row begins, `(rows + 1,)`, the columns and the values."""
        owners, columns, values = [], [], []
        offset = 0
        for name, block in counted.items():
            known, places = self._tables[name].find(block.keys)
            owner = block.texts[known]
            # Logarithms in double precision: rounded to single, they are the same everywhere.
            weight = 1 + np.log(block.counts[known], dtype=np.float64)
            value = weight.astype(np.float32) * self.scales[name][places]
            owners.append(owner)
            columns.append(places + offset)
            values.append(_normalised(value, owner, rows))
            offset += len(self.keys[name])
        owner = np.concatenate([np.zeros(0, np.int64), *owners])
        column = np.concatenate([np.zeros(0, np.int64), *columns])
        value = np.concatenate([np.zeros(0, np.float32), *values])
        if len(owners) > 1:  # the blocks of a text beside each other
            order = np.argsort(owner, kind="stable")
            column, value = column[order], value[order]
        starts = np.zeros(rows + 1, np.int64)
        np.cumsum(np.bincount(owner, minlength=rows), out=starts[1:])
        return starts, column, value

    def keep(self, kept: NDArray[np.bool_]) -> NgramSpace:
        """Return the space with only some of the features, `(features,)`."""
        keys, scales, start = {}, {}, 0
        for name in self.spec.blocks:
            part = kept[start : start + len(self.keys[name])]
            start += len(part)
            keys[name], scales[name] = self.keys[name][part], self.scales[name][part]
        return NgramSpace(self.spec, keys, scales)

    def restrict(self, x: Sparse, kept: NDArray[np.bool_]) -> Sparse:
        """Return what `self.keep(kept).transform` would give for the texts of `x`."""
        entries = np.flatnonzero(kept[x.indices])
        rows, columns, values = x.rows[entries], x.indices[entries], x.values[entries].copy()
        start = 0
        for name in self.spec.blocks:
            stop = start + len(self.keys[name])
            block = np.flatnonzero((columns >= start) & (columns < stop))
            values[block] = _normalised(values[block], rows[block], x.shape[0])
            start = stop
        numbers = np.cumsum(kept) - 1
        indptr = np.zeros(len(x.indptr), np.int64)
        np.cumsum(np.bincount(rows, minlength=x.shape[0]), out=indptr[1:])
        return Sparse(indptr, numbers[columns], values, int(kept.sum()))


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(count, start + _PIECE)) for start in range(0, count, _PIECE))


def _normalised(values: Floats, rows: NDArray[np.int64], count: int) -> Floats:
    norms = np.sqrt(np.bincount(rows, values.astype(np.float64) ** 2, count))
    return values / np.maximum(norms, 1e-12).astype(np.float32)[rows]


def _distinct(keys: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    ordered = np.sort(keys)
    places = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] ^ np.uint32(1)))
    return ordered[places], np.diff(places, append=len(ordered))


def _ratios(
    counted: Counted, table: KeyTable, targets: Floats, frequency: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return |r_jk|, `(features, classes)`."""
    known, places = table.find(counted.keys)
    owner = counted.texts[known]
    ratios = np.empty((len(frequency), targets.shape[1]))
    for index in range(targets.shape[1]):
        share = targets[:, index].astype(np.float64)
        inside, total = np.bincount(places, share[owner], len(frequency)), share.sum()
        here = (inside + _SMOOTHING) / (total + 2 * _SMOOTHING)
        there = (frequency - inside + _SMOOTHING) / (len(share) - total + 2 * _SMOOTHING)
        ratios[:, index] = np.abs(np.log(here / there))
    return ratios
