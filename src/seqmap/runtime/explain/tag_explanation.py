"""Why a tagger answered as it did, as a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqmap.runtime.explain.explanation import (
    Array,
    Explanation,
    rounded,
)

_STEPS = 3
"""Transitions that the record lists between two tokens."""


@dataclass(frozen=True)
class TagExplanation(Explanation):
    """Why a tagger answers as it does; `target` is the type of the span that is explained.

    `occlusion` holds what that span's log-odds lose when each token is replaced by one that says
    nothing. Where `target` is an intent, it is the intent's probability that is explained.

    Attributes:
        span: First and last token (exclusive) of the explained span; None where there is none.
        span_probability: How probable it is.
        names: All tags.
        best: The tags of the answer, by number, (tokens,).
        marginals: P(y_t = k), (tokens, tags).
        pairs: P(y_(t-1) = j, y_t = k), (tokens - 1, tags, tags).
        chain: What the model learned about neighbours: scores from row to column, -inf where one
            may not follow the other, (tags, tags).
    """

    span: tuple[int, int] | None = None
    span_probability: float = 0.0
    names: tuple[str, ...] = ()
    best: tuple[int, ...] = ()
    marginals: Array = field(default_factory=lambda: np.zeros((0, 0)))
    pairs: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    chain: Array = field(default_factory=lambda: np.zeros((0, 0)))

    def record(self) -> dict[str, Any]:
        """Return plain values for JSON; the three most probable transitions at each place."""
        return {
            **super().record(),
            "span": None if self.span is None else list(self.span),
            "span_probability": self.span_probability,
            "tags": list(self.names),
            "best": list(self.best),
            "marginals": rounded(self.marginals),
            "transitions": [
                [
                    {"from": self.names[a], "to": self.names[b], "probability": round(p, 5)}
                    for a, b, p in step
                ]
                for step in self.likely_steps()
            ],
            "chain": [
                [round(score, 4) if np.isfinite(score) else None for score in row]
                for row in self.chain.tolist()
            ],
        }

    def likely_steps(self) -> list[list[tuple[int, int, float]]]:
        """Return the most probable transitions between neighbours: from, to, probability."""
        found = []
        for pair in self.pairs:
            order = np.argsort(-pair, axis=None, kind="stable")[:_STEPS]
            places = [divmod(int(place), len(pair)) for place in order]
            found.append([(a, b, float(pair[a, b])) for a, b in places])
        return found

    def summary(self) -> str:
        """Return tags with their probabilities, and the words that the span hangs on."""
        lines = []
        for token, tag, chances in zip(self.tokens, self.best, self.marginals, strict=True):
            second = int(np.argsort(-chances, kind="stable")[1]) if len(chances) > 1 else tag
            if second == tag and len(chances) > 1:
                second = int(np.argsort(-chances, kind="stable")[0])
            lines.append(
                f"  {self.names[tag]:<12}{chances[tag]:.3f}  {token.text}"
                f"  (else {self.names[second]} {chances[second]:.3f})"
            )
        if self.span is not None:
            words = " ".join(token.text for token in self.tokens[slice(*self.span)])
            lines.append(f"{self.target}: {words} ({self.span_probability:.3f}); it hangs on")
            order = np.argsort(-np.abs(self.occlusion), kind="stable")[:5]
            lines += [f"  {self.occlusion[k]:+8.3f}  {self.tokens[k].text}" for k in order]
        elif self.occlusion.any():
            lines.append(f"{self.target} ({self.span_probability:.3f}); it hangs on")
            order = np.argsort(-np.abs(self.occlusion), kind="stable")[:5]
            lines += [f"  {self.occlusion[k]:+8.3f}  {self.tokens[k].text}" for k in order]
        if self.completeness is not None:
            check = self.completeness
            lines.append(
                f"  integrated gradients: sum {check.sum:.4f}, completeness error {check.error:.1e}"
            )
        lines += [f"  similar {match.line()}" for match in self.matches]
        lines += [f"  what if: {edit.text}: {edit.label}" for edit in self.edits]
        return "\n".join(lines) or "The text has no tokens."

    def html(self) -> str:
        """Return one page that needs nothing else."""
        from seqmap.runtime.explain.tag_page import page

        return page(self)

    def _repr_html_(self) -> str:
        """Show the explanation in a notebook."""
        from seqmap.runtime.explain.tag_page import body

        return body(self)
