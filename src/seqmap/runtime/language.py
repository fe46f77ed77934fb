"""A deployed language model: scores texts, continues them, says what may follow a stream."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import softmax
from seqmap.codecs.base import UNKNOWN, Ids
from seqmap.errors import UserError
from seqmap.runtime.archive import Archive
from seqmap.runtime.language_network import LanguageNetwork, LanguageNetworkStream
from seqmap.runtime.sampling import Sampling
from seqmap.runtime.session import Session
from seqmap.runtime.wishes import Wish
from seqmap.tasks.base import Evaluation
from seqmap.tasks.language import (
    PIECE,
    WARM,
    Language,
    LanguageCodecs,
    Written,
    check_config,
    figures,
)

if TYPE_CHECKING:
    from seqmap.data.corpus import Corpus
    from seqmap.runtime.explain.explanation import Explanation
    from seqmap.runtime.language_stream import LanguageStream
    from seqmap.runtime.live.language import LanguageLive

_ROWS = 16
"""Pieces of a long text that are measured side by side."""
_SHOWN = 5
"""Next symbols that an answer of a stream names."""


class LanguageSession(Session):
    """Text → the text that follows.

    Attributes:
        codecs: What turns text into symbols and back.
        network: The LSTM and its scores.
        sampling: How continuations are drawn.
    """

    task: Language
    codecs: LanguageCodecs
    explains = True
    at_once = 1  # each is written by itself
    wishes: ClassVar = {
        "length": Wish(int, 0, 1000, "Symbols to write, at most."),
        "temperature": Wish(float, 0, 10, "0 takes the likeliest symbol each time."),
        "top_k": Wish(int, 0, 1_000_000, "Only so many of the likeliest symbols; 0: all."),
        "top_p": Wish(float, 0.001, 1, "Only the likeliest that together have this probability."),
        "seed": Wish(int, 0, 2**53, "Of the draws."),
        "n_best": Wish(int, 1, 5, "How many continuations to give."),
    }

    def _restore(self, archive: Archive) -> None:
        check_config(self.config)
        self.codecs = self.task.restore_codecs(archive.manifest, archive.arrays)
        self.network = LanguageNetwork(
            archive.arrays,
            self.config,
            vocabulary=self.codecs.source.size,
            precision=self.precision,
        )
        self.sampling = Sampling.of(self.config.language)
        self._count = 1
        # A text begins as a line does.
        self._opening = self.codecs.source.encode("\n")

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.network.backend

    def encode(self, text: str) -> Ids:
        """Return the symbols of a text as the network reads them, (time,) int32."""
        return np.concatenate([self._opening, self.codecs.source.encode(text)])

    def with_answers(self, *, min_confidence: float = 0.0, n_best: int = 1) -> LanguageSession:
        """Return the same model with so many continuations of each text."""
        if min_confidence != 0.0:
            raise UserError("a language model has no --min-confidence")
        if n_best < 1:
            raise UserError("--n-best must be positive", given=n_best, allowed="1 and more")
        other = copy.copy(self)
        other._count = n_best
        return other

    def with_sampling(self, sampling: Sampling) -> LanguageSession:
        """Return the same model with another way to draw continuations."""
        other = copy.copy(self)
        other.sampling = sampling
        return other

    def score(self, texts: Iterable[str]) -> list[Written]:
        """Return how probable texts are, without continuations.

        Raises:
            UserError: This is one string, or holds something that is not a text.
        """
        silent = Sampling(length=0)
        return list(self.with_sampling(silent).predict_iter(texts))

    def write(self, text: str = "", sampling: Sampling | None = None) -> str:
        """Return a continuation of a text.

        Args:
            text: What it begins with; empty begins a line.
            sampling: How symbols are drawn; None goes by the model's own settings.
        """
        return self._written([text], 0, sampling or self.sampling, 1)[0].continuations[0]

    def evaluate(self, examples: Sequence[Corpus]) -> Evaluation:
        """Measure on running text, read as a stream.

        A long text is read in pieces side by side, each after some symbols before it; see
        `seqmap.tasks.language.measured_pieces`.
        """
        nats, symbols, characters = 0.0, 0, 0
        for corpus in examples:
            found, count = self._measured(corpus)
            nats, symbols = nats + found, symbols + count
            characters += corpus.characters
        if symbols == 0:
            raise UserError("there is too little text to measure on")
        return self.task.evaluation(nats, symbols, characters)

    def stream(self, state: bytes | None = None) -> LanguageStream:
        """Begin a stream: what may follow a text that arrives piece by piece, in constant memory.

        Args:
            state: What `to_bytes` of a stream gave, to go on from there.

        Raises:
            ArchiveError: The state is damaged, or of another model.
        """
        from seqmap.runtime.language_stream import LanguageStream

        stream = LanguageStream(self)
        if state is not None:
            stream.load(state)
        return stream

    def live(self, options: Mapping[str, Any]) -> LanguageLive:
        """Begin a stream of plain values: what may follow, then a continuation as it is written."""
        from seqmap.runtime.live.language import LanguageLive

        found = self.with_wishes(options)
        assert isinstance(found, LanguageSession)
        return LanguageLive(found)

    def _wished(self, given: Mapping[str, Any]) -> LanguageSession:
        drawn = {name: value for name, value in given.items() if name != "n_best"}
        other = self.with_sampling(replace(self.sampling, **drawn))
        return other.with_answers(n_best=given.get("n_best", self._count))

    def explain(
        self,
        text: str,
        *,
        target: str | None = None,
        what_if: Sequence[str] = (),
        corpus: Iterable[str] = (),
        token: int | tuple[int, int] | None = None,
    ) -> Explanation:
        """Explain what follows a text: attributions, gates, what-if, similar states."""
        # Imported here: who only asks for answers does not pay for it.
        from seqmap.runtime.explain.language import explain_next

        return explain_next(self, text, target=target, what_if=what_if, corpus=corpus, token=token)

    def calibrated(self, deep: NDArray[Any]) -> NDArray[np.float64]:
        """Turn scores into probabilities."""
        return softmax(deep.astype(np.float64))

    def answers(self, probabilities: NDArray[np.float64]) -> list[Any]:
        """Return the likeliest symbols for probabilities (texts, vocabulary)."""
        return [self.likeliest(row) for row in probabilities]

    def likeliest(self, shares: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
        """Return the likeliest symbols and their probabilities, (vocabulary,)."""
        order = np.argsort(-shares, kind="stable")[:_SHOWN]
        source = self.codecs.source
        return tuple((source.symbol(int(place)), float(shares[place])) for place in order)

    def started(self) -> LanguageNetworkStream:
        """Return a stream of the network at the beginning of a line."""
        stream = self.network.stream()
        stream.feed(self._opening)
        stream.forget()
        return stream

    def drawn(
        self, stream: LanguageNetworkStream, sampling: Sampling, rng: np.random.Generator
    ) -> str:
        """Go on from a stream's state, which moves on; return the text.

        Args:
            stream: It has read what is to be continued.
            sampling: How symbols are drawn.
            rng: Source of the draws.
        """
        ids = [stream.symbol]  # decides how the first word is joined to it
        ids += self._draws(stream, sampling, rng)
        decode = self.codecs.source.decode
        return decode(ids)[len(decode(ids[:1])) :]

    def writing(
        self, stream: LanguageNetworkStream, sampling: Sampling, rng: np.random.Generator
    ) -> Iterator[str]:
        """Yield the text of `drawn` as it is written, symbol by symbol."""
        decode = self.codecs.source.decode
        ids = [stream.symbol]
        for symbol in self._draws(stream, sampling, rng):
            # Two symbols before it decide how a symbol is joined to the text.
            ids = [*ids[-2:], symbol]
            before, after = decode(ids[:-1]), decode(ids)
            yield after[len(before) :]

    @staticmethod
    def _draws(
        stream: LanguageNetworkStream, sampling: Sampling, rng: np.random.Generator
    ) -> Iterator[int]:
        for _ in range(sampling.length):
            logits = stream.logits()
            logits[UNKNOWN] = -np.inf  # no text says it
            symbol = sampling.choose(logits, rng)
            yield symbol
            stream.advance(symbol)

    def _answer(self, inputs: Sequence[str], begin: int) -> list[Written]:
        return self._written(inputs, begin, self.sampling, self._count)

    def _written(
        self, inputs: Sequence[str], begin: int, sampling: Sampling, count: int
    ) -> list[Written]:
        answers = []
        for place, text in enumerate(inputs):
            if not isinstance(text, str):
                raise UserError(
                    "predict takes texts", given=repr(text), allowed="str", line=begin + place + 1
                )
            ids = self.codecs.source.encode(text)
            stream = self.started()
            stream.feed(ids)
            numbers = figures(stream.nats, len(ids), len(text))
            before = stream.state()
            rng = np.random.default_rng(sampling.seed)
            found = []
            for number in range(count if sampling.length else 0):
                if number:
                    stream.restore(before)
                found.append(self.drawn(stream, sampling, rng))
            answers.append(Written(text, tuple(found), len(ids), **numbers))
        return answers

    def _measured(self, corpus: Corpus) -> tuple[float, int]:
        """Return the summed -log P of a corpus and of how many symbols."""
        source, nats, symbols = self.codecs.source, 0.0, 0
        buffer, context = np.zeros(0, np.int32), 1
        for ids in _encoded(corpus, source):
            buffer = np.concatenate([buffer, ids])
            while len(buffer) - context >= _ROWS * PIECE:
                nats += self._side_by_side(buffer, context, context + _ROWS * PIECE)
                symbols += _ROWS * PIECE
                buffer = buffer[context + _ROWS * PIECE - WARM :]
                context = WARM
        if len(buffer) > context:
            nats += self._side_by_side(buffer, context, len(buffer))
            symbols += len(buffer) - context
        return nats, symbols

    def _side_by_side(self, ids: Ids, first: int, end: int) -> float:
        starts = range(first, end, PIECE)
        begins = [max(0, start - WARM) for start in starts]
        stops = [min(start + PIECE, end) for start in starts]
        documents = [ids[b : e - 1] for b, e in zip(begins, stops, strict=True)]
        states, total, place = self.network.states(documents), 0.0, 0
        for begin, start, stop, document in zip(begins, starts, stops, documents, strict=True):
            # The state after symbol t says what t + 1 is.
            own = states[place + start - 1 - begin : place + len(document)]
            total += self.network.nats(own, ids[start:stop])
            place += len(document)
        return total


def _encoded(corpus: Corpus, source: Any) -> Iterator[Ids]:
    """Encode running text piece by piece."""
    held = ""
    for piece in corpus.pieces():
        stable, held = source.split_stable(held + piece)
        yield source.encode(stable)
    yield source.encode(held)
