"""A deployed translator: the best texts, found by the same search wherever it runs."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import BLANK
from seqmap.errors import UserError
from seqmap.runtime.archive import Archive
from seqmap.runtime.members import member_arrays
from seqmap.runtime.search_settings import check_settings
from seqmap.runtime.session import Session
from seqmap.runtime.translate_members import TranslateNetworks
from seqmap.runtime.translate_network import TranslateNetwork
from seqmap.runtime.wishes import Wish
from seqmap.search.beam import search
from seqmap.search.drawing import draw
from seqmap.search.writing import Hypothesis, Kernel, NumpyKernel, SearchOptions
from seqmap.tasks.base import Evaluation
from seqmap.tasks.translate import PairCodecs, Translate
from seqmap.tasks.translate_results import Candidate, Translation

if TYPE_CHECKING:
    from seqmap.data.pairs import Pair
    from seqmap.runtime.alignment import Alignment
    from seqmap.runtime.live.base import LinesLive
    from seqmap.runtime.translate_stream import TranslateStream

AT_ONCE = 32
"""Texts that are searched side by side, of similar length."""
_LIMIT_MARGIN = 10  # see `limit`


class TranslateSession(Session):
    """Text → text.

    Attributes:
        codecs: What turns texts into numbers and back.
        writer: The networks.
        options: How answers are searched for.
    """

    task: Translate
    codecs: PairCodecs
    explains = True
    wishes: ClassVar = {
        "n_best": Wish(int, 1, 10, "How many answers to give."),
        "beam": Wish(int, 1, 20, "Answers that are kept while one is searched for."),
        "prefix": Wish(str, 0, 200, "What the answer begins with."),
    }
    made_texts = 40
    made_symbols = 15

    def _restore(self, archive: Archive) -> None:
        manifest, arrays = archive.manifest, archive.arrays
        self.codecs = self.task.restore_codecs(manifest, arrays)
        own = self.config.translate
        members = [
            TranslateNetwork(
                member_arrays(arrays, place),
                self.config,
                source=self.codecs.source.size,
                target=self.codecs.target.size,
                precision=self.precision,
            )
            for place in range(own.members)
        ]
        self._kernel: Kernel = _kernel(members[0].backend)
        self.writer = TranslateNetworks(members, self._kernel)
        self.options = SearchOptions(
            beam=own.beam,
            length_penalty=own.length_penalty,
            coverage_penalty=own.coverage_penalty,
            no_repeat=own.no_repeat,
            unknown=self.codecs.target.unit == "word",
        )
        self._slope = float(manifest["search"]["slope"])
        self._n_best = 1
        self._prefix = ""

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.writer.backend

    def with_answers(self, *, min_confidence: float = 0.0, n_best: int = 1) -> TranslateSession:
        """Return the same model with other answers.

        Args:
            min_confidence: Must be 0: scores are no probabilities of being right.
            n_best: How many answers to give, with their scores.

        Raises:
            UserError: One of them is out of range.
        """
        if min_confidence != 0.0:
            raise UserError("a translator has no --min-confidence: its scores are not calibrated")
        if n_best < 1:
            raise UserError("at least one answer is given", given=n_best, allowed="1 or more")
        other = copy.copy(self)
        other._n_best = n_best
        return other

    def with_search(self, **settings: Any) -> TranslateSession:
        """Return the same model with another search.

        Args:
            **settings: Fields of `SearchOptions`, and `prefix`: what each answer begins with.

        Raises:
            ConfigError: There is no such setting, or its value is out of range.
        """
        known = {name: getattr(self.options, name) for name in SearchOptions.__dataclass_fields__}
        given = check_settings(settings, {**known, "prefix": self._prefix})
        other = copy.copy(self)
        other._prefix = str(given.pop("prefix", self._prefix))
        other.options = replace(self.options, **given)
        return other

    def evaluate(self, examples: Sequence[Pair]) -> Evaluation:
        """Score answers against true targets."""
        return self.task.evaluate(examples, self.predict([pair.source for pair in examples]))

    def stream(self, state: bytes | None = None) -> TranslateStream:
        """Begin a stream: each line is answered as soon as it is complete.

        Args:
            state: What the stream's `to_bytes` gave, to go on from there.

        Raises:
            UserError: The state is not one of this model.
        """
        from seqmap.runtime.translate_stream import TranslateStream

        return TranslateStream(self, state)

    def live(self, options: Mapping[str, Any]) -> LinesLive:
        """Begin a stream of plain values: each line is answered once it is complete."""
        from seqmap.runtime.live.base import LinesLive

        return LinesLive(self.with_wishes(options))

    def _wished(self, given: Mapping[str, Any]) -> TranslateSession:
        search = {name: value for name, value in given.items() if name != "n_best"}
        return self.with_search(**search).with_answers(n_best=given.get("n_best", self._n_best))

    def explain(
        self,
        text: str,
        *,
        target: str | None = None,
        what_if: Sequence[str] = (),
        corpus: Iterable[str] = (),
        token: int | tuple[int, int] | None = None,
    ) -> Alignment:
        """Show what each piece of an answer attended to, and what the read pieces do to it.

        Args:
            text: What is read.
            target: What the answer shall begin with; None leaves it free.
            what_if: Other texts, answered for comparison.
            corpus: Texts to look for similar states of the encoder in.
            token: Number of the piece whose state is looked for, or those of the first and last
                piece of a span; None takes the weightiest.
        """
        # Imported here: who only asks for answers does not pay for it.
        from seqmap.runtime.explain.translate import explain_translation

        session = self if target is None else self.with_search(prefix=target)
        return explain_translation(session, text, what_if=what_if, corpus=corpus, token=token)

    def written_ids(self, text: str) -> NDArray[np.int64]:
        """Return the pieces of the answer to a text, without its end, (pieces,)."""
        ids = self.codecs.source.encode(text)[: self.config.text.max_length]
        return np.asarray(self._search([ids], [0])[0][0].pieces, np.int64)

    def answers(self, lines: Sequence[str], begin: int) -> list[Translation]:
        """Answer lines of a stream.

        Args:
            lines: Some of them.
            begin: How many came before: what is drawn depends on a line's number.
        """
        return self._answer(lines, begin)

    def limit(self, length: int) -> int:
        """Return the most pieces that an answer to so many may have.

        A quarter more than in the training pair with the longest answer for its length.
        """
        longest = math.ceil(1.25 * self._slope * (length + _LIMIT_MARGIN))
        return max(1, min(longest, self.config.text.max_length))

    def _answer(self, inputs: Sequence[str], begin: int) -> list[Translation]:
        for place, text in enumerate(inputs):
            if not isinstance(text, str):
                raise UserError("predict takes texts", given=repr(text), line=begin + place + 1)
        longest = self.config.text.max_length
        sources = [self.codecs.source.encode(text)[:longest] for text in inputs]
        answers: list[Translation] = [_empty(text) for text in inputs]
        order = sorted(
            (row for row, ids in enumerate(sources) if len(ids)), key=lambda row: len(sources[row])
        )
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            found = self._search([sources[row] for row in rows], [begin + row for row in rows])
            for row, hypotheses in zip(rows, found, strict=True):
                answers[row] = self._translation(inputs[row], len(sources[row]), hypotheses)
        return answers

    def _search(
        self, sources: Sequence[NDArray[np.int32]], numbers: Sequence[int]
    ) -> list[list[Hypothesis]]:
        limits = [self.limit(len(ids)) for ids in sources]
        prefixes = None
        if self._prefix:
            prefixes = [self.codecs.target.encode(self._prefix)] * len(sources)
        if self.options.sample > 0:
            return draw(
                self.writer,
                sources,
                limits,
                self.options,
                numbers=numbers,
                count=self._n_best,
                prefixes=prefixes,
            )
        return search(
            self.writer,
            sources,
            limits,
            self.options,
            n_best=self._n_best,
            prefixes=prefixes,
            kernel=self._kernel,
        )

    def _translation(self, text: str, read: int, found: Sequence[Hypothesis]) -> Translation:
        pieces = self.codecs.source.pieces(text)[:read]
        shown = [self._pieces(one, pieces) for one in found]
        best = found[0]
        texts = [self.codecs.target.join(own) for own in shown]
        alternatives = tuple(
            Candidate(written, one.score, one.log_probability)
            for written, one in zip(texts, found, strict=True)
        )
        return Translation(
            texts[0],
            best.score,
            best.log_probability,
            text,
            tuple(pieces),
            tuple(shown[0]),
            best.attention[: len(best.pieces), : read + 1],
            alternatives if self._n_best > 1 else (),
        )

    def _pieces(self, found: Hypothesis, read: Sequence[str]) -> list[str]:
        """Return what was written; an unknown piece is the source piece that it attended to."""
        codec = self.codecs.target
        written = []
        for place, number in enumerate(found.pieces.tolist()):
            if number == UNKNOWN and read:
                chosen = read[int(found.attention[place, : len(read)].argmax())]
                # A word of its own, whatever it was in the source.
                written.append(chosen if chosen.startswith(BLANK) else BLANK + chosen)
            else:
                written.append(codec.symbol(number))
        return written


def _empty(text: str) -> Translation:
    """Return the answer to a text without symbols."""
    return Translation("", 0.0, 0.0, text, (), (), np.zeros((0, 1), np.float32))


def _kernel(backend: str) -> Kernel:
    if backend == "native":
        from seqmap.runtime.native_dense import NativeKernel

        return NativeKernel()
    return NumpyKernel()
