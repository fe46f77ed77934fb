"""The CRF's search against all sequences of tags, one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from seqmap.runtime import native
from seqmap.search import crf
from seqmap.search.crf import Chain
from seqmap.search.tagging import Kernel, NumpyKernel

Floats = NDArray[np.float64]


def drawn(tags: int, time: int, seed: int, *, forbid: bool = True) -> tuple[Floats, Chain]:
    rng = np.random.default_rng(seed)
    transitions = rng.normal(size=(tags, tags))
    start, end = rng.normal(size=tags), rng.normal(size=tags)
    if forbid and tags > 2:
        transitions[0, 1] = start[2] = end[1] = -np.inf
    return 2 * rng.normal(size=(time, tags)), Chain(transitions, start, end)


def every_path(emissions: Floats, chain: Chain) -> dict[tuple[int, ...], float]:
    time, tags = emissions.shape
    scores = {}
    for path in itertools.product(range(tags), repeat=time):
        score = chain.start[path[0]] + chain.end[path[-1]]
        score += sum(emissions[t, tag] for t, tag in enumerate(path))
        score += sum(chain.transitions[a, b] for a, b in itertools.pairwise(path))
        scores[path] = float(score)
    return scores


SIZES = [(1, 3), (2, 1), (2, 4), (3, 5), (4, 4)]


@pytest.mark.parametrize(("tags", "time"), SIZES)
def test_partition_and_marginals(tags: int, time: int) -> None:
    emissions, chain = drawn(tags, time, seed=tags * 10 + time)
    paths = every_path(emissions, chain)
    total = sum(np.exp(score) for score in paths.values())
    lengths = np.array([time])
    assert crf.log_partition(emissions[None], lengths, chain)[0] == pytest.approx(np.log(total))
    expected = np.zeros((time, tags))
    for path, score in paths.items():
        expected[np.arange(time), list(path)] += np.exp(score) / total
    found = crf.marginals(emissions[None], lengths, chain)[0]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(("tags", "time"), SIZES)
def test_viterbi_and_n_best(tags: int, time: int) -> None:
    emissions, chain = drawn(tags, time, seed=tags * 100 + time)
    ranked = sorted(every_path(emissions, chain).items(), key=lambda item: -item[1])
    ranked = [item for item in ranked if item[1] > -np.inf]
    best, score = crf.viterbi(emissions[None], np.array([time]), chain)
    assert tuple(best[0]) == ranked[0][0]
    assert score[0] == pytest.approx(ranked[0][1])
    for count in (1, 3, 1000):
        found = crf.n_best(emissions, chain, count)
        assert [path.tags for path in found] == [path for path, _ in ranked[:count]]
        np.testing.assert_allclose([p.score for p in found], [s for _, s in ranked[:count]])


def kernels() -> list[Kernel]:
    found: list[Kernel] = [NumpyKernel()]
    if native.available():
        from seqmap.runtime.native_crf import NativeKernel

        found.append(NativeKernel())
    return found


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_probabilities_of_spans_are_those_of_all_paths(temperature: float) -> None:
    emissions, chain = drawn(3, 5, seed=9)
    weights = {p: np.exp(s / temperature) for p, s in every_path(emissions, chain).items()}
    total = sum(weights.values())
    for kernel in kernels():
        found = kernel.decode(emissions, np.array([5]), chain, temperature)
        best = found.best.tolist()
        for start, end in itertools.combinations(range(6), 2):
            same = sum(w for p, w in weights.items() if list(p[start:end]) == best[start:end])
            product = found.marginal[start] * found.conditional[start + 1 : end].prod()
            assert product == pytest.approx(same / total, abs=1e-6), (kernel, start, end)


def test_batches_of_all_lengths_agree_with_single_texts() -> None:
    rng = np.random.default_rng(4)
    _, chain = drawn(5, 1, seed=4)
    texts = [2 * rng.normal(size=(n, 5)) for n in (0, 3, 1, 17, 0, 4, 40)]
    lengths = np.array([len(text) for text in texts])
    for kernel in kernels():
        together = kernel.decode(np.concatenate(texts), lengths, chain, 1.5)
        begin = 0
        for text in texts:
            part = slice(begin, begin + len(text))
            alone = kernel.decode(text, np.array([len(text)]), chain, 1.5)
            assert np.array_equal(together.best[part], alone.best)
            np.testing.assert_allclose(together.marginal[part], alone.marginal, atol=1e-6)
            begin += len(text)


def test_padding_does_not_matter() -> None:
    emissions, chain = drawn(4, 6, seed=2)
    padded = np.stack([emissions, emissions])
    padded[1, 3:] = 99.0
    lengths = np.array([6, 3])
    alone = crf.marginals(emissions[None, :3], np.array([3]), chain)[0]
    np.testing.assert_allclose(crf.marginals(padded, lengths, chain)[1, :3], alone)
    assert (crf.marginals(padded, lengths, chain)[1, 3:] == 0).all()
    best, _ = crf.viterbi(padded, lengths, chain)
    assert (best[1, 3:] == -1).all() and (best[1, :3] >= 0).all()


def test_the_native_kernel_agrees_with_numpy() -> None:
    if len(kernels()) < 2:
        pytest.skip("no native core")
    rng = np.random.default_rng(0)
    _, chain = drawn(9, 1, seed=0)
    lengths = rng.integers(0, 60, size=40)
    emissions = 3 * rng.normal(size=(int(lengths.sum()), 9)).astype(np.float32)
    ours, theirs = (k.decode(emissions, lengths, chain, 1.3) for k in kernels())
    assert np.array_equal(ours.best, theirs.best)
    np.testing.assert_allclose(ours.marginal, theirs.marginal, atol=2e-6)
    np.testing.assert_allclose(ours.conditional, theirs.conditional, atol=2e-6)


def test_a_native_kernel_refuses_what_is_out_of_range() -> None:
    if len(kernels()) < 2:
        pytest.skip("no native core")
    _, chain = drawn(3, 1, seed=0)
    with pytest.raises(native.NativeError, match="temperature"):
        kernels()[1].decode(np.zeros((2, 3)), np.array([2]), chain, 0.0)
