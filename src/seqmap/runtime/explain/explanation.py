"""What an explanation holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import UserError

Array = NDArray[np.float64]

_LISTED = 10
"""Symbols that `summary` lists."""
_MAPPED = 128
"""Longest text whose attention maps are in the record."""
_ROWS = 16
"""Rows of a heat map: more units are joined by their mean."""


@dataclass(frozen=True)
class Token:
    """A symbol where it stands.

    Attributes:
        text: As it is written.
        start: First character.
        end: One beyond the last.
        known: Whether the model has learned it.
    """

    text: str
    start: int
    end: int
    known: bool


@dataclass(frozen=True)
class Completeness:
    """How well attributions add up (Sundararajan et al. 2017, §3: they must).

    Attributes:
        sum: Of the attributions.
        difference: Score of the text less that of the baseline: what the sum should be.
        parity: Largest difference between the scores that were explained and those of the
            deployed network.
    """

    sum: float
    difference: float
    parity: float

    @property
    def error(self) -> float:
        """How far the sum is off."""
        return abs(self.sum - self.difference)


@dataclass(frozen=True)
class Edit:
    """A changed text, and what the model says to it.

    Attributes:
        text: The text after the change.
        removed: What was taken out, if that was the change.
        label: The answer.
        probability: That of the label that is explained.
    """

    text: str
    removed: tuple[str, ...]
    label: str
    probability: float


@dataclass(frozen=True)
class Match:
    """A place of a corpus where the network is in a similar state.

    Attributes:
        similarity: Cosine of the two states; of spans that of the means of their states.
        text: The text around it.
        start: Where the symbol, or the span, begins in `text`.
        end: Where it ends.
    """

    similarity: float
    text: str
    start: int
    end: int

    def line(self, around: int = 30) -> str:
        """Return the place in brackets, with characters on both sides."""
        before = self.text[max(0, self.start - around) : self.start]
        here, after = self.text[self.start : self.end], self.text[self.end : self.end + around]
        return f"{self.similarity:.3f}  {before}[{here}]{after}"


@dataclass(frozen=True)
class Explanation:
    """Why a model answers as it does.

    Attributes:
        text: What it was asked.
        answer: The task's record of its answer.
        target: The label that is explained.
        labels: All labels.
        tokens: The symbols that the network read.
        integrated: Integrated gradients of the network's score of the target, (tokens,); None for
            encoders whose gradient is not at hand.
        occlusion: What the target's log-odds lose without each symbol, whole model, (tokens,).
        completeness: Of the integrated gradients.
        layers: Gates, cell and state over the tokens, (hidden, tokens) each, by layer.
        attention: Weights of attention pooling, (tokens,), if the model pools so.
        edits: What-if: the fewest symbols without which the answer is another, and given texts.
        matches: Places of a corpus with a similar state, for the span that begins with `matched`.
        matched: Number of its first symbol.
        matched_count: How many symbols it has.
        maps: Of Transformer layers: how much each symbol (rows) looks at each other (columns),
            (heads, tokens, tokens), by layer.
    """

    text: str
    answer: dict[str, Any]
    target: str
    labels: tuple[str, ...]
    tokens: tuple[Token, ...]
    integrated: Array | None
    occlusion: Array
    completeness: Completeness | None
    layers: dict[str, dict[str, Array]] = field(default_factory=dict)
    attention: Array | None = None
    edits: tuple[Edit, ...] = ()
    matches: tuple[Match, ...] = ()
    matched: int | None = None
    maps: dict[str, Array] = field(default_factory=dict)
    matched_count: int = 1

    def record(self) -> dict[str, Any]:
        """Return plain values for JSON; heat maps in at most 16 rows, no maps of long texts."""
        check = self.completeness
        return {
            "text": self.text,
            "answer": self.answer,
            "target": self.target,
            "tokens": [vars(token) for token in self.tokens],
            "attribution": rounded(self.occlusion),
            "integrated": None if self.integrated is None else rounded(self.integrated),
            "completeness": None if check is None else {**vars(check), "error": check.error},
            "layers": [
                {"name": name, "gates": {k: rounded(reduced(v)) for k, v in gates.items()}}
                for name, gates in self.layers.items()
            ],
            "attention": None if self.attention is None else rounded(self.attention),
            "maps": [
                {"layer": name, "mean": rounded(heads.mean(axis=0))}
                for name, heads in self.maps.items()
                if heads.shape[1] <= _MAPPED
            ],
            "edits": [vars(edit) for edit in self.edits],
            "matches": [vars(match) for match in self.matches],
            "matched": self.matched,
            "matched_count": self.matched_count,
        }

    def summary(self) -> str:
        """Return the weightiest symbols for a terminal."""
        weights = self.occlusion
        lines = [f"{self.target}: what speaks for it (+) and against it (-), in log-odds"]
        order = sorted(range(len(weights)), key=lambda k: -abs(weights[k]))[:_LISTED]
        lines += [f"  {weights[k]:+8.3f}  {self.tokens[k].text}" for k in order]
        for edit in self.edits:
            what = f"without {', '.join(edit.removed)}" if edit.removed else edit.text
            lines.append(f"  {edit.label} {edit.probability:.3f}  {what}")
        if self.completeness is not None:
            check = self.completeness
            lines.append(
                f"integrated gradients: sum {check.sum:.4f}, completeness error {check.error:.1e}"
            )
        lines += [f"  similar {match.line()}" for match in self.matches]
        return "\n".join(lines)

    def html(self) -> str:
        """Return one page that needs nothing else."""
        from seqmap.runtime.explain.page import page

        return page(self)

    def _repr_html_(self) -> str:
        """Show the explanation in a notebook."""
        from seqmap.runtime.explain.page import body

        return body(self)


def reduced(rows: Array) -> Array:
    """Join units (units, tokens) to at most 16 rows, by their means."""
    if len(rows) <= _ROWS:
        return rows
    return np.stack([part.mean(axis=0) for part in np.array_split(rows, _ROWS)])


def rounded(values: Array) -> Any:
    """Return numbers as lists, short enough to send."""
    return np.round(values, 5).tolist()


def chosen_span(weights: Array, token: int | tuple[int, int] | None) -> tuple[int, int]:
    """Return the first symbol of the span whose states are looked for, and how many there are.

    Args:
        weights: Of the symbols: the weightiest is taken unless one is named.
        token: Number of a symbol, or those of a span's first and last symbol.

    Raises:
        UserError: There are no such symbols.
    """
    if token is None:
        return int(np.abs(weights).argmax()), 1
    first, last = (token, token) if isinstance(token, int) else token
    given = first if first == last else f"{first}-{last}"
    if first > last:
        raise UserError(
            "a span begins with its first symbol", given=given, allowed=f"{last}-{first}"
        )
    if first < 0 or last >= len(weights):
        raise UserError("there is no such symbol", given=given, allowed=f"0 to {len(weights) - 1}")
    return first, last - first + 1


def matched_text(text: str, tokens: Sequence[Token], first: int, count: int) -> str:
    """Return what the text has where its states are looked for."""
    if count == 1:
        return tokens[first].text
    return text[tokens[first].start : tokens[first + count - 1].end]
