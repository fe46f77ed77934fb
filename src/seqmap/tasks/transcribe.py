"""Audio to text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.codecs.audio import AudioCodec, reads_left_to_right
from seqmap.codecs.transcript import TranscriptCodec
from seqmap.config import Config
from seqmap.errors import DataError, UserError
from seqmap.tasks.base import Evaluation
from seqmap.tasks.numbers import row_of
from seqmap.tasks.recordings import RecordingTask, split_off
from seqmap.tasks.transcribe_results import Transcript, evaluate_transcripts

if TYPE_CHECKING:
    from seqmap.data import ReadOptions
    from seqmap.data.audio import Recording, Sound

_SPEAKERS = 5
"""From so many speakers on, whole speakers are held out."""
_LOUDEST = 8.0  # of full scale: what decoders make of loud music is a little above 1
_SAMPLE = {"type": "number", "minimum": -_LOUDEST, "maximum": _LOUDEST}
RATES = 1000, 192_000
"""The least and the most samples a second that a server takes."""
LONGEST = 600
"""Seconds of a recording that a server takes at once; longer ones are streamed."""
_HIGHEST = 16_000
"""Samples a second that are kept if nothing else is asked for: speech has little above 8 kHz."""


@dataclass(frozen=True)
class TranscribeCodecs:
    """The two sides of the mapping.

    Attributes:
        source: Samples to steps of features.
        target: Transcripts to symbols.
    """

    source: AudioCodec
    target: TranscriptCodec


class Transcribe(RecordingTask):
    """Audio → text."""

    name = "transcribe"
    mapping = "audio → text"
    headline = ("wer", "cer")

    def config(self) -> Config:
        """Return defaults for some minutes to some hours of speech."""
        return Config().replace(
            text__unit="char",
            text__vocabulary=500,
            audio__context=3,
            audio__filters=32,
            encoder__hidden=192,
            encoder__layers=3,
            encoder__dropout=0.3,
            head__dropout=0.3,
            train__epochs=80,
            train__batch_size=16,
            train__batch_tokens=8192,
            train__patience=40,
            train__average=0.998,
        )

    def check_known(self, dataset: Any, codecs: TranscribeCodecs) -> None:
        """Refuse transcripts of which no character is known: they are in another script."""
        if not any(len(codecs.target.encode(one.text)) for one in dataset.examples):
            raise DataError(
                "the model knows no character of these transcripts",
                path=dataset.path,
                given=dataset.examples[0].text,
                allowed=" ".join(codecs.target.pieces[:40]),
            )

    def hold_out(
        self, examples: Sequence[Recording], share: float
    ) -> tuple[Sequence[Recording], Sequence[Recording]]:
        """Split off whole speakers, or single recordings where speakers are few (seed 42)."""
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(examples):
            groups[one.speaker].append(place)
        if len(groups) < _SPEAKERS:
            groups = defaultdict(list, {str(k): [k] for k in range(len(examples))})
        names = sorted(groups, key=lambda name: groups[name][0])
        wanted = max(1, round(share * len(examples)))
        held: set[int] = set()
        for k in np.random.default_rng(42).permutation(len(names)):
            own = groups[names[k]]
            if held and len(held) + len(own) > 1.5 * wanted:
                continue
            held.update(own)
            if len(held) >= wanted:
                break
        return split_off(examples, held)

    def inspect(
        self,
        train: Sequence[Recording],
        dev: Sequence[Recording],
        test: Sequence[Recording] | None,
    ) -> tuple[str, ...]:
        """Count recordings, time, speakers and words; tell of speakers that parts share."""
        from seqmap.data.audio.read import length_of

        lines, parts = [], {"train": train, "dev": dev, "test": test or ()}
        for name, part in parts.items():
            if not part:
                continue
            seconds = sum(one.sound.header().seconds for one in part)
            words = [word for one in part for word in one.text.split()]
            speakers = len({one.speaker for one in part if one.speaker})
            who = f", {speakers} speakers or folders" if speakers else ""
            lines.append(
                f"{name}: {len(part):,} recordings, {length_of(seconds)}{who}, "
                f"{len(words):,} words, {len(set(words)):,} different"
            )
        known = {one.speaker for one in train if one.speaker}
        for name in ("dev", "test"):
            shared = known & {one.speaker for one in parts[name]}
            if shared:
                lines.append(
                    f"train and {name} share {len(shared)} speakers or folders: "
                    "on new voices it does worse"
                )
        return tuple(lines)

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a transcriber must not be trusted with."""
        return (
            "It writes something for every sound: speech of other languages, music and noise too.",
            "It knows the voices, rooms and words of its training; others are heard worse.",
            "Times are those of the symbols on the likeliest path, within about 0.1 s.",
            "It cannot tell speakers apart, and knows nothing of who may be recorded.",
        )

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of a recording: samples and their rate."""
        return {
            "type": "object",
            "properties": {
                "samples": {"type": "array", "items": _SAMPLE},
                "rate": {"type": "integer", "minimum": RATES[0], "maximum": RATES[1]},
            },
            "required": ["samples", "rate"],
        }

    def input_from(self, value: Any) -> Any:
        """Return a recording: samples in -1…1 and their rate, or the bytes of a file of sound.

        Raises:
            UserError: It is neither, or longer than `LONGEST`.
        """
        from seqmap.data.audio import Samples, SoundFile

        if isinstance(value, bytes):
            return _bounded(SoundFile("the recording", lambda: BytesIO(value)))

        try:
            samples, rate = row_of(value["samples"], _LOUDEST), int(value["rate"])
        except (TypeError, KeyError, ValueError, OverflowError):
            samples, rate = None, 0
        if samples is None or np.isnan(samples).any() or isinstance(value["rate"], bool):
            raise UserError(
                "a recording is its samples and their rate", allowed='{"samples": […], "rate": …}'
            )
        return _bounded(Samples(samples.astype(np.float32), rate))

    def inputs(self, path: str, options: ReadOptions) -> Iterator[Recording]:
        """Read recordings: a file, a folder or archive, a manifest; paths from standard input."""
        from seqmap.data.audio import iter_sounds

        return iter_sounds(path, options)

    def line(self, answer: Transcript) -> str:
        """Return the text, or readings with their probabilities; before it the name, then notes."""
        name = f"{answer.name}\t" if answer.name else ""
        notes = f"\t({'; '.join(answer.notes)})" if answer.notes else ""
        readings = "\t".join(f"{a.text} ({a.probability:.3f})" for a in answer.alternatives)
        return f"{name}{readings or answer.text}{notes}"

    def record(self, answer: Transcript) -> dict[str, Any]:
        """Return an answer as plain values; what is not there is left out."""
        values = asdict(answer)
        for name in ("name", "notes", "alternatives"):
            if not values[name]:
                del values[name]
        return values

    # What training and deployment share.

    def source_codec(self, config: Config, rate: int) -> AudioCodec:
        """Return what turns samples into steps, not yet fitted."""
        audio = config.audio
        return AudioCodec(
            audio.rate or min(rate, _HIGHEST),
            audio.mels,
            audio.stack,
            audio.context,
            running=reads_left_to_right(audio.mean, config.encoder.direction),
            prior=audio.prior,
            by_speaker=audio.mean == "speaker",
        )

    def codec_state(self, codecs: TranscribeCodecs) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return manifest entries and arrays that `restore_codecs` reads."""
        state, arrays = codecs.target.to_state()
        return {"source": codecs.source.to_state(), "target": state}, arrays

    def restore_codecs(
        self, manifest: Mapping[str, Any], arrays: Mapping[str, Any]
    ) -> TranscribeCodecs:
        """Rebuild the codecs from an archive."""
        return TranscribeCodecs(
            AudioCodec.from_state(manifest["source"]),
            TranscriptCodec.from_state(manifest["target"], arrays),
        )

    def evaluate(
        self, truth: Sequence[Recording], answers: Sequence[Transcript], codecs: TranscribeCodecs
    ) -> Evaluation:
        """Score transcripts against what was said."""
        return evaluate_transcripts([one.text for one in truth], answers, codecs.target)


def _bounded(sound: Sound) -> Sound:
    """Refuse what would take for ever: a small file may hold hours, a low rate many more.

    Raises:
        UserError: It is too long, or its rate is none of sound.
    """
    header = sound.header()
    if not RATES[0] <= header.rate <= RATES[1]:
        allowed = f"{RATES[0]:,} to {RATES[1]:,} samples a second"
        raise UserError("this is no rate of sound", given=header.rate, allowed=allowed)
    if header.seconds > LONGEST:
        raise UserError(
            "the recording is too long to be sent at once",
            given=f"{header.seconds:.0f} s",
            allowed=f"{LONGEST} s",
            remedy="Stream it",
        )
    return sound
