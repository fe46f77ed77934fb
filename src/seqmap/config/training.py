"""The section of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqmap.config.ranges import Between


@dataclass(frozen=True)
class TrainConfig:
    """How the model is trained."""

    epochs: Annotated[int, Between(1, 100_000)] = 12
    """At most this many passes over the data."""
    batch_size: Annotated[int, Between(1, 1_000_000)] = 32
    """Examples in a batch, at most."""
    batch_tokens: Annotated[int, Between(1, 1_000_000_000)] = 16_384
    """Symbols in a batch (padding included), at most."""
    optimizer: Literal["adam", "adamw"] = "adamw"
    """Adam (Kingma & Ba 2015) or AdamW (Loshchilov & Hutter 2019)."""
    learning_rate: Annotated[float, Between(0, 100)] = 3e-3
    """Peak learning rate."""
    weight_decay: Annotated[float, Between(0, 100)] = 0.01
    """Decoupled weight decay (AdamW)."""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """How the rate falls after the warm-up."""
    warmup: Annotated[float, Between(0, 1)] = 0.1
    """Share of all steps over which the rate rises from zero."""
    clip: Annotated[float, Between(0, 1e9)] = 1.0
    """Largest norm of the gradient; 0 turns clipping off."""
    adversarial: Annotated[float, Between(0, 1)] = 0.0
    """Virtual adversarial training of a classifier (Miyato et al. 2017): by what share of their
    length symbols' vectors are changed in the worst direction; 0 turns it off, 0.02 is a start."""
    layer_rate: Annotated[float, Between(0.001, 1)] = 0.4
    """With `--init`: each layer learns at this share of the rate of the one above it."""
    unfreeze: Annotated[int, Between(0, 1000)] = 0
    """With `--init`: epochs after which the next layer below begins to learn; 0: all at once."""
    average: Annotated[float, Between(0, 0.99999)] = 0.998
    """Decay of the running average of the weights that is evaluated and kept; 0 turns it off."""
    patience: Annotated[int, Between(1, 100_000)] = 5
    """Stop when the dev loss has not improved for this many epochs; the best weights are kept."""
    holdout: Annotated[float, Between(0.001, 0.9)] = 0.1
    """Share of the training data that becomes the dev part when none is given."""
    closing: Annotated[int, Between(0, 100)] = 2
    """Where no dev part is given: last passes over all examples, held-out ones too (texts to labels
    or tags, transcribers); of a forecaster the linear branch learns from them, 0 prevents it."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs a class by the inverse of its frequency."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the LSTM kernel in training; `auto` takes bf16 where the processor has it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; `auto` takes CUDA when it is there."""
    threads: Annotated[int, Between(0, 1024)] = 0
    """CPU threads; 0 takes all cores."""
    seed: Annotated[int, Between(0, 2**63 - 1)] = 42
    """Seed of initialisation, order and dropout (the held-out dev part always uses 42)."""
