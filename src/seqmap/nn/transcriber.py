"""The network that hears: steps of features -> convolutions -> encoder -> symbols of CTC."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.codecs.transcript import BLANK
from seqmap.config import AudioConfig, Config
from seqmap.nn.embedding import variational_dropout
from seqmap.nn.encoders import build_encoder
from seqmap.runtime.ops.convolution import StepShape


class TranscriberNetwork(nn.Module):
    """What is trained.

    Args:
        size: Features of a step.
        classes: Symbols, the blank included.
        config: Sizes and dropouts.
    """

    def __init__(self, size: int, classes: int, config: Config) -> None:
        super().__init__()
        self.dropout = config.head.dropout
        audio = config.audio
        self.convolution: nn.Module = nn.Identity()
        if audio.filters > 0:
            self.convolution = front = StepConvolution(audio)
            size = front.width
        self.encoder = build_encoder(size, config.encoder)
        self.output = nn.Linear(self.encoder.width, classes)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Score symbols, (batch, time, size) -> (batch, time, classes)."""
        states = self.encoder(self.convolution(x), lengths)
        states = variational_dropout(states, self.dropout, self.training)
        scores: Tensor = self.output(states)
        return scores


class StepConvolution(nn.Module):
    """Two convolutions over the frames and bands of each step; see `runtime.ops.convolution`.

    Steps overlap, so all frames of a recording are put in a row and convolved once: that gives
    what each step by itself gives, where zeros stand around the recording.

    Args:
        audio: Bands, frames of a step, filters.
    """

    def __init__(self, audio: AudioConfig) -> None:
        super().__init__()
        self.stack, self.context, self.mels = audio.stack, audio.context, audio.mels
        shape = StepShape(audio.stack + 2 * audio.context, audio.mels, audio.filters)
        self.frames, self.width = shape.frames, shape.width
        one, two = shape.kernels
        self.first = nn.Conv2d(1, shape.filters, one, (1, 2), (0, one[1] // 2))
        self.second = nn.Conv2d(
            shape.filters, shape.filters, two, (audio.stack, 2), (0, two[1] // 2)
        )
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, (batch, time, size) -> (batch, time, width)."""
        batch, time, _ = x.shape
        steps = x.reshape(batch, time, self.frames, self.mels)
        end = self.context + self.stack
        own = steps[:, :, self.context : end].reshape(batch, time * self.stack, self.mels)
        frames = torch.cat([steps[:, 0, : self.context], own, steps[:, -1, end:]], dim=1)
        places = torch.tanh(self.second(torch.tanh(self.first(frames[:, None]))))
        return places.transpose(1, 2).reshape(batch, time, self.width)


def ctc(scores: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Return -log p(target | sound), Graves et al. 2006, eq. 8; mean over symbols, then recordings.

    Args:
        scores: (batch, time, classes).
        lengths: Steps of each, (batch,).
        targets: All targets one after the other, (symbols,).
        target_lengths: (batch,).
    """
    chances = scores.float().log_softmax(dim=-1).transpose(0, 1)
    return F.ctc_loss(
        chances,
        targets.to(scores.device),
        lengths,
        target_lengths,
        blank=BLANK,
        reduction="mean",
        zero_infinity=True,
    )


def disagreement(scores: Tensor, lengths: Tensor, target_lengths: Tensor) -> Tensor:
    """Return how differently the first and the second half of a batch are read, step by step.

    Consistency-regularized CTC, Yao et al. 2025, "CR-CTC", eq. 4: each hearing of a recording
    follows the other's symbols, whose own gradient is cut. Measured as `ctc` is: a sum over
    steps, by the target's length, and its mean over recordings.

    Args:
        scores: (2 * recordings, time, classes): all recordings, then all of them once more.
        lengths: Steps of each, (2 * recordings,).
        target_lengths: (2 * recordings,).
    """
    chances = scores.float().log_softmax(dim=-1)
    other = chances.detach().roll(len(chances) // 2, dims=0)
    apart = F.kl_div(chances, other, reduction="none", log_target=True).sum(dim=-1)
    inside = torch.arange(apart.shape[1], device=apart.device) < lengths.to(apart.device)[:, None]
    sums = (apart * inside).sum(dim=1)
    return (sums / target_lengths.to(sums.device).clamp(min=1)).mean()


def padded(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Put sequences side by side, (time, size) each; returns them and their lengths."""
    lengths = torch.tensor([len(part) for part in parts])
    return nn.utils.rnn.pad_sequence(parts, batch_first=True), lengths
