"""A running average of the weights: nearly an ensemble's accuracy for one model's cost."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of weights (Polyak & Juditsky 1992; Izmailov et al. 2018).

    The decay rises with the steps, so that early, bad weights are soon forgotten.

    Args:
        model: What is averaged.
        decay: Share of the average that is kept at each step.
    """

    EVERY = 4  # Steps between updates: a dense pass over a large table is not free.

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the model's present weights in."""
        self.steps += 1
        if self.steps % self.EVERY:
            return
        decay = min(self.decay, self.steps / (self.steps + 10.0)) ** self.EVERY
        state = model.state_dict()
        torch._foreach_lerp_(
            list(self.weights.values()), [state[name] for name in self.weights], 1 - decay
        )

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the averaged weights, as a state dict."""
        return {name: value.clone() for name, value in self.weights.items()}
