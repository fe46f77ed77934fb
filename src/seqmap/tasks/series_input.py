"""Series as they are given, checked before a model sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.data.clock import Clock, Times, parse_times, zone_of
from seqmap.errors import DataError, UserError
from seqmap.tasks.numbers import MOST, row_of, table_of

if TYPE_CHECKING:
    # Reading files drags half of the standard library in; a deployed model may never read one.
    from seqmap.data.series import Floats, Series


def series_of(value: Any, usual: Clock | None = None) -> Series:
    """Return the series that is given as `{"values": […], "times": […], …}`.

    Args:
        value: Of JSON.
        usual: The clock of the model that is asked: a few times fit many.

    Raises:
        UserError: It is no such object.
    """
    from seqmap.data.series import even_series

    values, covariates = numbers_of(value)
    given, times, zone = value.get("times"), None, None
    if given is not None and given != []:
        texts = isinstance(given, list) and all(isinstance(one, str) for one in given)
        times = parse_times(given) if texts else None
        if times is None:
            raise UserError(
                "times of a series are a list of texts, written as 2024-01-31T23:00", given=given
            )
        zone = zone_of(given, times)
    name = value.get("name", "y")
    if not isinstance(name, str):
        raise UserError("the name of a series is a text", given=name)
    return even_series(name, values, covariates, times, zone=zone, usual=usual)


def numbers_of(value: Any) -> tuple[Floats, Floats]:
    """Return values and covariates of a series given so, (time,) and (time, covariates).

    Raises:
        UserError: It is no such object.
    """
    if not isinstance(value, dict) or not isinstance(value.get("values"), list):
        raise UserError("a series is an object with values", given=type(value).__name__)
    values = row_of(value["values"])
    covariates = table_of(value.get("covariates") or [[]] * len(value["values"]))
    if values is None or covariates is None:
        raise UserError(
            "values and covariates of a series are numbers or null", allowed=f"within ±{MOST:g}"
        )
    return values, covariates


def moment_of(time: Any) -> tuple[Times, int | None]:
    """Return one time, and the minutes that it is written ahead of UTC.

    Args:
        time: A text, or what NumPy takes for a time.

    Raises:
        UserError: It is none.
    """
    found = parse_times([time])
    if found is not None and not np.isnat(found[0]):
        return found, zone_of([time], found)
    try:
        found = np.array([time], dtype="datetime64[s]")
    except (TypeError, ValueError):
        found = None
    if found is None or found.ndim > 1 or np.isnat(found[0]):
        raise UserError("not a time", given=time, allowed="such as 2024-01-31T23:00")
    return found, None


def check_together(
    series: Sequence[Series], further: Sequence[Series] = (), path: str | None = None
) -> None:
    """Refuse series that one model cannot learn: of other steps, or of the same name.

    Args:
        series: What is learned from.
        further: What is chosen on; their names may come again.
        path: The file that they are from.

    Raises:
        DataError: There are such.
    """
    name, count = Counter(one.name for one in series).most_common(1)[0]
    if count > 1:
        raise DataError("two series have the same name", path=path, given=name)
    first = series[0]
    for one in (*series, *further):
        # Series without times are read by the model's steps.
        if one.clock not in (first.clock, Clock()):
            raise DataError(
                "the series of one model have the same steps",
                path=path,
                given=f"{first.name}: {first.clock.describe()}, {one.name}: {one.clock.describe()}",
                remedy="Train a model for each kind",
            )
