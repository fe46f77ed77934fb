"""Series as numbers that a network reads: scaled, with differences, seasons, calendar, covariates.

Nothing here depends on where a forecast begins, so that a state can be carried on from step to
step: the network reads changes and distances from running means, never a window's own level. A
`Reader` makes the same numbers one step at a time, in constant time and memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.clock import DAY, Clock
from seqmap.data.series import Series
from seqmap.errors import DataError

Floats = NDArray[np.float64]

_CLIP = 8.0  # standard deviations: an outlier must not fill the network's state
_WAVE = 0.3  # size of calendar features in the linear branch: how hard its ridge holds them down
_MOST_PHASES = 4096
YEAR = 365.2425 * DAY


@dataclass(frozen=True)
class Scale:
    """How the values of a series are scaled.

    Attributes:
        center: What is subtracted (of logarithms, where these are taken).
        unit: How far the series moves within the horizon, root mean square: what is divided by.
        mean: Mean of the training values, as given.
        spread: Standard deviation of the training values, as given.
    """

    center: float
    unit: float
    mean: float
    spread: float


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
        waves = self.calendar(series.ticks + series.clock.step)
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
            raw = np.clip(raw / np.array(self.feature_scales), -_CLIP, _CLIP)
        return raw.astype(np.float32)

    def linear_inputs(self, steps: Steps, origins: NDArray[np.int64]) -> Floats:
        """Return what the linear branch weighs at some steps, (origins, linear_size)."""
        padded = np.concatenate([np.full(self.window - 1, steps.z[0]), steps.z])
        views = np.lib.stride_tricks.sliding_window_view(padded, self.window)
        last = steps.z[origins, None]
        window = views[origins, :-1] - last
        one = np.full((len(origins), 1), _WAVE)
        return np.concatenate(
            [window, _WAVE * steps.waves[origins], one, steps.covariates[origins]], axis=1
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
            columns.append(np.clip(filled((column - mean) / spread, start=0.0), -_CLIP, _CLIP))
        return np.stack(columns, axis=1)

    def to_state(self) -> dict[str, Any]:
        """Return what `from_state` reads, as plain JSON values."""
        return asdict(self)

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
        if self.covariates:
            features += self._take_covariates(covariates)
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
            min(max(feature * factor, -_CLIP), _CLIP)
            for feature, factor in zip(features, self._factors, strict=True)
        ]

    def window(self) -> Floats:
        """Return the last `window` scaled values, the newest at the end."""
        end = (self.count - 1) % self.size + 1 + self.size
        return self.ring[end - self.codec.window : end]

    def linear_inputs(self) -> Floats:
        """Return what the linear branch weighs now, (linear_size,)."""
        window = self.window()[:-1] - self.last
        return np.concatenate([window, [_WAVE * w for w in self.waves], [_WAVE], self.covariates])

    def _take_covariates(self, given: Sequence[float]) -> list[float]:
        if len(given) != len(self.covariates):
            raise DataError(
                "a step needs the covariates of the training",
                given=len(given),
                allowed=", ".join(self.codec.covariates),
            )
        changes = []
        for k, (value, (mean, spread)) in enumerate(
            zip(given, self.codec.covariate_scales, strict=True)
        ):
            before = self.covariates[k]
            now = before if value != value else min(max((value - mean) / spread, -_CLIP), _CLIP)
            changes.append(now - before if self.count else 0.0)
            self.covariates[k] = now
        return [*self.covariates, *changes]

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


def scale_of(series: Series, *, log: bool, horizon: int) -> Scale:
    """Measure the scale of a series on its own values."""
    given = series.values[~np.isnan(series.values)]
    if not len(given):
        raise DataError("a series has no value at all", given=series.name)
    values = filled(series.values)
    if log:
        values = np.log(values)
    moves = [
        float(np.mean((values[h:] - values[:-h]) ** 2))
        for h in range(1, min(horizon, len(values) - 1) + 1)
    ]
    unit = math.sqrt(sum(moves) / len(moves)) if moves else 0.0
    if unit <= 1e-12 * max(1.0, float(np.abs(values).max())):
        unit = float(np.std(values)) or 1.0
    return Scale(float(values.mean()), unit, float(given.mean()), float(given.std()) or 1.0)


def filled(values: Floats, start: float | None = None) -> Floats:
    """Replace missing values by the last before them; the first ones by `start` or what follows."""
    known = ~np.isnan(values)
    if known.all():
        return values
    if not known.any():
        return np.full(len(values), 0.0 if start is None else start)
    place = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    first = values[known.argmax()] if start is None else start
    return np.where(place >= 0, values[np.maximum(place, 0)], first)


def running_mean(values: Floats, tau: float) -> Floats:
    """Exponentially weighted mean with a memory of `tau` steps, (time,); it begins at the first."""
    share = 1.0 - math.exp(-1.0 / tau)
    out, mean = [], float(values[0])
    for value in values.tolist():
        mean += share * (value - mean)
        out.append(mean)
    return np.array(out)


def waves_of(clock: Clock, length: int, season: int) -> tuple[tuple[float, int], ...]:
    """Return the calendar features that a series of that length can tell anything about."""
    if clock.unit == "month":
        return ((12.0, 3),) if clock.step < 12 and length * clock.step >= 24 else ()
    if clock.unit == "business":
        return ((5.0, 2),)
    if clock.unit == "step":
        return ((float(season), min(3, season // 2)),) if season > 1 else ()
    span = length * clock.step
    waves = []
    if clock.step < DAY and span >= 3 * DAY:
        waves.append((float(DAY), 3))
    if clock.step <= DAY and span >= 28 * DAY:
        waves.append((7.0 * DAY, 1 if clock.step < DAY else 3))
    if span >= 2 * YEAR:
        waves.append((YEAR, 2))
    return tuple(waves)


def find_season(series: Sequence[Series]) -> int:
    """Return the season, of those that the calendar names, with the smallest change over it."""
    best, least = 1, math.inf
    for season in series[0].clock.seasons:
        costs = []
        for one in series:
            if len(one) > 2 * season:
                values = filled(one.values)
                change = np.abs(values[season:] - values[:-season]).mean()
                costs.append(float(change / (values.std() or 1.0)))
        # A long season must earn its place: it has been seen fewer times.
        if costs and np.mean(costs) < 0.98 * least:
            best, least = season, float(np.mean(costs))
    return best
