"""A series that arrives value by value: each costs the same, however long it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.series_reader import Reader
from seqmap.codecs.series_scale import Scale
from seqmap.data.clock import Clock
from seqmap.errors import ArchiveError, DataError
from seqmap.runtime import conformal
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.tasks.forecast import Forecast

if TYPE_CHECKING:
    from seqmap.runtime.forecast import ForecastSession

Floats = NDArray[np.float64]


class ForecastStream:
    """One series through a model.

    `feed` takes a value and carries the state on. `forecast` looks ahead from there. Where
    intervals are adaptive, the forecasts that were asked for are judged as their steps come.

    Args:
        session: The model.
        series: Name of the series.
        scale: How it is scaled.
        tick: Of the first value.
        clock: What tells the times of the answers; None for answers without times.
    """

    def __init__(
        self,
        session: ForecastSession,
        series: str,
        scale: Scale,
        tick: int,
        clock: Clock | None = None,
    ) -> None:
        self.series = series
        self._clock = clock or Clock()
        self._session = session
        self._reader = Reader(session.codecs, scale, tick)
        self._network = session.encoder.stream()
        self._state = np.zeros(session.encoder.width, np.float32)
        self._margins = session.margins.copy()
        # Ends of the intervals that wait for the truth: (horizon, pairs, horizon), by their origin.
        shape = (session.horizon, len(session.pairs), session.horizon)
        self._low = np.full(shape, np.nan)
        self._high = np.full(shape, np.nan)
        self._waiting = 0

    @property
    def steps(self) -> int:
        """How many values were read so far."""
        return self._reader.count

    def feed(self, value: float, covariates: Sequence[float] = ()) -> None:
        """Take the next value; NaN or None where it is missing.

        Raises:
            DataError: It is infinite, not above zero where logarithms are forecast, or lacks its
                covariates.
        """
        if value is None:
            value = float("nan")
        if value in (float("inf"), float("-inf")):
            raise DataError("a value of a series is finite", given=value)
        self._network.input[:] = self._reader.step(value, covariates)
        self._state = self._network.step()
        if self._waiting:
            self._judge(value)

    def forecast(self, horizon: int | None = None) -> Forecast:
        """Look ahead; beyond the model's horizon it goes on recursively.

        Raises:
            DataError: Nothing was fed yet.
        """
        session, reader = self._session, self._reader
        size = session.horizon if horizon is None else horizon
        if size < 1:
            raise DataError("a forecast looks at least one step ahead", given=size)
        point, quantiles = self.ahead(size)
        if session.config.forecast.adaptive:
            self._remember(reader.last + quantiles)
        ticks = reader.tick + session.codecs.clock.step * np.arange(size, dtype=np.int64)
        return session.finished(
            self.series, reader.scale, reader.last, point, quantiles, self._margins,
            self._clock.texts(ticks),
        )  # fmt: skip

    def ahead(self, size: int) -> tuple[Floats, Floats]:
        """Return points (size,) and quantiles (size, levels), relative to the last value."""
        if not self._reader.count:
            raise DataError("a stream needs a value before it can look ahead")
        point, quantiles = self._block()
        points, levels = [point], [quantiles]
        last, fork = self._reader.last, self
        for have in range(len(point), size, len(point)):
            # What was forecast becomes the past of a fork.
            fork = self.fork() if fork is self else fork
            for step in points[-1]:
                fork._take(last + float(step))
            point, quantiles = fork._block()
            moved = fork._reader.last - last
            # Errors of the steps before add to those of the block: spreads grow as a random walk's.
            spread = np.sqrt(1 + have / np.arange(1, len(point) + 1))[:, None]
            points.append(point + moved)
            levels.append(point[:, None] + moved + spread * (quantiles - point[:, None]))
        return np.concatenate(points)[:size], np.concatenate(levels)[:size]

    def fork(self) -> ForecastStream:
        """Return a second stream that goes on from here by itself."""
        twin = ForecastStream(self._session, self.series, self._reader.scale, 0, self._clock)
        twin._reader.restore(self._reader.state())
        twin._network.restore(self._network.state())
        twin._state = np.array(self._state)
        twin._margins = self._margins.copy()
        twin._low, twin._high, twin._waiting = self._low.copy(), self._high.copy(), self._waiting
        return twin

    def to_bytes(self) -> bytes:
        """Return everything that is remembered; `session.stream(state)` goes on from it."""
        arrays = {f"network.{name}": part for name, part in self._network.state().items()}
        arrays |= {f"reader.{name}": part for name, part in self._reader.state().items()}
        arrays |= {"state": np.array(self._state), "margins": self._margins}
        arrays |= {"low": self._low, "high": self._high}
        scale = self._reader.scale
        manifest = {
            "stream": self._session.digest,
            "backend": self._session.encoder.backend,
            "series": self.series,
            "scale": {name: getattr(scale, name) for name in ("center", "unit", "mean", "spread")},
            "waiting": self._waiting,
            "clock": self._clock.to_state(),
        }
        return to_bytes(Archive(manifest, arrays))

    def load(self, state: bytes) -> None:
        """Go back to what `to_bytes` gave.

        Raises:
            ArchiveError: It is damaged, or of another model or backend.
        """
        archive = from_bytes(state)
        manifest, arrays = archive.manifest, archive.arrays
        wanted = (self._session.digest, self._session.encoder.backend)
        if (manifest.get("stream"), manifest.get("backend")) != wanted:
            raise ArchiveError("the state is not one of a stream of this model")
        try:
            self.series = str(manifest["series"])
            # States of before tell no clock: then it is the model's.
            own = manifest.get("clock")
            self._clock = self._session.codecs.clock if own is None else Clock(**own)
            self._reader.scale = Scale(**manifest["scale"])
            self._reader.restore(_part(arrays, "reader."))
            self._network.restore(_part(arrays, "network."))
            self._state = np.array(arrays["state"])
            self._margins = np.array(arrays["margins"])
            self._low, self._high = np.array(arrays["low"]), np.array(arrays["high"])
            self._waiting = int(manifest["waiting"])
        except (KeyError, TypeError, ValueError) as error:
            raise ArchiveError("the state of the stream is damaged", given=str(error)) from None

    def _take(self, z: float) -> None:
        """Take a scaled value; covariates stay as they are."""
        reader, names = self._reader, self._session.codecs.covariate_scales
        kept = [
            c * spread + mean for c, (mean, spread) in zip(reader.covariates, names, strict=True)
        ]
        self._network.input[:] = reader.step_scaled(z, False, kept)
        self._state = self._network.step()

    def _block(self) -> tuple[Floats, Floats]:
        inputs = self._reader.linear_inputs()
        point, quantiles = self._session.answers(self._state[None], inputs[None])
        return point[0], quantiles[0]

    def _remember(self, quantiles: Floats) -> None:
        """Keep the ends of the intervals until their steps have come."""
        place = self._reader.count % len(self._low)
        pairs, size = self._low.shape[1], min(len(quantiles), self._low.shape[2])
        self._low[place] = self._high[place] = np.nan
        for k in range(pairs):
            margins = self._margins[k, :size]
            self._low[place, k, :size] = quantiles[:size, k] - margins
            self._high[place, k, :size] = quantiles[:size, -1 - k] + margins
        self._waiting = self._low.shape[2]

    def _judge(self, value: float) -> None:
        """Move the margins by the forecasts of this step that were made 1 to `horizon` ago."""
        self._waiting -= 1
        session, horizon = self._session, self._low.shape[2]
        steps = np.arange(1, horizon + 1)
        places = (self._reader.count - steps) % horizon
        low, high = self._low[places, :, steps - 1].T, self._high[places, :, steps - 1].T
        due = conformal.scores(low, high, np.array(self._reader.last))
        if value != value:
            due = np.full_like(due, np.nan)
        for k, coverage in enumerate(session.pairs):
            self._margins[k] = conformal.moved(self._margins[k], due[k], session.rates[k], coverage)
        # Judged once: a place is taken again only after a whole turn.
        self._low[places, :, steps - 1] = np.nan


def _part(arrays: Any, prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): part for name, part in arrays.items() if name.startswith(prefix)
    }
