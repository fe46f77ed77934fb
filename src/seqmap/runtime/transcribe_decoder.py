"""From probabilities to words with times and confidence, segment by segment.

A segment ends where nobody speaks for a while, or when it is too long. Everything is decided row
by row, so that the pieces in which rows come do not matter.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seqmap.calibration import softmax
from seqmap.codecs.audio import Floats
from seqmap.codecs.transcript import BLANK, TranscriptCodec
from seqmap.errors import MissingExtraError, UserError
from seqmap.runtime.transcribe_words import TRUST, words_of
from seqmap.search.ctc_beam import BeamOptions, BeamSearch, Reading
from seqmap.search.lexicon import Lexicon
from seqmap.search.ngram import Context
from seqmap.tasks.transcribe_results import OtherReading, Word, joined


class Search(Protocol):
    """What finds symbols in rows."""

    def feed(self, chances: Floats) -> None:
        """Take rows, (time, classes)."""

    def best(self) -> tuple[int, ...]:
        """Return the symbols so far."""

    def readings(self, count: int = 1, *, closed: bool = True) -> list[Reading]:
        """Return the best readings."""


class GreedySearch:
    """Takes the likeliest symbol of each row."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._last, self._score = BLANK, 0.0

    def feed(self, chances: Floats) -> None:
        """Take rows, (time, classes)."""
        for row in chances:
            number = int(row.argmax())
            self._score += float(row[number])
            if number not in (BLANK, self._last):
                self._numbers.append(number)
            self._last = number

    def best(self) -> tuple[int, ...]:
        """Return the symbols so far."""
        return tuple(self._numbers)

    def readings(self, count: int = 1, *, closed: bool = True) -> list[Reading]:
        """Return the one reading."""
        return [Reading(self.best(), self._score, ())]


@dataclass(frozen=True)
class DecoderOptions:
    """How a recording is cut and answered.

    Attributes:
        search: What finds symbols: `beam`, `greedy` or `flashlight`.
        beam: How readings are weighed.
        pause: Steps of silence that end a segment; 0 for none.
        longest: Steps after which one ends anyway.
        step: Seconds of a step.
        trust: Weights of a word's confidence.
        n_best: Readings to give.
    """

    search: str
    beam: BeamOptions
    pause: int
    longest: int
    step: float
    trust: tuple[float, ...] = TRUST
    n_best: int = 1


@dataclass(frozen=True)
class Segment:
    """A part of a recording that is decided.

    Attributes:
        text: What was said.
        words: Its words.
        end: Where it ends, in steps.
        alternatives: Other readings.
    """

    text: str
    words: tuple[Word, ...]
    end: int
    alternatives: tuple[OtherReading, ...] = ()


@dataclass
class DecoderState:
    """What a decoder remembers.

    Attributes:
        rows: Of the segment that is not decided, (time, classes).
        begin: Where it begins, in steps.
        history: Words before it, for the language model; None at the very beginning.
    """

    rows: list[Floats]
    begin: int = 0
    history: Context | None = None


