"""Encoders that read vectors instead of symbols: on the native core, else in NumPy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import EncoderConfig
from seqmap.errors import ArchiveError
from seqmap.runtime import native
from seqmap.runtime.ops import Arrays, Floats, Layout, State
from seqmap.runtime.ops.encoders import restore_encoder
from seqmap.runtime.ops.recurrent import RecurrentEncoder


class VectorStream(ABC):
    """One sequence that arrives step by step.

    Attributes:
        input: What `step` reads, (size,) float32; the caller fills it.
    """

    input: Floats

    @abstractmethod
    def step(self) -> Floats:
        """Take `input`; returns the last layer's state (width,), which the next step overwrites."""

    @abstractmethod
    def read(self, steps: Floats) -> Floats:
        """Take steps, (time, size); returns the states after them, (time, width).

        They are what `step` gives for one after the other, bit for bit.
        """

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered."""

    @abstractmethod
    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state.

        Raises:
            KeyError, ValueError: It is not a state of such an encoder.
        """


class VectorEncoder(ABC):
    """Reads sequences of vectors.

    Attributes:
        backend: What computes: `numpy` or `native`.
        width: Features of a state.
        directions: 2 when the second half of a state was read backwards, else 1.
        streams: Whether `stream` works.
    """

    backend: str
    width: int
    directions: int
    streams: bool

    @abstractmethod
    def states(self, sequences: Sequence[Floats]) -> list[Floats]:
        """Encode whole sequences, each (time, size) -> (time, width)."""

    @abstractmethod
    def stream(self) -> VectorStream:
        """Begin a stream."""


def build_vector_encoder(
    arrays: Arrays, config: EncoderConfig, size: int, *, precision: str = "fp32"
) -> VectorEncoder:
    """Build the fastest encoder that there is.

    Args:
        arrays: An archive's.
        config: Name and sizes.
        size: Features of a step.
        precision: What the native core computes products in; NumPy always takes fp32.

    Raises:
        ArchiveError: The arrays do not fit the configuration.
    """
    checked = NumpyVectors(arrays, config, size)
    if config.name == "lstm" and native.available():
        return NativeVectors(arrays, precision)
    return checked


class NativeVectors(VectorEncoder):
    """An LSTM on the native core."""

    backend = "native"

    def __init__(self, arrays: Arrays, precision: str = "fp32") -> None:
        from seqmap.runtime.native_ops import NativeEncoder

        kept = {name: array for name, array in arrays.items() if name.startswith("encoder.")}
        self.encoder = NativeEncoder(kept, precision=precision)
        self.width = self.encoder.size
        self.directions = self.encoder.directions
        self.streams = self.encoder.directions == 1

    def states(self, sequences: Sequence[Floats]) -> list[Floats]:
        """Encode whole sequences, several at a time."""
        found = self.encoder.run(sequences, states=True).states
        assert found is not None
        return np.split(found, np.cumsum([len(one) for one in sequences])[:-1])

    def stream(self) -> VectorStream:
        """Begin a stream."""
        return NativeVectorStream(self.encoder)


class NativeVectorStream(VectorStream):
    """A stream on the native core."""

    def __init__(self, encoder: Any) -> None:
        self._stream = encoder.stream()
        self.input = self._stream.input
        self.step = self._stream.step_input  # type: ignore[method-assign]

    def step(self) -> Floats:
        """Take `input`."""
        raise AssertionError("replaced by the core's own")

    def read(self, steps: Floats) -> Floats:
        """Take steps; a layer's weights are read once for several of them."""
        return np.asarray(self._stream.feed(steps, states=True))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered."""
        return {"native": np.frombuffer(self._stream.snapshot(), np.uint8)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state."""
        self._stream.restore(state["native"].tobytes())


class NumpyVectors(VectorEncoder):
    """Any encoder, in NumPy."""

    backend = "numpy"

    def __init__(self, arrays: Arrays, config: EncoderConfig, size: int) -> None:
        self._arrays, self._config, self._size = arrays, config, size
        self._encoder = restore_encoder(arrays, np.zeros((1, size), np.float32), config)
        if isinstance(self._encoder, RecurrentEncoder):
            cell = self._encoder.cells[0]
            self._encoder.table = _Projection(cell.w_in, cell.b_in)  # type: ignore[assignment]
        self.width = self._encoder.width
        self.directions = self._encoder.directions
        self.streams = self._encoder.streams

    def states(self, sequences: Sequence[Floats]) -> list[Floats]:
        """Encode whole sequences side by side."""
        layout = Layout([len(one) for one in sequences])
        rows = np.concatenate([np.asarray(one, np.float32) for one in sequences])
        encoder: Any = self._encoder
        if not isinstance(encoder, RecurrentEncoder):
            # Encoders of symbols read rows of a table: here the sequences are the table.
            encoder = restore_encoder(self._arrays, rows, self._config)
            rows = np.arange(len(rows), dtype=np.int32)
        found = encoder.encode(rows, layout)
        return np.split(found, np.cumsum(layout.lengths)[:-1])

    def stream(self) -> VectorStream:
        """Begin a stream."""
        if not self.streams:
            raise ArchiveError("this encoder needs the whole sequence: it cannot stream")
        return NumpyVectorStream(self._encoder, self._size)


class NumpyVectorStream(VectorStream):
    """A stream in NumPy."""

    def __init__(self, encoder: Any, size: int) -> None:
        self.input = np.zeros(size, np.float32)
        self._encoder, self._width = encoder, encoder.width
        self._state: State = encoder.start()

    def step(self) -> Floats:
        """Take `input`."""
        return np.asarray(self.read(self.input[None])[0])

    def read(self, steps: Floats) -> Floats:
        """Take steps, one by one: products of many rows may be summed in another order."""
        found = np.empty((len(steps), self._width), np.float32)
        for place in range(len(steps)):
            states, self._state = self._encoder.feed(steps[place : place + 1], self._state)
            found[place] = states[0]
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered."""
        return {name: part.copy() for name, part in self._state.items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state."""
        found = {name: np.array(state[name]) for name in self._state}
        if any(found[name].shape != part.shape for name, part in self._state.items()):
            raise ValueError("the state does not fit this model")
        self._state = found


class _Projection:
    """What a first layer makes of vectors; stands where a table of symbols would."""

    def __init__(self, weight: Floats, bias: Floats) -> None:
        self.weight, self.bias = weight, bias

    def lookup(self, rows: Sequence[Any]) -> Floats:
        """For each direction's order of the rows, (tokens, size) -> (directions, tokens, out)."""
        layers = zip(rows, self.weight, self.bias, strict=True)
        return np.stack([row @ w + b for row, w, b in layers])
