"""Signal to label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.labels import LabelCodec
from seqmap.codecs.series_scale import filled
from seqmap.config import Config
from seqmap.errors import DataError, UserError
from seqmap.tasks.classify import Classify, LabelSet
from seqmap.tasks.numbers import number_schema, table_of

if TYPE_CHECKING:
    from seqmap.data import ReadOptions
    from seqmap.data.signals import Signal, SignalDataset

_CLIP = 6.0


@dataclass(frozen=True)
class SignalCodec:
    """What turns recordings into features: each channel and its change, scaled.

    Attributes:
        mean: Of each channel.
        spread: Standard deviation of each channel.
        change: Root mean square of each channel's change from step to step.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    change: tuple[float, ...]

    @classmethod
    def fit(cls, signals: Sequence[Signal]) -> SignalCodec:
        """Measure training signals."""
        whole = np.concatenate([one.values for one in signals]).astype(np.float64)
        steps = [np.diff(one.values.astype(np.float64), axis=0) for one in signals]
        changes = np.concatenate([*steps, np.zeros((1, whole.shape[1]))])

        def measured(values: NDArray[Any]) -> tuple[float, ...]:
            return tuple(np.where(values > 1e-9, values, 1.0).tolist())

        with np.errstate(all="ignore"):
            mean = np.nan_to_num(np.nanmean(whole, axis=0))
            spread = np.nan_to_num(np.nanstd(whole, axis=0))
            change = np.nan_to_num(np.sqrt(np.nanmean(changes**2, axis=0)))
        return cls(tuple(mean.tolist()), measured(spread), measured(change))

    @property
    def size(self) -> int:
        """Features of a step."""
        return 2 * len(self.mean)

    def encode(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Turn a recording, (time, channels), into features, (time, size).

        Raises:
            DataError: It has other channels than the training's.
        """
        self.check(values)
        if not len(values):
            return np.zeros((0, self.size), np.float32)
        mean = np.array(self.mean)
        columns = [filled(c, start=m) for c, m in zip(values.T.astype(float), mean, strict=True)]
        x = np.stack(columns, axis=1)
        if np.isinf(x).any():
            raise DataError("a value of a signal is finite", given="inf")
        level = (x - mean) / np.array(self.spread)
        change = np.diff(x, axis=0, prepend=x[:1]) / np.array(self.change)
        found = np.concatenate([level, change], axis=1)
        return np.asarray(np.clip(found, -_CLIP, _CLIP), dtype=np.float32)

    def check(self, values: NDArray[Any]) -> None:
        """Refuse a recording with other channels than the training's.

        Raises:
            DataError: It has.
        """
        if values.ndim != 2 or values.shape[1] != len(self.mean):
            raise DataError(
                "a signal needs the channels of the training",
                given=f"shape {values.shape}",
                allowed=f"(time, {len(self.mean)})",
            )


@dataclass(frozen=True)
class SignalCodecs:
    """The two sides of the mapping."""

    source: SignalCodec
    target: LabelCodec
    multi: bool = False


class SignalTask(Classify):
    """Signal → label; on the command line it is `classify`, told by the kind of file."""

    name = "signal"
    headline = ("accuracy", "macro_f1")
    mapping = "signal → label"

    @property
    def word(self) -> str:
        """What it is called on the command line."""
        return "classify"

    def config(self) -> Config:
        """Return defaults for signals."""
        return Config().replace(
            encoder__hidden=64,
            head__dropout=0.3,
            wide__kind="none",
            train__epochs=60,
            train__batch_size=16,
            train__average=0.99,
            train__patience=60,
            train__holdout=0.15,
            train__precision="fp32",
        )

    def read(self, path: str, options: ReadOptions) -> Any:
        """Read labelled signals."""
        from seqmap.data.signals import read_signals

        return read_signals(path, options)

    def targets(self, dataset: Any) -> LabelSet:
        """Return the labels."""
        return LabelSet(dataset.label_names)

    def conform(self, other: Any, train: Any) -> Any:
        """Refuse labels and channels that training does not see."""
        _check(other, train.label_names, "the training data does not have this label")
        width = train.examples[0].values.shape[1]
        if other.examples[0].values.shape[1] != width:
            raise DataError(
                "the channels are not those of the training data",
                path=other.path,
                given=other.examples[0].values.shape[1],
                allowed=str(width),
            )
        return other

    def check_known(self, dataset: Any, codecs: Any) -> None:
        """Refuse labels that a model does not know."""
        _check(dataset, tuple(codecs.target.names), "the model does not know this label")

    def inspect(
        self, train: Sequence[Any], dev: Sequence[Any], test: Sequence[Any] | None
    ) -> tuple[str, ...]:
        """Count recordings, steps and classes."""
        lines = []
        for name, part in (("train", train), ("dev", dev), ("test", test)):
            if part is not None:
                steps = sum(len(one.values) for one in part)
                classes = len({label for one in part for label in one.labels})
                lines.append(
                    f"{name}: {len(part):,} recordings, {steps:,} steps, {classes} classes"
                )
        return tuple(lines)

    def memory(self, dataset: Any, options: ReadOptions) -> dict[str, Any]:
        """Return the columns that were named."""
        names = ("series_column", "label_column", "format")
        return {name: getattr(options, name) for name in names}

    def recall(
        self,
        path: str,
        options: ReadOptions,
        memory: Mapping[str, Any] | None,
        *,
        labelled: bool,
    ) -> ReadOptions:
        """Take the training file's columns for what is left open."""
        known = {k: v for k, v in (memory or {}).items() if getattr(options, k) is None}
        return replace(options, **known)

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a classifier of signals must not be trusted with."""
        return (
            f"Every signal gets one of {len(manifest['target']['labels'])} labels, one on anything "
            "else too.",
            "Channels must come in the order, units and rate of the training.",
            "Probabilities hold for signals like those of training; elsewhere they are too sure.",
        )

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of a signal: steps of channels."""
        numbers = {"type": "array", "items": number_schema(missing=True)}
        return {"type": "array", "minItems": 1, "items": numbers}

    def input_from(self, value: Any) -> Any:
        """Return a signal that is given as steps of channels; null where a value is missing."""
        found = table_of(value)
        if found is None or not len(found):
            raise UserError("a signal is a list of steps, each a list of channels")
        return found.astype(np.float32)

    def inputs(self, path: str, options: ReadOptions) -> Iterator[Any]:
        """Read the signals of a file."""
        from seqmap.data.signals import read_signals

        return (one.values for one in read_signals(path, options, labelled=False).examples)

    def input_of(self, text: str) -> str:
        """Refuse a text."""
        raise DataError("a model of signals does not answer a text", remedy="Give a FILE")

    def signal_state(self, codecs: SignalCodecs) -> dict[str, Any]:
        """Return manifest entries that `restore_signal` reads."""
        return {"source": asdict(codecs.source), "target": {"labels": list(codecs.target.names)}}

    def restore_signal(self, manifest: Mapping[str, Any]) -> SignalCodecs:
        """Rebuild the codecs from a manifest."""
        kept = {name: tuple(map(float, v)) for name, v in manifest["source"].items()}
        return SignalCodecs(SignalCodec(**kept), LabelCodec(tuple(manifest["target"]["labels"])))


def _check(dataset: SignalDataset, known: Sequence[str], problem: str) -> None:
    for one in dataset.examples:
        for label in one.labels:
            if label not in known:
                raise DataError(
                    problem,
                    path=dataset.path,
                    line=one.line or None,
                    given=label,
                    allowed=", ".join(known[:12]),
                )
