"""The linear branch of a forecaster on given series: its scale, window and penalties by dev."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series import SeriesCodec
from seqmap.codecs.series_scale import find_season
from seqmap.config import Config
from seqmap.data.series import Series
from seqmap.errors import DataError
from seqmap.runtime.forecast_backtest import origins_of
from seqmap.tasks.forecast import Known
from seqmap.tasks.series_input import check_together
from seqmap.training.ridge import Linear, Rows, fit_linear, refit_linear, rows_of


@dataclass(frozen=True)
class Prepared:
    """Series, their scaling and the linear branch."""

    codec: SeriesCodec
    fitting: Rows
    choosing: Rows
    linear: Linear
    note: str

    def with_held_out(self) -> NDArray[np.float64]:
        """Return the linear branch's weights on all steps, those it was chosen on included."""
        return refit_linear(self.codec, self.linear, [self.fitting, self.choosing])


def prepare(
    fitting: Sequence[Series], choosing: Sequence[Series], known: Known, config: Config
) -> Prepared:
    """Choose scale and window by what the linear branch reaches on dev.

    Raises:
        DataError: The series are too short, do not go together, or have no logarithms.
    """
    settings = config.forecast
    check_together(fitting, choosing)
    season = settings.season or find_season(fitting)
    longest = max(map(len, fitting))
    if longest <= settings.horizon + 2:
        raise DataError(
            "the series are shorter than the horizon",
            given=f"{longest} steps",
            remedy=f"Use --set forecast.horizon={max(longest // 4, 1)}",
        )
    if not any(len(origins_of(one, season, settings.horizon)) for one in choosing):
        # Also a model of blocks is measured over the whole horizon.
        raise _too_few(choosing, settings.horizon)
    positive = all(np.nanmin(one.values) > 0 for one in (*fitting, *choosing))
    if settings.scale == "log" and not positive:
        raise DataError("logarithms need values above zero", remedy="Use forecast.scale=linear")
    scales = {"auto": (False, True) if positive else (False,), "log": (True,), "linear": (False,)}
    tried = [
        _attempt(fitting, choosing, known, config, season, window, log)
        for log in scales[settings.scale]
        for window in _window_choices(settings.window, season, longest)
    ]
    return min(tried, key=lambda one: math.inf if math.isnan(one[0]) else one[0])[1]


def _too_few(choosing: Sequence[Series], horizon: int) -> DataError:
    return DataError(
        "too few steps for the horizon",
        given=f"horizon {horizon}, dev {len(choosing[0]) - choosing[0].start}",
        remedy="Use a shorter forecast.horizon, or a larger train.holdout",
    )


def _window_choices(given: int, season: int, longest: int) -> list[int]:
    if given:
        return [max(min(given, longest), 2)]
    base = 14 * season if 1 < season <= 24 else (2 * season if season > 1 else 64)
    most = max(longest // 4, 2)
    return sorted({max(min(size, most), 2) for size in (base, base // 2, base // 4, 4, season + 1)})


def _attempt(
    fitting: Sequence[Series],
    choosing: Sequence[Series],
    known: Known,
    config: Config,
    season: int,
    window: int,
    log: bool,
) -> tuple[float, Prepared]:
    """Fit the linear branch under one choice; returns its dev error in values, squared."""
    block = block_of(config)
    codec = SeriesCodec.fit(
        fitting,
        log=log,
        season=season,
        window=window,
        horizon=config.forecast.horizon,
        covariates=known.covariates,
    )
    steps = [codec.read(one) for one in fitting]
    # Windows that reach before the series are padded: they are left out where there are enough.
    first = [min(window, len(one) // 3) for one in fitting]
    spans = [(begin, len(one)) for begin, one in zip(first, fitting, strict=True)]
    dev_steps = [codec.read(one) for one in choosing]
    dev_first = [one.start or min(max(season, 8), len(one) // 2) for one in choosing]
    dev_spans = [(begin, len(one)) for begin, one in zip(dev_first, choosing, strict=True)]
    rows = rows_of(steps, spans, block)
    dev = rows_of(dev_steps, dev_spans, block)
    if not len(rows.target) or not len(dev.target):
        raise _too_few(choosing, config.forecast.horizon)
    for part, what in ((rows, "to learn from"), (dev, "to choose on")):
        if np.isnan(part.target).all():
            raise DataError(f"of the part {what} every value is missing")
    linear = fit_linear(codec, rows, dev)
    error = _dev_error(codec, dev, dev.inputs(codec) @ linear.weights)
    note = (
        f"season {season}, linear window {window}"
        + f", penalties {', '.join(f'{penalty:g}' for penalty in linear.penalties)}"
        + (", logarithms" if log else "")
        + f": dev error {linear.cost:.4f} of the naive unit"
    )
    return error, Prepared(codec, rows, dev, linear, note)


def _dev_error(codec: SeriesCodec, dev: Rows, found: NDArray[np.float64]) -> float:
    """Return the squared error in values over each series' spread, by known values.

    Args:
        codec: What scaled them.
        dev: What came.
        found: What was forecast, relative to the last value, (origins, block).
    """
    error = weight = 0.0
    begin = 0
    for one, origins, target in zip(dev.steps, dev.origins, dev.targets, strict=True):
        own = found[begin : begin + len(origins)]
        begin += len(origins)
        # In origins: without a gap as many as there are.
        known = int(np.isfinite(target).sum()) / target.shape[1]
        if not known:
            continue
        z = one.z[origins, None]
        truth, answer = (codec.backward(z + part, one.scale) for part in (target, own))
        error += float(np.nanmean(((truth - answer) / one.scale.spread) ** 2)) * known
        weight += known
    return error / weight if weight else math.nan


def block_of(config: Config) -> int:
    """Return how many steps are forecast at once."""
    return min(config.forecast.block or config.forecast.horizon, config.forecast.horizon)
