from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array
from sklearn.linear_model import LogisticRegression

from seqmap.training.logistic import fit_logistic


def _data(classes: int) -> tuple[csr_matrix, np.ndarray]:
    rng = np.random.default_rng(0)
    x = csr_matrix(random_array((200, 30), density=0.3, rng=rng, dtype=np.float32))
    true = rng.normal(size=(30, classes))
    y = (x @ true + rng.gumbel(size=(200, classes)) * 0.3).argmax(axis=1)
    return x, y


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_equals_scikit_learn(classes: int) -> None:
    x, y = _data(classes)
    ours = fit_logistic(
        x, np.eye(classes, dtype=np.float32)[y], strength=4.0, multi=False, iterations=2000
    )
    theirs = LogisticRegression(C=4.0, tol=1e-10, max_iter=5000).fit(x, y)
    logits = np.asarray(x @ ours.weights + ours.bias)
    expected = theirs.predict_log_proba(x)
    found = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-2)


def test_independent_labels_equal_one_model_each() -> None:
    x, y = _data(3)
    targets = np.stack([y == 0, y != 1, x[:, [0]].toarray()[:, 0] > 0.2], axis=1)
    ours = fit_logistic(x, targets.astype(np.float32), strength=2.0, multi=True, iterations=2000)
    for label in range(3):
        theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=5000).fit(x, targets[:, label])
        np.testing.assert_allclose(ours.weights[:, label], theirs.coef_[0], atol=2e-3)


def test_soft_targets_are_matched() -> None:
    x = csr_matrix(np.eye(2, dtype=np.float32))
    soft = np.array([[0.8, 0.2], [0.3, 0.7]], dtype=np.float32)
    found = fit_logistic(x, soft, strength=1e6, multi=False, iterations=1000)
    logits = x @ found.weights + found.bias
    shares = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    np.testing.assert_allclose(shares, soft[:, 1], atol=1e-3)


def test_a_start_saves_steps() -> None:
    x, y = _data(3)
    targets = np.eye(3, dtype=np.float32)[y]
    first = fit_logistic(x, targets, strength=4.0, multi=False)
    again = fit_logistic(x, targets, strength=4.0, multi=False, start=first)
    assert again.iterations < first.iterations / 2
