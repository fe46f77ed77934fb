"""What all decoders have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from seqmap.config import TranslateConfig


@dataclass(frozen=True)
class Memory:
    """What an encoder gave, for a decoder to attend to.

    Attributes:
        states: (batch, source, width).
        mask: (batch, source) bool, True = valid.
    """

    states: Tensor
    mask: Tensor


class Decoder(nn.Module, ABC):
    """Reads the vectors of the words so far, gives a vector for the next word.

    Args:
        input_size: Numbers of a word's vector; what comes out has as many.
        memory_size: Width of the encoder's states.
        config: Sizes, dropouts.
    """

    def __init__(self, input_size: int, memory_size: int, config: TranslateConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, words: Tensor, lengths: Tensor, memory: Memory) -> Tensor:
        """Decode with the true words before each step (teacher forcing).

        Args:
            words: Vectors of the words before each step, (batch, target, input_size).
            lengths: Steps of each row, (batch,).
            memory: The source.

        Returns:
            (batch, target, input_size); what lies beyond a row's length means nothing.
        """