class Decoder:
    """Takes rows as they come and gives segments once they are decided.

    Args:
        codec: What the symbols mean.
        lexicon: What the search knows.
        options: How to cut and answer.
        state: Where to go on; None begins.
    """

    def __init__(
        self,
        codec: TranscriptCodec,
        lexicon: Lexicon,
        options: DecoderOptions,
        state: DecoderState | None = None,
    ) -> None:
        self._codec, self._lexicon, self._options = codec, lexicon, options
        if options.search == "flashlight":
            check_flashlight(lexicon)
        self.state = state or DecoderState([])
        self._search = self._new_search()
        self._quiet = 0
        """Rows since the last symbol."""
        self._spoken = False
        for row in self.state.rows:
            self._take(row)

    def feed(self, chances: Floats) -> list[Segment]:
        """Take rows, (time, classes); returns the segments that they decide."""
        found = []
        for row in chances:
            self.state.rows.append(row)
            self._take(row)
            if self._options.pause and self._quiet >= self._options.pause:
                found += self._decide(len(self.state.rows), closed=False)
            elif len(self.state.rows) >= self._options.longest:
                found += self._decide(self._break(), closed=False)
        return found

    def close(self) -> list[Segment]:
        """Say that no more rows come; returns the last segment, if anything was said in it."""
        return self._decide(len(self.state.rows), closed=True)

    def partial(self) -> str:
        """Return what the segment that is not decided says so far."""
        return _text(self._search.best(), self._codec)

    def _take(self, row: Floats) -> None:
        self._search.feed(row[None])
        if int(row.argmax()) == BLANK:
            self._quiet += 1
        else:
            self._quiet, self._spoken = 0, True

    def _new_search(self) -> Search:
        if self._options.search == "greedy":
            return GreedySearch()
        if self._options.search == "flashlight":
            from seqmap.search.flashlight import FlashlightSearch

            return FlashlightSearch(
                self._lexicon, self._codec.encode, self._options.beam, self.state.history
            )
        return BeamSearch(self._lexicon, self._options.beam, self.state.history)

    def _break(self) -> int:
        """Return where to cut a segment that is too long: in its longest pause, late in it."""
        rows = self.state.rows
        best, run, place = 0, 0, len(rows)
        for k in range(len(rows) // 2, len(rows)):
            run = run + 1 if int(rows[k].argmax()) == BLANK else 0
            if run > best:
                best, place = run, k + 1 - run // 2
        return place

    def _decide(self, count: int, *, closed: bool) -> list[Segment]:
        """End the segment after so many rows; the rest begins the next one."""
        state = self.state
        rows, rest = state.rows[:count], state.rows[count:]
        found: list[Segment] = []
        if self._spoken:
            if rest:
                self._search = self._new_search()
                for row in rows:
                    self._search.feed(row[None])
            found, state.history = self._segment(rows, closed)
        state.rows, state.begin = [], state.begin + len(rows)
        self._search = self._new_search()
        self._quiet, self._spoken = 0, False
        for row in rest:
            state.rows.append(row)
            self._take(row)
        return found

    def _segment(
        self, rows: Sequence[Floats], closed: bool
    ) -> tuple[list[Segment], Context | None]:
        readings = self._search.readings(max(self._options.n_best, 1), closed=closed)
        best, chances = readings[0], np.stack(rows)
        words = words_of(
            list(best.numbers),
            chances,
            self._codec,
            self._lexicon,
            step=self._options.step,
            trust=self._options.trust,
        )
        words = [_moved(word, self.state.begin * self._options.step) for word in words]
        history = best.history if self._lexicon.model is not None else None
        if not words:
            return [], history
        others: tuple[OtherReading, ...] = ()
        if self._options.n_best > 1:
            shares = softmax(np.array([reading.score for reading in readings]))
            others = tuple(
                OtherReading(_text(reading.numbers, self._codec), float(share))
                for reading, share in zip(readings, shares, strict=True)
            )
        text = joined([word.text for word in words], self._codec)
        end = self.state.begin + len(rows)
        return [Segment(text, tuple(words), end, others)], history


def check_flashlight(lexicon: Lexicon) -> None:
    """Tell whether flashlight-text can search with this.

    Raises:
        MissingExtraError: It is not installed.
        UserError: There is no language model, whose words it could find, or phrases are expected.
    """
    if importlib.util.find_spec("flashlight") is None:
        raise MissingExtraError("flashlight-text", "flashlight")
    if " " not in lexicon.table:
        raise UserError(
            "flashlight needs characters with blanks between words: this model hears others",
            remedy="Use --search search=beam",
        )
    if lexicon.model is None:
        raise UserError(
            "flashlight searches among the words of a language model, and this model has none",
            remedy="Use --search search=beam, or train it with --set transcribe.order=3",
        )
    if lexicon.phrases is not None:
        raise UserError(
            "flashlight finds no word that its language model does not have",
            given=f"{len(lexicon.phrases.words)} words of phrases",
            remedy="Use --search search=beam",
        )


def _text(numbers: Sequence[int], codec: TranscriptCodec) -> str:
    return joined(codec.words(" ".join(codec.decode(numbers).split())), codec)


def _moved(word: Word, by: float) -> Word:
    return Word(word.text, round(word.start + by, 3), round(word.end + by, 3), word.confidence)
