"""The deployed network of text → text: reads sources, then writes step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.pieces import BOUNDARY
from seqmap.config import Config
from seqmap.errors import ArchiveError
from seqmap.runtime import native
from seqmap.runtime.decoders import restore_decoder
from seqmap.runtime.decoders.base import DecoderState
from seqmap.runtime.decoders.ops import NumpyOps, Ops
from seqmap.runtime.ops import Arrays, Floats
from seqmap.runtime.ops.weights import take
from seqmap.runtime.tag_readers import NativeReader, NumpyReader, Reader

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]


class TranslateNetwork:
    """One network that writes: tables of vectors, an encoder, a decoder, scores of all pieces.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        source: Number of source ids.
        target: Number of target ids.
        precision: What the native core computes in.

    Attributes:
        backend: What computes: `native` or `numpy`.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    def __init__(
        self, arrays: Arrays, config: Config, *, source: int, target: int, precision: str = "fp32"
    ) -> None:
        size, own = config.embedding.size, config.translate
        scale = np.float32(size**0.5)  # as in training: small as outputs, of size one as inputs
        reading = take(arrays, "source.weight", source, size) * scale
        writing = reading
        if own.tie != "all":
            writing = take(arrays, "target.weight", target, size) * scale
        elif source != target:
            raise ArchiveError(
                "one table cannot serve two vocabularies", given=f"{source} and {target} pieces"
            )
        output = writing / scale
        if own.tie == "none":
            output = take(arrays, "output.weight", target, size)
        self._reading, self._arrays, self._config = reading, arrays, config
        self.backend = "native" if native.available() else "numpy"
        self._ops = self._make_ops(precision)
        self._reader = _reader(arrays, reading, config, precision, self.backend)
        memory_size = _memory_size(config)
        self._decoder = restore_decoder(arrays, size, memory_size, own, self._ops)
        self._words = writing
        self._output = self._ops.dense(output, take(arrays, "bias", target))

    def _make_ops(self, precision: str) -> Ops:
        if self.backend == "numpy":
            return NumpyOps()
        from seqmap.runtime.native_dense import NativeOps

        return NativeOps(precision)

    def begin(self, sources: Sequence[Ids], width: int) -> DecoderState:
        """Read the sources; return the state before the first piece."""
        ended = [np.append(ids, np.int32(BOUNDARY)).astype(np.int32) for ids in sources]
        return self._begun(self._reader, ended, width)

    def vectors(self, ids: Ids) -> Floats:
        """Return what the encoder reads of a source, without its boundary, (time, size)."""
        return np.asarray(self._reading[ids])

    def states(self, ids: Ids) -> Floats:
        """Return the encoder's states of a source and its boundary, (time + 1, features)."""
        return np.asarray(self._reader.states([np.append(ids, BOUNDARY).astype(np.int32)]))

    def begin_vectors(self, x: Floats) -> DecoderState:
        """Read sources of one length that are given as vectors, (sources, time, size).

        NumPy reads them, whatever computes otherwise: no native encoder takes other vectors than
        those of its table.
        """
        count, time, size = x.shape
        table = np.concatenate([x.reshape(-1, size), self._reading[[BOUNDARY]]])
        rows = np.arange(count * time, dtype=np.int32).reshape(count, time)
        ended = [np.append(own, np.int32(count * time)).astype(np.int32) for own in rows]
        reader = NumpyReader(self._arrays, np.ascontiguousarray(table), self._config)
        return self._begun(reader, ended, 1)

    def _begun(self, reader: Reader, ended: Sequence[Ids], width: int) -> DecoderState:
        states = reader.states(ended)
        lengths = np.array([len(ids) for ids in ended])
        mask = np.arange(int(lengths.max()))[None, :] < lengths[:, None]
        memory = np.zeros((*mask.shape, states.shape[1]), np.float32)
        memory[mask] = states
        return self._decoder.begin(memory, mask, width)

    def step(self, state: DecoderState, pieces: Ints) -> tuple[Floats, Floats, DecoderState]:
        """Take a step; see `search.writing.Writer`."""
        vectors, attention, state = self._decoder.step(state, self._words[pieces.ravel()])
        return self._output(vectors), attention, state


def _memory_size(config: Config) -> int:
    encoder = config.encoder
    recurrent = encoder.name in ("lstm", "gru", "rnn")
    return encoder.hidden * (2 if recurrent and encoder.direction == "both" else 1)


def _reader(arrays: Arrays, table: Floats, config: Config, precision: str, backend: str) -> Reader:
    if backend == "native" and config.encoder.name == "lstm":
        try:
            return NativeReader(arrays, table, precision)
        except (KeyError, native.NativeError):
            pass  # The arrays do not fit: NumPy says which.
    return NumpyReader(arrays, table, config)
