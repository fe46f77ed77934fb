"""Series to its future."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.config import Config
from seqmap.errors import DataError
from seqmap.tasks.base import Task
from seqmap.tasks.numbers import number_schema

if TYPE_CHECKING:
    # Reading files drags half of the standard library in; a deployed model may never read one.
    from seqmap.data import ReadOptions
    from seqmap.data.series import Series, SeriesDataset

LEVELS = (0.1, 0.25, 0.75, 0.9)
"""Quantiles that are answered beside the ends of the interval."""


@dataclass(frozen=True)
class Known:
    """What is known of all series of the training file: the names of the covariates."""

    covariates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forecast:
    """The answer for one series.

    Attributes:
        series: Its name.
        times: When each step is, ISO 8601; empty for a series without times.
        values: What is expected at each step.
        lower: Lower end of the interval at each step.
        upper: Upper end.
        coverage: Share of the truth that the intervals are made to hold.
        quantiles: Further quantiles at each step, by their level.
    """

    series: str
    times: tuple[str, ...]
    values: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    coverage: float
    quantiles: dict[str, tuple[float, ...]]


class ForecastTask(Task):
    """Series → its next steps."""

    name = "forecast"
    headline = ("mse", "coverage")
    mapping = "series → its future"

    def config(self) -> Config:
        """Return defaults for series: a small network that only looks back."""
        return Config().replace(
            encoder__hidden=48,
            encoder__direction="forward",
            head__dropout=0.2,
            train__epochs=30,
            train__batch_size=8,
            train__learning_rate=2e-3,
            train__average=0.99,
            train__patience=6,
            train__holdout=0.2,
            train__precision="fp32",
            wide__kind="none",
        )

    def read(self, path: str, options: ReadOptions) -> SeriesDataset:
        """Read series."""
        from seqmap.data.series import read_series

        return read_series(path, options)

    def targets(self, dataset: Any) -> Known:
        """Return the names of the covariates."""
        return Known(dataset.layout.covariates)

    def check_trainable(self, dataset: Any) -> None:
        """Refuse series that are too short, constant, or no matter for one model."""
        from seqmap.tasks.series_input import check_together

        check_together(dataset.examples, path=dataset.path)
        longest = max(dataset.examples, key=len)
        if len(longest) < 20:
            raise DataError(
                "the series is too short to learn from",
                path=dataset.path,
                given=f"{len(longest)} steps",
                allowed="at least 20",
            )
        if all(np.nanstd(one.values) == 0 for one in dataset.examples):
            raise DataError("the series never changes", path=dataset.path, given=longest.name)

    def conform(self, other: Any, train: Any) -> Any:
        """Find where the training data ends in another part; put its end in front of the part."""
        from seqmap.data.series import on_clock

        clock = train.examples[0].clock
        other = replace(other, examples=tuple(on_clock(one, clock) for one in other.examples))
        known = {one.name: one for one in train.examples}
        if len(train.examples) == len(other.examples) == 1:
            known = {other.examples[0].name: train.examples[0]}
        if other.layout.covariates != train.layout.covariates:
            raise DataError(
                "the covariates are not those of the training data",
                path=other.path,
                given=", ".join(other.layout.covariates) or "none",
                allowed=", ".join(train.layout.covariates) or "none",
            )
        found = [_after(one, known.get(one.name)) for one in other.examples]
        if all(one.start >= len(one) for one in found):
            raise DataError("nothing in it comes after the training data", path=other.path)
        return replace(other, examples=tuple(found))

    def check_known(self, dataset: Any, codecs: Any) -> None:
        """Refuse series that lack the covariates of the training."""
        if dataset.layout.covariates != codecs.covariates:
            raise DataError(
                "the covariates are not those of the training data",
                path=dataset.path,
                given=", ".join(dataset.layout.covariates) or "none",
                allowed=", ".join(codecs.covariates) or "none",
            )

    def hold_out(
        self, examples: Sequence[Series], share: float
    ) -> tuple[Sequence[Series], Sequence[Series]]:
        """Split off the last part of each series; it still sees what lies before."""
        fitting, choosing = [], []
        for one in examples:
            end = len(one) - max(int(round(share * (len(one) - one.start))), 1)
            if end - one.start < 10:
                continue
            fitting.append(replace(one, values=one.values[:end], covariates=one.covariates[:end]))
            choosing.append(replace(one, start=end))
        if not fitting:
            raise DataError("the series are too short to hold a part out")
        return fitting, choosing

    def inspect(
        self, train: Sequence[Series], dev: Sequence[Series], test: Sequence[Series] | None
    ) -> tuple[str, ...]:
        """Say how many steps each part has, and how many are missing."""
        lines = []
        for name, part in (("train", train), ("dev", dev), ("test", test)):
            if part is None:
                continue
            steps = sum(len(one) - one.start for one in part)
            gone = sum(int(np.isnan(one.values[one.start :]).sum()) for one in part)
            missing = f", {gone:,} missing ({gone / max(steps, 1):.1%})" if gone else ""
            lines.append(f"{name}: {steps:,} steps of {len(part)} series{missing}")
        return tuple(lines)

    def memory(self, dataset: Any, options: ReadOptions) -> dict[str, Any]:
        """Return the columns of the training file, and where its series end."""
        return {
            "columns": dataset.layout.columns,
            "ends": {
                one.name: {"tick": int(one.ticks[-1]), "steps": len(one), "values": digest(one)}
                for one in dataset.examples
            },
        }

    def recall(
        self,
        path: str,
        options: ReadOptions,
        memory: Mapping[str, Any] | None,
        *,
        labelled: bool,
    ) -> ReadOptions:
        """Take the training file's columns for what is left open."""
        columns = (memory or {}).get("columns") or {}
        found: dict[str, Any] = {}
        for name, value in columns.items():
            if value is not None and getattr(options, name) is None:
                found[name] = tuple(value) if isinstance(value, list) else value
        return replace(options, **found)

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a forecaster must not be trusted with."""
        forecast = manifest["config"]["forecast"]
        return (
            "It goes on as the series went so far; what never happened is not foreseen.",
            f"Intervals hold {forecast['coverage']:.0%} in the long run, not of any one week.",
            f"Errors were measured up to {forecast['horizon']} steps ahead; further ones grow.",
        )

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of a series."""
        return {
            "type": "object",
            "required": ["values"],
            "properties": {
                "values": {
                    "type": "array",
                    "items": number_schema(missing=True),
                    "contains": number_schema(),
                },
                "times": {"type": "array", "items": {"type": "string"}},
                "covariates": {
                    "type": "array",
                    "items": {"type": "array", "items": number_schema(missing=True)},
                },
                "name": {"type": "string"},
            },
        }

    def input_from(self, value: Any) -> Any:
        """Return the series that is given as `{"values": […], "times": […], …}`.

        Raises:
            UserError: It is no such object.
        """
        from seqmap.tasks.series_input import series_of

        return series_of(value)

    def inputs(self, path: str, options: ReadOptions) -> Iterator[Series]:
        """Read the series whose future is asked for."""
        from seqmap.data.series import read_series

        return iter(read_series(path, options).examples)

    def line(self, answer: Forecast) -> str:
        """Return a line a step: series, time, value, both ends of the interval, by tabs."""
        places = answer.times or tuple(f"+{k + 1}" for k in range(len(answer.values)))
        rows = zip(places, answer.values, answer.lower, answer.upper, strict=True)
        return "\n".join(
            f"{answer.series}\t{place}\t{value:.6g}\t{low:.6g}\t{high:.6g}"
            for place, value, low, high in rows
        )


