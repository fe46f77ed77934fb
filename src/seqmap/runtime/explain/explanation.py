"""What an explanation holds."""

from __future__ import annotations

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
        similarity: Cosine of the two states.
        text: The text around it.
        start: Where the symbol begins in `text`.
        end: Where it ends.
    """

    similarity: float
    text: str
    start: int
    end: int


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
        matches: Places of a corpus with a similar state, for the symbol `matched`.
        matched: Number of that symbol.
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
        lines += [
            f"  similar {m.similarity:.3f}  … {m.text[max(0, m.start - 30) : m.end + 30]}"
            for m in self.matches
        ]
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


def chosen_token(weights: Array, token: int | None) -> int:
    """Return the number of the symbol whose state is looked for: the weightiest, unless named.

    Raises:
        UserError: There is no such symbol.
    """
    chosen = int(np.abs(weights).argmax()) if token is None else token
    if not 0 <= chosen < len(weights):
        raise UserError("there is no such symbol", given=chosen, allowed=f"0 to {len(weights) - 1}")
    return chosen
