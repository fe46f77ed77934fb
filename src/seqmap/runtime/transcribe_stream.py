"""Speech that arrives piece by piece: what is said so far, and what is certain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.data.audio.sound import in_floats
from seqmap.errors import ArchiveError, MissingExtraError, UserError
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.input_stream import InputStream, described_state
from seqmap.runtime.transcribe_decoder import Decoder, DecoderState, Segment
from seqmap.tasks.transcribe_results import Transcript

if TYPE_CHECKING:
    from seqmap.runtime.transcribe import TranscribeSession


class TranscribeStream(InputStream):
    """One speech in pieces of any size; what is remembered does not grow with it.

    However it is cut, the final parts together are what `predict` gives for the whole.

    Args:
        session: The model.
        state: What `to_bytes` gave, to go on from there.
        rate: Samples a second that are fed; None means the model's own.
    """

    def __init__(
        self, session: TranscribeSession, state: bytes | None = None, rate: int | None = None
    ) -> None:
        super().__init__()
        self._session = session
        self._rate = session.rate if rate is None else rate
        if self._rate < 1:
            raise UserError("the rate is samples a second", given=rate)
        self._resampler = None if self._rate == session.rate else _resampler(rate, session.rate)
        self._acoustics = session.acoustics.stream()
        self._decoder = session.decoder()
        self._count = 0
        if state is not None:
            self._load(state)

    @property
    def seconds(self) -> float:
        """How much was fed so far."""
        return self._count / self._rate

    def feed(self, samples: NDArray[Any]) -> list[Transcript]:
        """Take samples; returns the parts that are now final.

        Args:
            samples: (samples,) or (samples, channels); floats in -1…1, or integers of full scale.

        Raises:
            UserError: The stream is closed, or these are no samples.
        """
        self._check_open()
        values = np.asarray(samples)
        if values.dtype.kind not in "fiu" or values.ndim not in (1, 2):
            raise UserError(
                "a stream of speech takes samples",
                given=f"{values.dtype} {values.shape}",
                allowed="numbers, (samples,) or (samples, channels)",
            )
        values = in_floats(values)
        if not np.isfinite(values).all():
            raise UserError("a sample is a finite number", given="nan or inf")
        self._count += len(values)
        if values.ndim == 2:
            values = values.mean(axis=1)
        if self._resampler is not None:
            values = self._resampler.resample_chunk(np.ascontiguousarray(values, np.float32))
        return self._parts(self._decoder.feed(self._acoustics.feed(values)))

    def partial(self) -> str:
        """Return what was said since the last final part, as far as is known yet."""
        return self._decoder.partial()

    def expect(self, phrases: Iterable[str], *, boost: float | None = None) -> None:
        """Expect other phrases from now on; what is not final yet is read again with them.

        Args:
            phrases: Each of any number of words; none expects nothing.
            boost: What each of their characters is worth; None takes the model's own.

        Raises:
            UserError: As for `TranscribeSession.with_phrases`.
        """
        self._session = self._session.with_phrases(phrases, boost=boost)
        self._resume(self._decoder.state)

    def close(self) -> list[Transcript]:
        """Say that the speech is complete; returns the last part, if something was said in it."""
        if self._closed:
            return []
        self._closed = True
        segments: list[Segment] = []
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            segments += self._decoder.feed(self._acoustics.feed(rest))
        segments += self._decoder.feed(self._acoustics.end())
        return self._parts([*segments, *self._decoder.close()])

    def to_bytes(self) -> bytes:
        """Return all that is remembered, for a file or another process; see `Session.stream`.

        Raises:
            UserError: The stream resamples: what soxr holds cannot be kept.
        """
        if self._resampler is not None:
            raise UserError(
                "a stream that resamples cannot be kept",
                remedy=f"Feed samples at the model's own rate, {self._session.rate} Hz",
            )
        state = self._decoder.state
        phrases = self._session.lexicon.phrases
        described = {
            "model": self._session.digest,
            "backend": self._session.backend,
            "count": self._count,
            "closed": self._closed,
            "begin": state.begin,
            "history": None if state.history is None else list(state.history),
            "phrases": [] if phrases is None else list(phrases.texts),
            "boost": self._session.options.beam.boost,
        }
        classes = self._session.codecs.target.classes
        rows = np.stack(state.rows) if state.rows else np.zeros((0, classes), np.float32)
        arrays = {"rows": rows, **self._acoustics.state()}
        return to_bytes(Archive({"stream": described}, arrays))

    def _load(self, data: bytes) -> None:
        archive = from_bytes(data)
        described = described_state(archive, self._session.digest)
        if described.get("backend") != self._session.backend:
            raise ArchiveError("the stream's state belongs to another model")
        try:
            self._acoustics.restore(archive.arrays)
            history = described["history"]
            state = DecoderState(
                [row.copy() for row in archive.arrays["rows"]],
                int(described["begin"]),
                None if history is None else tuple(history),
            )
            if described["phrases"]:
                boost = float(described["boost"])
                self._session = self._session.with_phrases(described["phrases"], boost=boost)
            self._count, self._closed = int(described["count"]), bool(described["closed"])
        except (KeyError, TypeError, ValueError) as error:
            raise ArchiveError("the state of the stream is damaged", given=str(error)) from None
        self._resume(state)

    def _resume(self, state: DecoderState) -> None:
        session = self._session
        self._decoder = Decoder(session.codecs.target, session.lexicon, session.options, state)

    def _parts(self, segments: list[Segment]) -> list[Transcript]:
        step = self._session.options.step
        return [self._session.answer([s], s.end * step, "", ()) for s in segments]


def _resampler(before: int | None, after: int) -> Any:
    try:
        import soxr
    except ImportError:
        raise MissingExtraError("soxr", "audio") from None
    return soxr.ResampleStream(before, after, 1, dtype="float32")
