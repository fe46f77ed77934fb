from __future__ import annotations

import numpy as np

from seqmap.training.cooccurrence import cooccurrence_vectors


def test_words_in_the_same_company_get_similar_vectors() -> None:
    rng = np.random.default_rng(0)
    # 2 and 3 stand between 4…9; 10 and 11 stand between 12…17.
    texts = []
    for _ in range(400):
        low = rng.random() < 0.5
        middle = rng.choice([2, 3] if low else [10, 11])
        around = rng.integers(4, 10, 4) if low else rng.integers(12, 18, 4)
        texts.append(np.array([*around[:2], middle, *around[2:]], dtype=np.int32))
    vectors = cooccurrence_vectors(texts, 20, 6)
    assert vectors.shape == (20, 6)
    assert not vectors[[0, 1, 18, 19]].any()

    def similarity(a: int, b: int) -> float:
        first, second = vectors[a], vectors[b]
        return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))

    assert similarity(2, 3) > 0.9
    assert similarity(10, 11) > 0.9
    assert similarity(2, 10) < 0.5
    known = vectors[np.any(vectors, axis=1)]
    np.testing.assert_allclose(known.std(), 0.3, rtol=1e-5)
    assert np.array_equal(vectors, cooccurrence_vectors(texts, 20, 6))


def test_hardly_any_text_is_no_failure() -> None:
    empty = np.zeros(0, dtype=np.int32)
    assert not cooccurrence_vectors([], 5, 3).any()
    assert not cooccurrence_vectors([empty, empty], 5, 3).any()
    assert not cooccurrence_vectors([np.array([3], np.int32)], 5, 3).any()
    one = cooccurrence_vectors([np.array([3, 4], np.int32)], 5, 100)
    assert np.isfinite(one).all()
