"""Multinomial and one-against-rest logistic regression on sparse features, by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from seqmap.calibration import log_softmax, sigmoid, softmax

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """A linear model: logits = x · weights + bias.

    Attributes:
        weights: (features, classes).
        bias: (classes,).
        iterations: Steps that L-BFGS took.
    """

    weights: Floats
    bias: Floats
    iterations: int


def fit_logistic(
    x: csr_matrix,
    targets: Floats,
    *,
    strength: float,
    multi: bool,
    start: Linear | None = None,
    prior: Floats | None = None,
    importance: Floats | None = None,
    iterations: int = 100,
) -> Linear:
    """Minimise  Σ loss + |w / prior|² / (2 · strength)  by L-BFGS (Liu & Nocedal 1989).

    Two labels that exclude each other share one column of weights, mirrored: the softmax of
    (-z/2, z/2) is the sigmoid of z, with half of the parameters.

    Args:
        x: (examples, features).
        targets: (examples, classes), distributions, or independent probabilities if `multi`.
        strength: Inverse of the penalty, as scikit-learn's C.
        multi: Whether the labels are independent of each other.
        start: Weights of a similar problem to begin from.
        prior: Standard deviation expected of each weight, (features, classes); None means 1.
        importance: What each example counts, (examples, 1), or each of its labels,
            (examples, classes) if `multi`; None means 1.
        iterations: At most this many steps.
    """
    binary = not multi and targets.shape[1] == 2
    assert prior is None or not binary, "a prior per class needs a column per class"
    goal = targets[:, 1:] if binary else targets
    turned = x.T.tocsr()
    features, columns = x.shape[1], goal.shape[1]
    size = features * columns
    independent = multi or binary
    scale = 1.0 / max(1, x.shape[0])
    # mass: what a row's (or a label's) loss is multiplied by
    mass = np.ones((1, 1), np.float32) if importance is None else importance
    goal = goal * mass

    def scaled(flat: NDArray[np.float64]) -> Floats:
        weights = flat[:size].reshape(features, columns).astype(np.float32)
        return weights if prior is None else weights * prior

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = scaled(flat)
        logits = np.asarray(x @ weights, dtype=np.float64) + flat[size:]
        # residual: (examples, columns), the gradient of the loss by the logits
        if independent:
            loss = np.sum(mass * np.logaddexp(0, logits) - goal * logits)
            residual = mass * sigmoid(logits) - goal
        else:
            loss = -np.sum(goal * log_softmax(logits))
            residual = softmax(logits) * goal.sum(axis=1, keepdims=True) - goal
        gradient = np.empty_like(flat)
        by_weight = np.asarray(turned @ residual.astype(np.float32), dtype=np.float64)
        if prior is not None:
            by_weight *= prior
        gradient[:size] = strength * by_weight.ravel() + flat[:size]
        gradient[size:] = strength * residual.sum(axis=0)
        value = strength * loss + 0.5 * float(flat[:size] @ flat[:size])
        return value * scale, gradient * scale

    found = minimize(
        cost,
        _flat(start, size, columns, binary, prior),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxcor": 8, "ftol": 1e-7, "gtol": 1e-7},
    )
    weights = scaled(found.x)
    bias = found.x[size:].astype(np.float32)
    if binary:
        weights = np.concatenate([-weights / 2, weights / 2], axis=1)
        bias = np.concatenate([-bias / 2, bias / 2])
    return Linear(weights, bias, int(found.nit))


def _flat(
    start: Linear | None, size: int, columns: int, binary: bool, prior: Floats | None
) -> NDArray[np.float64]:
    if start is None:
        return np.zeros(size + columns)
    weights, bias = start.weights, start.bias
    if binary:
        weights, bias = 2 * weights[:, 1:], 2 * bias[1:]
    if prior is not None:
        weights = weights / prior
    return np.concatenate([weights.ravel(), bias]).astype(np.float64)
