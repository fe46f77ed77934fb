"""Deployed LSTM encoders on the native core: whole documents, batches and streams.

A thin layer over `native/include/seqmap_infer.h`: weights go in once, then a document is one call.
Encoders can be used from several threads at once; the core releases the GIL.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import c_float, c_void_p
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqmap.runtime import native
from seqmap.runtime.native_encoder import (
    POOLINGS,
    PRECISIONS,
    TABLES,
    EncoderConfig,
    choice,
    collect,
    core,
)

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]
Precision = Literal["fp32", "bf16", "int8"]

TABLE_BYTES = 64 << 20
"""Default limit of the table of the first layer's gate sums."""


@dataclass(frozen=True)
class Results:
    """What a run gave; a field that was not asked for, or that the encoder lacks, is None."""

    states: Floats | None
    """The last layer's states, (tokens, D), documents one after the other."""
    pooled: Floats | None
    """(documents, D), or 2 D numbers for mean-max; zeros for an empty document."""
    logits: Floats | None
    """(documents, classes)."""


class NativeEncoder:
    """An LSTM encoder, its pooling and a linear head.

    Args:
        arrays: Weights by their names in the archive; `head.*`, `pooling.*` and `embedding.weight`
            are used when they are there. Without an embedding the inputs are vectors, not ids.
        pooling: How states become one vector; "none" gives states alone.
        precision: The arithmetic of the matrix products.
        prefix: The part of the names before `layers`.
        table: How the gate sums of the first layer are kept per token: "fp32", "bf16" (rounded),
            "none" (computed each time, in the encoder's precision), or "auto": fp32, but bf16 for
            an int8 encoder, and for a bf16 one when fp32 rows of all tokens would pass the limit.
        table_bytes: Limit of that table. Rows are computed when a token is first met; tokens that
            find no room are computed each time. The results do not depend on which do.

    Raises:
        ConfigError: An unknown precision, pooling or table.
        NativeError: There is no native core, or the weights do not fit together.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]],
        *,
        pooling: str = "none",
        precision: str = "fp32",
        prefix: str = "encoder",
        table: str = "auto",
        table_bytes: int = TABLE_BYTES,
    ) -> None:
        self._handle: int | None = None
        self._core = core()
        config = EncoderConfig(bytes=ctypes.sizeof(EncoderConfig), table_bytes=table_bytes)
        config.precision = choice("precision", precision, PRECISIONS)
        config.pooling = choice("pooling", pooling, POOLINGS)
        config.table = choice("table", table, TABLES)
        kept, weights = collect(arrays, prefix, config)
        handle = c_void_p()
        native.check(self._core.seqmap_encoder_create(config, weights, handle))
        assert handle.value is not None
        self._handle = handle.value
        # The core reads these in place.
        self._embedding = [a for name, a in kept.items() if name.startswith("embedding.")]
        self._inputs = "ids" if config.vocabulary else "vectors"
        self.input_size: int = config.input_size
        self.directions: int = config.directions
        self.size: int = config.directions * config.hidden
        self.pooled_size: int = (
            0 if pooling == "none" else self.size * (1 + (pooling == "mean-max"))
        )
        self.classes: int = config.classes
        self.precision = precision
        # Bound once, for the calls that are made per document.
        self._document = self._core.seqmap_encoder_document
        self._where = c_void_p(self._handle)
        self._result = c_float * (self.classes or self.pooled_size)

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle is not None:
            self._core.seqmap_encoder_destroy(handle)

    def document(self, ids: Ids) -> Floats:
        """Logits of one document, or without a head its pooled vector.

        Args:
            ids: (tokens,), int32 for speed.
        """
        # bytes and a ctypes array cost a third of what NumPy takes to tell where an array lies.
        data = ids.tobytes() if ids.dtype == np.int32 else ids.astype(np.int32).tobytes()
        out = self._result()
        code = self._document(self._where, data, len(data) >> 2, out)
        if code:
            native.check(code)
        logits: Floats = np.frombuffer(memoryview(out), np.float32)
        return logits

    def run(
        self,
        documents: Sequence[NDArray[Any]],
        *,
        states: bool = False,
    ) -> Results:
        """Run whole documents, several at a time on all threads.

        Args:
            documents: Ids (tokens,) or vectors (tokens, input_size) of each.
            states: Also return the states.
        """
        kind, width = (np.int32, ()) if self._inputs == "ids" else (np.float32, (self.input_size,))
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(document) for document in documents], out=offsets[1:])
        total = int(offsets[-1])
        flat = np.empty((total, *width), kind)
        if total:
            np.concatenate(list(documents), out=flat, casting="same_kind")
        out = Results(
            states=np.empty((total, self.size), np.float32) if states else None,
            pooled=_empty(len(documents), self.pooled_size),
            logits=_empty(len(documents), self.classes),
        )
        inputs = (flat.ctypes.data, None) if self._inputs == "ids" else (None, flat.ctypes.data)
        results = [
            None if a is None else a.ctypes.data for a in (out.states, out.pooled, out.logits)
        ]
        native.check(
            self._core.seqmap_encoder_run(
                self._handle, *inputs, offsets.ctypes.data, len(documents), *results
            )
        )
        return out

    def warm(self) -> None:
        """Compute the table's rows now instead of when their tokens are first met."""
        native.check(self._core.seqmap_encoder_warm(self._handle))

    def stream(self) -> NativeStream:
        """Begin a stream; an encoder of two directions raises NativeError."""
        return NativeStream(self)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the packed weights."""
        return int(self._core.seqmap_encoder_bytes(self._handle, 0))

    @property
    def table_bytes(self) -> int:
        """Bytes of the table's rows in use."""
        return int(self._core.seqmap_encoder_bytes(self._handle, 1))


