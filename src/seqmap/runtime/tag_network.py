"""The deployed network of a tagger: tokens in, emissions out.

What a word brings - vector, letters read, shape, weights of its lexical features - depends on its
form alone. It is worked out when the form is first met and kept in a table of fixed size; a known
word then costs a look-up. The rows of that table are the symbols of the encoder, whose own table
keeps what the first layer makes of each of them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.features.form_codec import Form, FormCodec
from seqmap.features.forms import SHAPES
from seqmap.features.window import REACH, WIDTH
from seqmap.runtime import native
from seqmap.runtime.ops import Arrays, Floats, Layout
from seqmap.runtime.ops.encoders import restore_encoder
from seqmap.runtime.ops.pooling import Pooling
from seqmap.runtime.ops.weights import take, take_dense
from seqmap.runtime.tag_readers import FeatureTable, Letters, NativeReader, NumpyReader, Reader

CAPACITY = 1 << 15
"""Distinct forms that are kept; then the table starts anew."""
BATCH_TOKENS = 4096
"""Tokens that go through the network at once."""

Ids = NDArray[np.int32]
Key = tuple[str, int]


@dataclass
class _Table:
    """What is known of the forms that were met.

    Attributes:
        rows: Where each form stands; with vectors of pairs, each form before its neighbour.
        vectors: What the encoder reads, (CAPACITY, size); filled as forms are met.
        brought: What each form's features say, (CAPACITY, WIDTH * tags).
        reader: The encoder over `vectors`.
    """

    rows: dict[Key, int]
    vectors: Floats
    brought: Floats
    reader: Reader


class TagReader:
    """Embedding, letters, encoder and output of a tagger, with its wide branch.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        codec: What turns tokens into numbers.
        tags: How many tags there are.
        intents: How many labels of whole texts there are; 0 for none.
        lexical: Whether the wide branch, if the codec has one, is read here.
        precision: What the native core computes products in; NumPy always takes fp32.

    Raises:
        ArchiveError: The arrays do not fit.
    """

    def __init__(
        self,
        arrays: Arrays,
        config: Config,
        codec: FormCodec,
        *,
        tags: int,
        intents: int = 0,
        lexical: bool = True,
        precision: str = "fp32",
    ) -> None:
        self._arrays, self._config, self._codec = arrays, config, codec
        self._precision = precision
        self.tags = tags
        size, tag = config.embedding.size, config.tag
        self._words = take(arrays, "words.weight", len(codec.words), size)
        self._letters = (
            Letters(arrays, config, len(codec.letters), precision) if _spells(config) else None
        )
        self._shapes = (
            take(arrays, "shapes.weight", len(SHAPES), tag.shape_size) if tag.shape_size else None
        )
        pairs = len(codec.pairs)
        self._pairs = take(arrays, "pairs.weight", pairs + 2, tag.pair_size) if pairs else None
        features = len(codec.features) if lexical else 0
        self._features = FeatureTable(arrays, features, WIDTH * tags) if features else None
        self.backend = "numpy"
        if config.encoder.name == "lstm" and native.available():
            self.backend = "native"
        self._size = size + tag.shape_size
        self._size += 2 * tag.character_hidden if self._letters else 0
        self._size += tag.pair_size if pairs else 0
        self._lock = threading.Lock()
        self._table = self._new_table()
        width = config.encoder.hidden
        if config.encoder.name in ("lstm", "gru", "rnn") and config.encoder.direction == "both":
            width *= 2
        self._output = take_dense(arrays, "output", tags, width)
        if intents:
            encoder = restore_encoder(arrays, self._table.vectors, config.encoder)
            self._pooling = Pooling(arrays, encoder, config.head)
            self._intent = take_dense(arrays, "intent", intents, self._pooling.width)
        self._intents = intents

    def read(self, sentences: Sequence[Sequence[str]]) -> tuple[list[Floats], Floats | None]:
        """Read sentences of tokens.

        Returns:
            Emissions of each, (tokens, tags), and logits (sentences, intents) or None.
        """
        emissions: list[Floats] = [np.zeros((0, self.tags), np.float32)] * len(sentences)
        logits = np.zeros((len(sentences), self._intents), np.float32) if self._intents else None
        order = sorted(range(len(sentences)), key=lambda row: len(sentences[row]))
        begin = 0
        while begin < len(order):
            end, tokens = begin, 0
            while end < len(order) and (end == begin or tokens < BATCH_TOKENS):
                tokens += len(sentences[order[end]])
                end += 1
            rows = order[begin:end]
            found, pooled = self._batch([sentences[row] for row in rows])
            for row, part in zip(rows, found, strict=True):
                emissions[row] = part
            if logits is not None and pooled is not None:
                logits[rows] = pooled
            begin = end
        return emissions, logits

    def states(self, tokens: Sequence[str]) -> Floats:
        """Return the encoder's states of a sentence, (tokens, width)."""
        documents, _, table = self._rows([tokens])
        return np.asarray(table.reader.states(documents))

    def read_vectors(self, x: Floats, tokens: Sequence[str]) -> tuple[Floats, Floats | None]:
        """Read a sentence whose tokens are given as vectors, in NumPy.

        Args:
            x: Several such sentences, (sentences, tokens, size).
            tokens: The sentence: what its lexical features say stays as it is.

        Returns:
            Emissions (sentences, tokens, tags), and logits (sentences, intents) or None.
        """
        count, time, size = x.shape
        table = np.ascontiguousarray(x.reshape(-1, size))
        reader = NumpyReader(self._arrays, table, self._config)
        rows = np.arange(count * time, dtype=np.int32).reshape(count, time)
        states = reader.states(list(rows))
        emissions = (states @ self._output[0] + self._output[1]).reshape(count, time, -1)
        if self._features is not None:
            documents, extra, own = self._rows([tokens])
            emissions += self._wide(documents[0], extra, Layout([time]), own)
        return emissions, self._whole(states, Layout([time] * count))

    def vectors(self, tokens: Sequence[str]) -> Floats:
        """Return what the encoder reads of a sentence, (tokens, size)."""
        documents, _, table = self._rows([tokens])
        return np.asarray(table.vectors[documents[0]])

    def _batch(self, sentences: list[Sequence[str]]) -> tuple[list[Floats], Floats | None]:
        documents, extra, table = self._rows(sentences)
        lengths = [len(document) for document in documents]
        layout = Layout(lengths)
        if layout.tokens == 0:
            nothing = [np.zeros((0, self.tags), np.float32) for _ in sentences]
            return nothing, self._whole(np.zeros((0, len(self._output[0])), np.float32), layout)
        states = table.reader.states(documents)
        emissions = states @ self._output[0] + self._output[1]
        if self._features is not None:
            emissions += self._wide(np.concatenate(documents), extra, layout, table)
        parts = np.split(emissions, layout.offsets[1:-1])
        return list(parts), self._whole(states, layout)

    def _whole(self, states: Floats, layout: Layout) -> Floats | None:
        if not self._intents:
            return None
        pooled = self._pooling.pool(states, layout)
        return np.asarray(pooled @ self._intent[0] + self._intent[1])

    def _wide(self, rows: Ids, neighbours: Ids, layout: Layout, table: _Table) -> Floats:
        """Return what lexical features say, (tokens, tags); see `features.window`."""
        assert self._features is not None
        brought = table.brought[rows]
        there = neighbours >= 0
        np.add.at(brought, np.nonzero(there)[0], self._features.rows(neighbours[there]))
        brought = brought.reshape(-1, WIDTH, self.tags)
        total = np.zeros((layout.tokens, self.tags), np.float32)
        count = layout.tokens
        for place in range(WIDTH):
            # What the token at t + shift says about the one at t, within a sentence.
            shift = place - REACH
            here = np.arange(max(0, -shift), count - max(0, shift))
            here = here[layout.document[here] == layout.document[here + shift]]
            total[here] += brought[here + shift, place]
        return total

    def _rows(self, sentences: list[Sequence[str]]) -> tuple[list[Ids], NDArray[np.int32], _Table]:
        """Return the rows of all tokens, features of neighbours (tokens, 3), and the table."""
        codec = self._codec
        neighbours: list[NDArray[np.int32]] = [np.zeros((0, 3), np.int32)]
        keys: list[list[Key]] = []
        forms = codec.forms
        for tokens in sentences:
            own: list[Key]
            if self._pairs is None and self._features is None:
                own = [(token, 0) for token in tokens]
            else:
                vectors, features = codec.encode_pairs([forms[token] for token in tokens])
                neighbours.append(features)
                if self._pairs is None:
                    own = [(token, 0) for token in tokens]
                else:
                    own = list(zip(tokens, vectors.tolist(), strict=True))
            keys.append(own)
        with self._lock:
            table = self._table
            new = {key for own in keys for key in own if key not in table.rows}
            if len(table.rows) + len(new) > len(table.vectors):
                size = max(CAPACITY, sum(map(len, keys)))
                table = self._table = self._new_table(size)
                new = {key for own in keys for key in own}
            if new:
                self._fill(table, sorted(new))
        where = table.rows.__getitem__
        documents = [np.fromiter(map(where, own), np.int32, len(own)) for own in keys]
        return documents, np.concatenate(neighbours), table

    def _fill(self, table: _Table, keys: list[Key]) -> None:
        """Work out what forms bring, and only then make them known."""
        forms: list[Form] = [self._codec.forms[token] for token, _ in keys]
        begin = len(table.rows)
        rows = slice(begin, begin + len(keys))
        parts = [self._words[[form.word for form in forms]]]
        if self._letters is not None:
            parts.append(self._letters.read([form.letters for form in forms]))
        if self._shapes is not None:
            parts.append(self._shapes[[form.shape for form in forms]])
        if self._pairs is not None:
            parts.append(self._pairs[[pair for _, pair in keys]])
        table.vectors[rows] = np.concatenate(parts, axis=1)
        if self._features is not None:
            for place, form in enumerate(forms):
                table.brought[begin + place] = self._features.rows(form.keys).sum(axis=0)
        table.rows.update(zip(keys, range(begin, begin + len(keys)), strict=True))

    def _new_table(self, capacity: int = CAPACITY) -> _Table:
        # Zeros take memory only where they are written to.
        vectors = np.zeros((capacity, self._size), np.float32)
        columns = WIDTH * self.tags if self._features is not None else 0
        brought = np.zeros((capacity, columns), np.float32)
        reader: Reader
        if self.backend == "native":
            try:
                reader = NativeReader(self._arrays, vectors, self._precision)
            except (KeyError, native.NativeError):
                self.backend = "numpy"  # The arrays do not fit: NumPy says which.
        if self.backend == "numpy":
            reader = NumpyReader(self._arrays, vectors, self._config)
        return _Table({}, vectors, brought, reader)


def _spells(config: Config) -> bool:
    return config.tag.characters == "lstm"
