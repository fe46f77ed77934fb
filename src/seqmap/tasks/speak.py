"""Text to audio."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import BLANK, BOUNDARY, PIECES, PieceCodec, restore_pieces
from seqmap.codecs.speech import SpeechCodec
from seqmap.config import Config
from seqmap.errors import ConfigError, DataError
from seqmap.tasks.base import Evaluation
from seqmap.tasks.recordings import RecordingTask, split_off
from seqmap.tasks.speak_results import Spoken, evaluate_speech

if TYPE_CHECKING:
    from seqmap.data import ReadOptions
    from seqmap.data.audio import Recording

_HIGHEST = 24_000
"""Samples a second that are kept if nothing else is asked for."""
_FEW_SECONDS = 60.0
_LONGEST_NAME = 40  # characters of a text that its file is called by


@dataclass(frozen=True)
class SpeakCodecs:
    """The two sides of the mapping.

    Attributes:
        source: Texts to symbols.
        target: Frames of log-mel bands to sound, and back.
    """

    source: PieceCodec
    target: SpeechCodec

    def read(self, text: str) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
        """Return what the network reads of a text.

        Returns:
            Numbers of the known symbols and of the end, int32 (symbols,); the symbols; those that
            are not known.
        """
        pieces, numbers = self.source.pieces(text), self.source.encode(text)
        lost = tuple(pieces[place] for place in np.flatnonzero(numbers == UNKNOWN))
        known = [place for place in range(len(pieces)) if numbers[place] != UNKNOWN]
        # Of a word that is not known nothing is left, not even the blank before it.
        after = [pieces[place] for place in known[1:]] + [BLANK]
        kept = [
            place
            for place, following in zip(known, after, strict=True)
            if pieces[place] != BLANK or not following.startswith(BLANK)
        ]
        ids = np.append(numbers[kept], BOUNDARY).astype(np.int32)
        return ids, tuple(pieces[place] for place in kept), lost


class Speak(RecordingTask):
    """Text → audio."""

    name = "speak"
    mapping = "text → audio"
    headline = ("mcd", "duration")

    def config(self) -> Config:
        """Return defaults for some minutes to an hour of one voice."""
        return Config().replace(
            text__unit="char",
            text__max_length=200,
            audio__mels=64,
            embedding__size=64,
            embedding__dropout=0.1,
            encoder__hidden=64,
            encoder__dropout=0.1,
            head__dropout=0.1,
            train__epochs=80,
            train__batch_size=16,
            train__batch_tokens=8192,
            train__learning_rate=5e-3,
            train__weight_decay=1e-5,
            train__patience=30,
            train__average=0.99,
            # The steps along a text are too small to be shared out.
            train__threads=1,
        )

    def check_known(self, dataset: Any, codecs: SpeakCodecs) -> None:
        """Refuse texts of which no symbol is known: they are in another script."""
        if not any(len(codecs.read(one.text)[1]) for one in dataset.examples):
            raise DataError(
                "the model knows no symbol of these texts",
                path=dataset.path,
                given=dataset.examples[0].text,
                allowed=" ".join(codecs.source.vocabulary.symbols[2:42]),
            )

    def hold_out(
        self, examples: Sequence[Recording], share: float
    ) -> tuple[Sequence[Recording], Sequence[Recording]]:
        """Split off recordings (seed 42)."""
        wanted = max(1, round(share * len(examples)))
        order = np.random.default_rng(42).permutation(len(examples))
        return split_off(examples, set(order[:wanted].tolist()))

    def inspect(
        self,
        train: Sequence[Recording],
        dev: Sequence[Recording],
        test: Sequence[Recording] | None,
    ) -> tuple[str, ...]:
        """Count recordings, time and texts; tell of several voices, and of little speech."""
        from seqmap.data.audio.read import length_of

        lines, parts = [], {"train": train, "dev": dev, "test": test or ()}
        for name, part in parts.items():
            if not part:
                continue
            seconds = sum(one.sound.header().seconds for one in part)
            letters = Counter(letter for one in part for letter in one.text.lower())
            lines.append(
                f"{name}: {len(part):,} recordings, {length_of(seconds)}, "
                f"{len({one.text for one in part}):,} different texts, {len(letters)} characters"
            )
            if name == "train" and seconds < _FEW_SECONDS:
                lines.append("that is little speech: it will be hard to understand")
        voices = {one.speaker for one in train if one.speaker}
        if len(voices) > 1:
            lines.append(
                f"{len(voices)} speakers or folders: a model has one voice, and mixes them. "
                "Give the recordings of one"
            )
        return tuple(lines)

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a speaker must not be trusted with."""
        return (
            "It knows the words and sounds of its training; others may come out garbled.",
            "Numbers and abbreviations are not read out: write them as they are spoken.",
            "The voice is that of a person: let them agree, and tell listeners that it is a copy.",
        )

    def inputs(self, path: str, options: ReadOptions) -> Iterator[str]:
        """Stream the texts of a file or a pipe: one a line."""
        from seqmap.data.pairs import iter_sources

        return (text for _, text in iter_sources(path, options))

    def input_of(self, text: str) -> str:
        """Return the text itself."""
        return text

    def line(self, answer: Spoken) -> str:
        """Return the place of the sound, its length, the text, and what was noted."""
        notes = f"\t({'; '.join(answer.notes)})" if answer.notes else ""
        return f"{answer.path or '-'}\t{answer.seconds:.2f} s\t{answer.text}{notes}"

    def record(self, answer: Spoken) -> dict[str, Any]:
        """Return an answer as plain values; sound that is in no file as a WAV in base64."""
        values: dict[str, Any] = {
            "text": answer.text,
            "seconds": answer.seconds,
            "rate": answer.rate,
            "end": answer.end,
        }
        if answer.notes:
            values["notes"] = list(answer.notes)
        if answer.path:
            return {**values, "path": answer.path}
        return {**values, "wav": base64.b64encode(answer.wav()).decode("ascii")}

    writes = "spoken"

    def file_of(self, answer: Spoken) -> tuple[str, bytes]:
        """Return the text as a name that ends in .wav, and the sound."""
        words = re.sub(r"\W+", "-", answer.text.lower())[:_LONGEST_NAME].strip("-")
        return f"{words or 'silence'}.wav", answer.wav()

    def placed(self, answer: Spoken, path: str) -> Spoken:
        """Return an answer that knows where its file is."""
        return replace(answer, path=path)

    # What training and deployment share.

    def fit_codecs(self, texts: Sequence[str], rate: int, config: Config) -> SpeakCodecs:
        """Learn the symbols of the texts; the bands are not yet fitted.

        Raises:
            ConfigError, DataError, MissingExtraError: As the codec says.
        """
        unit = "char" if config.text.unit == "auto" else config.text.unit
        if unit not in PIECES:
            raise ConfigError("speech is not made of this", given=unit, allowed=PIECES)
        source = PIECES[unit].fit(texts, config=config.text, size=config.text.vocabulary)
        chosen = config.audio.rate or min(rate, _HIGHEST)
        return SpeakCodecs(source, SpeechCodec(chosen, config.audio.mels, config.speak.trim))

    def codec_state(self, codecs: SpeakCodecs) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return manifest entries and arrays that `restore_codecs` reads."""
        state, arrays = codecs.source.to_state()
        named = {f"source.{name}": array for name, array in arrays.items()}
        return {"source": state, "target": codecs.target.to_state()}, named

    def restore_codecs(self, manifest: Mapping[str, Any], arrays: Mapping[str, Any]) -> SpeakCodecs:
        """Rebuild the codecs from an archive."""
        start = "source."
        own = {n[len(start) :]: a for n, a in arrays.items() if n.startswith(start)}
        return SpeakCodecs(
            restore_pieces(manifest["source"], own), SpeechCodec.from_state(manifest["target"])
        )

    def evaluate(
        self, truth: Sequence[Recording], answers: Sequence[Spoken], codecs: SpeakCodecs
    ) -> Evaluation:
        """Compare what was said with recordings of the same texts."""
        target = codecs.target
        recorded = [target.logs(target.level(one.sound.samples(target.rate))) for one in truth]
        return evaluate_speech(
            recorded, [one.frames for one in answers], [one.end for one in answers]
        )
