"""The sections of numbers and sound: how they are read and varied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqmap.config.ranges import Between


@dataclass(frozen=True)
class ForecastConfig:
    """What a forecaster looks at and answers (other tasks do not use it)."""

    horizon: Annotated[int, Between(1, 10_000)] = 24
    """How many steps ahead the model answers."""
    block: Annotated[int, Between(0, 10_000)] = 0
    """Steps that are forecast at once; the rest follows recursively (1: step by step). 0: all."""
    window: Annotated[int, Between(0, 100_000)] = 0
    """Past steps that the linear branch weighs; 0 takes several seasons."""
    season: Annotated[int, Between(0, 100_000)] = 0
    """Steps after which a pattern repeats; 1 for none, 0 finds out."""
    coverage: Annotated[float, Between(0.5, 0.999)] = 0.9
    """Share of the truth that an interval shall hold."""
    adaptive: bool = True
    """Let intervals follow how often the latest ones held the truth."""
    scale: Literal["auto", "linear", "log"] = "auto"
    """Forecast values or their logarithms; `auto` takes what does better on dev."""


@dataclass(frozen=True)
class SignalConfig:
    """How training signals are varied (only for signals)."""

    noise: Annotated[float, Between(0, 10)] = 0.1
    """Noise that is added, in standard deviations of a channel."""
    scaling: Annotated[float, Between(0, 1)] = 0.1
    """Change of each channel's size."""
    warp: Annotated[float, Between(0, 0.9)] = 0.2
    """Change of speed."""


@dataclass(frozen=True)
class AudioConfig:
    """How recordings become steps of features, and how they are varied in training."""

    rate: Annotated[int, Between(0, 192_000)] = 0
    """Samples a second that all recordings are brought to; 0: most of the training's, at most 16000
    for speech recognition and 24000 for speech generation."""
    mels: Annotated[int, Between(4, 256)] = 40
    """Bands of the log-mel spectrum."""
    stack: Annotated[int, Between(1, 16)] = 3
    """Frames of 10 ms that make one step."""
    context: Annotated[int, Between(0, 32)] = 2
    """Further frames that a step sees on either side."""
    filters: Annotated[int, Between(0, 1024)] = 0
    """Filters of either of two convolutions over frames and bands, before the encoder; 0 leaves
    them out (only for speech recognition)."""
    mean: Literal["auto", "whole", "speaker", "running"] = "auto"
    """What bands are centred by; `auto`: the running mean if read left to right, else the whole;
    `speaker`: the mean of all recordings of a speaker, for new voices and microphones."""
    prior: Annotated[int, Between(0, 100_000)] = 10
    """Frames that the training's mean counts for beside those of a whole recording; many help
    short recordings of known microphones, few those of new ones."""
    speed: Annotated[float, Between(0, 0.5)] = 0.1
    """Training also on copies that are slower and faster by this share; 0: without them."""
    tempo: Annotated[float, Between(0, 0.9)] = 0.15
    """Change of tempo in training, as a share; the pitch stays."""
    tract: Annotated[float, Between(0, 0.5)] = 0.1
    """Change of the length of the vocal tract in training, as a share: other voices."""
    noise: Annotated[float, Between(0, 1)] = 0.5
    """Chance that noise is added to a training recording."""
    time_masks: Annotated[int, Between(0, 100)] = 2
    """Stretches of time that are hidden in training (SpecAugment)."""
    time_mask: Annotated[float, Between(0, 0.5)] = 0.1
    """Longest of them, as a share of the recording."""
    band_masks: Annotated[int, Between(0, 100)] = 2
    """Ranges of bands that are hidden in training."""
    band_mask: Annotated[int, Between(0, 256)] = 8
    """Widest of them, in bands."""
    consistency: Annotated[float, Between(0, 100)] = 0.0
    """Above 0 a recording comes twice in a batch, varied differently, and this is the weight of
    what the network says differently of the two (CR-CTC); a pass takes twice as long."""
