"""Text to the text that follows: a language model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqmap.codecs import choose_unit, fit_codec, restore_codec
from seqmap.codecs.base import TextCodec
from seqmap.codecs.lines import LineCodec
from seqmap.config import Config
from seqmap.errors import ConfigError, DataError
from seqmap.tasks.base import Evaluation, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqmap.data import ReadOptions
    from seqmap.data.corpus import Corpus, CorpusDataset

PRETRAINING = {
    "text.unit": "auto",
    "text.lowercase": True,
    "embedding.start": "cooccurrence",
    "embedding.dropout": 0.2,
    "encoder.layers": 1,
    "encoder.direction": "both",
    "language.steps": 64,
    "train.batch_size": 64,
    "train.epochs": 5,
}
"""What differs for a model that others start from: words, read in both directions by one layer."""
WARM = 256
"""Symbols that are read before a piece whose symbols count: a long text is measured in pieces."""
PIECE = 4096
"""Symbols of a piece that count."""
_LEAST = 200
"""Characters without which there is nothing to learn."""
_SUBWORD_CHARACTERS = 50_000_000
"""Characters from which subwords are learnt at most; sentencepiece holds them in memory."""


@dataclass(frozen=True)
class LanguageCodecs:
    """What turns text into symbols and back."""

    source: TextCodec


@dataclass(frozen=True)
class Written:
    """The answer to one text: how probable it is, and how it could go on.

    Attributes:
        text: What was given.
        continuations: Texts that may follow, each drawn by itself.
        symbols: How many symbols the text has.
        loss: Negative log-probability of a symbol, in nats, on average.
        perplexity: exp(loss): among how many equally likely symbols the model chooses.
        bits_per_character: Of the text, with all its symbols.
    """

    text: str
    continuations: tuple[str, ...]
    symbols: int
    loss: float
    perplexity: float
    bits_per_character: float


@dataclass(frozen=True)
class Expectation:
    """What a stream says after what it has read so far.

    Attributes:
        next: The likeliest next symbols and their probabilities, the likeliest first.
        symbols: How many symbols were read.
        loss: Negative log-probability of a symbol so far, in nats, on average.
        perplexity: exp(loss).
    """

    next: tuple[tuple[str, float], ...]
    symbols: int
    loss: float
    perplexity: float


class Language(Task):
    """Text → the text that follows."""

    name = "language"
    mapping = "text → next symbol"
    headline = ("perplexity", "bits_per_character")
    held_out = "the end of each file"

    def count(self, examples: Sequence[Corpus]) -> str:
        """Say how much text this is."""
        return f"{sum(corpus.characters for corpus in examples):,} characters"

    def config(self) -> Config:
        """Return defaults that suit some megabytes of text, read character by character."""
        return Config().replace(
            text__unit="literal",
            text__lowercase=False,
            embedding__start="random",
            embedding__dropout=0.1,
            embedding__word_dropout=0.0,
            encoder__hidden=256,
            encoder__layers=2,
            encoder__direction="forward",
            encoder__weight_dropout=0.1,
            head__dropout=0.2,
            wide__kind="none",
            train__batch_size=32,
            train__epochs=15,
        )

    def read(self, path: str, options: ReadOptions) -> CorpusDataset:
        """Read running text, or the texts of a table."""
        from seqmap.data.corpus import read_corpus

        for name in ("label_column", "soft_columns", "label_separator", "label_names"):
            if getattr(options, name) is not None:
                option = "--" + name.replace("_", "-")
                raise DataError("this option means nothing to a language model", given=option)
        return read_corpus(path, options)

    def targets(self, dataset: Any) -> None:
        """Return nothing: what is to be said is the text itself."""

    def check_trainable(self, dataset: Any) -> None:
        """Refuse a text too short to learn from."""
        found = sum(corpus.characters for corpus in dataset.examples)
        if found < _LEAST:
            raise DataError(
                "the text is too short to learn from",
                path=dataset.path,
                given=f"{found} characters",
                allowed=f"{_LEAST} characters and more",
            )

    def check_known(self, dataset: Any, codecs: LanguageCodecs) -> None:
        """Accept any text: what is not known is the unknown symbol."""

    def hold_out(
        self, examples: Sequence[Corpus], share: float
    ) -> tuple[Sequence[Corpus], Sequence[Corpus]]:
        """Split off the end of each file."""
        from seqmap.data.corpus import split_corpora

        return split_corpora(examples, share)

    def inspect(
        self, train: Sequence[Corpus], dev: Sequence[Corpus], test: Sequence[Corpus] | None
    ) -> tuple[str, ...]:
        """Count characters."""
        parts = {"train": train, "dev": dev, "test": test or ()}
        return tuple(f"{name}: {self.count(part)}" for name, part in parts.items() if part)

    def memory(self, dataset: Any, options: ReadOptions) -> dict[str, Any]:
        """Return the format of the training file."""
        return {"format": dataset.layout.format}

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a language model must not be trusted with."""
        return (
            "It continues texts as its corpus would; what it says need not be true.",
            "It may repeat parts of its corpus word for word, private ones included.",
        )

    def inputs(self, path: str, options: ReadOptions) -> Iterator[str]:
        """Stream the texts of a file or a pipe."""
        from seqmap.data import iter_texts

        return (text for _, text in iter_texts(path, options))

    def input_of(self, text: str) -> str:
        """Return the text itself."""
        return text

    def line(self, answer: Written | Expectation) -> str:
        """Return figures and what may follow, in one line; a line end is shown by two signs."""
        figures = f"perplexity {answer.perplexity:.2f}"
        if isinstance(answer, Expectation):
            shown = "  ".join(f"{symbol!r} {share:.3f}" for symbol, share in answer.next)
            return f"{figures}\tnext: {shown}"
        figures += f"\t{answer.bits_per_character:.3f} bits a character"
        texts = [answer.text + more for more in answer.continuations] or [answer.text]
        return "\t".join([figures, *(text.replace("\n", "\\n") for text in texts)])

    # What training and deployment share.

    def fit_codecs(self, pieces: Iterable[str], config: Config) -> LanguageCodecs:
        """Collect the symbols of a corpus in one pass.

        Raises:
            DataError, ConfigError, MissingExtraError: As for the codec.
        """
        text = config.text
        if text.unit == "auto":
            from itertools import chain, islice

            rest = iter(pieces)
            first = list(islice(rest, 32))
            text = config.replace(text__unit=choose_unit(first)).text
            pieces = chain(first, rest)
        if text.unit == "literal":
            return LanguageCodecs(fit_codec(pieces, text))
        if text.unit == "subword":
            pieces = _first(pieces, _SUBWORD_CHARACTERS)
        return LanguageCodecs(LineCodec(fit_codec(_in_lines(pieces), text)))

    def codec_state(self, codecs: LanguageCodecs) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return manifest entries and arrays that `restore_codecs` reads."""
        state, arrays = codecs.source.to_state()
        return {"source": state}, arrays

    def restore_codecs(
        self, manifest: Mapping[str, Any], arrays: Mapping[str, Any]
    ) -> LanguageCodecs:
        """Rebuild the codec from an archive."""
        return LanguageCodecs(restore_codec(manifest["source"], arrays))

    def evaluation(self, nats: float, symbols: int, characters: int) -> Evaluation:
        """Turn a sum of negative log-probabilities into figures.

        Args:
            nats: The sum.
            symbols: Over how many symbols.
            characters: Of the text that they are.
        """
        metrics = figures(nats, symbols, characters)
        table = (
            f"{characters:,} characters, {symbols:,} symbols: {metrics['loss']:.4f} nats a symbol,"
            f" perplexity {metrics['perplexity']:.2f},"
            f" {metrics['bits_per_character']:.4f} bits a character"
        )
        return Evaluation(metrics, table, {"symbols": symbols, "characters": characters})


def figures(nats: float, symbols: int, characters: int) -> dict[str, float]:
    """Return loss (nats a symbol), perplexity, and bits a character."""
    loss = nats / max(symbols, 1)
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "bits_per_character": nats / math.log(2) / max(characters, 1),
    }


def measured_pieces(symbols: int) -> list[tuple[int, int, int]]:
    """Cut a text into pieces to be measured side by side.

    The first symbol has nothing before it and is not measured.

    Args:
        symbols: Of the text.

    Returns:
        (begin, start, end) of each: reading begins at `begin`, and the symbols from `start` to
        before `end` count.
    """
    return [
        (max(0, start - WARM), start, min(start + PIECE, symbols))
        for start in range(1, symbols, PIECE)
    ]


def check_config(config: Config) -> None:
    """Refuse a network that is no language model.

    Raises:
        ConfigError: It is not an LSTM, or would see what it is to predict.
    """
    encoder = config.encoder
    if encoder.name != "lstm":
        raise ConfigError(
            "a language model is an LSTM", given=f"encoder.name = {encoder.name}", allowed="lstm"
        )
    if encoder.direction == "both" and encoder.layers > 1:
        raise ConfigError(
            "a language model that reads in both directions has one layer: a second one would see"
            " what it is to predict",
            given=f"encoder.layers = {encoder.layers}",
            allowed="1",
            remedy="Or set encoder.direction=forward",
        )


def _first(pieces: Iterable[str], characters: int) -> Iterator[str]:
    for piece in pieces:
        yield piece
        characters -= len(piece)
        if characters <= 0:
            return


def _in_lines(pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        yield from piece.split("\n")
