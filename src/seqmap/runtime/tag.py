"""A deployed tagger: spans with calibrated probabilities, whole or as the text arrives."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import softmax
from seqmap.codecs.tags import TagCodec
from seqmap.data.tagging.records import Sentence
from seqmap.data.tagging.schemes import Span, tags_of
from seqmap.errors import UserError
from seqmap.runtime.archive import Archive
from seqmap.runtime.members import member_arrays
from seqmap.runtime.native_crf import best_kernel
from seqmap.runtime.session import Session
from seqmap.runtime.tag_members import TagReaders
from seqmap.runtime.tag_network import TagReader
from seqmap.runtime.windows import Window, windows
from seqmap.search.crf import Chain
from seqmap.search.tagging import Tags, TagSearch
from seqmap.tasks.base import Evaluation
from seqmap.tasks.tag import Tag, TagCodecs, entities_of
from seqmap.tasks.tag_results import Alternative, Entity, Tagging

if TYPE_CHECKING:
    from seqmap.runtime.explain.tag_explanation import TagExplanation
    from seqmap.runtime.tag_stream import TagStream

TagInput = str | Sequence[str] | Sentence
"""A raw text, a list of tokens, or what a file gave."""


class TagSession(Session):
    """Text → tags.

    Attributes:
        codecs: What turns tokens and tags into numbers and back.
        reader: The networks.
        search: What chooses the tags.
    """

    task: Tag
    codecs: TagCodecs
    explains = True

    def _restore(self, archive: Archive) -> None:
        manifest, arrays = archive.manifest, archive.arrays
        self.codecs = self.task.restore_codecs(manifest, arrays)
        target, intents = self.codecs.target, self.codecs.intents
        self.reader = TagReaders(
            TagReader(
                member_arrays(arrays, place),
                self.config,
                self.codecs.source,
                tags=len(target),
                intents=0 if intents is None else len(intents),
                lexical=place == 0,
                precision=self.precision,
            )
            for place in range(self.config.tag.members)
        )
        calibration = manifest.get("calibration") or {}
        self.intent_temperature = float(calibration.get("intent_temperature", 1.0))
        self.search = TagSearch(
            target,
            chain_of(arrays, target, self.config.tag.decoder),
            temperature=float(calibration.get("temperature", 1.0)),
            kernel=best_kernel(),
        )
        self._least, self._n_best = 0.0, 1

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.reader.backend

    @property
    def labels(self) -> tuple[str, ...]:
        """The types of spans, or the labels of tokens."""
        return self.codecs.target.types

    @property
    def min_confidence(self) -> float:
        """Spans that are less probable are left out."""
        return self._least

    def with_answers(self, *, min_confidence: float = 0.0, n_best: int = 1) -> TagSession:
        """Return the same model with other answers.

        Args:
            min_confidence: Spans that are less probable are left out.
            n_best: How many readings of a text to give, with their probabilities.

        Raises:
            UserError: One of them is out of range.
        """
        if not 0.0 <= min_confidence <= 1.0:
            raise UserError("a confidence is a probability", given=min_confidence, allowed="0 to 1")
        if n_best < 1:
            raise UserError("at least one reading is given", given=n_best, allowed="1 or more")
        other = copy.copy(self)
        other._least, other._n_best = min_confidence, n_best
        return other

    def evaluate(self, examples: Sequence[Sentence]) -> Evaluation:
        """Score answers against tagged sentences."""
        return self.task.evaluate(examples, self.predict(examples), self.codecs)

    def stream(self, state: bytes | None = None) -> TagStream:
        """Begin a stream: entities of a text that arrives piece by piece, in constant memory.

        Args:
            state: What the stream's `to_bytes` gave, to go on from there.

        Raises:
            UserError: The model gives no spans, or the state is not one of this model.
        """
        from seqmap.runtime.tag_stream import TagStream

        if not self.codecs.target.spans:
            raise UserError("a model of plain labels does not stream")
        return TagStream(self, state)

    def explain(
        self,
        text: TagInput,
        *,
        target: str | None = None,
        what_if: Sequence[str] = (),
        corpus: Iterable[str] = (),
        token: int | tuple[int, int] | None = None,
    ) -> TagExplanation:
        """Explain the tags of a text: marginals and transitions of the CRF, gates, what-if."""
        # Imported here: who only asks for answers does not pay for it.
        from seqmap.runtime.explain.tag import explain_tags

        return explain_tags(self, text, target=target, what_if=what_if, corpus=corpus, token=token)

    def sentence(self, given: TagInput, line: int = 0) -> Sentence:
        """Return an input as tokens that know where they stand.

        Raises:
            UserError: It is neither a text nor a list of tokens.
        """
        if isinstance(given, Sentence):
            return given
        if isinstance(given, str):
            offsets = self.codecs.tokeniser.spans(given)
            tokens = tuple(given[start:end] for start, end in offsets)
            return Sentence(tokens, given, tuple(offsets), line=line)
        if isinstance(given, list | tuple) and all(isinstance(t, str) and t for t in given):
            return Sentence.of_tokens(tuple(given), line=line)
        raise UserError(
            "predict takes texts or lists of tokens", given=repr(given), allowed="str", line=line
        )

    def emissions(self, sentences: Sequence[Sequence[str]]) -> list[NDArray[np.float32]]:
        """Return the scores of all tags for the tokens of each sentence, (tokens, tags)."""
        return self.reader.read(sentences)[0]

    def _answer(self, inputs: Sequence[TagInput], begin: int) -> list[Tagging]:
        sentences = [self.sentence(g, begin + place + 1) for place, g in enumerate(inputs)]
        cut = [windows(len(s.tokens), self.config.tag.window) for s in sentences]
        pieces = [
            s.tokens[w.start : w.end] for s, own in zip(sentences, cut, strict=True) for w in own
        ]
        emissions, logits = self.reader.read(pieces)
        found = self.search.search(emissions)
        answers, place = [], 0
        for sentence, own in zip(sentences, cut, strict=True):
            here = slice(place, place + len(own))
            answer = self._tagging(sentence, merged(own, found[here]))
            if logits is not None:
                answer = self._with_intent(answer, logits[place])
            if self._n_best > 1 and len(own) == 1:
                answer = replace(answer, alternatives=self._readings(sentence, emissions[place]))
            answers.append(answer)
            place += len(own)
        return answers

    def _tagging(self, sentence: Sentence, tags: Tags) -> Tagging:
        kept = [
            (span, chance)
            for span, chance in zip(tags.spans, tags.span_probabilities, strict=True)
            if chance >= self._least
        ]
        spans, chances = [span for span, _ in kept], [chance for _, chance in kept]
        entities = entities_of(sentence, spans, chances)
        return Tagging(
            sentence.text,
            sentence.tokens,
            self._shown(tags.numbers, spans),
            tuple(tags.tag_probabilities.tolist()),
            tuple(entities),
            tags.probability,
        )

    def _shown(self, numbers: NDArray[np.int64], spans: Sequence[Span]) -> tuple[str, ...]:
        target = self.codecs.target
        if target.spans:
            return tuple(tags_of(spans, len(numbers), "iob2"))
        return tuple(target.decode(numbers))

    def _with_intent(self, answer: Tagging, logits: NDArray[np.float32]) -> Tagging:
        assert self.codecs.intents is not None
        chances = softmax(logits[None].astype(np.float64) / self.intent_temperature)[0]
        best = int(chances.argmax())
        return replace(
            answer,
            intent=self.codecs.intents.names[best],
            intent_probability=float(chances[best]),
        )

    def _readings(
        self, sentence: Sentence, emissions: NDArray[np.float32]
    ) -> tuple[Alternative, ...]:
        readings = []
        for numbers, chance in self.search.n_best(emissions, self._n_best):
            spans = self.search.spans(numbers)
            entities = tuple(entities_of(sentence, spans, [chance] * len(spans)))
            readings.append(Alternative(chance, entities, self._shown(numbers, spans)))
        return tuple(readings)


def chain_of(arrays: Mapping[str, NDArray[Any]], codec: TagCodec, decoder: str) -> Chain:
    """Return the scores between tags; a softmax has none, and forbids nothing."""
    size = len(codec)
    if decoder == "softmax":
        return Chain(np.zeros((size, size)), np.zeros(size), np.zeros(size))
    allowed = codec.allowed()
    transitions, start, end = (
        np.asarray(arrays[f"crf.{name}"], np.float64) for name in ("transitions", "start", "end")
    )
    if transitions.shape != (size, size) or start.shape != (size,) or end.shape != (size,):
        raise ValueError("the transitions do not fit the tags")
    return Chain(
        np.where(allowed[:-1, :-1], transitions, -np.inf),
        np.where(allowed[-1, :-1], start, -np.inf),
        np.where(allowed[:-1, -1], end, -np.inf),
    )


def merged(cut: Sequence[Window], found: Sequence[Tags]) -> Tags:
    """Put the windows of a text together: what each says about its middle counts."""
    if len(cut) == 1:
        return found[0]
    spans: list[Span] = []
    chances: list[float] = []
    last = 0
    for window, tags in zip(cut, found, strict=True):
        for span, chance in zip(tags.spans, tags.span_probabilities, strict=True):
            start, end = span.start + window.start, span.end + window.start
            if window.keep_from <= start < window.keep_to and start >= last:
                spans.append(Span(start, end, span.type))
                chances.append(chance)
                last = end
    kept = [slice(window.keep_from - window.start, window.keep_to - window.start) for window in cut]
    return Tags(
        np.concatenate([t.numbers[part] for t, part in zip(found, kept, strict=True)]),
        tuple(spans),
        tuple(chances),
        np.concatenate([t.tag_probabilities[part] for t, part in zip(found, kept, strict=True)]),
        float(np.prod([t.probability for t in found])),
    )


def shifted(entity: Entity, by: int) -> Entity:
    """Return an entity of a later part of a text, by its place in the whole."""
    return replace(entity, start=entity.start + by, end=entity.end + by)
