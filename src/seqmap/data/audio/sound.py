"""Where samples come from: files of any format that libsndfile reads, and arrays.

Whatever is read comes out the same: one channel, -1…1, at the rate that was asked for, in blocks,
so that an hour takes no more memory than a second.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import DataError, MissingExtraError, UserError

Floats = NDArray[np.float32]

_BLOCK = 1 << 16  # frames that are read at once
_UNKNOWN = 1 << 40  # libsndfile gives such lengths where a file does not say its own
_ENDS_EARLY = 0.99  # share of the promised samples that a whole file has at least
_CLIPPED = 0.999
_MUCH_CLIPPED = 0.001
_SILENT = 1e-3  # of full scale: -60 dB


@dataclass(frozen=True)
class Header:
    """What is known of a sound before it is heard.

    Attributes:
        rate: Samples a second.
        channels: How many there are.
        frames: Samples of each.
    """

    rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


class Sound(ABC):
    """Samples that can be read again and again.

    Attributes:
        shown: What it is called in messages.
    """

    shown: str

    @abstractmethod
    def header(self) -> Header:
        """Return rate, channels and length.

        Raises:
            DataError: It cannot be read, or is no sound.
        """

    @abstractmethod
    def raw(self) -> Iterator[Floats]:
        """Yield blocks of all channels at the sound's own rate, (frames, channels)."""

    def hear(self, rate: int) -> Heard:
        """Return the samples at another rate, in blocks."""
        return Heard(self, rate)

    def samples(self, rate: int) -> Floats:
        """Return all samples at a rate, (samples,)."""
        return np.concatenate([np.zeros(0, np.float32), *self.hear(rate)])


@dataclass(frozen=True)
class SoundFile(Sound):
    """A file of sound, or a part of an archive.

    Attributes:
        shown: What it is called in messages.
        open: Returns what libsndfile reads: a path or an open file.
    """

    shown: str
    open: Callable[[], Any]

    def header(self) -> Header:
        """Return rate, channels and length."""
        with self._opened() as file:
            if file.frames >= _UNKNOWN:
                raise DataError(
                    "the file does not say how long it is",
                    path=self.shown,
                    remedy="Write it again: sox in.flac out.flac",
                )
            return Header(int(file.samplerate), int(file.channels), int(file.frames))

    def raw(self) -> Iterator[Floats]:
        """Yield blocks of all channels, (frames, channels)."""
        broken = _imported("soundfile").LibsndfileError
        with self._opened() as file:
            # Not `file.blocks`: that gives what a short read left in its memory.
            while True:
                try:
                    block = file.read(_BLOCK, dtype="float32", always_2d=True)
                except broken as error:
                    raise DataError(
                        "the sound is damaged, or breaks off",
                        path=self.shown,
                        given=error.error_string,
                    ) from None
                if not len(block):
                    return
                yield block

    def _opened(self) -> Any:
        soundfile = _imported("soundfile")
        try:
            given = self.open()
            if isinstance(given, str) and not os.path.isfile(given):
                kind = "this is a folder, not a file" if os.path.isdir(given) else "no such file"
                raise DataError(kind, path=self.shown)
            return soundfile.SoundFile(given)
        except soundfile.LibsndfileError as error:
            raise DataError(
                "this is not sound that can be read",
                path=self.shown,
                given=error.error_string,
                allowed="WAV, FLAC, OGG and other formats of libsndfile",
            ) from None
        except OSError as error:
            raise DataError(f"cannot read it: {error.strerror}", path=self.shown) from None


