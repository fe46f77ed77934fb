"""An estimator over the same training and the same deployed forecaster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqmap.config import Config
from seqmap.data.clock import Times, parse_times, zone_of
from seqmap.data.series import Series, even_series
from seqmap.errors import DataError, UserError
from seqmap.fitted import SessionEstimator
from seqmap.runtime.forecast import ForecastSession
from seqmap.runtime.forecast_stream import ForecastStream
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.forecast import Forecast, Known
from seqmap.training import Epoch, train


class Forecaster(SessionEstimator[ForecastSession]):
    """Series → its future, with intervals.

    Args:
        horizon: Steps ahead.
        coverage: Share of the truth that the intervals shall hold.
        season: Steps after which a pattern repeats; 0 finds out.
        hidden: Units of the LSTM.
        epochs: At most this many passes over the data.
        seed: Seed of initialisation, order and dropout.
        config: Further settings, as nested dicts or dotted keys.
        verbose: Print a line an epoch to stderr.

    Attributes:
        history_: One entry an epoch.
    """

    def __init__(
        self,
        *,
        horizon: int = 24,
        coverage: float = 0.9,
        season: int = 0,
        hidden: int = 48,
        epochs: int = 30,
        seed: int = 42,
        config: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.horizon = horizon
        self.coverage = coverage
        self.season = season
        self.hidden = hidden
        self.epochs = epochs
        self.seed = seed
        self.config = config
        self.verbose = verbose

    def fit(
        self,
        y: ArrayLike | Mapping[str, ArrayLike] | Sequence[Series],
        *,
        times: ArrayLike | None = None,
        covariates: ArrayLike | None = None,
    ) -> Self:
        """Train on one series, or on several by their names; the last part of each is held out.

        Args:
            y: Values (time,), a dict of them, or what `seqmap.data.series.read_series` gives.
            times: When each value is, (time,), sorted and evenly spaced; of one series.
            covariates: (time, covariates), known up to the present; of one series.

        Raises:
            UserError: The series or the settings cannot be used.
        """
        series = _series(y, times, covariates)
        width = series[0].covariates.shape[1]
        trained = train(
            find_task("forecast"),
            series,
            config=self._configuration(),
            targets=Known(tuple(f"covariate {k}" for k in range(width))),
            watch=self._watch(),
        )
        self.session_ = ForecastSession(trained.archive)
        self.history_: tuple[Epoch, ...] = trained.history
        self.series_ = series
        return self

    def predict(
        self, y: ArrayLike | Mapping[str, ArrayLike] | Sequence[Series] | None = None
    ) -> list[Forecast]:
        """Forecast what follows each series; without any, what follows those of the training."""
        return self._fitted().predict(self.series_ if y is None else _series(y, None, None))

    def backtest(self, y: ArrayLike | Mapping[str, ArrayLike] | Sequence[Series]) -> Evaluation:
        """Measure forecasts from every step after the training values, beside plain forecasts.

        Args:
            y: The training series, and what came after.
        """
        return self._fitted().evaluate(_series(y, None, None))

    def stream(self, series: str | None = None) -> ForecastStream:
        """Return a stream that goes on after the training series."""
        session = self._fitted()
        found = [one for one in self.series_ if series in (None, one.name)]
        if len(found) != 1:
            names = [one.name for one in self.series_]
            raise UserError("a stream is of one series", given=series, allowed=names[:10])
        return session.follow(found[0])

    def _configuration(self) -> Config:
        base = (
            find_task("forecast")
            .config()
            .replace(
                forecast__horizon=self.horizon,
                forecast__coverage=self.coverage,
                forecast__season=self.season,
                encoder__hidden=self.hidden,
                train__epochs=self.epochs,
                train__seed=self.seed,
            )
        )
        return self._adjusted(base)


def _series(y: Any, times: ArrayLike | None, covariates: ArrayLike | None) -> list[Series]:
    if isinstance(y, Mapping):
        if times is not None or covariates is not None:
            raise UserError("times and covariates go with one series")
        return [_one(values, str(name), None, None) for name, values in y.items()]
    if isinstance(y, Sequence) and len(y) and isinstance(y[0], Series):
        if times is not None or covariates is not None:
            raise UserError("a Series holds its own times and covariates")
        if not all(isinstance(one, Series) for one in y):
            raise UserError("of several series each is a Series")
        return list(y)
    return [_one(y, "y", times, covariates)]


def _one(
    values: ArrayLike, name: str, times: ArrayLike | None, covariates: ArrayLike | None
) -> Series:
    found = _numbers(values, "a series consists of numbers")
    if found.ndim != 1:
        raise DataError("a series is a row of numbers", given=f"shape {found.shape}")
    given = np.zeros((len(found), 0))
    if covariates is not None:
        given = _numbers(covariates, "covariates are numbers")
        given = given[:, None] if given.ndim == 1 else given
    if times is None:
        return even_series(name, found, given, None)
    when, zone = _times(times)
    return even_series(name, found, given, when, zone=zone)


def _numbers(values: ArrayLike, problem: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(problem, given=type(values).__name__) from None


def _times(times: Any) -> tuple[Times, int | None]:
    """Return times, and the minutes that they are written ahead of UTC: as files may write them."""
    try:
        cells = list(times) if np.ndim(times) == 1 else []
        zoned = bool(cells) and getattr(cells[0], "tzinfo", None) is not None
        if cells and (zoned or isinstance(cells[0], str)):
            found = parse_times(cells)
            if found is not None and not np.isnat(found).any():
                return found, zone_of(cells, found)
        return np.asarray(times, dtype="datetime64[s]"), None
    except (TypeError, ValueError):
        raise DataError(
            "not a time, or not written as the others are",
            given=times,
            allowed="such as 2024-01-31, 2024-01-31 23:00, 31.01.2024",
        ) from None
