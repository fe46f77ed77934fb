"""Probabilities that mean what they say, fitted on held-out examples, in NumPy alone.

`fit_temperature` divides logits by one number (Guo et al. 2017, "On Calibration of Modern Neural
Networks", section 4.2). `fit_fusion` weighs the logits of the deep and of the wide branch. Both
minimise the negative log-likelihood, which is convex in the factors, by Newton's method.

A small dev part can be classified without a fault; the likelihood then grows for ever with the
factors. A weak Gaussian prior, worth about one example, keeps the answer finite and near the
neutral one; on hundreds of examples it changes nothing that can be seen.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_LIMIT = math.log(20.0)  # a temperature stays within 1/20 and 20
_STEPS = 50
_CLOSE = 1e-10


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn logits `(..., classes)` into probabilities that sum to 1; large logits are safe."""
    if logits.size == 0:
        return np.zeros_like(logits)
    grown = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True))


def log_softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Logarithm of `softmax`, without the loss of small probabilities."""
    if logits.size == 0:
        return np.zeros_like(logits)
    moved = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True)))


def sigmoid(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn each logit into the probability of a yes, without overflow at either end."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small))


def fit_temperature(logits: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Find the temperature T for which `softmax(logits / T)` fits best.

    Args:
        logits: `(n, classes)`, of examples that were not trained on.
        truth: Class numbers `(n,)`, or indicators `(n, classes)`: then the sigmoid is meant.

    Returns:
        T within 1/20 and 20; 1.0 where the examples cannot tell (none, one class only, logits
        that are all equal or not finite).
    """
    scores, right = np.asarray(logits, dtype=np.float64), np.asarray(truth)
    if not _tells(scores, right):
        return 1.0
    low, high, place = -_LIMIT, _LIMIT, 0.0  # of the logarithm of the factor 1/T
    for _ in range(_STEPS):
        factor = math.exp(place)
        slope, curve = _derivatives([scores], right, np.array([factor]))
        gradient = factor * slope[0] + place
        bend = factor * slope[0] + factor**2 * curve[0, 0] + 1.0
        low, high = (low, place) if gradient > 0 else (place, high)
        step = place - gradient / bend if bend > 0 else math.inf
        # Newton where it stays between the brackets, else bisection.
        after = step if low < step < high else (low + high) / 2
        if abs(after - place) < _CLOSE:
            break
        place = after
    return math.exp(-place)


def fit_fusion(
    deep: npt.ArrayLike, wide: npt.ArrayLike, truth: npt.ArrayLike
) -> tuple[float, float]:
    """Find the factors of two branches for which `softmax(a * deep + b * wide)` fits best.

    The factors carry the temperature with them: the sum needs no further one.

    Args:
        deep: Logits of the deep branch, `(n, classes)`, of examples that were not trained on.
        wide: Logits of the wide branch, `(n, classes)`.
        truth: Class numbers `(n,)`, or indicators `(n, classes)`: then the sigmoid is meant.

    Returns:
        (a, b), neither negative; (0.5, 0.5), the geometric mean of both branches, where the
        examples cannot tell.

    Raises:
        ValueError: The shapes of the branches differ.
    """
    first, second = np.asarray(deep, dtype=np.float64), np.asarray(wide, dtype=np.float64)
    right = np.asarray(truth)
    if first.shape != second.shape:
        raise ValueError(f"shapes differ: deep {first.shape}, wide {second.shape}")
    if not (_tells(first, right) or _tells(second, right)):
        return 0.5, 0.5
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return 0.5, 0.5
    a, b = _newton([first, second], right)
    # A negative factor would turn a branch against itself: it is noise, so the branch is left out.
    if a < 0:
        return 0.0, max(float(_newton([second], right)[0]), 0.0)
    if b < 0:
        return max(float(_newton([first], right)[0]), 0.0), 0.0
    return float(a), float(b)


def _tells(logits: FloatArray, truth: npt.NDArray[Any]) -> bool:
    """Whether a scale can be fitted at all."""
    if logits.size == 0 or not np.isfinite(logits).all():
        return False
    if truth.ndim == 2:
        return bool(logits.any() and 0 < np.count_nonzero(truth) < truth.size)
    return bool((np.ptp(logits, axis=1) > 0).any() and (truth != truth[0]).any())


def _newton(branches: list[FloatArray], truth: npt.NDArray[Any]) -> FloatArray:
    """Minimise the penalised likelihood over one factor per branch; steps are halved to descend."""
    centre = np.full(len(branches), 1.0 / len(branches))
    factors = centre.copy()
    value = _objective(branches, truth, factors, centre)
    for _ in range(_STEPS):
        slope, curve = _derivatives(branches, truth, factors)
        slope = slope + (factors - centre)
        step = np.linalg.solve(curve + np.eye(len(branches)), slope)
        scale = 1.0
        while scale > 1e-6:
            moved = factors - scale * step
            lower = _objective(branches, truth, moved, centre)
            if lower <= value:
                break
            scale /= 2
        else:
            break
        factors, value = moved, lower
        if float(np.abs(scale * step).max()) < _CLOSE:
            break
    return factors


def _objective(
    branches: list[FloatArray], truth: npt.NDArray[Any], factors: FloatArray, centre: FloatArray
) -> float:
    """Negative log-likelihood over all examples plus the prior's penalty."""
    sums = _mix(branches, factors)
    penalty = 0.5 * float(np.sum((factors - centre) ** 2))
    if truth.ndim == 2:
        return float(np.sum(np.logaddexp(0.0, sums) - truth * sums)) + penalty
    return penalty - float(np.sum(log_softmax(sums)[np.arange(len(truth)), truth]))


def _derivatives(
    branches: list[FloatArray], truth: npt.NDArray[Any], factors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gradient `(k,)` and Hessian `(k, k)` of the negative log-likelihood in the factors."""
    sums = _mix(branches, factors)
    if truth.ndim == 2:
        chances = sigmoid(sums)
        error, weight = chances - truth, chances * (1 - chances)
        centred = branches
    else:
        chances = softmax(sums)
        error, weight = chances.copy(), chances
        error[np.arange(len(truth)), truth] -= 1.0
        centred = [z - np.sum(chances * z, axis=1, keepdims=True) for z in branches]
    slope = np.array([np.sum(error * z) for z in branches])
    curve = np.array([[np.sum(weight * x * y) for y in centred] for x in centred])
    return slope, curve


def _mix(branches: list[FloatArray], factors: FloatArray) -> FloatArray:
    total = factors[0] * branches[0]
    for factor, branch in zip(factors[1:], branches[1:], strict=True):
        total = total + factor * branch
    return np.asarray(total)
