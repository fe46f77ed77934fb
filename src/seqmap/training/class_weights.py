"""Class weights: how much a rare class counts in everything that is fitted.

The network, the n-gram branch and the calibration must all count alike: what one of them learned of
a rare class, another would otherwise take back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqmap.config import TrainConfig

Floats = NDArray[np.float32]

# When a rare class is worth a hint: its share of the training data, and of its dev texts found.
_RARE, _FOUND, _FEWEST = 0.2, 0.5, 5


def class_weights(targets: Floats, config: TrainConfig) -> Floats | None:
    """Return the weight of each class, (classes,), one on average over examples; None for none.

    A class without examples weighs one: nothing is known of how rare it is.

    Args:
        targets: Training targets, (examples, classes).
        config: Says whether classes are balanced.
    """
    if config.class_weights == "none":
        return None
    counts = targets.sum(axis=0)
    seen = counts > 1e-6
    weights = np.ones(len(counts), dtype=np.float32)
    weights[seen] = counts.sum() / (int(seen.sum()) * counts[seen])
    return weights


def importance(targets: Floats, weights: Floats | None, *, multi: bool) -> Floats | None:
    """Return what each example counts, (examples, 1), or each of its labels, (examples, classes).

    Args:
        targets: (examples, classes).
        weights: Of the classes, (classes,); None where all count the same.
        multi: Whether labels are independent of each other: then a label counts where it is given.
    """
    if weights is None:
        return None
    if multi:
        return np.where(targets > 0.5, weights, np.float32(1.0))
    return targets @ weights[:, None]


def overlooked(
    targets: Floats, dev_targets: Floats, chances: NDArray[np.float64], names: Sequence[str]
) -> tuple[str, ...]:
    """Return a hint when most examples of a rare class are taken for another one, or nothing.

    Args:
        targets: Training targets of one label each, (examples, classes).
        dev_targets: Those of dev, (n, classes).
        chances: Calibrated probabilities on dev, (n, classes).
        names: Of the classes.
    """
    share = targets.sum(axis=0) / max(1.0, float(targets.sum()))
    truth, found = dev_targets.argmax(axis=1), chances.argmax(axis=1)
    worst, lowest = None, _FOUND
    for k in np.flatnonzero(share < min(_RARE, 1.0 / len(names))):
        of_class = truth == k
        if of_class.sum() >= _FEWEST and (recall := float((found[of_class] == k).mean())) < lowest:
            worst, lowest = int(k), recall
    if worst is None:
        return ()
    return (
        f"label {names[worst]!r} ({share[worst]:.1%} of the training data): {lowest:.0%} of its "
        "dev examples are found; --set train.class_weights=balanced finds more, with more false "
        "ones",
    )
