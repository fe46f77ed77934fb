"""A text that arrives piece by piece: partial answers from a state that does not grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import SeqmapError, UserError
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.input_stream import InputStream, described_state

if TYPE_CHECKING:
    from seqmap.runtime.network import Network, NetworkStream


class Answering(Protocol):
    """What a stream needs of a model that reads text symbol by symbol."""

    codecs: Any
    precision: str

    @property
    def network(self) -> Network:
        """What reads the symbols."""

    @property
    def digest(self) -> str:
        """What identifies the model."""

    def calibrated(self, deep: NDArray[Any]) -> NDArray[np.float64]:
        """Turn the network's scores (texts, classes) into probabilities."""

    def answers(self, probabilities: NDArray[np.float64]) -> list[Any]:
        """Turn probabilities (texts, classes) into results."""


@dataclass(frozen=True)
class Snapshot:
    """All that a stream remembers at one moment.

    Attributes:
        network: The network's state.
        held: Text at the end that cannot be split into symbols yet.
        symbols: How many symbols were read.
        closed: Whether the text is complete.
    """

    network: dict[str, NDArray[Any]]
    held: str
    symbols: int
    closed: bool


class TextStream(InputStream):
    """One text through a model, in pieces of any size.

    The answer does not depend on how the text was cut: what may still be continued at its end (half
    a word) waits for the next piece or for `close`. Texts may be endless: `text.max_length` does
    not apply. Leaving the `with` block closes the stream, and `result` then is the final answer.

    Args:
        session: The model.
    """

    def __init__(self, session: Answering) -> None:
        super().__init__()
        self._session = session
        self._network = self._begin()
        self._held = ""
        self._symbols = 0

    @property
    def symbols(self) -> int:
        """How many symbols were read so far."""
        return self._symbols

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """A copy of the network's state, by name."""
        return self._network.state()

    def feed(self, text: str) -> int:
        """Read more text.

        Returns:
            How many symbols were complete and are now part of the answer.

        Raises:
            UserError: The stream is closed, or this is not text.
        """
        self._check_text(text)
        stable, self._held = self._session.codecs.source.split_stable(self._held + text)
        return self._read(stable)

    def close(self) -> None:
        """Say that the text is complete: what was held back is read. Closing again does nothing."""
        if not self._closed:
            held, self._held = self._held, ""
            self._read(held)
            self._closed = True

    def result(self) -> Any:
        """Return the answer for what was read so far, as `Session.predict` gives it."""
        return self._session.answers(self.probabilities()[None])[0]

    def probabilities(self) -> NDArray[np.float64]:
        """Return the probabilities for what was read so far, (classes,)."""
        return np.asarray(self._session.calibrated(self._network.logits()[None])[0])

    def snapshot(self) -> Snapshot:
        """Return all that is remembered, to `restore` it."""
        return Snapshot(self._network.state(), self._held, self._symbols, self._closed)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back (or on) to a snapshot of a stream of the same model.

        Raises:
            UserError: It does not fit this model.
        """
        try:
            self._network.restore(snapshot.network)
        except (KeyError, ValueError, SeqmapError):
            raise UserError("the stream's state belongs to another model") from None
        self._held = snapshot.held
        self._symbols = snapshot.symbols
        self._closed = snapshot.closed

    def fork(self) -> TextStream:
        """Return a second stream that goes on from here; neither influences the other."""
        other = TextStream(self._session)
        other.restore(self.snapshot())
        return other

    def to_bytes(self) -> bytes:
        """Return all that is remembered, for a file or another process; see `Session.stream`."""
        snapshot = self.snapshot()
        described = {
            "stream": {
                "model": self._session.digest,
                "backend": self._computed_by,
                "held": snapshot.held,
                "symbols": snapshot.symbols,
                "closed": snapshot.closed,
            }
        }
        return to_bytes(Archive(described, snapshot.network))

    def load(self, data: bytes) -> None:
        """Go on from what `to_bytes` gave.

        Raises:
            ArchiveError: It is damaged, or of another model or backend.
        """
        archive = from_bytes(data)
        described = described_state(archive, self._session.digest, self._computed_by)
        held, symbols = described["held"], described["symbols"]
        self.restore(Snapshot(archive.arrays, held, symbols, described["closed"]))

    @property
    def _computed_by(self) -> str:
        """What a state must have been made by, to go on from it."""
        session = self._session
        core = session.network.backend == "native"
        return f"native, {session.precision}" if core else session.network.backend

    def _begin(self) -> NetworkStream:
        """Return the network before the first symbol."""
        return self._session.network.stream()

    def _read(self, text: str) -> int:
        ids = self._session.codecs.source.encode(text)
        self._network.feed(ids)
        self._symbols += len(ids)
        return len(ids)
