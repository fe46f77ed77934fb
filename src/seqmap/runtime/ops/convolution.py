"""Two small convolutions over the frames and bands of each step, before an encoder of sound.

    step (frames, mels) → filters of 5 frames x 5 bands → filters of what is left x 3 bands

What a filter finds in one band it finds in the next one too: voices differ by where their peaks
lie (Abdel-Hamid et al. 2014, "Convolutional neural networks for speech recognition"; two layers
before an LSTM: Amodei et al. 2016, "Deep Speech 2", section 3.5). A step sees its own frames
alone, those around it among them: so nothing must be remembered from step to step. Tanh, since what
it gives lies around zero: with rectifiers a small model of little speech learned nothing for long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqmap.runtime.ops.weights import Arrays, Floats, take

_FRAMES, _BANDS = 5, (5, 3)
_NUMBERS = 1 << 20
"""Numbers that windows take at once: 4 MiB."""


@dataclass(frozen=True)
class StepShape:
    """Sizes of the convolutions.

    Attributes:
        frames: Of a step, those around it among them.
        mels: Bands of a frame.
        filters: Of either convolution.
    """

    frames: int
    mels: int
    filters: int

    @property
    def kernels(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Frames and bands that either sees: the second all frames that the first leaves."""
        first = min(_FRAMES, self.frames)
        return (first, _BANDS[0]), (self.frames - first + 1, _BANDS[1])

    @property
    def bands(self) -> tuple[int, int]:
        """Places in the spectrum that either leaves."""
        first = -(-self.mels // 2)
        return first, -(-first // 2)

    @property
    def width(self) -> int:
        """Features of a step afterwards: for each filter, each place."""
        return self.filters * self.bands[1]


class Convolution:
    """The convolutions of a trained model.

    Args:
        arrays: An archive's, with `convolution.first` and `convolution.second`.
        shape: Sizes.

    Attributes:
        width: Features of a step.
        layers: One after the other.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    def __init__(self, arrays: Arrays, shape: StepShape) -> None:
        self.width, filters = shape.width, shape.filters
        one, two = shape.kernels
        whole, left = (shape.frames, shape.mels), (two[0], shape.bands[0])
        first = ConvolutionLayer(arrays, "convolution.first", whole, one, 1, filters)
        second = ConvolutionLayer(arrays, "convolution.second", left, two, filters, filters)
        self.layers = first, second
        self._steps = max(1, _NUMBERS // (first.numbers + second.numbers))

    def read(self, steps: Floats) -> Floats:
        """Convolve steps, (steps, size) -> (steps, width); the same bits alone and among others."""
        found = np.empty((len(steps), self.width), np.float32)
        for begin in range(0, len(steps), self._steps):
            part = steps[begin : begin + self._steps]
            places = part.reshape(len(part), *self.layers[0].size, 1)
            for layer in self.layers:
                places = layer.convolved(places)
            turned = places.transpose(0, 3, 1, 2)  # filters first, as torch has them
            found[begin : begin + len(part)] = turned.reshape(len(part), self.width)
        return found


class ConvolutionLayer:
    """One convolution, which looks at every second band, and tanh.

    Args:
        arrays: An archive's.
        name: Of the layer there.
        size: Frames and bands that it reads.
        kernel: Those that it sees at once.
        channels: Numbers of each band.
        filters: How many.

    Attributes:
        weight: (frames · bands · channels of the kernel, filters).
        bias: (filters,).
        numbers: That the windows of a step hold.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    def __init__(
        self,
        arrays: Arrays,
        name: str,
        size: tuple[int, int],
        kernel: tuple[int, int],
        channels: int,
        filters: int,
    ) -> None:
        self.size, self.kernel, self.channels = size, kernel, channels
        weight = take(arrays, f"{name}.weight", filters, channels, *kernel)
        self.weight = np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, filters))
        self.bias = np.ascontiguousarray(take(arrays, f"{name}.bias", filters))
        (frames, bands), (height, width) = size, kernel
        self._beyond = width // 2  # zeros at either end of the spectrum
        padded = bands + 2 * self._beyond
        self._rows = frames - height + 1
        corners = np.arange(self._rows)[:, None] * padded + np.arange(0, bands, 2)
        inside = np.arange(height)[:, None] * padded + np.arange(width)
        self._at = corners.reshape(-1, 1) + inside.reshape(1, -1)  # (places, frames * bands)
        self.numbers = self._at.size * channels

    def convolved(self, places: Floats) -> Floats:
        """Return (steps, rows, bands, filters) of (steps, frames, bands, channels)."""
        count, _, _, channels = places.shape
        side = (self._beyond, self._beyond)
        padded = np.pad(places, ((0, 0), (0, 0), side, (0, 0))).reshape(count, -1, channels)
        windows = padded[:, self._at].reshape(count, len(self._at), -1)
        # A product for each step: one of all of them might be summed in another order.
        found: Floats = np.tanh(windows @ self.weight + self.bias)
        return found.reshape(count, self._rows, -1, found.shape[2])
