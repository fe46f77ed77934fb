"""Series and signals that go on: a forecast after each value, an early answer after each step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.errors import UserError
from seqmap.runtime.live.base import Live, Record
from seqmap.tasks.series_input import numbers_of

if TYPE_CHECKING:
    from seqmap.data.series import Series
    from seqmap.runtime.forecast import ForecastSession
    from seqmap.runtime.forecast_stream import ForecastStream
    from seqmap.runtime.signal import SignalSession

_STEPS = 60
"""Answers to a series or signal that is there already, at most."""


class SeriesLive(Live):
    """A series that goes on: the first piece is its past, each later one its next value.

    Args:
        session: The model.
        horizon: Steps to look ahead; None means the model's own.
    """

    def __init__(self, session: ForecastSession, horizon: int | None = None) -> None:
        self._session, self._horizon = session, horizon
        self._stream: ForecastStream | None = None

    def pieces(self, value: Any) -> Iterable[Series]:
        """Cut a series: a past of half of it at least, then value by value."""
        series: Series = self._session.input_from(value)
        begin = max(len(series) - _STEPS, len(series) // 2, 1)
        yield series.cut(0, begin)
        for place in range(begin, len(series)):
            yield series.cut(place, place + 1)

    def feed(self, piece: Any) -> Iterator[Record]:
        """Take a past, or what comes next; yields a forecast.

        Args:
            piece: A number, None where one is missing, a list of them, `{"values": …}`, a series.

        Raises:
            UserError: It is none of these.
        """
        if isinstance(piece, str | bytes):
            raise UserError("a series is made of numbers", given=type(piece).__name__)
        if piece is None or isinstance(piece, int | float):
            piece = [piece]
        if isinstance(piece, list):
            piece = {"values": piece}
        if self._stream is None:
            series = self._session.input_from(piece) if isinstance(piece, dict) else piece
            self._stream = self._session.follow(series)
        else:
            for value, more in zip(*self._next(piece), strict=True):
                self._stream.feed(value, more)
        yield self.result()

    def _next(self, piece: Any) -> tuple[list[float], list[list[float]]]:
        """Return values and covariates of what comes next: here all of them may be missing."""
        if isinstance(piece, dict):
            given = piece.get("values")
            if isinstance(given, list) and given and all(value is None for value in given):
                values, covariates = numbers_of(piece)
                if len(covariates) != len(values):
                    raise UserError(
                        "values and covariates differ in number",
                        given=f"{len(values)} and {len(covariates)}",
                    )
                return values.tolist(), covariates.tolist()
            piece = self._session.input_from(piece)
        return piece.values.tolist(), piece.covariates.tolist()

    def result(self) -> Record:
        """Return the forecast from where the series is now."""
        if self._stream is None:
            raise UserError("a series needs a value before it can be forecast")
        return self._session.task.record(self._stream.forecast(self._horizon))


class SignalLive(Live):
    """A signal that comes in: early answers.

    Args:
        session: The model.

    Raises:
        UserError: The model needs the whole signal.
    """

    def __init__(self, session: SignalSession) -> None:
        self._session = session
        self._stream = session.stream()

    def pieces(self, value: Any) -> Iterable[Any]:
        """Cut a signal into pieces of some steps."""
        steps = self._session.input_from(value)
        size = max(1, -(-len(steps) // _STEPS))
        return (steps[begin : begin + size] for begin in range(0, len(steps), size))

    def feed(self, piece: Any) -> Iterator[Record]:
        """Take steps, a list of channels each; yields the answer so far."""
        steps = piece if isinstance(piece, np.ndarray) else self._session.input_from(piece)
        for step in steps:
            self._stream.feed(step)
        yield self.result()

    def result(self) -> Record:
        """Return the answer so far."""
        if not self._stream.steps:
            raise UserError("a signal needs a step before it can be answered")
        return self._session.task.record(self._stream.result())
