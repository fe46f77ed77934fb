"""What all encoders have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from seqmap.config import EncoderConfig
from seqmap.nn.embedding import variational_dropout
from seqmap.nn.masks import reverse_index


class Encoder(nn.Module, ABC):
    """Reads (batch, time, size), gives (batch, time, width); padding never influences a result."""

    width: int
    """Features of a state that comes out."""
    directions: int = 1
    """2 when the second half of a state was read backwards, else 1."""

    def __init__(self, input_size: int, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Encode.

        Args:
            x: (batch, time, size).
            lengths: (batch,).

        Returns:
            (batch, time, width).
        """


class RecurrentDirection(nn.Module, ABC):
    """One layer read in one direction: holds w_ih (gates·H, I) and w_hh (gates·H, H)."""

    gates: int

    def __init__(self, input_size: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.w_ih = nn.Parameter(torch.empty(self.gates * hidden, input_size))
        self.w_hh = nn.Parameter(torch.empty(self.gates * hidden, hidden))
        # Glorot for what comes in, orthogonal per gate for what comes back (Saxe et al. 2014).
        for gate in range(self.gates):
            rows = slice(gate * hidden, (gate + 1) * hidden)
            nn.init.xavier_uniform_(self.w_ih.data[rows])
            nn.init.orthogonal_(self.w_hh.data[rows])

    @abstractmethod
    def run(self, x: Tensor, w_hh: Tensor) -> Tensor:
        """Read padded rows from left to right.

        Args:
            x: (batch, time, size).
            w_hh: The recurrent weights, possibly with some dropped.

        Returns:
            (batch, time, hidden).
        """

    def states(self, x: Tensor, lengths: Tensor, w_hh: Tensor, backwards: bool) -> Tensor:
        """Read each row within its own length, forwards or backwards."""
        if x.shape[1] == 0:  # a batch of empty texts, which torch refuses
            return x.new_zeros(x.shape[0], 0, self.hidden)
        if not backwards:
            return self.run(x, w_hh)
        index = reverse_index(lengths, x.shape[1])[:, :, None]
        turned = self.run(x.gather(1, index.expand_as(x)), w_hh)
        return turned.gather(1, index.expand_as(turned))


class RecurrentLayer(nn.Module):
    """One layer, in one direction or both; the states of both stand side by side."""

    def __init__(
        self, kind: type[RecurrentDirection], input_size: int, config: EncoderConfig
    ) -> None:
        super().__init__()
        # Named `ahead` and `back`: a torch module cannot have a child named `forward`.
        self.ahead = kind(input_size, config.hidden)
        self.back = kind(input_size, config.hidden) if config.direction == "both" else None
        self.weight_dropout = config.weight_dropout

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Encode, (batch, time, size) -> (batch, time, directions · hidden)."""
        states = self.ahead.states(x, lengths, self.recurrent(self.ahead), backwards=False)
        if self.back is None:
            return states
        back = self.back.states(x, lengths, self.recurrent(self.back), backwards=True)
        return torch.cat([states, back], dim=-1)

    def recurrent(self, direction: RecurrentDirection) -> Tensor:
        """DropConnect on the recurrent weights, one mask a batch (Merity et al. 2018, §2)."""
        return nn.functional.dropout(direction.w_hh, self.weight_dropout, self.training)


class RecurrentEncoder(Encoder):
    """A stack of recurrent layers with variational dropout between them."""

    kind: type[RecurrentDirection]
    layer: type[RecurrentLayer] = RecurrentLayer

    def __init__(self, input_size: int, config: EncoderConfig) -> None:
        super().__init__(input_size, config)
        self.directions = 2 if config.direction == "both" else 1
        self.width = self.directions * config.hidden
        sizes = [input_size] + [self.width] * (config.layers - 1)
        self.layers = nn.ModuleList(self.layer(self.kind, size, config) for size in sizes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Encode, (batch, time, size) -> (batch, time, width)."""
        for place, layer in enumerate(self.layers):
            if place:
                x = variational_dropout(x, self.config.dropout, self.training)
            x = layer(x, lengths)
        return x
