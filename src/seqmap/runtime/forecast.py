"""A deployed forecaster: predict, backtest, stream."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series import Scale, SeriesCodec, Steps, filled
from seqmap.errors import DataError, UserError
from seqmap.runtime import conformal
from seqmap.runtime.archive import Archive
from seqmap.runtime.forecast_stream import ForecastStream
from seqmap.runtime.ops.weights import take
from seqmap.runtime.session import Session
from seqmap.runtime.vectors import build_vector_encoder
from seqmap.runtime.wishes import Wish
from seqmap.tasks.backtest import Backtest, evaluation_of
from seqmap.tasks.base import Evaluation
from seqmap.tasks.forecast import LEVELS, Forecast, ForecastTask, after_training

if TYPE_CHECKING:
    from seqmap.data.series import Series
    from seqmap.runtime.live.values import SeriesLive

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Rolled:
    """Forecasts from consecutive origins of one series, in scaled values.

    Attributes:
        steps: The series as numbers.
        origins: The last step that each forecast knows, (origins,).
        point: (origins, horizon).
        quantiles: (origins, horizon, levels).
        truth: (origins, horizon), NaN where missing.
    """

    steps: Steps
    origins: NDArray[np.int64]
    point: Floats
    quantiles: Floats
    truth: Floats


class ForecastSession(Session):
    """Series → its next steps.

    The forecast of h steps ahead is `last + unit (a linear + b network)`: the last value, plus what
    a linear branch makes of the window and what the network makes of its state, both relative to
    the last value. The factors were chosen on dev, and are zero for a branch that did not help.
    """

    task: ForecastTask
    codecs: SeriesCodec
    takes = "series"
    at_once = 16
    wishes: ClassVar = {"horizon": Wish(int, 1, 1000, "Steps to look ahead.")}

    def _restore(self, archive: Archive) -> None:
        manifest, arrays = archive.manifest, archive.arrays
        self.codecs = SeriesCodec.from_state(manifest["source"])
        self._wanted: int | None = None
        settings = self.config.forecast
        self.horizon = settings.horizon
        self.coverage = settings.coverage
        self.block = settings.block or settings.horizon
        self.levels = levels_of(settings.coverage)
        self.encoder = build_vector_encoder(
            arrays, self.config.encoder, self.codecs.size, precision=self.precision
        )
        channels = 1 + len(self.levels)
        head = take(arrays, "head.weight", self.block * channels, self.encoder.width)
        self.head = np.ascontiguousarray(head.T)
        self.head_bias = take(arrays, "head.bias", self.block * channels)
        self.linear = take(arrays, "linear.weight", self.codecs.linear_size, self.block).astype(
            np.float64
        )
        factors = manifest["calibration"]
        self.factors = float(factors["linear"]), float(factors["network"])
        pairs = len(self.levels) // 2
        self.margins = take(arrays, "conformal.margins", pairs, self.horizon).astype(np.float64)
        self.rates = take(arrays, "conformal.rates", pairs, self.horizon).astype(np.float64)

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.encoder.backend

    @property
    def pairs(self) -> list[float]:
        """Coverage of each pair of levels, the widest first."""
        return [1 - 2 * level for level in self.levels[: len(self.levels) // 2]]

    def evaluate(self, examples: Sequence[Series]) -> Evaluation:
        """Backtest: forecast from every step after the training data, beside plain forecasts."""
        return evaluation_of(self.backtest(examples))

    def backtest(self, examples: Sequence[Series]) -> Backtest:
        """Forecast from every step that has a horizon before it, in one pass over each series.

        Raises:
            DataError: No series is long enough.
        """
        ends = (self.archive.manifest.get("input") or {}).get("ends") or {}
        parts = [self._one(after_training(one, ends)) for one in examples]
        found = [part for part in parts if part is not None]
        if not found:
            raise DataError(
                "no series goes on for the horizon after the training data",
                given=f"horizon {self.horizon}",
            )
        names = [name for part in found for name in part.series]

        def joined(field: str) -> Floats:
            return np.concatenate([getattr(part, field) for part in found])

        points = {
            name: np.concatenate([part.points[name] for part in found]) for name in found[0].points
        }
        return Backtest(
            truth=joined("truth"),
            points=points,
            lower=joined("lower"),
            upper=joined("upper"),
            spread=joined("spread"),
            step=joined("step"),
            coverage=self.coverage,
            season=self.codecs.season,
            series=tuple(names),
        )

    def stream(
        self, state: bytes | None = None, *, series: str | None = None, time: Any = None
    ) -> ForecastStream:
        """Begin a stream of values, in constant time and memory a step.

        Args:
            state: What `ForecastStream.to_bytes` gave, to go on from there.
            series: Whose scale to take; needed where the model knows several series.
            time: When the first value is, for a model that knows times.

        Raises:
            UserError: There is no such series.
            ArchiveError: The state is damaged, or of another model.
        """
        names = list(self.codecs.scales)
        if series is None and (len(names) == 1 or state is not None):
            series = names[0]
        if series not in self.codecs.scales:
            raise UserError(
                "a stream needs the name of a series that the model knows",
                given=series,
                allowed=names[:10],
                remedy="For another series use follow(history)",
            )
        clock, tick = self.codecs.clock, 0
        if time is not None and clock.unit != "step":
            tick = int(clock.ticks(np.array([time], dtype="datetime64[s]"))[0])
        stream = ForecastStream(self, str(series), self.codecs.scales[str(series)], tick)
        if state is not None:
            stream.load(state)
        return stream

    def follow(self, history: Series) -> ForecastStream:
        """Begin a stream after a history: any series, known or not."""
        history = self._checked(history)
        scale = self.codecs.scale(history)
        stream = ForecastStream(self, history.name, scale, history.begin)
        for value, covariates in zip(
            history.values.tolist(), history.covariates.tolist(), strict=True
        ):
            stream.feed(value, covariates)
        return stream

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of a series with the covariates of this model."""
        schema, count = self.task.input_schema(), len(self.codecs.covariate_scales)
        if count:
            row = schema["properties"]["covariates"]["items"]
            row |= {"minItems": count, "maxItems": count}
            schema["required"].append("covariates")
        else:
            del schema["properties"]["covariates"]
        if self.codecs.clock.unit == "step":
            del schema["properties"]["times"]
        return schema

    def live(self, options: Mapping[str, Any]) -> SeriesLive:
        """Begin a stream of plain values: a forecast after each value."""
        from seqmap.runtime.live.values import SeriesLive

        found = self.with_wishes(options)
        assert isinstance(found, ForecastSession)
        return SeriesLive(found, found._wanted)

    def _wished(self, given: Mapping[str, Any]) -> ForecastSession:
        other = copy.copy(self)
        other._wanted = given["horizon"]
        return other

    def predict_ahead(self, history: Series, horizon: int) -> Forecast:
        """Forecast any number of steps ahead: beyond the horizon it goes on recursively."""
        return self.follow(history).forecast(horizon)

    def _answer(self, inputs: Sequence[Series], begin: int) -> list[Forecast]:
        if self._wanted is not None:
            return [self.predict_ahead(one, self._wanted) for one in inputs]
        return [self._forecast(one) for one in inputs]

    def _checked(self, series: Any) -> Series:
        if not hasattr(series, "covariates") or not hasattr(series, "clock"):
            raise UserError(
                "a forecaster takes series",
                given=type(series).__name__,
                remedy="Use seqmap.data.series.read_series, or Series",
            )
        found: Series = series
        first = int((~np.isnan(found.values)).argmax()) if len(found) else 0
        if not len(found) or np.isnan(found.values[first]):
            raise DataError("a series has no value at all", given=found.name)
        if first:
            found = replace(found.cut(first, len(found)), start=max(found.start - first, 0))
        clock = self.codecs.clock
        if found.clock != clock and found.clock.unit != "step":
            raise DataError(
                "the steps of the series are not those of the training data",
                given=found.clock.describe(),
                allowed=clock.describe(),
            )
        return found

    def _forecast(self, series: Any) -> Forecast:
        one = self._checked(series)
        if self.block < self.horizon:
            return self.follow(one).forecast()
        steps = self.codecs.read(one)
        at = np.array([len(one) - 1])
        states = self.encoder.states([steps.features])[0][at]
        point, quantiles = self.answers(states, self.codecs.linear_inputs(steps, at))
        return self.finished(
            one.name, steps.scale, steps.z[-1], point[0], quantiles[0], self.margins,
            one.times_after(self.horizon),
        )  # fmt: skip

    def answers(self, states: NDArray[Any], inputs: Floats) -> tuple[Floats, Floats]:
        """Turn states and linear inputs into forecasts relative to the last value, in units.

        Returns:
            Points, (origins, block), and quantiles, (origins, block, levels), of `self.levels`.
        """
        channels = 1 + len(self.levels)
        raw = (states @ self.head + self.head_bias).reshape(-1, self.block, channels)
        mean = raw[:, :, 0].astype(np.float64)
        a, b = self.factors
        point = a * (inputs @ self.linear) + b * mean
        offsets = np.sort(raw[:, :, 1:].astype(np.float64) - mean[:, :, None], axis=-1)
        return point, point[:, :, None] + offsets

    def finished(
        self,
        name: str,
        scale: Scale,
        last: float,
        point: Floats,
        quantiles: Floats,
        margins: Floats,
        times: Any,
    ) -> Forecast:
        """Return an answer in values: (horizon,) points and (horizon, levels) quantiles."""
        size, pairs = len(point), len(margins)
        steps = np.minimum(np.arange(size), margins.shape[1] - 1)
        ends = quantiles.copy()
        for k in range(pairs):
            ends[:, k] = np.minimum(quantiles[:, k] - margins[k, steps], point)
            ends[:, -1 - k] = np.maximum(quantiles[:, -1 - k] + margins[k, steps], point)
        ends = np.sort(ends, axis=1)
        codec = self.codecs
        values = codec.backward(last + point, scale)
        found = codec.backward(last + ends, scale)
        return Forecast(
            series=name,
            times=() if times is None else tuple(np.datetime_as_string(times).tolist()),
            values=tuple(values.tolist()),
            lower=tuple(found[:, 0].tolist()),
            upper=tuple(found[:, -1].tolist()),
            coverage=self.coverage,
            quantiles={
                f"{level:g}": tuple(found[:, k].tolist())
                for k, level in enumerate(self.levels)
                if level in LEVELS
            },
        )

    def dev_scores(self, examples: Sequence[Series]) -> list[Floats]:
        """Return how far the truth lies outside of the raw quantiles, a matrix a pair of levels.

        Returns:
            For each of `pairs` (origins, horizon), of all series below each other.
        """
        found: list[list[Floats]] = [[] for _ in self.pairs]
        for one in examples:
            rolled = self._rolled(self._checked(one))
            if rolled is None:
                continue
            for k in range(len(self.pairs)):
                low, high = rolled.quantiles[:, :, k], rolled.quantiles[:, :, -1 - k]
                found[k].append(conformal.scores(low, high, rolled.truth))
        return [np.concatenate(parts) for parts in found]

    def _one(self, series: Series) -> Backtest | None:
        """Backtest one series; None where it is too short."""
        series = self._checked(series)
        rolled = self._rolled(series)
        return None if rolled is None else self._judged(series, rolled)

    def _rolled(self, series: Series) -> _Rolled | None:
        """Forecast from every origin of a series in one pass; None where there is none."""
        begin = max(series.start - 1, 0)
        if series.start == 0:
            # Without a past of its own the first season is only looked at.
            begin = min(max(self.codecs.season, 8), len(series) // 2) - 1
        origins = np.arange(max(begin, 0), len(series) - self.horizon)
        if not len(origins):
            return None
        steps = self.codecs.read(series)
        if self.block < self.horizon:
            point, quantiles = self._recursive(series, steps, origins)
        else:
            states = self.encoder.states([steps.features])[0][origins]
            point, quantiles = self.answers(states, self.codecs.linear_inputs(steps, origins))
        last = steps.z[origins, None]
        truth = np.where(steps.known, steps.z, np.nan)
        return _Rolled(
            steps,
            origins,
            last + point,
            last[:, :, None] + quantiles,
            _windows(truth, origins, self.horizon),
        )

    def _recursive(
        self, series: Series, steps: Steps, origins: NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        """Forecast block after block from a fork at each origin, relative to the last value."""
        stream = ForecastStream(self, series.name, steps.scale, series.begin)
        wanted, points, quantiles = set(origins.tolist()), [], []
        for place, value in enumerate(series.values.tolist()):
            stream.feed(value, series.covariates[place].tolist())
            if place in wanted:
                point, levels = stream.ahead(self.horizon)
                points.append(point)
                quantiles.append(levels)
        return np.stack(points), np.stack(quantiles)

    def _judged(self, series: Series, rolled: _Rolled) -> Backtest:
        codec, steps, origins = self.codecs, rolled.steps, rolled.origins
        scale, point, quantiles = steps.scale, rolled.point, rolled.quantiles
        margins = np.broadcast_to(self.margins[0], point.shape)
        low, high = quantiles[:, :, 0], quantiles[:, :, -1]
        if self.config.forecast.adaptive:
            found = conformal.scores(low, high, rolled.truth)
            margins = conformal.follow(found, self.margins[0], self.rates[0], self.coverage)
        lower = codec.backward(np.minimum(low - margins, point), scale)
        upper = codec.backward(np.maximum(high + margins, point), scale)
        values = filled(series.values)
        naive = np.repeat(values[origins, None], self.horizon, axis=1)
        linear = steps.z[origins, None] + self._linear_alone(steps, origins)
        return Backtest(
            truth=_windows(series.values, origins, self.horizon),
            points={
                "model": codec.backward(point, scale),
                "naive": naive,
                "seasonal": _seasonal(values, origins, self.horizon, codec.season),
                "linear": codec.backward(linear, scale),
            },
            lower=lower,
            upper=upper,
            spread=np.full(len(origins), scale.spread),
            step=np.full(len(origins), _change(values[: max(series.start, 2)])),
            coverage=self.coverage,
            season=codec.season,
            series=(series.name,) * len(origins),
        )

    def _linear_alone(self, steps: Steps, origins: NDArray[np.int64]) -> Floats:
        """The linear branch by itself; a model of blocks repeats its last step."""
        found = self.codecs.linear_inputs(steps, origins) @ self.linear
        places = np.minimum(np.arange(self.horizon), self.block - 1)
        return np.asarray(found[:, places])


def levels_of(coverage: float) -> tuple[float, ...]:
    """Return the levels that the network learns, rising, symmetric, the interval's outermost."""
    end = round((1 - coverage) / 2, 6)
    inner = [level for level in LEVELS if end < level < 1 - end]
    return tuple(sorted({end, round(1 - end, 6), *inner}))


def _windows(values: Floats, origins: NDArray[np.int64], horizon: int) -> Floats:
    """Return the `horizon` values after each origin, (origins, horizon)."""
    return np.asarray(values[origins[:, None] + np.arange(1, horizon + 1)])


def _seasonal(values: Floats, origins: NDArray[np.int64], horizon: int, season: int) -> Floats:
    """Return the value of the last season at the same place, (origins, horizon)."""
    ahead = np.arange(1, horizon + 1)
    back = season * np.ceil(ahead / season).astype(np.int64)
    place = origins[:, None] + ahead - back
    return np.asarray(np.where(place >= 0, values[np.maximum(place, 0)], values[origins, None]))


def _change(values: Floats) -> float:
    """Return the mean change from one step to the next."""
    return float(np.abs(np.diff(values)).mean()) or 1.0
