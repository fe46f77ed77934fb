"""Series as numbers that a network reads: scaled, with differences, seasons, calendar, covariates.

Nothing here depends on where a forecast begins, so that a state can be carried on from step to
step: the network reads changes and distances from running means, never a window's own level.
`series_reader` makes the same numbers one step at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series_scale import (
    Floats,
    Scale,
    filled,
    running_mean,
    scale_of,
    waves_of,
)
from seqmap.data.clock import Clock
from seqmap.data.series import Series
from seqmap.errors import DataError

CLIP = 8.0  # standard deviations: an outlier must not fill the network's state
WAVE = 0.3  # size of calendar features in the linear branch: how hard its ridge holds them down


@dataclass(frozen=True)
class SeriesCodec:
    """What turns series into features and forecasts back into values.

    Attributes:
        scales: Of each series of the training data, by name.
        log: Whether logarithms are forecast.
        season: Steps after which a pattern repeats; 1 for none.
        window: Past steps that the linear branch weighs.
        waves: Calendar features: (period in ticks, harmonics).
        clock: What a step is.
        covariates: Their names.
        covariate_scales: (mean, standard deviation) of each.
        feature_scales: What each feature is divided by.
        horizon: Steps ahead by which `Scale.unit` was measured.
    """

    scales: dict[str, Scale]
    log: bool
    season: int
    window: int
    waves: tuple[tuple[float, int], ...]
    clock: Clock
    covariates: tuple[str, ...]
    covariate_scales: tuple[tuple[float, float], ...]
    feature_scales: tuple[float, ...]
    horizon: int

    @classmethod
    def fit(
        cls,
        series: Sequence[Series],
        *,
        log: bool,
        season: int,
        window: int,
        horizon: int,
        covariates: tuple[str, ...],
    ) -> SeriesCodec:
        """Measure scales on training series."""
        joined = np.concatenate([one.covariates for one in series])
        with np.errstate(all="ignore"):
            measured = [
                (float(np.nanmean(column)), float(np.nanstd(column)) or 1.0)
                if np.isfinite(column).any()
                else (0.0, 1.0)
                for column in joined.T
            ]
        draft = cls(
            scales={one.name: scale_of(one, log=log, horizon=horizon) for one in series},
            log=log,
            season=season,
            window=window,
            waves=waves_of(series[0].clock, max(map(len, series)), season),
            clock=series[0].clock,
            covariates=covariates,
            covariate_scales=tuple(measured),
            feature_scales=(),
            horizon=horizon,
        )
        rows = np.concatenate([draft.read(one).features for one in series])
        size = np.sqrt((rows.astype(np.float64) ** 2).mean(axis=0))
        return SeriesCodec(
            **{**draft.__dict__, "feature_scales": tuple(np.where(size > 1e-9, size, 1.0).tolist())}
        )

    @property
    def taus(self) -> tuple[float, ...]:
        """Memories of the running means, in steps."""
        season = self.season if self.season > 1 else 24
        return (3.0, season / 2, float(season), 4.0 * season, 20.0 * season)

    @property
    def size(self) -> int:
        """Features of a step."""
        waves = 2 * sum(count for _, count in self.waves)
        return 3 + len(self.taus) + 2 * len(self.covariates) + waves

    @property
    def linear_size(self) -> int:
        """What the linear branch weighs: the window's distances, calendar, one, covariates."""
        waves = 2 * sum(count for _, count in self.waves)
        return self.window - 1 + waves + 1 + len(self.covariates)

    def scale(self, series: Series) -> Scale:
        """Return the scale of a series; one that training did not see is measured by itself."""
        found = self.scales.get(series.name)
        if found is None:
            found = scale_of(series, log=self.log, horizon=self.horizon)
        return found

    def forward(self, values: Floats, scale: Scale) -> Floats:
        """Scale values.

        Raises:
            DataError: Logarithms are forecast, and a value has none.
        """
        if self.log:
            if (values <= 0).any():
                raise DataError(
                    "this model forecasts logarithms: values must be above zero",
                    given=float(np.nanmin(values)),
                    remedy="Train with --set forecast.scale=linear",
                )
            values = np.log(values)
        return np.asarray((values - scale.center) / scale.unit)

    def backward(self, scaled: Floats, scale: Scale) -> Floats:
        """Undo `forward`."""
        values = scaled * scale.unit + scale.center
        return np.asarray(np.exp(values) if self.log else values)

    def read(self, series: Series) -> Steps:
        """Turn a whole series into numbers."""
        scale = self.scale(series)
        known = ~np.isnan(series.values)
        z = filled(self.forward(series.values, scale))
        # The model's own step: of a series without times only the order of values is known.
        waves = self.calendar(series.begin + self.clock.step * (1 + np.arange(len(z))))
        covariates = self._covariates(series.covariates)
        changes = np.diff(covariates, axis=0, prepend=covariates[:1])
        before = np.concatenate([np.full(min(self.season, len(z)), z[0]), z[: -self.season]])
        season = z - before if self.season > 1 else np.zeros(len(z))
        columns = [np.diff(z, prepend=z[0]), season, (~known).astype(np.float64)]
        columns += [z - running_mean(z, tau) for tau in self.taus]
        raw = np.concatenate([np.stack(columns, axis=1), covariates, changes, waves], axis=1)
        return Steps(self.normal(raw), z, known, waves, covariates, scale)

    def normal(self, raw: Floats) -> NDArray[np.float32]:
        """Divide features by their scales and clip them."""
        if self.feature_scales:
            raw = np.clip(raw / np.array(self.feature_scales), -CLIP, CLIP)
        return raw.astype(np.float32)

    def linear_inputs(self, steps: Steps, origins: NDArray[np.int64]) -> Floats:
        """Return what the linear branch weighs at some steps, (origins, linear_size)."""
        padded = np.concatenate([np.full(self.window - 1, steps.z[0]), steps.z])
        views = np.lib.stride_tricks.sliding_window_view(padded, self.window)
        last = steps.z[origins, None]
        window = views[origins, :-1] - last
        one = np.full((len(origins), 1), WAVE)
        return np.concatenate(
            [window, WAVE * steps.waves[origins], one, steps.covariates[origins]], axis=1
        )

    def calendar(self, ticks: NDArray[np.int64]) -> Floats:
        """Return sines and cosines of ticks, (time, waves)."""
        columns = []
        for period, count in self.waves:
            for harmonic in range(1, count + 1):
                angle = 2 * np.pi * harmonic * (ticks % period) / period
                columns += [np.sin(angle), np.cos(angle)]
        return np.stack(columns, axis=1) if columns else np.zeros((len(ticks), 0))

    def _covariates(self, given: Floats) -> Floats:
        if not self.covariates:
            return np.zeros((len(given), 0))
        if given.shape[1] != len(self.covariates):
            raise DataError(
                "the covariates are not those of the training",
                given=given.shape[1],
                allowed=", ".join(self.covariates),
            )
        columns = []
        for column, (mean, spread) in zip(given.T, self.covariate_scales, strict=True):
            columns.append(np.clip(filled((column - mean) / spread, start=0.0), -CLIP, CLIP))
        return np.stack(columns, axis=1)

    def to_state(self) -> dict[str, Any]:
        """Return what `from_state` reads, as plain JSON values."""
        return {**asdict(self), "clock": self.clock.to_state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SeriesCodec:
        """Rebuild the codec."""
        return cls(
            **{
                **state,
                "scales": {name: Scale(**kept) for name, kept in state["scales"].items()},
                "waves": tuple((float(period), int(n)) for period, n in state["waves"]),
                "clock": Clock(**state["clock"]),
                "covariates": tuple(state["covariates"]),
                "covariate_scales": tuple(map(tuple, state["covariate_scales"])),
                "feature_scales": tuple(map(float, state["feature_scales"])),
            }
        )


@dataclass(frozen=True)
class Steps:
    """A series as numbers.

    Attributes:
        features: What the network reads, (time, size).
        z: Scaled values, missing ones replaced by the last before, (time,).
        known: Where a value was given, (time,).
        waves: Calendar of the next step, (time, waves).
        covariates: Scaled, (time, covariates).
        scale: How it was scaled.
    """

    features: NDArray[np.float32]
    z: Floats
    known: NDArray[np.bool_]
    waves: Floats
    covariates: Floats
    scale: Scale