class NativeStream:
    """A sequence that arrives piece by piece; memory stays constant.

    Whatever the pieces, the states and results are those of the whole sequence, bit for bit. One
    stream belongs to one thread at a time.

    Attributes:
        input: What `step_input` reads, where the encoder takes vectors; it never moves.
    """

    def __init__(self, encoder: NativeEncoder, state: bytes | None = None) -> None:
        self._encoder = encoder
        core = encoder._core
        size = int(core.seqmap_encoder_state_bytes(encoder._handle))
        self._state = np.zeros(size, np.uint8)
        self._out = np.zeros(encoder.size, np.float32)
        # Bound once: what `step` passes to the core never moves.
        self._where = c_void_p(self._state.ctypes.data)
        self._to = c_void_p(self._out.ctypes.data)
        self._step, self._feed = core.seqmap_encoder_step, core.seqmap_encoder_feed
        self._result = core.seqmap_encoder_result
        self._handle = c_void_p(encoder._handle)
        self.input = np.zeros(0 if encoder._inputs == "ids" else encoder.input_size, np.float32)
        self._from = c_void_p(self.input.ctypes.data)
        native.check(core.seqmap_encoder_state_init(self._handle, self._where))
        if state is not None:
            self.restore(state)

    def step(self, token: int) -> Floats:
        """Take one token; returns the last layer's state (D), which the next step overwrites."""
        code = self._step(self._handle, self._where, token, self._to)
        if code:
            native.check(code)
        return self._out

    def step_input(self) -> Floats:
        """Take the vector that lies in `input` (input_size); returns what `step` returns."""
        code = self._feed(self._handle, self._where, None, self._from, 1, self._to)
        if code:
            native.check(code)
        return self._out

    def feed(self, items: NDArray[Any], *, states: bool = False) -> Floats | None:
        """Take more tokens, or vectors (tokens, input_size); `states` returns (tokens, D)."""
        encoder = self._encoder
        ids = encoder._inputs == "ids"
        flat = np.ascontiguousarray(items, np.int32 if ids else np.float32)
        out = np.empty((len(flat), encoder.size), np.float32) if states else None
        # As bytes: NumPy takes longer to tell where an array lies than the core for a token.
        data = flat.tobytes()
        code = self._feed(
            self._handle,
            self._where,
            data if ids else None,
            None if ids else data,
            len(flat),
            None if out is None else out.ctypes.data,
        )
        if code:
            native.check(code)
        return out

    def result(self) -> Results:
        """The pooled vector and the logits of what came so far; the stream goes on."""
        pooled, logits = _empty(1, self._encoder.pooled_size), _empty(1, self._encoder.classes)
        pointers = [None if a is None else a.ctypes.data for a in (pooled, logits)]
        native.check(self._result(self._handle, self._where, *pointers))
        return Results(states=None, pooled=pooled, logits=logits)

    def logits(self) -> Floats:
        """The logits (classes,) of what came so far; the encoder must have a head."""
        out = (c_float * self._encoder.classes)()
        code = self._result(self._handle, self._where, None, out)
        if code:
            native.check(code)
        found: Floats = np.frombuffer(memoryview(out), np.float32)
        return found

    def snapshot(self) -> bytes:
        """The whole state, for `restore`, a file or another machine of the same byte order."""
        return self._state.tobytes()

    def restore(self, state: bytes) -> None:
        """Go back to a snapshot of a stream of the same encoder.

        Raises:
            ValueError: It is none; the stream stays as it was.
        """
        before = self._state.copy()
        if len(state) == self._state.nbytes:
            self._state[:] = np.frombuffer(state, np.uint8)
            feed = self._encoder._core.seqmap_encoder_feed
            # Takes no token, but checks the state.
            if feed(self._handle, self._where, None, None, 0, None) == 0:
                return
        self._state[:] = before
        raise ValueError("this is no state of a stream of this encoder")

    def fork(self) -> NativeStream:
        """A second stream that goes on from here by itself."""
        return NativeStream(self._encoder, self.snapshot())


def _empty(rows: int, columns: int) -> Floats | None:
    return np.empty((rows, columns), np.float32) if columns else None