@dataclass(frozen=True)
class Samples(Sound):
    """Sound that is there already.

    Attributes:
        values: (samples,) or (samples, channels); floats in -1…1, or integers of full scale.
        rate: Samples a second.
        shown: What it is called in messages.

    Raises:
        UserError: They are no samples.
    """

    values: NDArray[Any]
    rate: int
    shown: str = "an array"

    def __post_init__(self) -> None:
        if self.values.ndim not in (1, 2) or self.values.dtype.kind not in "fiu":
            raise UserError(
                "sound is an array (samples,) or (samples, channels) of numbers",
                given=f"{self.values.dtype} {self.values.shape}",
            )
        if self.rate < 1:
            raise UserError("the rate is samples a second", given=self.rate)

    def header(self) -> Header:
        """Return rate, channels and length."""
        channels = self.values.shape[1] if self.values.ndim == 2 else 1
        return Header(self.rate, channels, len(self.values))

    def raw(self) -> Iterator[Floats]:
        """Yield blocks of all channels, (frames, channels)."""
        values = self.values.reshape(len(self.values), self.header().channels)
        for begin in range(0, len(values), _BLOCK):
            yield in_floats(values[begin : begin + _BLOCK])


class Heard:
    """The samples of a sound, brought to one channel and a rate; to be iterated over once.

    Args:
        sound: Where they come from.
        rate: Samples a second that come out.

    Attributes:
        seconds: How much was heard so far.
    """

    def __init__(self, sound: Sound, rate: int) -> None:
        self._sound, self._rate = sound, rate
        self._header = sound.header()
        self._peak, self._clipped, self._count = 0.0, 0, 0

    @property
    def seconds(self) -> float:
        """How much was heard so far."""
        return self._count / self._header.rate

    @property
    def ends_early(self) -> bool:
        """Whether, once heard, there was less than the sound's header promises."""
        return self._count < _ENDS_EARLY * self._header.frames

    def __iter__(self) -> Iterator[Floats]:
        turned = resampled(self._mixed(), self._header.rate, self._rate)
        yield from turned

    def notes(self) -> tuple[str, ...]:
        """Return what a reader should know of the sound, once it was heard."""
        header, notes = self._header, []
        if header.rate != self._rate:
            notes.append(f"resampled from {header.rate:,} Hz to {self._rate:,} Hz")
        if header.channels > 1:
            notes.append(f"the mean of {header.channels} channels")
        if not self._count:
            return (*notes, "no samples")
        if self.ends_early:
            notes.append(
                f"it breaks off: {header.frames:,} samples promised, {self._count:,} there"
            )
        if self._peak < _SILENT:
            notes.append("silent: nothing above -60 dB")
        if self._clipped > _MUCH_CLIPPED * self._count:
            share = self._clipped / self._count
            notes.append(f"clipped: {share:.1%} of the samples are at full scale")
        return tuple(notes)

    def _mixed(self) -> Iterator[Floats]:
        for block in self._sound.raw():
            if not np.isfinite(block).all():
                raise DataError("a sample is not a finite number", path=self._sound.shown)
            size = np.abs(block)
            self._peak = max(self._peak, float(size.max(initial=0)))
            self._clipped += int((size.max(axis=1, initial=0) >= _CLIPPED).sum())
            self._count += len(block)
            yield block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]


def resampled(blocks: Iterable[Floats], before: int, after: int) -> Iterator[Floats]:
    """Bring blocks of samples, (samples,) each, from one rate to another.

    Raises:
        MissingExtraError: soxr is not installed.
    """
    if before == after:
        yield from blocks
        return
    stream = _imported("soxr").ResampleStream(before, after, 1, dtype="float32")
    for block in blocks:
        yield np.asarray(stream.resample_chunk(np.ascontiguousarray(block)), np.float32)
    yield np.asarray(stream.resample_chunk(np.zeros(0, np.float32), last=True), np.float32)


def sped(samples: Floats, factor: float) -> Floats:
    """Play samples faster by a factor: speed and pitch change together (Ko et al. 2015)."""
    soxr = _imported("soxr")
    return np.asarray(soxr.resample(samples, float(factor), 1.0), np.float32)


def in_floats(values: NDArray[Any]) -> Floats:
    """Bring integers of full scale to -1…1; floats stay as they are."""
    if values.dtype.kind == "f":
        return np.asarray(values, np.float32)
    bits = 8 * values.dtype.itemsize - 1
    middle = 2.0**bits if values.dtype.kind == "u" else 0.0
    return np.asarray((values.astype(np.float64) - middle) / 2.0**bits, np.float32)


def _imported(package: str) -> Any:
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError:
        raise MissingExtraError(package, "audio") from None
