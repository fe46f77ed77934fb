"""A deployed forecaster: predict, backtest, stream."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series import SeriesCodec
from seqmap.codecs.series_scale import Scale
from seqmap.data.clock import Clock
from seqmap.data.series import on_clock
from seqmap.errors import DataError, UserError
from seqmap.runtime import conformal
from seqmap.runtime.archive import Archive
from seqmap.runtime.forecast_backtest import backtest, rolled
from seqmap.runtime.forecast_stream import ForecastStream
from seqmap.runtime.ops.weights import take
from seqmap.runtime.session import Session
from seqmap.runtime.vectors import build_vector_encoder
from seqmap.runtime.wishes import Wish
from seqmap.tasks.backtest import Backtest, evaluation_of
from seqmap.tasks.base import Evaluation
from seqmap.tasks.forecast import LEVELS, Forecast, ForecastTask
from seqmap.tasks.series_input import moment_of, series_of

if TYPE_CHECKING:
    from seqmap.data.series import Series
    from seqmap.runtime.live.values import SeriesLive

Floats = NDArray[np.float64]


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
        return backtest(self, examples)

    def stream(
        self, state: bytes | None = None, *, series: str | None = None, time: Any = None
    ) -> ForecastStream:
        """Begin a stream of values, in constant time and memory a step.

        Args:
            state: What `ForecastStream.to_bytes` gave, to go on from there.
            series: Whose scale to take; needed where the model knows several series.
            time: When the first value is, for a model that knows times; without it the answers
                tell none.

        Raises:
            UserError: There is no such series, or the time is none.
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
        clock, tick = Clock(), 0
        if time is not None and self.codecs.clock.unit != "step":
            when, zone = moment_of(time)
            clock = self.codecs.clock.like(when, zone)
            tick = int(clock.ticks(when)[0])
        stream = ForecastStream(self, str(series), self.codecs.scales[str(series)], tick, clock)
        if state is not None:
            stream.load(state)
        return stream

    def follow(self, history: Series) -> ForecastStream:
        """Begin a stream after a history: any series, known or not."""
        history = self.checked(history)
        scale = self.codecs.scale(history)
        stream = ForecastStream(self, history.name, scale, history.begin, history.clock)
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

    def input_from(self, value: Any) -> Series:
        """Return the series that is given as a value of JSON, on the model's steps if it fits.

        Raises:
            UserError: It is none.
        """
        return series_of(value, self.codecs.clock)

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

    def checked(self, series: Any) -> Series:
        """Return a series that this model can read.

        Raises:
            UserError, DataError: It is none, or has other covariates, steps or no value.
        """
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
        found = on_clock(found, clock)
        if found.clock != clock and found.clock.unit != "step":
            raise DataError(
                "the steps of the series are not those of the training data",
                given=found.clock.describe(),
                allowed=clock.describe(),
            )
        return found

    def _forecast(self, series: Any) -> Forecast:
        one = self.checked(series)
        if self.block < self.horizon:
            return self.follow(one).forecast()
        steps = self.codecs.read(one)
        at = np.array([len(one) - 1])
        states = self.encoder.states([steps.features])[0][at]
        point, quantiles = self.answers(states, self.codecs.linear_inputs(steps, at))
        return self.finished(
            one.name, steps.scale, steps.z[-1], point[0], quantiles[0], self.margins,
            one.texts_after(self.horizon),
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
        times: tuple[str, ...],
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
            times=times,
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
            rows = rolled(self, self.checked(one))
            if rows is None:
                continue
            for k in range(len(self.pairs)):
                low, high = rows.quantiles[:, :, k], rows.quantiles[:, :, -1 - k]
                found[k].append(conformal.scores(low, high, rows.truth))
        if not found[0]:
            raise DataError("too few steps for the horizon", given=f"horizon {self.horizon}")
        return [np.concatenate(parts) for parts in found]


def levels_of(coverage: float) -> tuple[float, ...]:
    """Return the levels that the network learns, rising, symmetric, the interval's outermost."""
    end = round((1 - coverage) / 2, 6)
    inner = [level for level in LEVELS if end < level < 1 - end]
    return tuple(sorted({end, round(1 - end, 6), *inner}))
