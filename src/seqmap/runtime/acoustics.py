"""From samples to the probabilities of symbols: whole, in windows, or as sound comes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.audio import AudioCodec, Floats, Running, Spectrum, Stacker, Voice
from seqmap.config import Config
from seqmap.runtime.convolution import StepReader, build_convolution
from seqmap.runtime.ops import Arrays
from seqmap.runtime.ops.convolution import StepShape
from seqmap.runtime.ops.weights import take_dense
from seqmap.runtime.vectors import VectorStream, build_vector_encoder
from seqmap.search.ctc import log_chances

_MARGIN = 2.0
"""Seconds at either end of a window that are context only."""


class Acoustics:
    """The network of a transcriber.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        codec: What turns samples into steps.
        classes: Symbols, the blank included.
        precision: What the native core computes products in; NumPy always takes fp32.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    def __init__(
        self, arrays: Arrays, config: Config, codec: AudioCodec, *, classes: int, precision: str
    ) -> None:
        self.codec = codec
        self._front = _convolution(arrays, config, codec)
        size = codec.size if self._front is None else self._front.width
        self.encoder = build_vector_encoder(arrays, config.encoder, size, precision=precision)
        self._output = take_dense(arrays, "output", classes, self.encoder.width)
        self._window = max(round(config.transcribe.longest / codec.step), 1) * codec.stack
        # Both are whole steps, or windows would not join.
        self._margin = min(round(_MARGIN / codec.step), self._window // codec.stack // 4)
        self._margin *= codec.stack

    @property
    def streams(self) -> bool:
        """Whether sound can be heard as it comes in."""
        return self.encoder.streams and self.codec.running

    def stream(self) -> AcousticStream:
        """Begin to hear."""
        return AcousticStream(self.codec, self._front, self.encoder.stream(), self._output)

    def chances(self, recordings: Sequence[Floats]) -> list[Floats]:
        """Return the logarithms of probabilities of whole recordings.

        Args:
            recordings: Steps of each, (steps, size).

        Returns:
            (steps, classes) each.
        """
        filled = [_read(self._front, steps) for steps in recordings if len(steps)]
        states = iter(self.encoder.states(filled) if filled else ())
        weight, bias = self._output
        none = np.zeros((0, len(bias)), np.float32)
        return [
            log_chances(next(states) @ weight + bias) if len(steps) else none
            for steps in recordings
        ]

    def fits(self, seconds: float) -> bool:
        """Tell whether a recording of that length is read in one piece."""
        return seconds / self.codec.step * self.codec.stack <= self._window

    def voice(self, blocks: Iterable[Floats]) -> Voice:
        """Measure how somebody sounds in a recording of any length, in constant memory.

        Args:
            blocks: Samples, (samples,) each.
        """
        none = Voice(np.zeros(self.codec.mels), 0)
        return sum(map(Voice.of, _bands(Spectrum(self.codec), blocks)), start=none)

    def in_windows(self, blocks: Iterable[Floats], voice: Voice | None = None) -> Iterator[Floats]:
        """Hear a recording of any length in constant memory.

        It is read in windows that overlap; what each says about its middle counts.

        Args:
            blocks: Samples, (samples,) each.
            voice: Of its speaker; None where it stands alone.

        Yields:
            Logarithms of probabilities, (steps, classes).
        """
        held = np.zeros((0, self.codec.mels), np.float32)
        first, stack = True, self.codec.stack
        for bands in _bands(Spectrum(self.codec), blocks):
            held = np.concatenate([held, bands])
            # One frame more than a window tells that this is not the last one.
            while len(held) > self._window:
                found = self.chances([self.codec.encode_bands(held[: self._window], voice)])[0]
                begin = 0 if first else self._margin // stack
                yield found[begin : (self._window - self._margin) // stack]
                held = held[self._window - 2 * self._margin :]
                first = False
        found = self.chances([self.codec.encode_bands(held, voice)])[0]
        yield found[0 if first else self._margin // stack :]


def _convolution(arrays: Arrays, config: Config, codec: AudioCodec) -> StepReader | None:
    if config.audio.filters == 0:
        return None
    return build_convolution(arrays, StepShape(codec.frames, codec.mels, config.audio.filters))


def _read(front: StepReader | None, steps: Floats) -> Floats:
    return steps if front is None else front.read(steps)


def _bands(spectrum: Spectrum, blocks: Iterable[Floats]) -> Iterator[Floats]:
    for block in blocks:
        yield spectrum.feed(block)
    yield spectrum.end()


class AcousticStream:
    """Sound that comes in pieces of any size, at the codec's rate; memory stays constant.

    The probabilities are those of the whole, bit for bit.
    """

    def __init__(
        self,
        codec: AudioCodec,
        front: StepReader | None,
        network: VectorStream,
        output: tuple[Floats, Floats],
    ) -> None:
        self._spectrum, self._centre = Spectrum(codec), Running(codec)
        self._stacker, self._front, self._network = Stacker(codec), front, network
        self._output = output

    def feed(self, samples: NDArray[Any]) -> Floats:
        """Take samples, (samples,); returns logarithms of probabilities, (steps, classes)."""
        bands = self._spectrum.feed(samples)
        return self._read(self._stacker.feed(self._centre.feed(bands)))

    def end(self) -> Floats:
        """Say that nothing more comes; returns the last rows."""
        bands = self._spectrum.end()
        steps = self._stacker.feed(self._centre.feed(bands))
        return self._read(np.concatenate([steps, self._stacker.end()]))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered."""
        own: dict[str, NDArray[Any]] = {
            "spectrum": self._spectrum.state(),
            "centre": self._centre.state(),
            "stacker": self._stacker.state(),
        }
        return {**own, **{f"network.{n}": part for n, part in self._network.state().items()}}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state.

        Raises:
            KeyError, ValueError: It is not a state of such a stream.
        """
        start = "network."
        own = {n[len(start) :]: part for n, part in state.items() if n.startswith(start)}
        self._spectrum.restore(state["spectrum"])
        self._centre.restore(state["centre"])
        self._stacker.restore(state["stacker"])
        self._network.restore(own)

    def _read(self, steps: Floats) -> Floats:
        weight, bias = self._output
        scores = np.empty((len(steps), len(bias)), np.float32)
        for place, state in enumerate(self._network.read(_read(self._front, steps))):
            # Row by row: products of many rows may be summed in another order.
            scores[place] = state @ weight + bias
        return log_chances(scores)
