"""The deployed network that speaks, step by step; see `seqmap.nn.speaker`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.runtime import native
from seqmap.runtime.decoders.ops import Dense, NumpyOps, Ops
from seqmap.runtime.ops import Arrays, Floats
from seqmap.runtime.ops.weights import take
from seqmap.runtime.tag_readers import NativeReader, NumpyReader, Reader

Ids = NDArray[np.int32]
End = Literal["text", "limit"]

LOCATION_WIDTH = 7
WINDOW = 2
"""Symbols before and after the one that is attended to most that may have attention too."""
_OVER = 0.5  # share of the attention that has left the text when speech ends


@dataclass(frozen=True)
class Bounds:
    """What holds speech to an end, from the training's recordings.

    Attributes:
        stay: Steps that attention may stay at one symbol.
        slowest: Steps a symbol of the whole text, at most.
    """

    stay: int
    slowest: float

    def steps(self, symbols: int) -> int:
        """Return the most steps for a text."""
        return min(int(np.ceil(self.slowest * (symbols + 4))), self.stay * symbols)


@dataclass(frozen=True)
class Uttered:
    """What was given for one text.

    Attributes:
        frames: (frames, mels), standardised.
        alignment: Attention of each step, (steps, symbols).
        end: Whether speech ended behind the text, or at the limit.
        pushed: How often attention stayed too long and was moved on.
    """

    frames: Floats
    alignment: Floats
    end: End
    pushed: int


class SpeakNetwork:
    """Encoder, walker, forward attention, writer.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        symbols: Number of symbol ids.
        mels: Bands of a frame.
        precision: What the native core computes in.

    Attributes:
        backend: What computes: `native` or `numpy`.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    def __init__(
        self, arrays: Arrays, config: Config, *, symbols: int, mels: int, precision: str = "fp32"
    ) -> None:
        own, width = config.speak, _width(config)
        manner = own.style + 1
        styles = take(arrays, "style", None, own.style)
        self._style = styles.mean(axis=0), styles.std(axis=0)
        self.mels, self._width, self._sizes = mels, own.prenet, (own.attention, own.hidden)
        self.backend = "native" if native.available() else "numpy"
        ops = self._ops = _ops(self.backend, precision)
        table = take(arrays, "embedding.weight", symbols, config.embedding.size)
        self._reader = _reader(arrays, table, config, precision, self.backend)
        self._prenet = [
            _dense(arrays, "prenet.0", own.prenet, mels, ops),
            _dense(arrays, "prenet.1", own.prenet, own.prenet, ops),
        ]
        self._walker = _cell(arrays, "walker", own.attention, own.prenet + width + manner, ops)
        self._writer = _cell(arrays, "writer", own.hidden, own.attention + width + manner, ops)
        self._output = _dense(arrays, "output", own.frames * mels, own.hidden + width, ops)
        name, size = "attention.", own.attention
        self._key = _dense(arrays, f"{name}key", size, width, ops)
        self._query = ops.dense(take(arrays, f"{name}query.weight", size, own.attention), None)
        self._location = take(arrays, f"{name}location", size, LOCATION_WIDTH)
        self._score = take(arrays, f"{name}score", size)
        self._bias = take(arrays, f"{name}bias", 1)

    def speak(
        self,
        texts: Sequence[Ids],
        bounds: Bounds,
        *,
        pace: float,
        variation: float,
        dropout: float,
        draws: Sequence[np.random.Generator],
    ) -> list[Uttered]:
        """Speak some texts side by side.

        Args:
            texts: Symbols of each, one or more.
            bounds: What holds them to an end.
            pace: Logarithm of how much slower than usual.
            variation: Of the style, in standard deviations of those of the training recordings.
            dropout: Of the pre-net, as in training: what is said varies a little.
            draws: Random numbers of each text, so that none depends on the others.
        """
        state = self._begin(texts, self._manner(pace, variation, draws))
        limits = [bounds.steps(len(text)) for text in texts]
        spoken: list[list[tuple[Floats, Floats]]] = [[] for _ in texts]
        ends: list[End] = ["text"] * len(texts)
        pushed = [0] * len(texts)
        rows = list(range(len(texts)))
        while rows:
            masks = self._masks([draws[row] for row in rows], dropout)
            frames, state = self._step(state, masks)
            seen = state.alignment.copy()
            moved = state.pushed(bounds.stay)
            over = state.passed > _OVER
            going = []
            for place, row in enumerate(rows):
                pushed[row] += int(moved[place])
                spoken[row].append((frames[place], seen[place, : len(texts[row])]))
                full = len(spoken[row]) >= limits[row]
                if full and not over[place]:
                    ends[row] = "limit"
                if not (full or over[place]):
                    going.append(place)
            rows = [rows[place] for place in going]
            state = state.select(np.array(going, np.int64))
        return [
            Uttered(
                np.concatenate([frames.reshape(-1, self.mels) for frames, _ in own]),
                np.stack([weights for _, weights in own]),
                end,
                times,
            )
            for own, end, times in zip(spoken, ends, pushed, strict=True)
        ]

    def _manner(
        self, pace: float, variation: float, draws: Sequence[np.random.Generator]
    ) -> Floats:
        """Return pace and style of each text, (texts, 1 + style)."""
        mean, spread = self._style
        drawn = np.stack([draw.standard_normal(len(mean)) for draw in draws])
        style = mean + variation * spread * drawn
        return np.asarray(np.insert(style, 0, pace, axis=1), np.float32)

    def _begin(self, texts: Sequence[Ids], manner: Floats) -> _State:
        states = self._reader.states(texts)
        lengths = np.array([len(text) for text in texts])
        mask = np.arange(int(lengths.max()))[None, :] < lengths[:, None]
        memory = np.zeros((*mask.shape, states.shape[1]), np.float32)
        memory[mask] = states
        keys = self._key(memory.reshape(-1, memory.shape[2])).reshape(*mask.shape, -1)
        alignment = np.zeros(mask.shape, np.float32)
        alignment[:, 0] = 1.0
        count, (small, large) = len(texts), self._sizes
        nothing = [np.zeros((count, size), np.float32) for size in (small, small, large, large)]
        return _State(
            memory=memory,
            keys=keys,
            manner=manner,
            last=lengths - 1,
            frame=np.zeros((count, self.mels), np.float32),
            context=memory[:, 0],
            alignment=alignment,
            passed=np.zeros(count, np.float32),
            cells=tuple(nothing),
            place=np.zeros(count, np.int64),
            stayed=np.zeros(count, np.int64),
        )

    def _masks(
        self, draws: Sequence[np.random.Generator], dropout: float
    ) -> tuple[Floats | None, Floats | None]:
        """Return what each layer of the pre-net is multiplied by, (texts, prenet) both."""
        if dropout == 0:
            return None, None
        kept = np.stack([draw.random((2, self._width), np.float32) for draw in draws]) >= dropout
        scaled = kept.astype(np.float32) / np.float32(1 - dropout)
        return scaled[:, 0], scaled[:, 1]

    def _step(
        self, state: _State, masks: tuple[Floats | None, Floats | None]
    ) -> tuple[Floats, _State]:
        """Take a step: (texts, frames * mels) and the state after it."""
        x = state.frame
        for layer, mask in zip(self._prenet, masks, strict=True):
            x = np.maximum(layer(x), 0)
            if mask is not None:
                x *= mask
        h, c, states, memory = state.cells
        h, c = self._ops.cell(
            self._walker(np.concatenate([x, state.manner, state.context, h], axis=1)), c
        )
        alignment, passed = self._attend(h, state)
        context = (alignment[:, None] @ state.memory)[:, 0]
        inputs = np.concatenate([h, context, state.manner, states], axis=1)
        states, memory = self._ops.cell(self._writer(inputs), memory)
        frames = self._output(np.concatenate([states, context], axis=1))
        after = replace(
            state,
            frame=frames[:, -self.mels :],
            context=context,
            alignment=alignment,
            passed=passed,
            cells=(h, c, states, memory),
        )
        return frames, after

    def _attend(self, query: Floats, state: _State) -> tuple[Floats, Floats]:
        """Move attention on: the new alignment, and how much has left the text."""
        before = state.alignment
        around = np.pad(before, ((0, 0), (LOCATION_WIDTH // 2, LOCATION_WIDTH // 2)))
        seen = np.lib.stride_tricks.sliding_window_view(around, LOCATION_WIDTH, axis=1)
        inner = np.tanh(self._query(query)[:, None] + state.keys + seen @ self._location.T)
        scores = inner @ self._score + self._bias
        going = before * (0.5 - 0.5 * np.tanh(0.5 * scores))
        alignment = before - going
        alignment[:, 1:] += going[:, :-1]
        rows = np.arange(len(before))
        passed = state.passed + going[rows, state.last]
        places = np.arange(before.shape[1])[None, :]
        peak = alignment.argmax(axis=1)[:, None]
        inside = (places <= state.last[:, None]) & (np.abs(places - peak) <= WINDOW)
        kept = alignment * inside
        # What the window cuts off goes to what it holds, so that nothing is lost.
        share = (1 - passed) / np.maximum(kept.sum(axis=1), 1e-6)
        return np.asarray(kept * share[:, None], np.float32), np.asarray(passed, np.float32)


@dataclass(frozen=True)
class _State:
    """Where speech stands; each array has a row a text."""

    memory: Floats
    keys: Floats
    manner: Floats
    last: NDArray[np.int64]
    frame: Floats
    context: Floats
    alignment: Floats
    passed: Floats
    cells: tuple[Floats, ...]
    place: NDArray[np.int64]
    stayed: NDArray[np.int64]

    def pushed(self, longest: int) -> NDArray[np.bool_]:
        """Move attention on where it has stayed too long at one symbol; returns where it has."""
        peak = self.alignment.argmax(axis=1)
        self.stayed[:] = np.where(peak == self.place, self.stayed + 1, 1)
        self.place[:] = np.maximum(peak, self.place)
        late = self.stayed >= longest
        for row in np.flatnonzero(late):
            beyond = float(self.alignment[row, self.last[row]])
            self.alignment[row, 1:] = self.alignment[row, :-1].copy()
            self.alignment[row, 0] = 0.0
            self.alignment[row, self.last[row] + 1 :] = 0.0
            self.passed[row] += beyond
            self.stayed[row] = 0
        return late

    def select(self, rows: NDArray[np.int64]) -> _State:
        """Keep some texts."""
        if len(rows) == len(self.last):
            return self
        values = {
            name: getattr(self, name)[rows] for name in self.__dataclass_fields__ if name != "cells"
        }
        return _State(**values, cells=tuple(one[rows] for one in self.cells))


def _ops(backend: str, precision: str) -> Ops:
    if backend == "numpy":
        return NumpyOps()
    from seqmap.runtime.native_dense import NativeOps

    return NativeOps(precision)


def _dense(arrays: Arrays, name: str, outputs: int, inputs: int, ops: Ops) -> Dense:
    weight = take(arrays, f"{name}.weight", outputs, inputs)
    return ops.dense(weight, take(arrays, f"{name}.bias", outputs))


def _cell(arrays: Arrays, name: str, hidden: int, inputs: int, ops: Ops) -> Dense:
    """Return the gate sums of an LSTM: one product for what it reads and what it remembers."""
    read = take(arrays, f"{name}.w_ih", 4 * hidden, inputs)
    kept = take(arrays, f"{name}.w_hh", 4 * hidden, hidden)
    bias = take(arrays, f"{name}.bias", 4 * hidden)
    return ops.dense(np.concatenate([read, kept], axis=1), bias)


def _width(config: Config) -> int:
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
