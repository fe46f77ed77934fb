"""Inputs from a pipe in parts: all that is there, without waiting for more."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Condition, Thread
from typing import Any

READER = "seqmap inputs"  # the thread's name


def in_parts(inputs: Iterator[Any], most: int) -> Iterator[list[Any]]:
    """Read ahead on a thread, and yield what has come.

    Whoever writes one line and waits for its answer gets it at once; who writes a million has them
    answered many at a time. At most two parts are held.

    Args:
        inputs: What is read; what it raises is raised here, after all that came before.
        most: Inputs in a part, at most.
    """
    reader = _Reader(inputs, most)
    Thread(target=reader.run, name=READER, daemon=True).start()
    try:
        while part := reader.take():
            yield part
        if reader.failure is not None:
            raise reader.failure
    finally:
        reader.leave()


class _Reader:
    """Reads until a part is full, then waits until it is taken."""

    def __init__(self, inputs: Iterator[Any], most: int) -> None:
        self.failure: BaseException | None = None
        self._inputs, self._most = inputs, most
        self._part: list[Any] = []
        self._ended = self._left = False
        self._changed = Condition()

    def run(self) -> None:
        """Read all there is, unless nobody listens any longer."""
        try:
            for item in self._inputs:
                with self._changed:
                    self._changed.wait_for(lambda: self._left or len(self._part) < self._most)
                    if self._left:
                        return
                    self._part.append(item)
                    if len(self._part) == 1:
                        self._changed.notify()
        except BaseException as problem:  # it belongs to whoever asked
            self.failure = problem
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self) -> list[Any]:
        """Return what has come, waiting for the first; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._part or self._ended)
            part, self._part = self._part, []
            self._changed.notify()
        return part

    def leave(self) -> None:
        """Say that nobody listens any longer."""
        with self._changed:
            self._left = True
            self._changed.notify()
