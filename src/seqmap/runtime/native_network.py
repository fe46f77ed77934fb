"""LSTM networks on the native core: the fast form of `NumpyNetwork`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.runtime.native import NativeError
from seqmap.runtime.native_ops import NativeEncoder, NativeStream
from seqmap.runtime.network import Network, NetworkStream
from seqmap.runtime.ops import Arrays, Floats, Ids


class NativeNetwork(Network):
    """Embedding, LSTM stack, pooling and head in one call of the core.

    Args:
        arrays: An archive's.
        config: Names and sizes; the encoder must be `lstm`.
        vocabulary: Rows that the embedding must have.
        classes: Rows that the head must have.
        precision: Arithmetic of the matrix products: fp32, bf16 or int8.

    Raises:
        KeyError, NativeError: The arrays do not fit.
    """

    backend = "native"

    def __init__(
        self,
        arrays: Arrays,
        config: Config,
        *,
        vocabulary: int,
        classes: int,
        precision: str = "fp32",
    ) -> None:
        _check(arrays, config, vocabulary, classes)
        self.encoder = NativeEncoder(arrays, pooling=config.head.pooling, precision=precision)
        self.streams = self.encoder.directions == 1

    def logits(self, documents: Sequence[Ids]) -> Floats:
        """Score whole documents, each (time,) -> (documents, classes)."""
        if len(documents) == 1:
            return self.encoder.document(documents[0])[None]
        found = self.encoder.run(documents).logits
        assert found is not None
        return found

    def stream(self) -> NetworkStream:
        """Begin a stream."""
        return NativeNetworkStream(self.encoder.stream())


def _check(arrays: Arrays, config: Config, vocabulary: int, classes: int) -> None:
    """Hold the arrays against the configuration: the core goes by the arrays alone."""
    encoder, size = config.encoder, config.embedding.size
    found = {
        "embedding": arrays["embedding.weight"].shape,
        "head": arrays["head.weight"].shape[:1],
        "recurrent": arrays[f"encoder.layers.{encoder.layers - 1}.forward.w_hh"].shape,
        "deeper": f"encoder.layers.{encoder.layers}.forward.w_hh" in arrays,
        "both": "encoder.layers.0.backward.w_hh" in arrays,
    }
    expected = {
        "embedding": (vocabulary, size),
        "head": (classes,),
        "recurrent": (4 * encoder.hidden, encoder.hidden),
        "deeper": False,
        "both": encoder.direction == "both",
    }
    if found != expected:
        raise NativeError("the arrays do not fit the configuration")


class NativeNetworkStream(NetworkStream):
    """A stream through a `NativeNetwork`; its state is one buffer."""

    def __init__(self, stream: NativeStream) -> None:
        self._stream = stream

    def feed(self, ids: Ids) -> None:
        """Read more symbols, (time,)."""
        if len(ids):
            self._stream.feed(ids)

    def logits(self) -> Floats:
        """Return the scores (classes,) so far."""
        return self._stream.logits()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of everything that is remembered."""
        return {"native": np.frombuffer(self._stream.snapshot(), np.uint8)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to a state.

        Raises:
            KeyError, ValueError: It is not a state of such a network.
        """
        self._stream.restore(state["native"].tobytes())