def digest(series: Series) -> str:
    """Return what tells whether other values begin with these."""
    return hashlib.sha256(np.ascontiguousarray(series.values).tobytes()).hexdigest()[:32]


def _after(part: Series, train: Series | None) -> Series:
    """Mark where the training data ends in a part; lay its end before a part that goes on."""
    if train is None or train.clock != part.clock:
        return part
    if part.clock.unit == "step":
        size = len(train)
        begins = len(part) > size and np.array_equal(
            part.values[:size], train.values, equal_nan=True
        )
        return replace(part, start=size) if begins else part
    step = part.clock.step
    ahead = (part.begin - train.begin) // step
    if ahead == len(train):
        return replace(
            part,
            values=np.concatenate([train.values, part.values]),
            covariates=np.concatenate([train.covariates, part.covariates]),
            begin=train.begin,
            start=len(train),
        )
    return replace(
        part,
        start=max(part.start, min(len(part), len(train) - ahead))
        if ahead < len(train)
        else part.start,
    )


def after_training(part: Series, ends: Mapping[str, Any]) -> Series:
    """Mark where the training data of a model ends in a series, by what the model remembers."""
    end = ends.get(part.name) or (next(iter(ends.values())) if len(ends) == 1 else None)
    if end is None or part.start:
        return part
    if part.clock.unit == "step":
        size = int(end["steps"])
        seen = (
            len(part) > size and digest(replace(part, values=part.values[:size])) == end["values"]
        )
        return replace(part, start=size) if seen else part
    start = (int(end["tick"]) - part.begin) // part.clock.step + 1
    return replace(part, start=min(max(start, 0), len(part)))
