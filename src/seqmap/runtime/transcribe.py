"""A deployed transcriber: recordings to text, whole or while somebody speaks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from seqmap.codecs.audio import Floats, Voice
from seqmap.data.audio import Heard, Recording, Sound
from seqmap.errors import UserError
from seqmap.runtime.acoustics import Acoustics
from seqmap.runtime.archive import Archive
from seqmap.runtime.search_settings import check_settings
from seqmap.runtime.session import CHUNK, Session
from seqmap.runtime.sounds import as_sound, voices_of
from seqmap.runtime.transcribe_decoder import (
    Decoder,
    DecoderOptions,
    Segment,
    check_flashlight,
)
from seqmap.runtime.transcribe_words import TRUST
from seqmap.runtime.wishes import Wish
from seqmap.search.ctc_beam import BeamOptions
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import NGrams
from seqmap.search.phrases import Phrases
from seqmap.tasks.base import Evaluation
from seqmap.tasks.transcribe import RATES, Transcribe, TranscribeCodecs
from seqmap.tasks.transcribe_results import Transcript, joined

if TYPE_CHECKING:
    from seqmap.runtime.live.sound import SoundLive
    from seqmap.runtime.transcribe_stream import TranscribeStream

SEARCHES = ("beam", "greedy", "flashlight")
# What `with_search` sets besides.
_SETTINGS = ("beam", "weight", "bonus", "unknown")
_LANGUAGE = "language."
_TOGETHER = 4096
"""Recordings that are waited for where those of a speaker are centred together."""


class TranscribeSession(Session):
    """Audio → text.

    Attributes:
        codecs: What turns samples and transcripts into numbers and back.
        acoustics: The network.
        lexicon: What the search knows of words.
    """

    task: Transcribe
    codecs: TranscribeCodecs
    takes = "recordings"
    wishes: ClassVar = {
        "n_best": Wish(int, 1, 10, "How many readings to give."),
        "beam": Wish(int, 1, 64, "Readings that are kept while speech is heard."),
        "rate": Wish(int, *RATES, "Of a stream: samples a second that come."),
    }
    at_once = 1  # each is long: its text is shown as soon as it is known

    def _restore(self, archive: Archive) -> None:
        manifest, arrays = archive.manifest, archive.arrays
        self.codecs = self.task.restore_codecs(manifest, arrays)
        target = self.codecs.target
        if self.codecs.source.by_speaker:
            self.at_once = _TOGETHER
        self.acoustics = Acoustics(
            arrays,
            self.config,
            self.codecs.source,
            classes=target.classes,
            precision=self.precision,
        )
        own = {n[len(_LANGUAGE) :]: a for n, a in arrays.items() if n.startswith(_LANGUAGE)}
        model = NGrams.from_arrays(own) if own else None
        self.lexicon = Lexicon.of(target.table, spaced=target.spaced, model=model)
        self._options = self._decoding(manifest.get("calibration") or {})
        self._boost: float | None = None
        self._least = 0.0

    def _decoding(self, calibration: Mapping[str, Any]) -> DecoderOptions:
        settings, step = self.config.transcribe, self.codecs.source.step
        plain = BeamOptions()
        beam = BeamOptions(
            beam=settings.beam,
            weight=float(calibration.get("weight", plain.weight)),
            bonus=float(calibration.get("bonus", plain.bonus)),
            unknown=float(calibration.get("unknown", plain.unknown)),
            boost=float(calibration.get("boost", plain.boost)),
        )
        trust = tuple(map(float, calibration.get("trust", TRUST)))
        if len(trust) != len(TRUST):
            raise ValueError("the confidence of words has the wrong number of weights")
        return DecoderOptions(
            search=settings.search,
            beam=beam,
            pause=round(settings.pause / step) if self.acoustics.streams else 0,
            longest=max(round(settings.longest / step), 2),
            step=step,
            trust=trust,
        )

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.acoustics.encoder.backend

    @property
    def rate(self) -> int:
        """Samples a second that the model hears; others are resampled."""
        return self.codecs.source.rate

    @property
    def hears(self) -> int:  # type: ignore[override]
        """The same as `rate`: what a page asks of any model."""
        return self.rate

    @property
    def options(self) -> DecoderOptions:
        """How recordings are cut and answered: as chosen, and with phrases as these need it."""
        chosen, expects = self._options, self.lexicon.phrases is not None
        boost = chosen.beam.boost if self._boost is None else self._boost
        return replace(
            chosen,
            search="beam" if expects and chosen.search == "greedy" else chosen.search,
            beam=replace(chosen.beam, boost=boost),
        )

    @property
    def min_confidence(self) -> float:
        """Words that are less probable are left out."""
        return self._least

    def with_answers(self, *, min_confidence: float = 0.0, n_best: int = 1) -> TranscribeSession:
        """Return the same model with other answers.

        Args:
            min_confidence: Words that are less probable are left out.
            n_best: How many readings to give, with their probabilities.

        Raises:
            UserError: One of them is out of range.
        """
        if not 0.0 <= min_confidence <= 1.0:
            raise UserError("a confidence is a probability", given=min_confidence, allowed="0 to 1")
        if n_best < 1:
            raise UserError("at least one reading is given", given=n_best, allowed="1 or more")
        other = copy.copy(self)
        other._least, other._options = min_confidence, replace(self._options, n_best=n_best)
        return other

    def with_search(self, search: str | None = None, **settings: Any) -> TranscribeSession:
        """Return the same model with another search.

        Args:
            search: `beam`, `greedy` or `flashlight`; None leaves it.
            **settings: `beam` (readings that are kept), `weight` of the language model, `bonus` for
                each word, `unknown` for each word that the language model does not know.

        Raises:
            ConfigError: There is no such setting, or its value is of another type.
            MissingExtraError: flashlight-text is not installed.
            UserError: A value cannot be used, or that search cannot answer what is wished.
        """
        if search not in (None, *SEARCHES):
            raise UserError("there is no such search", given=search, allowed=SEARCHES)
        if search == "flashlight":
            check_flashlight(self.lexicon)
        known = {name: getattr(self._options.beam, name) for name in _SETTINGS}
        given = check_settings(settings, known)
        if given.get("beam", 1) < 1:
            raise UserError("a search keeps readings", given=given["beam"], allowed="1 or more")
        other = copy.copy(self)
        beam = replace(self._options.beam, **given)
        other._options = replace(self._options, search=search or self._options.search, beam=beam)
        return other

    def with_phrases(
        self, phrases: Iterable[str], *, boost: float | None = None
    ) -> TranscribeSession:
        """Return the same model, expecting some phrases: names and words it may never have seen.

        Args:
            phrases: Each of any number of words; none expects nothing again.
            boost: What each of their characters is worth; None takes what was found to do no harm.

        Raises:
            UserError: A phrase has no character that the model knows, or the boost is negative.
        """
        if isinstance(phrases, str):
            raise UserError("phrases are a list", given=phrases, remedy="Use [phrase]")
        if boost is not None and not 0 <= boost <= 100:
            raise UserError("a boost is a weight", given=boost, allowed="0 to 100")
        target = self.codecs.target
        folded = []
        for phrase in phrases:
            if not len(target.encode(phrase)):
                raise UserError("the model knows no character of this phrase", given=phrase)
            folded.append(target.normal(phrase))
        own = Phrases.of(folded, spaced=target.spaced) if folded else None
        other = copy.copy(self)
        other.lexicon, other._boost = self.lexicon.expecting(own), boost
        if self._options.search == "flashlight":
            check_flashlight(other.lexicon)
        return other

    def evaluate(self, examples: Sequence[Recording]) -> Evaluation:
        """Score transcripts against what was said."""
        return self.task.evaluate(examples, self.predict(examples), self.codecs)

    def predict(self, inputs: Iterable[Any]) -> list[Transcript]:
        """Answer every input; see `Session.predict`.

        A model with `audio.mean=speaker` centres recordings of one speaker together: those that
        say who speaks (`Recording.speaker`).
        """
        return list(self.predict_iter(inputs, chunk=max(self.at_once, CHUNK)))

    def stream(self, state: bytes | None = None, *, rate: int | None = None) -> TranscribeStream:
        """Begin a stream: text while somebody speaks, in constant memory.

        Args:
            state: What the stream's `to_bytes` gave, to go on from there.
            rate: Samples a second that will be fed; None means the model's own.

        Raises:
            UserError: The model needs the whole recording, or the state is not one of this model.
        """
        from seqmap.runtime.transcribe_stream import TranscribeStream

        if not self.acoustics.streams:
            raise UserError(
                "this model cannot stream: it needs the whole recording",
                remedy="Train it with --set encoder.direction=forward",
            )
        return TranscribeStream(self, state, rate)

    def live(self, options: Mapping[str, Any]) -> SoundLive:
        """Begin a stream of plain values: text while sound comes in."""
        from seqmap.runtime.live.sound import SoundLive

        found = self.with_wishes(options)
        assert isinstance(found, TranscribeSession)
        return SoundLive(found, options.get("rate"))

    def _wished(self, given: Mapping[str, Any]) -> TranscribeSession:
        found = self
        if "beam" in given:
            found = found.with_search(beam=given["beam"])
        if "n_best" in given:
            found = found.with_answers(min_confidence=self._least, n_best=given["n_best"])
        return found

    def decoder(self) -> Decoder:
        """Return what turns rows of probabilities into words."""
        return Decoder(self.codecs.target, self.lexicon, self.options)

    def answer(
        self, segments: Sequence[Segment], seconds: float, name: str, notes: tuple[str, ...]
    ) -> Transcript:
        """Put decided segments together."""
        words = [w for s in segments for w in s.words if w.confidence >= self._least]
        text = joined([word.text for word in words], self.codecs.target)
        others = segments[0].alternatives if len(segments) == 1 else ()
        return Transcript(text, tuple(words), round(seconds, 3), name, notes, others)

    def _answer(self, inputs: Sequence[Any], begin: int) -> list[Transcript]:
        found = [as_sound(one, self.rate, begin + k + 1) for k, one in enumerate(inputs)]
        sounds = [sound for sound, _ in found]
        voices = voices_of(self.acoustics, inputs, sounds)
        return [self._one(*one, voice) for one, voice in zip(found, voices, strict=True)]

    def _one(self, sound: Sound, name: str, voice: Voice | None) -> Transcript:
        heard = sound.hear(self.rate)
        decoder = self.decoder()
        segments: list[Segment] = []
        for rows in self._rows(heard, voice):
            segments += decoder.feed(rows)
        segments += decoder.close()
        return self.answer(segments, heard.seconds, name, heard.notes())

    def _rows(self, heard: Heard, voice: Voice | None) -> Iterable[Floats]:
        """Yield the probabilities of a recording in pieces."""
        if not self.acoustics.streams:
            yield from self.acoustics.in_windows(heard, voice)
            return
        stream = self.acoustics.stream()
        for block in heard:
            yield stream.feed(block)
        yield stream.end()
