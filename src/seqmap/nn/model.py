"""The network of a task: embedding -> encoder -> head."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqmap.config import Config
from seqmap.nn.embedding import TokenEmbedding
from seqmap.nn.encoders import build_encoder
from seqmap.nn.heads import HEADS

# Where the archive's names differ from torch's: parts that a torch module cannot name so, or names
# that should not depend on how the modules are nested.
_ARCHIVE_NAMES = (
    (".ahead.", ".forward."),
    (".back.", ".backward."),
    ("head.pooling.", "pooling."),
    ("head.output.", "head."),
)


class SequenceModel(nn.Module):
    """What is trained.

    Args:
        vocabulary: Number of symbol ids.
        classes: Number of labels.
        head: Key of `HEADS`.
        config: Sizes and dropouts.
    """

    def __init__(self, *, vocabulary: int, classes: int, head: str, config: Config) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(vocabulary, config.embedding)
        self.encoder = build_encoder(config.embedding.size, config.encoder)
        self.head = HEADS[head](self.encoder, classes, config.head)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the head's scores.

        Args:
            ids: (batch, time) int64, zero beyond a row's length.
            lengths: (batch,) int64.
        """
        return self.score(self.embedding(ids), lengths)

    def score(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the head's scores for symbols' vectors, (batch, time, size)."""
        scores: Tensor = self.head(self.encoder(vectors, lengths), lengths)
        return scores


def to_arrays(state: dict[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """Name a state dict's tensors as the archive does."""
    return {_renamed(name): tensor.detach().cpu().numpy() for name, tensor in state.items()}


def load_arrays(model: nn.Module, arrays: dict[str, NDArray[np.float32]]) -> None:
    """Fill a model with an archive's arrays."""
    state = {
        name: torch.from_numpy(np.array(arrays[_renamed(name)])) for name in model.state_dict()
    }
    model.load_state_dict(state)


def _renamed(name: str) -> str:
    for torch_name, archive_name in _ARCHIVE_NAMES:
        name = name.replace(torch_name, archive_name)
    return name
