from __future__ import annotations

import itertools

import numpy as np
import pytest

from seqmap.speech_metrics import cepstra, distortions


def brute(first: np.ndarray, second: np.ndarray) -> float:
    """Try every path: the cheapest one's mean cost."""
    a, b = cepstra(first), cepstra(second)
    costs = 10 / np.log(10) * np.sqrt(2) * np.linalg.norm(a[:, None] - b[None], axis=2)
    best = (np.inf, 0)
    moves = [(1, 0), (0, 1), (1, 1)]
    longest = len(a) + len(b) - 2
    for count in range(longest + 1):
        for steps in itertools.product(moves, repeat=count):
            path = np.concatenate([[(0, 0)], np.cumsum(steps, axis=0)]) if steps else [(0, 0)]
            if tuple(path[-1]) == (len(a) - 1, len(b) - 1):
                total = sum(costs[i, j] for i, j in path)
                best = min(best, (total, len(path)))
    return best[0] / best[1]


@pytest.mark.parametrize("sizes", [(1, 1), (3, 3), (2, 4), (4, 2), (1, 4)])
def test_the_path_is_the_cheapest(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(sizes))
    pair = [rng.normal(size=(size, 20)) for size in sizes]
    assert distortions(pair[:1], pair[1:])[0] == pytest.approx(brute(*pair))


def test_cepstra_are_the_cosine_series() -> None:
    bands = 24
    k = np.arange(bands) + 0.5
    logs = 3.0 + 0.7 * np.cos(np.pi * k / bands) - 0.2 * np.cos(np.pi * 5 * k / bands)
    found = cepstra(logs[None])[0]
    wanted = np.zeros(13)
    wanted[[0, 4]] = 0.7, -0.2
    assert np.allclose(found, wanted, atol=1e-9)


def test_loudness_and_time_do_not_count() -> None:
    logs = np.random.default_rng(0).normal(size=(30, 40))
    same = distortions([logs, logs, logs], [logs, logs + 2.0, np.repeat(logs, 2, axis=0)])
    assert np.allclose(same, 0, atol=1e-5)
    assert distortions([logs], [logs[::-1]])[0] > 1
    assert distortions([logs], [logs[:0]])[0] == np.inf
