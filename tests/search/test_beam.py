"""Beam search against every sequence there is; what stops it, and what it may be told."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.errors import ConfigError
from seqmap.runtime import native
from seqmap.search.beam import search
from seqmap.search.drawing import draw
from seqmap.search.writing import (
    Hypothesis,
    Kernel,
    NumpyKernel,
    SearchOptions,
    normalised,
    repeats,
)

PIECES = 5  # 0 ends, 1 is the unknown one


class TableWriter:
    """A made-up model whose next scores hang on the whole past: no two histories are alike."""

    def __init__(self, seed: int, pieces: int = PIECES, end: float = 0.0) -> None:
        self.seed, self.pieces, self.end = seed, pieces, end
        self.steps = 0

    def row(self, source: Sequence[int], past: Sequence[int]) -> np.ndarray:
        rng = np.random.default_rng([self.seed, *map(int, source), 99, *map(int, past)])
        scores = rng.normal(scale=1.5, size=self.pieces).astype(np.float32)
        scores[0] += self.end
        return scores

    def attention(self, source: Sequence[int], past: Sequence[int]) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 7, *map(int, source), *map(int, past)])
        weights = rng.random(len(source) + 1).astype(np.float32)
        return weights / weights.sum()

    def begin(self, sources: Sequence[np.ndarray], width: int) -> Any:
        self.longest = max(map(len, sources)) + 1
        return [(tuple(s.tolist()), [()] * width) for s in sources]

    def step(self, state: Any, pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
        self.steps += 1
        after, scores, weights = [], [], []
        for (source, pasts), own in zip(state, pieces, strict=True):
            grown = [
                (*past, int(p)) if self.steps > 1 else ()
                for past, p in zip(pasts, own, strict=True)
            ]
            after.append((source, grown))
            for past in grown:
                scores.append(self.row(source, past))
                attention = np.zeros(self.longest, np.float32)
                found = self.attention(source, past)
                attention[: len(found)] = found
                weights.append(attention)
        shape = (len(state), pieces.shape[1], self.longest)
        return np.array(scores), np.array(weights).reshape(shape), after

    def select(self, state: Any, sentences: np.ndarray, parents: np.ndarray) -> Any:
        return [
            (state[s][0], [state[s][1][p] for p in own])
            for s, own in zip(sentences, parents, strict=True)
        ]


def every(
    writer: TableWriter, source: Sequence[int], limit: int, options: SearchOptions
) -> list[Hypothesis]:
    """Return all sequences, the best first."""
    found = []
    allowed = range(1 if options.unknown else 2, writer.pieces)
    for length in range(limit + 1):
        for pieces in itertools.product(allowed, repeat=length):
            if options.no_repeat and any(
                pieces[place] in repeats(np.array(pieces[:place], np.int32), options.no_repeat)
                for place in range(length)
            ):
                continue
            total = 0.0
            for place, piece in enumerate((*pieces, 0)):
                row = writer.row(source, pieces[:place]).astype(np.float64)
                if not options.unknown:
                    row[1] = -np.inf
                total += row[piece] - np.log(np.exp(row).sum())
            attention = np.stack(
                [writer.attention(source, pieces[:place]) for place in range(length + 1)]
            )
            score = normalised(total, length + 1, attention, options)
            found.append(Hypothesis(np.array(pieces, np.int32), total, score, attention))
    return sorted(found, key=lambda one: -one.score)


def kernels() -> list[Kernel]:
    if not native.available():
        return [NumpyKernel()]
    from seqmap.runtime.native_dense import NativeKernel

    return [NumpyKernel(), NativeKernel()]


@pytest.mark.parametrize("kernel", kernels(), ids=lambda k: type(k).__name__)
@pytest.mark.parametrize(
    "options",
    [
        SearchOptions(beam=256, length_penalty=0.0),
        SearchOptions(beam=256, length_penalty=1.2),
        SearchOptions(beam=256, coverage_penalty=0.4),
        SearchOptions(beam=300, no_repeat=1),
        SearchOptions(beam=300, no_repeat=2),
        SearchOptions(beam=700, unknown=True),
    ],
    ids=str,
)
def test_a_wide_beam_finds_the_best_of_all(options: SearchOptions, kernel: Kernel) -> None:
    sources = [np.array([3, 2], np.int32), np.array([4], np.int32), np.array([2, 2, 2], np.int32)]
    found = search(TableWriter(1), sources, [4, 3, 4], options, n_best=6, kernel=kernel)
    for source, limit, own in zip(sources, (4, 3, 4), found, strict=True):
        wanted = every(TableWriter(1), source.tolist(), limit, options)[:6]
        assert [one.pieces.tolist() for one in own] == [one.pieces.tolist() for one in wanted]
        np.testing.assert_allclose([o.score for o in own], [w.score for w in wanted], atol=1e-4)
        np.testing.assert_allclose(own[0].attention[:, : len(source) + 1], wanted[0].attention)


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_scores_are_those_of_the_model(seed: int, beam: int, limit: int) -> None:
    source = np.array([2, 4], np.int32)
    options = SearchOptions(beam=beam)
    found = search(TableWriter(seed), [source], [limit], options, n_best=beam)[0]
    known = {
        tuple(one.pieces.tolist()): one
        for one in every(TableWriter(seed), source.tolist(), limit, options)
    }
    assert found and len({tuple(one.pieces.tolist()) for one in found}) == len(found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        wanted = known[tuple(one.pieces.tolist())]
        assert one.log_probability == pytest.approx(wanted.log_probability, abs=1e-4)
        assert one.attention.shape == (len(one.pieces) + 1, 3)


def test_greedy_takes_the_best_piece_at_each_step() -> None:
    source = np.array([3], np.int32)
    found = search(TableWriter(5), [source], [9], SearchOptions(beam=1))[0][0]
    past: list[int] = []
    while True:
        row = TableWriter(5).row([3], past)
        row[1] = -np.inf
        best = int(row.argmax())
        if best == 0 or len(past) == 9:
            break
        past.append(best)
    assert found.pieces.tolist() == past


@pytest.mark.parametrize("beam", [1, 3])
def test_a_batch_is_its_sentences(beam: int) -> None:
    sources = [np.array(ids, np.int32) for ids in ([2], [3, 4, 2], [4, 4], [2, 3])]
    limits, options = [2, 6, 4, 5], SearchOptions(beam=beam)
    together = search(TableWriter(3), sources, limits, options, n_best=beam)
    for source, limit, own in zip(sources, limits, together, strict=True):
        alone = search(TableWriter(3), [source], [limit], options, n_best=beam)[0]
        assert [o.pieces.tolist() for o in own] == [a.pieces.tolist() for a in alone]
    assert search(TableWriter(3), [], [], options) == []


def test_it_stops_even_if_the_end_is_never_likely() -> None:
    writer = TableWriter(2, end=-60.0)
    sources = [np.array([2], np.int32), np.array([3], np.int32)]
    found = search(writer, sources, [7, 3], SearchOptions(beam=4))
    assert [len(own[0].pieces) for own in found] == [7, 3]
    assert writer.steps == 8
    eager = TableWriter(2, end=60.0)
    assert len(search(eager, sources, [70, 30], SearchOptions(beam=4))[0][0].pieces) == 0
    assert eager.steps <= 6


def test_fewer_pieces_than_the_beam_is_wide() -> None:
    options = SearchOptions(beam=6, length_penalty=0.0)
    found = search(TableWriter(4, pieces=3), [np.array([2], np.int32)], [4], options, n_best=4)
    assert [len(one.pieces) for one in found[0]] == [
        len(one.pieces) for one in every(TableWriter(4, pieces=3), [2], 4, options)[:4]
    ]


def test_a_prefix_is_kept_and_counts() -> None:
    source, prefix = np.array([3, 2], np.int32), np.array([4, 2, 4], np.int32)
    options = SearchOptions(beam=300, length_penalty=0.0)
    found = search(TableWriter(1), [source], [5], options, prefixes=[prefix], n_best=3)[0]
    wanted = [
        one
        for one in every(TableWriter(1), [3, 2], 5, options)
        if one.pieces.tolist()[:3] == [4, 2, 4]
    ][:3]
    assert [one.pieces.tolist() for one in found] == [one.pieces.tolist() for one in wanted]
    assert found[0].log_probability == pytest.approx(wanted[0].log_probability, abs=1e-4)
    longer = search(TableWriter(1), [source], [1], options, prefixes=[prefix])[0][0]
    assert longer.pieces.tolist() == [4, 2, 4]


def test_nothing_is_repeated() -> None:
    options = SearchOptions(beam=2, no_repeat=2)
    pieces = search(TableWriter(8, end=-9.0), [np.array([2], np.int32)], [12], options)[0][0].pieces
    pairs = list(itertools.pairwise(pieces.tolist()))
    assert len(pairs) > 3 and len(set(pairs)) == len(pairs)


def test_draws_follow_the_model() -> None:
    source = np.array([2], np.int32)
    options = SearchOptions(sample=1.0, seed=3)
    drawn = draw(TableWriter(6), [source], [2], options, numbers=[0], count=4000)[0]
    counts: dict[tuple[int, ...], int] = {}
    for one in drawn:
        counts[tuple(one.pieces.tolist())] = counts.get(tuple(one.pieces.tolist()), 0) + 1
    for wanted in every(TableWriter(6), [2], 2, options)[:5]:
        if len(wanted.pieces) == 2:
            continue  # at the limit the end is certain, whatever its probability
        share = counts.get(tuple(wanted.pieces.tolist()), 0) / 4000
        assert share == pytest.approx(np.exp(wanted.log_probability), abs=0.03)
    again = draw(TableWriter(6), [source], [2], options, numbers=[0], count=3)
    beside = draw(
        TableWriter(6), [np.array([3], np.int32), source], [5, 2], options, numbers=[1, 0], count=3
    )
    assert [o.pieces.tolist() for o in again[0]] == [o.pieces.tolist() for o in beside[1]]
    cold = draw(TableWriter(6), [source], [4], replace(options, top=1), numbers=[0])[0][0]
    greedy = search(TableWriter(6), [source], [4], SearchOptions(beam=1))[0][0]
    assert cold.pieces.tolist() == greedy.pieces.tolist()


@pytest.mark.parametrize(
    "setting", [{"beam": 0}, {"length_penalty": -1.0}, {"sample": -0.1}, {"no_repeat": -1}]
)
def test_what_is_out_of_range(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        SearchOptions(**setting)
