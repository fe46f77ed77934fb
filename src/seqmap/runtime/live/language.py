"""A text through a language model: what may follow while it arrives, then how it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from seqmap.runtime.live.base import Live, Record, text_of

if TYPE_CHECKING:
    from seqmap.runtime.language import LanguageSession


class LanguageLive(Live):
    """Expectations while a text arrives; then its continuation, symbol by symbol.

    Args:
        session: The model, with the sampling that is wanted.
    """

    def __init__(self, session: LanguageSession) -> None:
        self._session = session
        self._stream = session.stream()
        self._continuation = ""

    def pieces(self, value: Any) -> Iterable[str]:
        """Take a text as a whole: what matters is what comes after it."""
        return [text_of(value)]

    def feed(self, piece: Any) -> Iterator[Record]:
        """Read more text; yields the likeliest next symbols."""
        self._stream.feed(text_of(piece))
        yield self._session.task.record(self._stream.result())

    def close(self) -> Iterator[Record]:
        """Write; yields each piece of text that is added."""
        self._stream.close()
        for more in self._stream.writing():
            self._continuation += more
            yield {"delta": more}

    def result(self) -> Record:
        """Return the continuation, and how probable the text before it was."""
        found = self._stream.result()
        return {
            "continuation": self._continuation,
            "symbols": found.symbols,
            "loss": found.loss,
            "perplexity": found.perplexity,
        }
