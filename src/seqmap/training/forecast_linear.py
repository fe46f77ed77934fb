"""The linear branch of a forecaster on given series: its scale, window and penalties by dev."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series import SeriesCodec
from seqmap.codecs.series_scale import find_season
from seqmap.config import Config
from seqmap.data.series import Series
from seqmap.errors import DataError
from seqmap.tasks.forecast import Known
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
        DataError: The series are too short, or have no logarithms.
    """
    settings = config.forecast
    season = settings.season or find_season(fitting)
    longest = max(map(len, fitting))
    if longest <= settings.horizon + 2:
        raise DataError(
            "the series are shorter than the horizon",
            given=f"{longest} steps",
            remedy=f"Use --set forecast.horizon={max(longest // 4, 1)}",
        )
    positive = all(np.nanmin(one.values) > 0 for one in (*fitting, *choosing))
    if settings.scale == "log" and not positive:
        raise DataError("logarithms need values above zero", remedy="Use forecast.scale=linear")
    scales = {"auto": (False, True) if positive else (False,), "log": (True,), "linear": (False,)}
    tried = [
        _attempt(fitting, choosing, known, config, season, window, log)
        for log in scales[settings.scale]
        for window in _window_choices(settings.window, season, longest)
    ]
    return min(tried, key=lambda one: one[0])[1]


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
        raise DataError(
            "too few steps for the horizon",
            given=f"horizon {config.forecast.horizon}, dev {len(choosing[0]) - choosing[0].start}",
            remedy="Use a shorter forecast.horizon, or a larger train.holdout",
        )
    linear = fit_linear(codec, rows, dev)
    found = dev.inputs(codec) @ linear.weights
    error, begin = 0.0, 0
    for one, origins, target in zip(dev.steps, dev.origins, dev.targets, strict=True):
        z = one.z[origins, None]
        size = len(origins)
        if not size:
            continue
        truth = codec.backward(z + target, one.scale)
        answer = codec.backward(z + found[begin : begin + size], one.scale)
        error += float(np.nanmean(((truth - answer) / one.scale.spread) ** 2)) * size
        begin += size
    note = (
        f"season {season}, linear window {window}"
        + f", penalties {', '.join(f'{penalty:g}' for penalty in linear.penalties)}"
        + (", logarithms" if log else "")
        + f": dev error {linear.cost:.4f} of the naive unit"
    )
    return error / max(begin, 1), Prepared(codec, rows, dev, linear, note)


def block_of(config: Config) -> int:
    """Return how many steps are forecast at once."""
    return min(config.forecast.block or config.forecast.horizon, config.forecast.horizon)
