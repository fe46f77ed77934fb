"""A deployed classifier of signals: predict, and early answers while a signal comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import softmax
from seqmap.errors import ArchiveError, DataError, SeqmapError, UserError
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.input_stream import described_state
from seqmap.runtime.ops import Layout
from seqmap.runtime.ops.pooling import Pooling
from seqmap.runtime.ops.weights import take_dense
from seqmap.runtime.session import Session
from seqmap.runtime.vectors import build_vector_encoder
from seqmap.tasks.base import Evaluation
from seqmap.tasks.signal import SignalCodecs, SignalTask

if TYPE_CHECKING:
    from seqmap.data.signals import Signal
    from seqmap.runtime.live.values import SignalLive


class SignalSession(Session):
    """Signal → label.

    Attributes:
        codecs: What turns signals and labels into numbers and back.
    """

    task: SignalTask
    codecs: SignalCodecs
    takes = "signals"

    def _restore(self, archive: Archive) -> None:
        manifest, arrays = archive.manifest, archive.arrays
        self.codecs = self.task.restore_signal(manifest)
        self.encoder = build_vector_encoder(
            arrays, self.config.encoder, self.codecs.source.size, precision=self.precision
        )
        self.pooling = Pooling(arrays, self.encoder, self.config.head)  # type: ignore[arg-type]
        self.head = take_dense(arrays, "head", len(self.labels), self.pooling.width)
        calibration = manifest["calibration"]
        self._steps = np.array(calibration["steps"], dtype=np.float64)
        self._temperatures = np.array(calibration["temperatures"], dtype=np.float64)

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.encoder.backend

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the columns of `predict_proba`."""
        return tuple(self.codecs.target.names)

    @property
    def calibration(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Numbers of steps, and the temperature after each."""
        return self._steps, self._temperatures

    def evaluate(self, examples: Sequence[Signal]) -> Evaluation:
        """Score calibrated probabilities against the labels.

        Raises:
            DataError: A label that training did not know.
        """
        coded: Any = self.codecs
        targets = self.task.encode_targets(examples, coded)  # type: ignore[arg-type]
        found = self.predict_proba([one.values for one in examples])
        return self.task.evaluate(found, targets, coded)

    def predict_proba(self, signals: Iterable[NDArray[Any]]) -> NDArray[np.float64]:
        """Return calibrated probabilities, (signals, classes)."""
        given = list(signals)
        return self.calibrated(self.logits(given), np.array([len(one) for one in given]))

    def logits(self, signals: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Score whole signals, (signals, classes)."""
        found = [np.zeros((0, len(self.labels)), np.float32)]
        for begin in range(0, len(signals), 64):
            part = [self.codecs.source.encode(np.asarray(s)) for s in signals[begin : begin + 64]]
            states = np.concatenate(self.encoder.states(part))
            pooled = self.pooling.pool(states, Layout([len(one) for one in part]))
            found.append(pooled @ self.head[0] + self.head[1])
        return np.concatenate(found)

    def calibrated(self, logits: NDArray[Any], steps: Any) -> NDArray[np.float64]:
        """Turn scores after that many steps into probabilities that mean what they say."""
        temperature = np.interp(steps, self._steps, self._temperatures)
        return softmax(logits.astype(np.float64) / np.asarray(temperature)[..., None])

    def stream(self, state: bytes | None = None) -> SignalStream:
        """Begin a stream: calibrated answers while a signal comes in.

        Raises:
            UserError: The model needs the whole signal, or the state is not one of this model.
        """
        if not self.encoder.streams:
            raise UserError(
                "this model needs the whole signal before it can answer",
                remedy="Train it with --set encoder.direction=forward",
            )
        return SignalStream(self, state)

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of a signal with the channels of this model."""
        schema, channels = self.task.input_schema(), len(self.codecs.source.mean)
        schema["items"] |= {"minItems": channels, "maxItems": channels}
        return schema

    def input_from(self, value: Any) -> Any:
        """Return a signal that is given as steps of the channels of this model."""
        found = self.task.input_from(value)
        self.codecs.source.check(found)
        return found

    def live(self, options: Mapping[str, Any]) -> SignalLive:
        """Begin a stream of plain values: early answers while a signal comes in."""
        from seqmap.runtime.live.values import SignalLive

        self.with_wishes(options)  # there are none
        return SignalLive(self)

    def _answer(self, inputs: Sequence[Any], begin: int) -> list[Any]:
        for place, one in enumerate(inputs):
            if not isinstance(one, np.ndarray):
                raise UserError(
                    "predict takes arrays (time, channels)",
                    given=type(one).__name__,
                    line=begin + place + 1,
                )
        coded: Any = self.codecs
        return self.task.results(self.predict_proba(inputs), coded)


class SignalStream:
    """One signal, step by step, in constant memory.

    Args:
        session: The model.
        state: What `to_bytes` gave, to go on from there.

    Raises:
        ArchiveError: The state is damaged, or of another model or backend.
    """

    def __init__(self, session: SignalSession, state: bytes | None = None) -> None:
        self._session = session
        self._network = session.encoder.stream()
        self._pooled = session.pooling.start()
        self._before: NDArray[np.float64] | None = None
        self.steps = 0
        """How many steps were read."""
        if state is not None:
            self._load(state)

    def feed(self, step: Sequence[float] | NDArray[Any]) -> None:
        """Take one step, (channels,); NaN where a value is missing.

        Raises:
            DataError: It has other channels than the training's.
        """
        codec = self._session.codecs.source
        now = np.asarray(step, dtype=np.float64)
        if now.shape != (len(codec.mean),):
            raise DataError(
                "a step needs the channels of the training",
                given=f"shape {now.shape}",
                allowed=f"({len(codec.mean)},)",
            )
        before = np.array(codec.mean) if self._before is None else self._before
        now = np.where(np.isnan(now), before, now)
        pair = now[None] if self._before is None else np.stack([before, now])
        self._network.input[:] = codec.encode(pair)[-1]
        state = self._network.step()
        self._pooled = self._session.pooling.feed(state[None].copy(), self._pooled)
        self._before = now
        self.steps += 1

    def probabilities(self) -> NDArray[np.float64]:
        """Return calibrated probabilities after what was read so far, (classes,)."""
        session = self._session
        logits = session.pooling.result(self._pooled) @ session.head[0] + session.head[1]
        return session.calibrated(logits, self.steps)

    def result(self) -> Any:
        """Return the answer for what was read so far, as `predict` gives it."""
        coded: Any = self._session.codecs
        return self._session.task.results(self.probabilities()[None], coded)[0]

    def sure(self, share: float = 0.95) -> bool:
        """Tell whether the most probable label has at least that probability."""
        return bool(self.steps and self.probabilities().max() >= share)

    def fork(self) -> SignalStream:
        """Return a second stream that goes on from here; neither influences the other."""
        return SignalStream(self._session, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return all that is remembered, for a file or another process; see `Session.stream`."""
        described = {
            "model": self._session.digest,
            "backend": self._computed_by,
            "steps": self.steps,
        }
        arrays = {f"network.{name}": part for name, part in self._network.state().items()}
        arrays |= {f"pooled.{name}": np.asarray(part) for name, part in self._pooled.items()}
        if self._before is not None:
            arrays["before"] = self._before
        return to_bytes(Archive({"stream": described}, arrays))

    def _load(self, data: bytes) -> None:
        archive = from_bytes(data)
        described = described_state(archive, self._session.digest, self._computed_by)
        start = "network."
        own = {n[len(start) :]: a for n, a in archive.arrays.items() if n.startswith(start)}
        try:
            self._network.restore(own)
            self._pooled = {name: archive.arrays[f"pooled.{name}"] for name in self._pooled}
            self._before = archive.arrays["before"] if described["steps"] else None
        except (KeyError, ValueError, SeqmapError):
            raise ArchiveError("the stream's state is damaged") from None
        self.steps = int(described["steps"])

    @property
    def _computed_by(self) -> str:
        """What a state must have been made by, to go on from it."""
        session = self._session
        return f"native, {session.precision}" if session.backend == "native" else session.backend
