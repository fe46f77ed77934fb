"""A deployed speaker: texts to sound."""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from seqmap.errors import ConfigError, UserError
from seqmap.runtime.archive import Archive
from seqmap.runtime.ops import Floats
from seqmap.runtime.search_settings import check_settings
from seqmap.runtime.session import Session
from seqmap.runtime.speak_network import Bounds, SpeakNetwork, Uttered
from seqmap.runtime.wishes import Wish
from seqmap.tasks.base import Evaluation
from seqmap.tasks.speak import Speak, SpeakCodecs
from seqmap.tasks.speak_results import Spoken

if TYPE_CHECKING:
    from seqmap.data.audio import Recording
    from seqmap.runtime.live.base import LinesLive
    from seqmap.runtime.speak_page import SpokenPage
    from seqmap.runtime.speak_stream import SpeakStream

AT_ONCE = 32
"""Parts of texts that are spoken side by side, of similar length."""
SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+|(?<=[。！？；])|\n+")
_PAUSE, _BREATH = 0.25, 0.03  # seconds of silence after a sentence, and where one is cut


@dataclass(frozen=True)
class SpeakOptions:
    """How a text is spoken; `with_search` sets these.

    Attributes:
        pace: Speed beside that of the training.
        variation: How far the style may be from the mean of the training recordings' styles, in
            standard deviations.
        dropout: Of the pre-net, as in training: it varies what is said a little.
        seed: Of both.
        iterations: Rounds of Griffin-Lim.
        sharpening: Power that magnitudes are raised to.
    """

    pace: float = 1.0
    variation: float = 0.0
    dropout: float = 0.5
    seed: int = 42
    iterations: int = 60
    sharpening: float = 1.2


_ALLOWED = {
    "pace": (0.25, 4.0),
    "variation": (0.0, 3.0),
    "dropout": (0.0, 0.95),
    "seed": (0, 2**63 - 1),
    "iterations": (1, 10_000),
    "sharpening": (0.5, 3.0),
}


@dataclass(frozen=True)
class _Part:
    """A piece of a text that is spoken in one breath."""

    text: str
    pause: float


