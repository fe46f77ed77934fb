"""How much each branch counts, and how sure the answers may be: both are fitted on dev data.

The branches are trained apart and their logits are added with factors. Trained together, the wide
branch soon explains every training text, and the network is left without a gradient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import fit_fusion, fit_temperature, sigmoid, softmax
from seqmap.metrics import ece

Logits = NDArray[np.float64]

# Into how many examples one is split whose label is a distribution.
_SHARES = 20


def calibrate(
    deep: Logits,
    wide: Logits | None,
    targets: NDArray[np.float32],
    *,
    multi: bool,
    importance: NDArray[np.float32] | None = None,
) -> dict[str, float]:
    """Fit the factors of the branches; the temperature is part of them.

    Args:
        deep: (examples, classes), of examples that were not trained on.
        wide: The same of the wide branch, or None.
        targets: (examples, classes).
        multi: Whether the labels are independent of each other.
        importance: What each example counts, (examples, 1), or each of its labels,
            (examples, classes).

    Returns:
        The factors `deep` and `wide`; the calibration error before (the network alone) and after.
    """
    truth = (targets > 0.5).astype(np.int64) if multi else targets.argmax(axis=1)
    before = ece(probabilities(deep, multi), truth)
    rows, drawn = _draw(targets, truth, multi)
    counts = None if importance is None else importance[rows] if multi else importance[rows, 0]
    if wide is None:
        factors = {"deep": 1.0 / fit_temperature(deep[rows], drawn, counts), "wide": 0.0}
    else:
        first, second = fit_fusion(deep[rows], wide[rows], drawn, counts)
        factors = {"deep": first, "wide": second}
    after = ece(probabilities(fused(deep, wide, factors), multi), truth)
    return {**factors, "ece_before": before, "ece_after": after}


def fused(deep: Logits, wide: Logits | None, factors: dict[str, float]) -> Logits:
    """Add the branches up, (examples, classes)."""
    total = factors["deep"] * deep
    return total if wide is None else total + factors["wide"] * wide


def probabilities(logits: Logits, multi: bool) -> NDArray[np.float64]:
    """Turn logits into probabilities, (examples, classes)."""
    return np.asarray(sigmoid(logits) if multi else softmax(logits))


def _draw(
    targets: NDArray[np.float32], truth: NDArray[np.int64], multi: bool
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return rows and their labels; a teacher's doubt becomes rows with different labels.

    Calibrating on the teacher's first choice alone would turn its doubt into certainty.
    """
    every = np.arange(len(targets))
    if multi or np.isin(targets, (0.0, 1.0)).all():
        return every, truth
    # A row gets the label in whose part of its cumulative distribution (k + 1/2) / _SHARES falls.
    points = (np.arange(_SHARES) + 0.5) / _SHARES
    bounds = np.cumsum(targets, axis=1)
    labels = (points[None, :, None] > bounds[:, None, :]).sum(axis=2)
    return np.repeat(every, _SHARES), np.minimum(labels.ravel(), targets.shape[1] - 1)
