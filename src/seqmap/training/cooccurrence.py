"""Word vectors from the training texts themselves, to start an embedding from.

Words that keep the same company get similar vectors before the first step: on a few thousand texts
this is worth several points of accuracy over a random start.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from sklearn.utils.extmath import randomized_svd

from seqmap.codecs.base import UNKNOWN

# Levy, Goldberg & Dagan 2015: contexts are smoothed by this power before dividing.
SMOOTHING = 0.75
# At most this many symbols are counted: more say little new and cost time and memory.
MOST_SYMBOLS = 4_000_000


def cooccurrence_vectors(
    sources: Sequence[NDArray[np.int32]],
    vocabulary: int,
    dim: int,
    *,
    window: int = 5,
    deviation: float = 0.3,
) -> NDArray[np.float32]:
    """Factor the positive pointwise mutual information of symbols (Levy & Goldberg 2014).

    Counts within `window` symbols are weighted by the inverse of the distance; the matrix
    max(0, log P(a, b) / (P(a) P(b)^0.75)) is cut to its `dim` largest singular values, whose square
    roots scale the left vectors.

    Args:
        sources: Symbol ids of each text, (time,).
        vocabulary: Number of ids.
        dim: Components of a vector.
        window: How far company reaches, in symbols.
        deviation: Standard deviation of the components that are returned.

    Returns:
        (vocabulary, dim); zero for symbols without company.
    """
    counts = _counts(sources, vocabulary, window)
    matrix = _information(counts)
    rank = min(dim, min(matrix.shape) - 1)
    vectors = np.zeros((vocabulary, dim), dtype=np.float32)
    if matrix.nnz == 0 or rank < 1:
        return vectors
    left, values, _ = randomized_svd(matrix, rank, n_iter=3, random_state=0)
    vectors[:, :rank] = left * np.sqrt(values)
    known = np.diff(matrix.indptr) > 0
    vectors[~known] = 0.0
    spread = float(vectors[known].std())
    return vectors * np.float32(deviation / max(spread, 1e-9))


def _counts(sources: Sequence[NDArray[np.int32]], vocabulary: int, window: int) -> csr_matrix:
    """Count company, (vocabulary, vocabulary), symmetric; special ids keep none."""
    total = np.cumsum([len(source) for source in sources])
    used = int(np.searchsorted(total, MOST_SYMBOLS)) + 1
    flat = np.concatenate([*sources[:used], np.zeros(0, np.int32)])
    text = np.repeat(np.arange(len(sources[:used])), [len(source) for source in sources[:used]])
    counts = csr_matrix((vocabulary, vocabulary), dtype=np.float32)
    for distance in range(1, window + 1):
        first, second = flat[:-distance], flat[distance:]
        kept = (text[:-distance] == text[distance:]) & (first > UNKNOWN) & (second > UNKNOWN)
        weights = np.full(int(kept.sum()), 1.0 / distance, dtype=np.float32)
        pairs = (first[kept], second[kept])
        counts = counts + coo_matrix((weights, pairs), shape=counts.shape).tocsr()
    return (counts + counts.T).tocsr()


def _information(counts: csr_matrix) -> csr_matrix:
    """Turn counts into positive pointwise mutual information."""
    pairs = counts.tocoo()
    sums = np.asarray(counts.sum(axis=1)).ravel()
    contexts = sums**SMOOTHING
    contexts /= max(contexts.sum(), 1e-12)
    ratio = pairs.data / np.maximum(sums[pairs.row] * contexts[pairs.col], 1e-12)
    values = np.log(np.maximum(ratio, 1e-12))
    kept = values > 0
    rows, columns = pairs.row[kept], pairs.col[kept]
    return csr_matrix((values[kept].astype(np.float32), (rows, columns)), shape=counts.shape)
