"""A series as numbers one step at a time, in constant time and memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqmap.codecs.series import CLIP, WAVE, SeriesCodec
from seqmap.codecs.series_scale import Floats, Scale
from seqmap.errors import DataError

_MOST_PHASES = 4096


class Reader:
    """The numbers of `SeriesCodec.read`, one step at a time.

    Args:
        codec: What is read.
        scale: Of the series.
        tick: Of the first value.
    """

    def __init__(self, codec: SeriesCodec, scale: Scale, tick: int = 0) -> None:
        self.codec = codec
        self.scale = scale
        self.tick = tick
        self.count = 0
        self.last = 0.0
        self.size = max(codec.window, codec.season + 1)
        # Written twice, so that the last `size` values always lie in one piece.
        self.ring = np.zeros(2 * self.size)
        self.means = [0.0] * len(codec.taus)
        self.covariates = [0.0] * len(codec.covariates)
        self._shares = [1.0 - math.exp(-1.0 / tau) for tau in codec.taus]
        self._factors = [1.0 / scale for scale in codec.feature_scales]
        # A phase comes again with its period: (sines, cosines) are kept by it.
        self._phases: list[dict[float, list[float]]] = [{} for _ in codec.waves]
        self.waves: list[float] = []

    def step(self, value: float, covariates: Sequence[float] = ()) -> list[float]:
        """Take one value (NaN where missing) and return its features."""
        missing = value != value
        if missing:
            z = self.last
        elif self.codec.log:
            if value <= 0:
                raise DataError(
                    "this model forecasts logarithms: values must be above zero", given=value
                )
            z = (math.log(value) - self.scale.center) / self.scale.unit
        else:
            z = (value - self.scale.center) / self.scale.unit
        return self.step_scaled(z, missing, covariates)

    def step_scaled(
        self, z: float, missing: bool = False, covariates: Sequence[float] = ()
    ) -> list[float]:
        """The same for a scaled value."""
        # First what may be refused: until then nothing has changed.
        given = self._scaled_covariates(covariates)
        ring, size, season = self.ring, self.size, self.codec.season
        place = self.count % size
        if self.count == 0:
            ring[:] = z
            self.last = z
            self.means = [z] * len(self.means)
        features = [z - self.last, 0.0, float(missing)]
        if season > 1:
            features[1] = z - ring.item((self.count - season) % size)
        ring[place] = z
        ring[place + size] = z
        means = self.means
        for k, share in enumerate(self._shares):
            means[k] += share * (z - means[k])
            features.append(z - means[k])
        if given:
            changes = [now - before for now, before in zip(given, self.covariates, strict=True)]
            features += [*given, *(changes if self.count else [0.0] * len(given))]
            self.covariates = given
        step = self.codec.clock.step
        ahead = self.tick + step
        waves: list[float] = []
        for kept, (period, count) in zip(self._phases, self.codec.waves, strict=True):
            phase = ahead % period
            if phase not in kept:
                if len(kept) >= _MOST_PHASES:
                    kept.clear()
                kept[phase] = _waves(2 * math.pi * phase / period, count)
            waves += kept[phase]
        features += waves
        self.waves = waves
        self.last = z
        self.tick = ahead
        self.count += 1
        return [
            min(max(feature * factor, -CLIP), CLIP)
            for feature, factor in zip(features, self._factors, strict=True)
        ]

    def window(self) -> Floats:
        """Return the last `window` scaled values, the newest at the end."""
        end = (self.count - 1) % self.size + 1 + self.size
        return self.ring[end - self.codec.window : end]

    def linear_inputs(self) -> Floats:
        """Return what the linear branch weighs now, (linear_size,)."""
        window = self.window()[:-1] - self.last
        return np.concatenate([window, [WAVE * w for w in self.waves], [WAVE], self.covariates])

    def _scaled_covariates(self, given: Sequence[float | None]) -> list[float]:
        """Scale what is known of a step; what is missing stays as it was."""
        if not self.covariates:
            return []
        if len(given) != len(self.covariates):
            raise DataError(
                "a step needs the covariates of the training",
                given=len(given),
                allowed=", ".join(self.codec.covariates),
            )
        scaled = []
        for value, before, (mean, spread) in zip(
            given, self.covariates, self.codec.covariate_scales, strict=True
        ):
            if value is None or value != value:
                scaled.append(before)
            else:
                scaled.append(min(max((value - mean) / spread, -CLIP), CLIP))
        return scaled

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that is remembered."""
        return {
            "numbers": np.array([self.tick, self.count], np.int64),
            "values": np.array([self.last, *self.means, *self.covariates, *self.waves]),
            "ring": self.ring.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state.

        Raises:
            KeyError, ValueError: It is not one of such a reader.
        """
        if state["ring"].shape != self.ring.shape:
            raise ValueError("the state's window does not fit this model")
        self.tick, self.count = (int(number) for number in state["numbers"])
        values = [float(value) for value in state["values"]]
        means, covariates = len(self.means), len(self.covariates)
        self.last, self.means = values[0], values[1 : 1 + means]
        self.covariates = values[1 + means : 1 + means + covariates]
        self.waves = values[1 + means + covariates :]
        self.ring = np.array(state["ring"], dtype=np.float64)


def _waves(angle: float, count: int) -> list[float]:
    """Return sine and cosine of each harmonic."""
    return [f(k * angle) for k in range(1, count + 1) for f in (math.sin, math.cos)]
