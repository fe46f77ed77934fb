"""Start a task's network from a language model: its codec, its vectors, its LSTM layers.

After Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", and
Dai & Le 2015: what a network has learnt about a language from plain text it need not learn again
from few labelled examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from seqmap.codecs import CharCodec, LineCodec, WordCodec
from seqmap.codecs.base import SPECIAL, TextCodec
from seqmap.codecs.vocabulary import Vocabulary
from seqmap.config import Config
from seqmap.errors import ConfigError, UserError
from seqmap.nn.encoders.base import Encoder, RecurrentEncoder
from seqmap.nn.encoders.lstm import LSTMDirection, LSTMEncoder
from seqmap.nn.encoders.lstm_transformer import LSTMTransformerEncoder
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.ops.weights import take
from seqmap.runtime.session import load

_SIDES = {"ahead": "forward", "back": "backward"}
_PARTS = ("w_ih", "w_hh", "bias")


@dataclass(frozen=True)
class Pretrained:
    """What a language model gives to others.

    Attributes:
        name: Its file.
        digest: What identifies it.
        codec: Text to symbols, without line ends.
        vectors: Of the symbols, (symbols, size).
        weights: Of its LSTM, by their names in the archive without `encoder.`.
        config: What it was built from.
    """

    name: str
    digest: str
    codec: TextCodec
    vectors: NDArray[np.float32]
    weights: Mapping[str, NDArray[np.float32]]
    config: Config

    def describe(self) -> str:
        """Return a line about it."""
        encoder = self.config.encoder
        ways = "both directions" if encoder.direction == "both" else "left to right"
        layers = f"{encoder.layers} layer" + ("s" if encoder.layers > 1 else "")
        return (
            f"{self.name}: {len(self.vectors):,} {self.codec.unit} vectors of"
            f" {self.vectors.shape[1]}, {layers} of {encoder.hidden}, {ways}"
        )

    def facts(self) -> dict[str, str]:
        """Return what a manifest says about where a model started."""
        return {"model": Path(self.name).name, "digest": self.digest}


def read_pretrained(path: str | Path) -> Pretrained:
    """Read a language model to start from.

    Raises:
        UserError: There is no such file, or it is no language model.
    """
    session = load(path)
    if not isinstance(session, LanguageSession):
        raise UserError(
            "a training starts from a language model",
            path=path,
            given=session.task.name,
            allowed="language",
            remedy="Make one: seqmap pretrain CORPUS --out LM.seqmap",
        )
    arrays, source = session.archive.arrays, session.codecs.source
    codec = source.inner if isinstance(source, LineCodec) else source
    vectors = take(arrays, "embedding.weight", source.size, None)[: codec.size]
    start = "encoder."
    weights = {
        name[len(start) :]: take(arrays, name, *array.shape)
        for name, array in arrays.items()
        if name.startswith(start) and name.endswith(_PARTS)
    }
    return Pretrained(str(path), session.digest, codec, vectors, weights, session.config)


def adopted(config: Config, init: Pretrained) -> Config:
    """Return a configuration whose network a language model fits into.

    Raises:
        ConfigError: Its encoder has no LSTM at the bottom.
    """
    if config.encoder.name not in ("lstm", "lstm-transformer"):
        raise ConfigError(
            "a language model can start an LSTM only",
            given=f"encoder.name = {config.encoder.name}",
            allowed="lstm, lstm-transformer",
        )
    own, unit = init.config, init.codec.unit
    assert unit != "lines"  # which `read_pretrained` takes off
    text = replace(config.text, unit=unit, lowercase=own.text.lowercase)
    return replace(
        config,
        text=text,
        embedding=replace(config.embedding, size=init.vectors.shape[1], start="random"),
        encoder=replace(config.encoder, hidden=own.encoder.hidden, layers=own.encoder.layers),
    )


def extended(codec: TextCodec, texts: Iterable[str], config: Config) -> TextCodec:
    """Know the words of the training texts too, behind those of the language model."""
    if not isinstance(codec, WordCodec | CharCodec):
        return codec
    kind = type(codec)
    own = kind.fit(texts, config=replace(config.text, lowercase=codec.lowercase))
    known = codec.vocabulary
    new = [s for s in own.vocabulary.symbols[len(SPECIAL) :] if s not in known.ids]
    symbols = [*known.symbols[len(SPECIAL) :], *new]
    return kind(Vocabulary(symbols), lowercase=codec.lowercase)


@torch.no_grad()
def start_vectors(
    table: nn.Parameter, init: Pretrained, places: Mapping[int, int], *, scale: float = 1.0
) -> int:
    """Copy vectors of symbols; returns how many.

    Args:
        table: (rows, size).
        init: Where they come from.
        places: Row of the table → symbol of the language model.
        scale: What they are multiplied by.
    """
    rows, symbols = list(places), list(places.values())
    vectors = scale * init.vectors[symbols]
    table[torch.tensor(rows, dtype=torch.int64)] = torch.from_numpy(vectors).to(table)
    return len(rows)


@torch.no_grad()
def start_encoder(encoder: Encoder, init: Pretrained) -> None:
    """Copy the LSTM's weights.

    Where a layer reads more than the language model's did (other vectors beside the words', a
    second direction below), the weights of the rest stay as they were drawn. A direction that the
    language model lacks stays so, too.
    """
    for layer, side, direction in _directions(encoder):
        for part in _PARTS:
            found = init.weights.get(f"layers.{layer}.{_SIDES[side]}.{part}")
            if found is None:
                continue
            target = getattr(direction, part)
            source = torch.from_numpy(found.copy())
            if source.ndim == 1:
                target.copy_(source)
            else:
                columns = min(source.shape[1], target.shape[1])
                target[:, :columns] = source[:, :columns]


def depths(encoder: Encoder, tables: Iterable[nn.Parameter]) -> dict[nn.Parameter, int]:
    """Return how deep below the head each weight lies: 1 for the top layer, most for vectors.

    What is not named is as new as the head.
    """
    recurrent = _recurrent(encoder)
    layers = len(recurrent.layers)
    found = {
        weight: layers - place
        for place, layer in enumerate(recurrent.layers)
        for weight in layer.parameters()
    }
    return found | {table: layers + 1 for table in tables}


def _recurrent(encoder: Encoder) -> RecurrentEncoder:
    lstm = encoder.lstm if isinstance(encoder, LSTMTransformerEncoder) else encoder
    assert isinstance(lstm, LSTMEncoder)
    return lstm


def _directions(encoder: Encoder) -> Iterator[tuple[int, str, LSTMDirection]]:
    for place, layer in enumerate(_recurrent(encoder).layers):
        for side in _SIDES:
            direction = getattr(layer, side)
            if direction is not None:
                assert isinstance(direction, LSTMDirection)
                yield place, side, direction
