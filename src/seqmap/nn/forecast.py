"""The network of a forecaster: an encoder that looks back, and from each state a look ahead."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.config import Config
from seqmap.nn.encoders import build_encoder


class ForecastModel(nn.Module):
    """From each step of a series to its next ones: a mean and quantiles for each.

    Args:
        size: Features of a step.
        block: Steps ahead.
        levels: The quantiles' levels.
        config: Sizes and dropouts.
    """

    levels: Tensor

    def __init__(self, size: int, block: int, levels: tuple[float, ...], config: Config) -> None:
        super().__init__()
        self.block = block
        self.dropout = config.head.dropout
        self.encoder = build_encoder(size, config.encoder)
        self.output = nn.Linear(self.encoder.width, block * (1 + len(levels)))
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        # Spread from the start: quantiles that all coincide would learn slowly.
        bias = 0.7 * torch.special.ndtri(torch.tensor(levels))
        with torch.no_grad():
            self.output.bias.view(block, -1)[:, 1:] = bias
        self.register_buffer("levels", torch.tensor(levels), persistent=False)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Look ahead from every step, (batch, time, size) -> (batch, time, block, 1 + levels)."""
        states = self.encoder(x, lengths)
        states = F.dropout(states, self.dropout, self.training)
        found: Tensor = self.output(states)
        return found.reshape(*found.shape[:-1], self.block, -1)

    def loss(self, found: Tensor, target: Tensor) -> Tensor:
        """Squared error of the mean, and pinball loss of the quantiles (Koenker & Bassett 1978).

        Args:
            found: (batch, time, block, 1 + levels).
            target: (batch, time, block); NaN is left out.
        """
        known = ~target.isnan()
        wanted = target.nan_to_num(0.0)
        mean = (found[..., 0] - wanted) ** 2
        above = wanted[..., None] - found[..., 1:]
        pinball = torch.maximum(self.levels * above, (self.levels - 1) * above).mean(dim=-1)
        total = torch.where(mean > 9.0, 6.0 * mean.clamp_min(9.0).sqrt() - 9.0, mean) + pinball
        return (total * known).sum() / known.sum().clamp_min(1)
