"""Forecasts from every step of a series, in one pass over it, beside plain ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series import Steps
from seqmap.codecs.series_scale import Floats, filled
from seqmap.data.series import on_clock
from seqmap.errors import DataError
from seqmap.runtime import conformal
from seqmap.runtime.forecast_stream import ForecastStream
from seqmap.tasks.backtest import Backtest
from seqmap.tasks.forecast import after_training

if TYPE_CHECKING:
    from seqmap.data.series import Series
    from seqmap.runtime.forecast import ForecastSession


@dataclass(frozen=True)
class Rolled:
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


def backtest(session: ForecastSession, examples: Sequence[Series]) -> Backtest:
    """Forecast from every step that has a horizon before it.

    Raises:
        DataError: No series is long enough, or none has a value there.
    """
    ends = (session.archive.manifest.get("input") or {}).get("ends") or {}
    parts = []
    for one in examples:
        placed = on_clock(one, session.codecs.clock)
        series = session.checked(after_training(placed, ends))
        found = rolled(session, series)
        if found is not None:
            parts.append(_judged(session, series, found))
    if not parts:
        raise DataError(
            "no series goes on for the horizon after the training data",
            given=f"horizon {session.horizon}",
        )
    if not any(np.isfinite(part.truth).any() for part in parts):
        raise DataError("after the training data every value is missing")
    names = [name for part in parts for name in part.series]

    def joined(field: str) -> Floats:
        return np.concatenate([getattr(part, field) for part in parts])

    points = {
        name: np.concatenate([part.points[name] for part in parts]) for name in parts[0].points
    }
    return Backtest(
        truth=joined("truth"),
        points=points,
        lower=joined("lower"),
        upper=joined("upper"),
        spread=joined("spread"),
        step=joined("step"),
        coverage=session.coverage,
        season=session.codecs.season,
        series=tuple(names),
    )


def origins_of(series: Series, season: int, horizon: int) -> NDArray[np.int64]:
    """Return the steps of a series that forecasts are made from: a horizon comes after each."""
    begin = max(series.start - 1, 0)
    if series.start == 0:
        # Without a past of its own the first season is only looked at.
        begin = min(max(season, 8), len(series) // 2) - 1
    return np.arange(max(begin, 0), len(series) - horizon)


def rolled(session: ForecastSession, series: Series) -> Rolled | None:
    """Forecast from every origin of a series in one pass; None where there is none."""
    origins = origins_of(series, session.codecs.season, session.horizon)
    if not len(origins):
        return None
    steps = session.codecs.read(series)
    if session.block < session.horizon:
        point, quantiles = _recursive(session, series, steps, origins)
    else:
        states = session.encoder.states([steps.features])[0][origins]
        point, quantiles = session.answers(states, session.codecs.linear_inputs(steps, origins))
    last = steps.z[origins, None]
    truth = np.where(steps.known, steps.z, np.nan)
    return Rolled(
        steps,
        origins,
        last + point,
        last[:, :, None] + quantiles,
        _windows(truth, origins, session.horizon),
    )


def _recursive(
    session: ForecastSession, series: Series, steps: Steps, origins: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Forecast block after block from a fork at each origin, relative to the last value."""
    stream = ForecastStream(session, series.name, steps.scale, series.begin)
    wanted, points, quantiles = set(origins.tolist()), [], []
    for place, value in enumerate(series.values.tolist()):
        stream.feed(value, series.covariates[place].tolist())
        if place in wanted:
            point, levels = stream.ahead(session.horizon)
            points.append(point)
            quantiles.append(levels)
    return np.stack(points), np.stack(quantiles)


def _judged(session: ForecastSession, series: Series, found: Rolled) -> Backtest:
    codec, steps, origins = session.codecs, found.steps, found.origins
    scale, point, quantiles = steps.scale, found.point, found.quantiles
    margins = np.broadcast_to(session.margins[0], point.shape)
    low, high = quantiles[:, :, 0], quantiles[:, :, -1]
    if session.config.forecast.adaptive:
        outside = conformal.scores(low, high, found.truth)
        margins = conformal.follow(outside, session.margins[0], session.rates[0], session.coverage)
    lower = codec.backward(np.minimum(low - margins, point), scale)
    upper = codec.backward(np.maximum(high + margins, point), scale)
    values = filled(series.values)
    naive = np.repeat(values[origins, None], session.horizon, axis=1)
    linear = steps.z[origins, None] + _linear_alone(session, steps, origins)
    return Backtest(
        truth=_windows(series.values, origins, session.horizon),
        points={
            "model": codec.backward(point, scale),
            "naive": naive,
            "seasonal": _seasonal(values, origins, session.horizon, codec.season),
            "linear": codec.backward(linear, scale),
        },
        lower=lower,
        upper=upper,
        spread=np.full(len(origins), scale.spread),
        # What begins after the training has no past: then its own changes are the measure.
        step=np.full(len(origins), _change(values[: series.start] if series.start > 1 else values)),
        coverage=session.coverage,
        season=codec.season,
        series=(series.name,) * len(origins),
    )


def _linear_alone(session: ForecastSession, steps: Steps, origins: NDArray[np.int64]) -> Floats:
    """The linear branch by itself; a model of blocks repeats its last step."""
    found = session.codecs.linear_inputs(steps, origins) @ session.linear
    places = np.minimum(np.arange(session.horizon), session.block - 1)
    return np.asarray(found[:, places])


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
