"""Phrases that are expected: names, commands, whatever the language model does not know.

An Aho-Corasick automaton (1975) over characters. A reading gains a little with each character of a
phrase; what it gained is taken back when the phrase is not completed (Zhao et al. 2019,
"Shallow-fusion end-to-end contextual biasing", section 3.2). What a text gains depends on nothing
but the text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

ROOT = 0


@dataclass(frozen=True)
class Phrases:
    """Phrases as an automaton; a state is a number, the first one `start`.

    Attributes:
        texts: The phrases.
        words: All of their words.
        spaced: Whether blanks stand between words; then phrases begin and end with words.
    """

    texts: tuple[str, ...]
    words: frozenset[str]
    spaced: bool
    _next: tuple[dict[str, int], ...]
    _fail: tuple[int, ...]
    _open: tuple[int, ...]
    _gain: tuple[int, ...]
    start: int

    @classmethod
    def of(cls, phrases: Iterable[str], *, spaced: bool) -> Phrases:
        """Build the automaton of some folded phrases; empty ones are left out."""
        texts = tuple(dict.fromkeys(one for one in (" ".join(p.split()) for p in phrases) if one))
        builder = _Builder(spaced)
        for text in texts:
            builder.add(text)
        builder.link()
        words = frozenset(word for text in texts for word in (text.split() if spaced else text))
        start = builder.next[ROOT].get(" ", ROOT) if spaced else ROOT
        return cls(
            texts,
            words,
            spaced,
            tuple(builder.next),
            tuple(builder.fail),
            tuple(builder.open),
            tuple(builder.gain),
            start,
        )

    def advance(self, state: int, character: str) -> tuple[int, int]:
        """Take a character; returns the state and what that completes, in characters."""
        while (after := self._next[state].get(character)) is None:
            if state == ROOT:
                return ROOT, 0
            state = self._fail[state]
        return after, self._gain[after]

    def pending(self, state: int) -> int:
        """Return how many characters of a phrase stand there that is not yet complete."""
        return self._open[state]

    def read(self, state: int, text: str) -> tuple[int, int]:
        """Take several characters; returns the state and what they complete, in characters."""
        total = 0
        for character in text:
            state, gain = self.advance(state, character)
            total += gain
        return state, total

    def end(self, state: int) -> int:
        """Return what the end of the text completes, in characters."""
        return self.advance(state, " ")[1] if self.spaced else 0

    def gained(self, text: str) -> int:
        """Return what a whole text gains, in characters of completed phrases."""
        state, total = self.read(self.start, text)
        return total + self.end(state)


class _Builder:
    """Grows the automaton."""

    def __init__(self, spaced: bool) -> None:
        self.spaced = spaced
        self.next: list[dict[str, int]] = [{}]
        self.fail = [ROOT]
        self.open = [0]
        self.gain = [0]
        self._ends = [False]
        self._depth = [0]

    def add(self, text: str) -> None:
        state = ROOT
        for character in f" {text} " if self.spaced else text:
            if character not in self.next[state]:
                self.next[state][character] = len(self.next)
                self.next.append({})
                self.fail.append(ROOT)
                self.open.append(0)
                self.gain.append(0)
                self._ends.append(False)
                self._depth.append(self._depth[state] + 1)
            state = self.next[state][character]
        self._ends[state] = True

    def link(self) -> None:
        """Fill in where a state falls back to, and what it is worth."""
        # What stands complete along the way to a state: a longer phrase adds only its rest.
        complete = [0] * len(self.next)
        order = deque([ROOT])
        while order:
            state = order.popleft()
            for character, after in self.next[state].items():
                self.fail[after] = self._fall(state, character)
                worth = self._worth(after)
                complete[after] = complete[state]
                if self._ends[after]:
                    self.gain[after] = worth - complete[state]
                    complete[after] = worth
                    # It may also be the middle of another phrase, which falls back to it.
                    self.open[after] = self.open[self.fail[after]] if not self.next[after] else 0
                else:
                    self.gain[after] = self.gain[self.fail[after]]
                    self.open[after] = worth - complete[after]
                order.append(after)

    def _fall(self, state: int, character: str) -> int:
        while state != ROOT:
            state = self.fail[state]
            if character in self.next[state]:
                return self.next[state][character]
        return ROOT

    def _worth(self, state: int) -> int:
        """Return the characters of a phrase at a state, without the blanks around it."""
        depth = self._depth[state]
        if not self.spaced:
            return depth
        return max(depth - 1 - self._ends[state], 0)
