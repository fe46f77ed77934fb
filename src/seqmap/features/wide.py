"""The wide branch: a linear model on the n-grams of a text (after Cheng et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ArchiveError
from seqmap.features.ngrams import NgramSpec
from seqmap.features.space import NgramSpace, Sparse

_PIECE = 256
_PREFIX = "wide."


class WideModel:
    """logits = (x · q |q|) * steps + bias, with x from the space and q the weights in 8 bits.

    A few weights are far larger than all others. On this quadratic scale the small ones keep their
    precision: on four sets the dev loss changed by at most 0.0002 (with equal steps by 0.001).
    Weights are rounded as soon as they are trained, so that a model gives the same answers before
    and after it is saved.

    Args:
        space: Where texts become vectors.
        weights: `(features, classes)`: floats to be rounded, or q if `steps` is given.
        bias: `(classes,)`.
        steps: `(classes,)`: the weight for which q = 1 stands.

    Raises:
        ValueError: The shapes do not fit together.
    """

    def __init__(
        self,
        space: NgramSpace,
        weights: NDArray[np.float32] | NDArray[np.int8],
        bias: NDArray[np.float32],
        *,
        steps: NDArray[np.float32] | None = None,
    ) -> None:
        if steps is None:
            largest = np.abs(weights).max(axis=0, initial=0)
            steps = np.where(largest > 1e-30, largest / 127**2, 1).astype(np.float32)
            weights = np.rint(np.sign(weights) * np.sqrt(np.abs(weights) / steps))
        if weights.shape != (space.size, len(bias)) or steps.shape != bias.shape:
            raise ValueError(f"weights {weights.shape}, steps {steps.shape}, bias {bias.shape}")
        self.space = space
        self.weights: NDArray[np.int8] = weights.astype(np.int8)
        self.steps = steps
        self.bias = bias.astype(np.float32)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the logits of texts, `(texts, classes)`."""
        parts = [
            self.logits_of(self.space.transform(texts[start : start + _PIECE]))
            for start in range(0, len(texts), _PIECE)
        ]
        return np.concatenate([np.zeros((0, len(self.bias))), *parts])

    def logits_of(self, x: Sparse) -> NDArray[np.float64]:
        """Return the logits of vectors, `(rows, classes)`."""
        rows, count = x.rows, x.shape[0]
        logits = np.empty((count, len(self.bias)))
        for index, (step, bias) in enumerate(zip(self.steps, self.bias, strict=True)):
            q = self.weights[x.indices, index].astype(np.float32)
            sums = np.bincount(rows, x.values * (q * np.abs(q)), count)
            logits[:, index] = sums * float(step) + float(bias)
        return logits

    def to_state(self) -> dict[str, Any]:
        """Return the settings, for JSON."""
        return {"words": self.space.spec.words, "characters": self.space.spec.characters}

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the features and the weights, under names that begin with `wide.`."""
        arrays: dict[str, NDArray[Any]] = {
            f"{_PREFIX}weights": self.weights,
            f"{_PREFIX}steps": self.steps,
            f"{_PREFIX}bias": self.bias,
        }
        for name in self.space.spec.blocks:
            arrays[f"{_PREFIX}{name}.keys"] = self.space.keys[name]
            arrays[f"{_PREFIX}{name}.scales"] = self.space.scales[name].astype(np.float16)
        return arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild the model; arrays of other parts of an archive are passed over.

        Raises:
            ArchiveError: Something is missing or does not fit together.
        """
        try:
            spec = NgramSpec(words=int(state["words"]), characters=int(state["characters"]))
            keys = {
                name: _checked(arrays[f"{_PREFIX}{name}.keys"], np.uint32, 1)
                for name in spec.blocks
            }
            scales = {
                name: _checked(arrays[f"{_PREFIX}{name}.scales"], np.float16, 1).astype(np.float32)
                for name in spec.blocks
            }
            rising = all((np.diff(part.astype(np.int64)) > 0).all() for part in keys.values())
            if not rising or any(keys[name].shape != scales[name].shape for name in keys):
                raise ValueError("keys")
            return cls(
                NgramSpace(spec, keys, scales),
                _checked(arrays[f"{_PREFIX}weights"], np.int8, 2),
                _checked(arrays[f"{_PREFIX}bias"], np.float32, 1),
                steps=_checked(arrays[f"{_PREFIX}steps"], np.float32, 1),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArchiveError("the model's wide branch is damaged", given=error) from None


def _checked(array: NDArray[Any], kind: type[np.generic], dimensions: int) -> NDArray[Any]:
    if array.dtype != kind or array.ndim != dimensions:
        raise ValueError(f"{array.dtype} array of shape {array.shape}")
    return array
