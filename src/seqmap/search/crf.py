r"""Linear-chain CRF (Lafferty, McCallum & Pereira 2001) in log space, in NumPy, batched.

The score of tags y for emissions e, transitions A, and scores of begin and end b, a is

    s(y) = b[y_1] + Σ_t e[t, y_t] + Σ_t A[y_(t-1), y_t] + a[y_n]

and P(y) = exp(s(y) - log Z). A transition that may not be is -inf. Shapes: emissions (batch, time,
tags) with `lengths` (batch,); what lies beyond a row's length never influences a result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Chain:
    """The scores between tags.

    Attributes:
        transitions: (tags, tags), from row to column.
        start: (tags,), of a first tag.
        end: (tags,), of a last tag.
    """

    transitions: Floats
    start: Floats
    end: Floats


@dataclass(frozen=True)
class Path:
    """A sequence of tags and its score."""

    tags: tuple[int, ...]
    score: float


def log_partition(emissions: Floats, lengths: Ints, chain: Chain) -> Floats:
    """Return log Z of each row, (batch,); zero for an empty row."""
    alphas = _forward(emissions, chain)
    rows = np.arange(len(lengths))
    last = alphas[rows, np.maximum(lengths, 1) - 1]
    return np.where(lengths > 0, _logsumexp(last + chain.end, axis=1), 0.0)


def marginals(emissions: Floats, lengths: Ints, chain: Chain) -> Floats:
    """Return P(y_t = k), (batch, time, tags), zero beyond a row's length (forward-backward)."""
    alphas, betas = _forward(emissions, chain), _backward(emissions, lengths, chain)
    total = log_partition(emissions, lengths, chain)
    inside = np.arange(emissions.shape[1])[None, :] < lengths[:, None]
    with np.errstate(invalid="ignore"):
        found = np.exp(alphas + betas - total[:, None, None])
    return np.where(inside[:, :, None], found, 0.0)


def forward_backward(
    emissions: Floats, lengths: Ints, chain: Chain
) -> tuple[Floats, Floats, Floats]:
    """Return α and β, each (batch, time, tags), and log Z, (batch,).

    α[t, k] sums over all beginnings that reach tag k at t, its own emission included; β[t, k] over
    all continuations behind it.
    """
    return (
        _forward(emissions, chain),
        _backward(emissions, lengths, chain),
        log_partition(emissions, lengths, chain),
    )


def viterbi(emissions: Floats, lengths: Ints, chain: Chain) -> tuple[Ints, Floats]:
    """Return the best tags, (batch, time), -1 beyond a row's length, and their scores, (batch,)."""
    batch, time, tags = emissions.shape
    best = np.full((batch, time), -1, dtype=np.int64)
    if time == 0 or batch == 0:
        return best, np.zeros(batch)
    pointers = np.zeros((batch, time, tags), dtype=np.int64)
    score = chain.start + emissions[:, 0]
    kept = score.copy()
    for t in range(1, time):
        # reached: (batch, from, to)
        reached = score[:, :, None] + chain.transitions
        pointers[:, t] = reached.argmax(axis=1)
        score = reached.max(axis=1) + emissions[:, t]
        kept = np.where((lengths > t)[:, None], score, kept)
    final = kept + chain.end
    rows = np.arange(batch)
    tag = final.argmax(axis=1)
    scores = np.where(lengths > 0, final[rows, tag], 0.0)
    for t in range(time - 1, -1, -1):
        best[:, t] = np.where(lengths > t, tag, -1)
        if t:
            tag = np.where(lengths > t, pointers[rows, t, tag], tag)
    return best, scores


def best_probabilities(
    emissions: Floats, lengths: Ints, chain: Chain, best: Ints
) -> tuple[Floats, Floats]:
    """Return how probable given tags are, from place to place.

    A CRF's tags form a Markov chain: the probability that some neighbouring tags all are as given
    is the marginal of the first times the conditionals of the others.

    Args:
        emissions: (batch, time, tags).
        lengths: (batch,).
        chain: The scores between tags.
        best: The tags, (batch, time).

    Returns:
        P(y_t = best_t) and P(y_t = best_t | y_(t-1) = best_(t-1)), (batch, time) each; the
        conditional of a first tag is its marginal. What lies beyond a row's length means nothing.
    """
    alphas, betas, log_z = forward_backward(emissions, lengths, chain)
    rows, places = np.arange(len(best))[:, None], np.arange(best.shape[1])[None, :]
    chosen = np.maximum(best, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        marginal = np.exp(alphas + betas - log_z[:, None, None])[rows, places, chosen]
        conditional = marginal.copy()
        # P(y_t | y_(t-1)) = exp(A + e_t + β_t) over the sum of the same for all tags
        behind = chain.transitions[chosen[:, :-1]] + (emissions + betas)[:, 1:]
        picked = np.take_along_axis(behind, chosen[:, 1:, None], axis=2)[:, :, 0]
        conditional[:, 1:] = np.exp(picked - _logsumexp(behind, axis=2))
    return np.nan_to_num(marginal), np.nan_to_num(conditional)


def n_best(emissions: Floats, chain: Chain, count: int) -> list[Path]:
    """Return the best paths of one row, the best first; fewer where there are no more.

    Keeps the `count` best ways into every tag (k-best Viterbi).

    Args:
        emissions: (time, tags).
        chain: The scores between tags.
        count: How many are wanted.
    """
    time, tags = emissions.shape
    if time == 0:
        return [Path((), 0.0)]
    score = (chain.start + emissions[0])[:, None]  # (tags, ways)
    pointers: list[Ints] = []
    for t in range(1, time):
        # ways: (from, way, to)
        ways = score[:, :, None] + chain.transitions[:, None, :]
        flat = ways.reshape(-1, tags)
        order = np.argsort(-flat, axis=0, kind="stable")[:count]  # (count, to)
        pointers.append(order)
        score = np.take_along_axis(flat, order, axis=0).T + emissions[t][:, None]
    final = (score + chain.end[:, None]).ravel()
    width = score.shape[1]
    paths = []
    for place in np.argsort(-final, kind="stable")[:count]:
        if final[place] == -np.inf:
            break
        tag, way = divmod(int(place), width)
        found = [tag]
        for t in range(time - 2, -1, -1):
            before = int(pointers[t][way, tag])
            tag, way = divmod(before, len(pointers[t - 1]) if t else 1)
            found.append(tag)
        paths.append(Path(tuple(reversed(found)), float(final[place])))
    return paths


def _forward(emissions: Floats, chain: Chain) -> Floats:
    alphas = np.empty(emissions.shape)
    if emissions.shape[1]:
        alphas[:, 0] = chain.start + emissions[:, 0]
    for t in range(1, emissions.shape[1]):
        reached = alphas[:, t - 1, :, None] + chain.transitions
        alphas[:, t] = _logsumexp(reached, axis=1) + emissions[:, t]
    return alphas


def _backward(emissions: Floats, lengths: Ints, chain: Chain) -> Floats:
    time = emissions.shape[1]
    betas = np.empty(emissions.shape)
    betas[:] = chain.end
    for t in range(time - 2, -1, -1):
        ahead = chain.transitions + (emissions[:, t + 1] + betas[:, t + 1])[:, None, :]
        goes_on = (lengths > t + 1)[:, None]
        betas[:, t] = np.where(goes_on, _logsumexp(ahead, axis=2), chain.end)
    return betas


def _logsumexp(values: Floats, axis: int) -> Floats:
    top = values.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(values - top).sum(axis=axis))
    return np.asarray(total + top.squeeze(axis))
