"""What reads a tagger's sentences and the letters of its words: NumPy, or the native core."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.runtime import native
from seqmap.runtime.ops import Arrays, Floats, Layout
from seqmap.runtime.ops.encoders import restore_encoder
from seqmap.runtime.ops.pooling import Pooling
from seqmap.runtime.ops.weights import scales_of, take

Ids = NDArray[np.int32]


class Reader(Protocol):
    """Reads documents of ids into states."""

    def states(self, documents: Sequence[Ids]) -> Floats:
        """Return the states of all tokens, one document after the other, (tokens, width)."""


class NumpyReader:
    """An encoder in NumPy over a table of vectors."""

    def __init__(self, arrays: Arrays, table: Floats, config: Config) -> None:
        self._encoder = restore_encoder(arrays, table, config.encoder)

    def states(self, documents: Sequence[Ids]) -> Floats:
        """Return the states of all tokens, (tokens, width)."""
        layout = Layout([len(document) for document in documents])
        return np.asarray(self._encoder.encode(np.concatenate(documents), layout))


class NativeReader:
    """The same on the native core."""

    def __init__(self, arrays: Arrays, table: Floats, precision: str) -> None:
        # Imported here: only those who have the core pay for its bindings at start-up.
        from seqmap.runtime.native_ops import NativeEncoder

        own = {name: array for name, array in arrays.items() if name.startswith("encoder.")}
        self._encoder = NativeEncoder({**own, "embedding.weight": table}, precision=precision)

    def states(self, documents: Sequence[Ids]) -> Floats:
        """Return the states of all tokens, (tokens, width)."""
        found = self._encoder.run(documents, states=True).states
        assert found is not None
        return found


class FeatureTable:
    """Weights of lexical features, kept as they are stored: a byte each, mostly.

    Args:
        arrays: An archive's.
        features: Rows that the table must have.
        columns: Columns that it must have.

    Raises:
        ArchiveError: The array is missing or of another shape.
    """

    def __init__(self, arrays: Arrays, features: int, columns: int) -> None:
        name = "features.weight"
        stored = arrays.get(name)
        self._scales: Floats | None = None
        self._weights: NDArray[Any]
        if stored is not None and stored.dtype == np.int8 and stored.shape == (features, columns):
            self._weights, self._scales = stored, scales_of(arrays, name)
        else:
            self._weights = take(arrays, name, features, columns)

    def rows(self, features: Ids) -> Floats:
        """Return the weights of some features, (features, columns)."""
        found = self._weights[features].astype(np.float32)
        if self._scales is not None:
            found *= self._scales[features, None]
        return found


class Letters:
    """The LSTM over the letters of new forms: its last states in both directions."""

    def __init__(self, arrays: Arrays, config: Config, letters: int, precision: str) -> None:
        tag = config.tag
        settings = Config().replace(
            encoder__hidden=tag.character_hidden,
            encoder__direction="both",
            head__pooling="last",
        )
        table = take(arrays, "letters.embedding.weight", letters, tag.character_size)
        prefix = "letters."
        own = {n[len(prefix) :]: a for n, a in arrays.items() if n.startswith(prefix)}
        self._native: Any = None
        if native.available():
            from seqmap.runtime.native_ops import NativeEncoder

            weights = {**own, "embedding.weight": table}
            # Where the arrays do not fit, NumPy says which.
            with suppress(KeyError, native.NativeError):
                self._native = NativeEncoder(weights, pooling="last", precision=precision)
                return
        self._encoder = restore_encoder(own, table, settings.encoder)
        self._pooling = Pooling(own, self._encoder, settings.head)

    def read(self, words: Sequence[NDArray[Any]]) -> Floats:
        """Read words of letter ids, each (letters,) -> (words, 2 hidden)."""
        if self._native is not None:
            return np.asarray(self._native.run(words).pooled)
        layout = Layout([len(word) for word in words])
        states = self._encoder.encode(np.concatenate(words), layout)
        return np.asarray(self._pooling.pool(states, layout))
