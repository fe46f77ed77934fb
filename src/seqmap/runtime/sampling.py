"""Which symbol comes next: temperature, top-k, nucleus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.config import LanguageConfig
from seqmap.errors import ConfigError


@dataclass(frozen=True)
class Sampling:
    """How symbols are drawn.

    Attributes:
        length: How many, at most.
        temperature: Scores are divided by it; 0 takes the likeliest symbol each time.
        top_k: Only so many of the likeliest; 0: all.
        top_p: Only the likeliest that together have this probability (Holtzman et al. 2020).
        seed: Of the draws.
    """

    length: int = 200
    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 0.95
    seed: int = 42

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn by.

        Raises:
            ConfigError: A number is out of range.
        """
        ranges = {
            "length": (0, 1_000_000),
            "temperature": (0, 100),
            "top_k": (0, 10_000_000),
            "top_p": (0.001, 1),
            "seed": (0, 2**63 - 1),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(
                    f"{name.replace('_', '-')} is out of range",
                    given=value,
                    allowed=f"{least:g} to {most:g}",
                )

    @classmethod
    def of(cls, config: LanguageConfig) -> Sampling:
        """Return what a model was configured for."""
        return cls(config.length, config.temperature, config.top_k, config.top_p)

    def choose(self, logits: NDArray[np.float32], rng: np.random.Generator) -> int:
        """Draw one symbol by its scores, (vocabulary,); -inf never comes."""
        if self.temperature == 0:
            return int(logits.argmax())
        scores = (logits.astype(np.float64) - float(logits.max())) / self.temperature
        if 0 < self.top_k < len(scores):
            least = np.partition(scores, -self.top_k)[-self.top_k]
            scores = np.where(scores < least, -np.inf, scores)
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        if self.top_p < 1:
            shares = _nucleus(shares, self.top_p)
        return int(rng.choice(len(shares), p=shares))


def _nucleus(shares: NDArray[np.float64], mass: float) -> NDArray[np.float64]:
    """Keep the fewest symbols that together have at least that probability."""
    order = np.argsort(-shares, kind="stable")
    count = int(np.searchsorted(np.cumsum(shares[order]), mass)) + 1
    kept = np.zeros_like(shares)
    kept[order[:count]] = shares[order[:count]]
    return np.asarray(kept / kept.sum())
