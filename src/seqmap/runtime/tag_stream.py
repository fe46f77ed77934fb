"""A text of any length through a tagger, in pieces: entities as soon as they are certain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqmap.data.tagging.records import Sentence
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.input_stream import InputStream, described_state
from seqmap.runtime.windows import window_step
from seqmap.tasks.tag_results import Entity, Tagging

if TYPE_CHECKING:
    from seqmap.runtime.tag import TagSession

# Tokens beyond a window's next one that must be there before it is read: the last one may still go
# on (`30` into `30,000`), which the mark alone does not say.
_AHEAD = 1


class TagStream(InputStream):
    """One text in pieces of any size; what is remembered does not grow with it.

    The text is read in the windows in which `predict` reads a long one, so that both give the same
    entities however the text is cut. `feed` returns those that the text so far has settled, `close`
    the rest; their places are those in the whole text.

    Args:
        session: The model.
        state: What `to_bytes` gave, to go on from there.
    """

    def __init__(self, session: TagSession, state: bytes | None = None) -> None:
        super().__init__()
        self._session = session.with_answers()
        self._least = session.min_confidence
        self._window = session.config.tag.window
        self._held = ""
        self._offset = 0  # where what is held begins in the whole text
        self._begun = False  # whether a window was read: what is held then begins with its margin
        self._last = 0  # where the last entity ended
        self._symbols = 0  # tokens that were read and are no longer held
        self._news: tuple[Entity, ...] = ()
        if state is not None:
            self._load(state)

    @property
    def symbols(self) -> int:
        """How many tokens were read so far, those that may still be answered otherwise included."""
        return self._symbols + len(self._tokens())

    def result(self) -> Tagging:
        """Return what the last `feed` or `close` settled, as an answer without text and tags."""
        return Tagging("", (), (), (), self._news, 1.0)

    def feed(self, text: str) -> list[Entity]:
        """Read more text; returns the entities that are now certain.

        Raises:
            UserError: The stream is closed, or this is not text.
        """
        self._check_text(text)
        self._held += text
        found, _ = self._read_full(_AHEAD)
        self._news = tuple(found)
        return found

    def close(self) -> list[Entity]:
        """Say that the text is complete; returns the remaining entities."""
        if self._closed:
            return []
        self._closed = True
        found, offsets = self._read_full(0)
        if offsets:
            found += self._read(offsets, last=True)
        self._news = tuple(found)
        return found

    def to_bytes(self) -> bytes:
        """Return all that is remembered, for a file or another process; see `Session.stream`."""
        described = {
            "model": self._session.digest,
            "held": self._held,
            "offset": self._offset,
            "begun": self._begun,
            "last": self._last,
            "closed": self._closed,
            "symbols": self._symbols,
        }
        return to_bytes(Archive({"stream": described}, {}))

    def _load(self, data: bytes) -> None:
        described = described_state(from_bytes(data), self._session.digest)
        self._held, self._offset = described["held"], described["offset"]
        self._begun, self._last = described["begun"], described["last"]
        self._closed, self._symbols = described["closed"], described["symbols"]

    def _read_full(self, ahead: int) -> tuple[list[Entity], list[tuple[int, int]]]:
        """Read all windows that are full, and let go of what the next one does not need.

        The text is cut into tokens once, however many windows it fills: windows begin where tokens
        do, and what follows there is cut the same.

        Args:
            ahead: Tokens that there must be behind a window's next one.

        Returns:
            What was found, and where the tokens stand that are still held.
        """
        offsets, step, first = self._tokens(), window_step(self._window), 0
        found: list[Entity] = []
        while len(offsets) - first > self._window + ahead:
            found += self._read(offsets[first : first + self._window], last=False)
            self._begun = True
            first += step
        if first == 0:
            return found, offsets
        begin = offsets[first][0]
        self._held = self._held[begin:]
        self._offset += begin
        self._symbols += first
        return found, [(start - begin, end - begin) for start, end in offsets[first:]]

    def _tokens(self) -> list[tuple[int, int]]:
        return self._session.codecs.tokeniser.spans(self._held)

    def _read(self, offsets: list[tuple[int, int]], *, last: bool) -> list[Entity]:
        from seqmap.runtime.tag import shifted

        text = self._held
        tokens = tuple(text[start:end] for start, end in offsets)
        answer = self._session.predict([Sentence(tokens, text, tuple(offsets))])[0]
        margin = self._window // 4
        begin = offsets[margin][0] if self._begun and len(offsets) > margin else 0
        end = len(text) if last else offsets[self._window - margin][0]
        found = []
        for entity in answer.entities:
            placed = shifted(entity, self._offset)
            if begin <= entity.start < end and placed.start >= self._last:
                self._last = placed.end
                if placed.probability >= self._least:
                    found.append(placed)
        return found
