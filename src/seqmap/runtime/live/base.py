"""An input that arrives piece by piece, and what is known so far, as plain values."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from seqmap.errors import UserError
from seqmap.runtime.session import Session

Record = dict[str, Any]

_WORD = re.compile(r"\s*[^\s\u2e80-\uffef]+|\s*[\u2e80-\uffef]|\s+")
"""A word with the blanks before it, or one character of a script without blanks."""


class Live(ABC):
    """One input of a model, in pieces. What is remembered does not grow with it."""

    @abstractmethod
    def pieces(self, value: Any) -> Iterable[Any]:
        """Cut an input that is there already into what `feed` takes, as if it arrived.

        Raises:
            UserError: The task does not map from such a value.
        """

    @abstractmethod
    def feed(self, piece: Any) -> Iterator[Record]:
        """Take a piece; yields what is known now.

        Raises:
            UserError: It is no such piece.
        """

    def close(self) -> Iterator[Record]:
        """Say that the input is complete; yields what becomes known step by step."""
        return iter(())

    @abstractmethod
    def result(self) -> Record:
        """Return the final answer, once the input is complete."""


class TextLive(Live):
    """A text, answered after each piece.

    Classifiers say what they think so far, taggers what is settled.

    Args:
        session: The model.

    Raises:
        UserError: The model does not stream.
    """

    def __init__(self, session: Session) -> None:
        self._task = session.task
        self._stream = session.stream()

    def pieces(self, value: Any) -> Iterable[str]:
        """Cut a text into words."""
        return _WORD.findall(text_of(value))

    def feed(self, piece: Any) -> Iterator[Record]:
        """Read more text; yields the answer so far."""
        self._stream.feed(text_of(piece))
        yield self.result()

    def close(self) -> Iterator[Record]:
        """Read what was held back."""
        self._stream.close()
        return iter(())

    def result(self) -> Record:
        """Return the answer so far."""
        return self._task.record(self._stream.result())


class LinesLive(Live):
    """Texts, each answered once its line is complete.

    Args:
        session: The model.
    """

    def __init__(self, session: Session) -> None:
        self._task = session.task
        self._stream = session.stream()
        self._lines = 0

    def pieces(self, value: Any) -> Iterable[str]:
        """Cut a text into its lines."""
        return text_of(value).splitlines(keepends=True)

    def feed(self, piece: Any) -> Iterator[Record]:
        """Read more text; yields the answer to each line that it completed."""
        return self._told(self._stream.feed(text_of(piece)))

    def close(self) -> Iterator[Record]:
        """Yield the answer to a last line without its end."""
        return self._told(self._stream.close())

    def result(self) -> Record:
        """Return how many lines were answered: the answers themselves are not kept."""
        return {"lines": self._lines}

    def _told(self, answers: Iterable[Any]) -> Iterator[Record]:
        for answer in answers:
            self._lines += 1
            yield self._task.record(answer)


def text_of(value: Any) -> str:
    """Return a value that is a text.

    Raises:
        UserError: It is none.
    """
    if not isinstance(value, str):
        raise UserError("this model reads text", given=type(value).__name__, allowed="a string")
    return value