class SpeakSession(Session):
    """Text → audio.

    Attributes:
        codecs: What turns texts into symbols, and frames into sound.
        network: What gives frames.
        bounds: What holds speech to an end.
        options: How texts are spoken.
    """

    task: Speak
    codecs: SpeakCodecs
    explains = True
    at_once = 1  # sound is written as soon as it is made
    wishes: ClassVar = {
        "pace": Wish(float, *_ALLOWED["pace"], "Speed beside that of the training."),
        "variation": Wish(
            float, *_ALLOWED["variation"], "How far the style may be from the usual one."
        ),
        "seed": Wish(int, 0, 2**31 - 1, "Of what varies."),
    }
    made_texts = 20
    made_symbols = 20

    def _restore(self, archive: Archive) -> None:
        manifest, arrays = archive.manifest, archive.arrays
        self.codecs = self.task.restore_codecs(manifest, arrays)
        self.network = SpeakNetwork(
            arrays,
            self.config,
            symbols=self.codecs.source.size,
            mels=self.codecs.target.mels,
            precision=self.precision,
        )
        known = manifest["speech"]
        self.bounds = Bounds(int(known["stay"]), float(known["slowest"]))
        self._longest = int(known["longest"])
        self._paces = float(known["fast"]), float(known["slow"])
        own = self.config.speak
        self.options = SpeakOptions(
            pace=own.pace,
            dropout=own.dropout,
            iterations=own.iterations,
            sharpening=own.sharpening,
        )

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.network.backend

    @property
    def rate(self) -> int:
        """Samples a second of what is said."""
        return self.codecs.target.rate

    def with_search(self, **settings: Any) -> SpeakSession:
        """Return the same model, speaking otherwise.

        Args:
            **settings: Fields of `SpeakOptions`.

        Raises:
            ConfigError: There is no such setting, or its value is out of range.
        """
        known = {name: getattr(self.options, name) for name in SpeakOptions.__dataclass_fields__}
        given = check_settings(settings, known)
        for name, value in given.items():
            low, high = _ALLOWED[name]
            if not low <= value <= high:
                raise ConfigError(
                    f"{name} is out of range", given=value, allowed=f"{low:g} to {high:g}"
                )
        other = copy.copy(self)
        other.options = replace(self.options, **given)
        return other

    def evaluate(self, examples: Sequence[Recording]) -> Evaluation:
        """Compare what is said with recordings of the same texts."""
        answers = self.predict([one.text for one in examples])
        return self.task.evaluate(examples, answers, self.codecs)

    def stream(self, state: bytes | None = None) -> SpeakStream:
        """Begin a stream: each sentence is spoken as soon as it is complete.

        Args:
            state: What the stream's `to_bytes` gave, to go on from there.

        Raises:
            UserError: The state is not one of this model.
        """
        from seqmap.runtime.speak_stream import SpeakStream

        return SpeakStream(self, state)

    def live(self, options: Mapping[str, Any]) -> LinesLive:
        """Begin a stream of plain values: each sentence is spoken once it is complete."""
        from seqmap.runtime.live.base import LinesLive

        return LinesLive(self.with_wishes(options))

    def _wished(self, given: Mapping[str, Any]) -> SpeakSession:
        return self.with_search(**given)

    def explain(
        self,
        text: str,
        *,
        target: str | None = None,
        what_if: Sequence[str] = (),
        corpus: Iterable[str] = (),
        token: int | tuple[int, int] | None = None,
    ) -> SpokenPage:
        """Show which symbol was spoken when: attention, spectrum, and the sound itself.

        Args:
            text: What is spoken.
            target: Is not used by speakers.
            what_if: Other texts, spoken for comparison.
            corpus: Is not used by speakers.
            token: Is not used by speakers.
        """
        from seqmap.runtime.speak_page import SpokenPage

        answers = self.predict([text, *what_if])
        step = self.config.speak.frames * self.codecs.target.step
        return SpokenPage(answers[0], step, tuple(answers[1:]))

    def frames(self, texts: Sequence[str]) -> list[Floats]:
        """Return the log-mel bands of texts alone, (frames, mels) each; no sound is made."""
        return [one.frames for one in self._spoken(texts, sound=False)]

    def _answer(self, inputs: Sequence[str], begin: int) -> list[Spoken]:
        for place, text in enumerate(inputs):
            if not isinstance(text, str):
                raise UserError("a speaker takes texts", given=repr(text), line=begin + place + 1)
        return self._spoken(inputs, sound=True)

    def _spoken(self, texts: Sequence[str], *, sound: bool) -> list[Spoken]:
        parts = [list(self._parts(text)) for text in texts]
        flat = [(row, part) for row, own in enumerate(parts) for part in own]
        read = [self.codecs.read(part.text) for _, part in flat]
        uttered: dict[int, Uttered] = {}
        order = sorted((k for k, one in enumerate(read) if one[1]), key=lambda k: len(read[k][0]))
        for start in range(0, len(order), AT_ONCE):
            some = order[start : start + AT_ONCE]
            found = self.network.speak(
                [read[k][0] for k in some],
                self.bounds,
                pace=self._slowness,
                variation=self.options.variation,
                dropout=self.options.dropout,
                draws=[self._draw(flat[k][1].text) for k in some],
            )
            uttered.update(zip(some, found, strict=True))
        answers, place = [], 0
        for text, own in zip(texts, parts, strict=True):
            numbers = range(place, place + len(own))
            place += len(own)
            said = [(own[k - numbers.start], uttered[k], read[k]) for k in numbers if k in uttered]
            lost = [symbol for k in numbers for symbol in read[k][2]]
            answers.append(self._joined(text, said, lost, sound=sound))
        return answers

    def _joined(
        self,
        text: str,
        said: Sequence[tuple[_Part, Uttered, Any]],
        lost: Sequence[str],
        *,
        sound: bool,
    ) -> Spoken:
        """Put the parts of a text together."""
        target, options = self.codecs.target, self.options
        waves, shown = [np.zeros(0, np.float32)], [np.zeros((0, target.mels), np.float32)]
        symbols: list[str] = []
        notes, width = self._notes(lost), sum(len(one.alignment[0]) for _, one, _ in said)
        alignment = np.zeros((sum(len(one.alignment) for _, one, _ in said), width), np.float32)
        row = 0
        for number, (part, one, read) in enumerate(said):
            if sound:
                waves.append(
                    target.decode(
                        one.frames, iterations=options.iterations, sharpening=options.sharpening
                    )
                )
                if number + 1 < len(said):
                    waves.append(np.zeros(int(part.pause * target.rate), np.float32))
            shown.append(target.unscaled(one.frames))
            steps, column = one.alignment.shape, len(symbols)
            alignment[row : row + steps[0], column : column + steps[1]] = one.alignment
            symbols += [*read[1], "⏎"]
            row += steps[0]
        if not said:
            notes.append("nothing to say")
        cut = any(one.end == "limit" for _, one, _ in said)
        if cut:
            notes.append("cut off at the limit of time")
        return Spoken(
            text,
            np.concatenate(waves),
            target.rate,
            "limit" if cut else "text",
            tuple(symbols),
            alignment,
            np.concatenate(shown),
            tuple(notes),
        )

    def _notes(self, lost: Sequence[str]) -> list[str]:
        notes = []
        # Marks are not spoken: nobody misses them.
        unknown = [s for s in dict.fromkeys(lost) if any(c.isalnum() for c in s)]
        if unknown:
            notes.append(f"not in the training texts, left out: {' '.join(unknown[:10])}")
        wanted, (fast, slow) = -float(np.log(self.options.pace)), self._paces
        if not fast <= wanted <= slow:
            notes.append(
                f"the training's pace goes from {np.exp(-slow):.2f} to {np.exp(-fast):.2f}: "
                "spoken at the nearest"
            )
        return notes

    @property
    def _slowness(self) -> float:
        """Logarithm of how much slower than usual, within what training had."""
        return float(np.clip(-np.log(self.options.pace), *self._paces))

    def _draw(self, text: str) -> np.random.Generator:
        """Return random numbers of a text's own: what is said does not depend on its neighbours."""
        return np.random.default_rng(
            [self.options.seed, zlib.crc32(text.encode("utf-8", "replace"))]
        )

    def _parts(self, text: str) -> Iterator[_Part]:
        """Cut a text into sentences, and these where they are longer than any of the training."""
        for sentence in SENTENCE_END.split(text):
            words, held = (sentence or "").split(), ""
            for word in words:
                longer = f"{held} {word}" if held else word
                if held and len(self.codecs.source.pieces(longer)) > self._longest:
                    yield _Part(held, _BREATH)
                    longer = word
                held = longer
            if held:
                yield _Part(held, _PAUSE)
