"""Windows over a text that is too long to be read at once."""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """A part of a text, in tokens; its margins are context only."""

    start: int
    end: int
    keep_from: int
    """The first token whose answer counts."""
    keep_to: int
    """One after the last."""


def window_step(window: int) -> int:
    """Return how far apart windows begin: a quarter of a window is margin, on either side."""
    return window - 2 * (window // 4)


def windows(tokens: int, window: int) -> list[Window]:
    """Cut a text into windows that overlap; a text that fits is one window."""
    if tokens <= window:
        return [Window(0, tokens, 0, tokens)]
    margin, step = window // 4, window_step(window)
    found = []
    start = 0
    while True:
        end = min(start + window, tokens)
        keep_from = start + margin if start else 0
        if end == tokens:
            found.append(Window(start, end, keep_from, tokens))
            return found
        found.append(Window(start, end, keep_from, end - margin))
        start += step
