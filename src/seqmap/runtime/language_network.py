"""A deployed language model's network: what may follow each symbol, whole texts and streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import PAD
from seqmap.config import Config
from seqmap.runtime import native
from seqmap.runtime.network import Network, NetworkStream
from seqmap.runtime.ops import Arrays, Floats, Ids, Layout, State
from seqmap.runtime.ops.encoders import restore_encoder
from seqmap.runtime.ops.weights import take, take_dense

_SCORES = 1 << 23
"""Scores that are in memory together."""


class LanguageNetwork(Network):
    """Embedding, LSTM stack and the scores of all symbols.

    A model that was trained in both directions answers by the one that reads forwards.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        vocabulary: How many symbols there are.
        precision: What the native core computes in.

    Raises:
        ArchiveError: The arrays do not fit the configuration.
    """

    streams = True

    def __init__(self, arrays: Arrays, config: Config, *, vocabulary: int, precision: str) -> None:
        size, hidden = config.embedding.size, config.encoder.hidden
        forward = replace(config.encoder, direction="forward")
        own = {name: array for name, array in arrays.items() if ".backward." not in name}
        embedding = take(arrays, "embedding.weight", vocabulary, size)
        self._native: Any = None
        self.backend = "numpy"
        if native.available():
            self._native = _native_encoder(own, embedding, config, precision)
            self.backend = "numpy" if self._native is None else "native"
        if self._native is None:
            self._numpy = restore_encoder(own, embedding, forward)
        self.hidden = hidden
        self.bias = take(arrays, "head.bias", vocabulary)
        self._project: tuple[Floats, Floats] | None = None
        if config.language.output == "free":
            self._table = take(arrays, "head.weight", vocabulary, hidden)
        else:
            self._table = embedding
            if hidden != size:
                self._project = take_dense(arrays, "head.project", size, hidden)

    def states(self, documents: Sequence[Ids]) -> Floats:
        """Read whole documents; the states of all symbols, (tokens, hidden)."""
        if self._native is not None:
            found = self._native.run(documents, states=True).states
            assert found is not None
            return np.asarray(found)
        layout = Layout([len(document) for document in documents])
        return np.asarray(self._numpy.encode(np.concatenate(documents), layout))

    def scores(self, states: Floats) -> Floats:
        """Return what may follow, as logits, (..., hidden) -> (..., vocabulary)."""
        if self._project is not None:
            states = states @ self._project[0] + self._project[1]
        logits = states @ self._table.T
        logits += self.bias
        logits[..., PAD] = -np.inf
        return np.asarray(logits)

    def logits(self, documents: Sequence[Ids]) -> Floats:
        """Score what may follow each document, (time,) -> (documents, vocabulary).

        Before an empty one nothing was read: any symbol follows by its frequency.
        """
        ends = np.cumsum([len(document) for document in documents])
        last = np.zeros((len(documents), self.hidden), np.float32)
        if len(ends) and ends[-1]:
            states = self.states(documents)
            filled = np.array([len(document) > 0 for document in documents])
            last[filled] = states[ends[filled] - 1]
        return self.scores(last)

    def nats(self, states: Floats, following: Ids) -> float:
        """Return the summed -log P of the symbols that follow, (tokens, hidden), (tokens,)."""
        total, rows = 0.0, max(1, _SCORES // len(self.bias))
        for begin in range(0, len(following), rows):
            logits = self.scores(states[begin : begin + rows])
            wanted = following[begin : begin + rows]
            right = logits[np.arange(len(wanted)), wanted].astype(np.float64)
            largest = logits.max(axis=1)
            logits -= largest[:, None]
            np.exp(logits, out=logits)
            total += float((largest + np.log(logits.sum(axis=1, dtype=np.float64)) - right).sum())
        return total

    def stream(self) -> LanguageNetworkStream:
        """Begin a stream."""
        return LanguageNetworkStream(self)


class LanguageNetworkStream(NetworkStream):
    """One text that is read, or written, symbol by symbol.

    Attributes:
        nats: -log P of all symbols so far but the first, which had nothing before it.
        symbol: The last one that was read; `PAD` before the first.
    """

    def __init__(self, network: LanguageNetwork) -> None:
        self.network = network
        self.nats = 0.0
        self.symbol = PAD
        self._last = np.zeros(network.hidden, np.float32)
        self._core: Any = None if network._native is None else network._native.stream()
        self._state: State = {} if self._core is not None else network._numpy.start()

    def feed(self, ids: Ids) -> None:
        """Read more symbols, (time,)."""
        for begin in range(0, len(ids), 4096):
            self._read(ids[begin : begin + 4096])

    def logits(self) -> Floats:
        """Return the scores of what may follow, (vocabulary,)."""
        return self.network.scores(self._last)

    def forget(self) -> None:
        """Let the measure begin here."""
        self.nats = 0.0

    def _read(self, ids: Ids) -> None:
        states = self._states(ids)
        before = np.concatenate([self._last[None], states[:-1]])
        skipped = 1 if self.symbol == PAD else 0
        if len(ids) > skipped:
            self.nats += self.network.nats(before[skipped:], ids[skipped:])
        self._last, self.symbol = states[-1].copy(), int(ids[-1])

    def _states(self, ids: Ids) -> Floats:
        if self._core is not None:
            return np.asarray(self._core.feed(ids, states=True))
        states, self._state = self.network._numpy.feed(ids, self._state)
        return states

    def advance(self, symbol: int) -> None:
        """Read one symbol that was drawn, without measuring it."""
        self._last = self._states(np.array([symbol], np.int32))[-1].copy()
        self.symbol = symbol

    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered."""
        kept: dict[str, NDArray[Any]] = {
            "last": self._last.copy(),
            "measure": np.array([self.nats, float(self.symbol)]),
        }
        if self._core is not None:
            return {**kept, "native": np.frombuffer(self._core.snapshot(), np.uint8)}
        return {**kept, **{f"encoder.{name}": a.copy() for name, a in self._state.items()}}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state.

        Raises:
            KeyError, ValueError: It is not a state of such a network.
        """
        last, measure = state["last"], state["measure"]
        if last.shape != self._last.shape or measure.shape != (2,):
            raise ValueError("the state does not fit this model")
        if self._core is not None:
            self._core.restore(state["native"].tobytes())
        else:
            found = {name: state[f"encoder.{name}"].copy() for name in self._state}
            if any(found[name].shape != part.shape for name, part in self._state.items()):
                raise ValueError("the state does not fit this model")
            self._state = found
        self._last = last.astype(np.float32)
        self.nats, self.symbol = float(measure[0]), int(measure[1])


def _native_encoder(arrays: Arrays, embedding: Floats, config: Config, precision: str) -> Any:
    """Build the encoder on the native core; None where the arrays do not fit: NumPy says which."""
    # Imported here: only those who have the core pay for its bindings at start-up.
    from seqmap.runtime.native_ops import NativeEncoder

    stored = {**arrays, "embedding.weight": arrays["embedding.weight"]}
    try:
        encoder = NativeEncoder(stored, precision=precision)
    except (KeyError, native.NativeError):
        return None
    fits = (
        encoder.size == config.encoder.hidden
        and encoder.input_size == embedding.shape[1]
        and f"encoder.layers.{config.encoder.layers - 1}.forward.w_hh" in arrays
    )
    return encoder if fits else None
