"""The sections of the network: symbols, vectors, encoder, head, wide branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqmap.config.ranges import Between


@dataclass(frozen=True)
class TextConfig:
    """How text becomes symbols."""

    unit: Literal["auto", "word", "char", "subword", "literal"] = "auto"
    """What a symbol is; `auto` takes characters for Chinese, Japanese or Thai, else words. `char`
    makes one blank of several; `literal` keeps every character, line ends too."""
    vocabulary: Annotated[int, Between(2, 10_000_000)] = 30_000
    """At most this many symbols are kept, the most frequent ones; the others share one id."""
    min_count: Annotated[int, Between(1, 1_000_000)] = 1
    """A symbol seen less often than this in training is left out of the vocabulary."""
    lowercase: bool = True
    """Fold case before looking symbols up (the wide branch has its own rule)."""
    max_length: Annotated[int, Between(1, 10_000_000)] = 400
    """Longer texts are cut to this many symbols."""
    truncate: Literal["end", "start", "middle"] = "middle"
    """Which part of a text that is too long is dropped."""
    vectors: str = ""
    """A file of word vectors (word2vec, GloVe or fastText text format) to start from."""


@dataclass(frozen=True)
class EmbeddingConfig:
    """The table that turns symbols into vectors."""

    size: Annotated[int, Between(1, 8192)] = 128
    """Dimension of a symbol's vector."""
    start: Literal["cooccurrence", "random"] = "cooccurrence"
    """Where vectors start: from the company that symbols keep in the training texts, or random."""
    dropout: Annotated[float, Between(0, 0.95)] = 0.4
    """Variational dropout: one mask for a whole sequence (Gal & Ghahramani 2016)."""
    word_dropout: Annotated[float, Between(0, 0.95)] = 0.1
    """Chance that a symbol is replaced by the unknown one during training."""


@dataclass(frozen=True)
class EncoderConfig:
    """The network that reads a sequence of vectors."""

    name: Literal["lstm", "gru", "rnn", "transformer", "lstm-transformer"] = "lstm"
    """Which encoder."""
    hidden: Annotated[int, Between(1, 8192)] = 128
    """Units per layer and direction (for the transformer: the model dimension)."""
    layers: Annotated[int, Between(1, 64)] = 1
    """How many layers are stacked."""
    direction: Literal["forward", "both"] = "both"
    """Read left to right, or in both directions (twice the units)."""
    dropout: Annotated[float, Between(0, 0.95)] = 0.3
    """Dropout between stacked layers."""
    weight_dropout: Annotated[float, Between(0, 0.95)] = 0.0
    """DropConnect on the recurrent weights (Merity et al. 2018)."""
    heads: Annotated[int, Between(1, 256)] = 4
    """Attention heads; transformer layers only."""
    feedforward: Annotated[int, Between(0, 65536)] = 0
    """Inner width of a transformer layer; 0 means four times `hidden`."""


@dataclass(frozen=True)
class HeadConfig:
    """What stands between the encoder and the answer."""

    pooling: Literal["last", "mean", "max", "attention", "mean-max"] = "mean-max"
    """How a sequence of states becomes one vector."""
    dropout: Annotated[float, Between(0, 0.95)] = 0.5
    """Dropout on that vector."""
    label_smoothing: Annotated[float, Between(0, 0.9)] = 0.1
    """Share of the target probability that is spread over all labels."""


@dataclass(frozen=True)
class WideConfig:
    """The wide branch: a linear model over hashed n-grams, fused with the deep branch."""

    kind: Literal["ngram", "none"] = "ngram"
    """`none` leaves the deep branch alone."""
    word_ngrams: Annotated[int, Between(0, 5)] = 3
    """Longest n-gram of words (0 leaves words out)."""
    char_ngrams: Annotated[int, Between(-1, 8)] = -1
    """Longest n-gram of characters; 0 leaves characters out, -1 decides by script and length."""
