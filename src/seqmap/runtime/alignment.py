"""Which pieces of a text each piece of its translation attended to: as text, HTML, plain values."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.pieces import BLANK
from seqmap.metrics import display_width
from seqmap.runtime.explain.explanation import (
    Array,
    Completeness,
    Match,
    Token,
    matched_text,
    reduced,
    rounded,
)
from seqmap.runtime.explain.page import whole
from seqmap.tasks.translate_results import Translation

END = "⏎"
"""How the boundary at the end of a text is shown."""
_LEAST = 0.15  # what attention is worth a mention
_SHOWN = 3
_WEIGHTIEST = 5
_STYLE = """
.seqmap-alignment { font: 15px/1.5 system-ui, "Noto Sans SC", "PingFang SC", sans-serif;
  color: #1c2329; background: #fff; max-width: 1100px; margin: 0 auto; padding: 12px 16px; }
.seqmap-alignment h1 { font-size: 20px; margin: 0 0 4px; overflow-wrap: anywhere; }
.seqmap-alignment h2 { font-size: 15px; margin: 20px 0 2px; }
.seqmap-alignment p { margin: 4px 0; overflow-wrap: anywhere; }
.seqmap-alignment .soft { color: #5c6670; font-size: 13px; }
.seqmap-alignment .wide { overflow-x: auto; }
.seqmap-alignment table { border-collapse: collapse; font-size: 13px; }
.seqmap-alignment th { font-weight: 500; padding: 2px 6px; white-space: nowrap; }
.seqmap-alignment thead th { writing-mode: vertical-rl; transform: rotate(180deg);
  text-align: left; }
.seqmap-alignment tbody th { text-align: right; }
.seqmap-alignment .text { line-height: 2.1; white-space: pre-wrap; }
.seqmap-alignment mark { color: inherit; background: none; border-radius: 4px; padding: 2px 1px; }
.seqmap-alignment img { width: 100%; height: 84px; image-rendering: pixelated; border-radius: 4px;
  display: block; }
.seqmap-alignment td { width: 26px; min-width: 26px; height: 24px; border: 1px solid #eef0f2; }
"""


@dataclass(frozen=True)
class Alignment:
    """A translation with its attention, as `explain` gives it.

    Attributes:
        answer: The translation.
        edits: Translations of other texts, for comparison.
        tokens: The pieces that were read, where they stand.
        occlusion: What the answer's log-probability loses without each of them, (read,).
        losses: The same for each piece of the answer, (written, read).
        integrated: Integrated gradients of the answer's log-probability, (read,); None for long
            texts.
        completeness: How well they add up.
        layers: Gates, cell and state of an LSTM encoder over the pieces and the end,
            (hidden, read + 1) each, by layer.
        matches: Places of a corpus with a similar state, for the span that begins with `matched`.
        matched: Number of its first piece.
        matched_count: How many pieces it has.
    """

    answer: Translation
    edits: tuple[Translation, ...] = ()
    tokens: tuple[Token, ...] = ()
    occlusion: Array = field(default_factory=lambda: np.zeros(0))
    losses: Array = field(default_factory=lambda: np.zeros((0, 0)))
    integrated: Array | None = None
    completeness: Completeness | None = None
    layers: dict[str, dict[str, Array]] = field(default_factory=dict)
    matches: tuple[Match, ...] = ()
    matched: int | None = None
    matched_count: int = 1

    @property
    def rows(self) -> tuple[str, ...]:
        """The written pieces, with a blank sign only where one stands."""
        return tuple(shown(piece) for piece in self.answer.tokens)

    @property
    def columns(self) -> tuple[str, ...]:
        """The pieces that were read, and the end."""
        return (*(shown(piece) for piece in self.answer.source_tokens), END)

    @property
    def weights(self) -> NDArray[np.float32]:
        """The attention, (rows, columns)."""
        return self.answer.alignment

    def summary(self) -> str:
        """Return what each written piece looked at most, a line each."""
        lines = [self.answer.text, ""]
        width = max((display_width(row) for row in self.rows), default=0)
        for row, weights in zip(self.rows, self.weights, strict=True):
            order = np.argsort(-weights, kind="stable")[:_SHOWN]
            looked = [f"{self.columns[n]} {weights[n]:.2f}" for n in order if weights[n] >= _LEAST]
            lines.append(f"{row}{' ' * (width - display_width(row))}  ← {', '.join(looked)}")
        for edit in self.edits:
            lines += ["", f"{edit.source}", f"→ {edit.text}"]
        if self.tokens:
            order = np.argsort(-np.abs(self.occlusion), kind="stable")[:_WEIGHTIEST]
            lines += ["", "What the answer's log-probability loses without a piece:"]
            lines += [f"{self.occlusion[n]:+8.3f}  {self.tokens[n].text}" for n in order]
        if self.completeness is not None:
            check = self.completeness
            lines.append(
                f"Integrated gradients add up to {check.sum:.3f} of {check.difference:.3f}: "
                f"completeness error {check.error:.1e}"
            )
        lines += [f"  similar {match.line()}" for match in self.matches]
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """Return everything as plain values."""
        check = self.completeness
        return {
            "text": self.answer.text,
            "score": self.answer.score,
            "source": self.answer.source,
            "target": self.answer.text,
            "tokens": [vars(token) for token in self.tokens],
            "attribution": rounded(self.occlusion),
            "losses": rounded(self.losses),
            "integrated": None if self.integrated is None else rounded(self.integrated),
            "completeness": None if check is None else {**vars(check), "error": check.error},
            "layers": [
                {"name": name, "gates": {k: rounded(reduced(v)) for k, v in gates.items()}}
                for name, gates in self.layers.items()
            ],
            "rows": list(self.rows),
            "columns": list(self.columns),
            "alignment": np.round(self.weights.astype(np.float64), 4).tolist(),
            "edits": [{"source": edit.source, "text": edit.text} for edit in self.edits],
            "matches": [vars(match) for match in self.matches],
            "matched": self.matched,
            "matched_count": self.matched_count,
        }

    def html(self) -> str:
        """Return a page: one file, no script, nothing loaded from elsewhere."""
        return whole(self.answer.text, self._body())

    def _repr_html_(self) -> str:
        return self._body()

    def _body(self) -> str:
        parts = [
            f"<style>{_STYLE}</style>",
            f"<h1>{html.escape(self.answer.text)}</h1>",
            f'<p class="soft">{html.escape(self.answer.source)} · log-probability '
            f"{self.answer.log_probability:.3f}</p>",
            "<h2>What each piece attended to</h2>",
            '<p class="soft">A row for each piece that was written, a column for each that was '
            f"read; {END} is the end of the text. Point at a cell for its weight.</p>",
            f'<div class="wide">{self._table(self.weights.astype(np.float64), shares=True)}</div>',
            *self._attributions(),
        ]
        if self.edits:
            rows = "".join(
                f"<p>{html.escape(edit.source)} → <b>{html.escape(edit.text)}</b></p>"
                for edit in self.edits
            )
            parts.append(f"<h2>What if</h2>{rows}")
        parts += self._matches()
        return '<div class="seqmap-alignment">' + "\n".join(parts) + "</div>"

    def _attributions(self) -> list[str]:
        """Return what read pieces do to the answer, and how the encoder read them."""
        if not self.tokens:
            return []
        from seqmap.runtime.explain.page import coloured, gate_section

        parts = [
            "<h2>Without each piece (occlusion)</h2>",
            '<p class="soft">Blue speaks for the answer, red against it: what its log-probability '
            "loses without the piece.</p>",
            coloured(self.answer.source, self.tokens, self.occlusion),
            '<p class="soft">The same for each piece of the answer, a row each; blue is a loss.'
            f'</p><div class="wide">{self._table(self.losses)}</div>',
        ]
        check = self.completeness
        if self.integrated is not None and check is not None:
            parts += [
                "<h2>Integrated gradients</h2>",
                coloured(self.answer.source, self.tokens, self.integrated),
                f'<p class="soft">They add up to {check.sum:.4f}; the log-probability rises by '
                f"{check.difference:.4f} over an empty source: completeness error {check.error:.1e}"
                ". The scores explained differ from the deployed ones by at most "
                f"{check.parity:.1e}.</p>",
            ]
        return parts + gate_section(self.layers)

    def _matches(self) -> list[str]:
        if self.matched is None or not self.matches:
            return []
        from seqmap.runtime.explain.page import match_section

        span = self.matched, self.matched_count
        return match_section(self.matches, matched_text(self.answer.source, self.tokens, *span))

    def _table(self, values: Array, *, shares: bool = False) -> str:
        most = 1.0 if shares else max(float(np.abs(values).max(initial=0)), 1e-9)
        shown_columns = self.columns[: values.shape[1]]
        head = "".join(f"<th>{html.escape(column)}</th>" for column in shown_columns)
        body = []
        for row, weights in zip(self.rows, values, strict=True):
            cells = "".join(
                f'<td title="{weight:.3f}" style="background:rgba('
                f'{"27,108,168" if weight >= 0 else "200,85,61"},{abs(weight) / most:.3f})"></td>'
                for weight in weights
            )
            body.append(f"<tr><th>{html.escape(row)}</th>{cells}</tr>")
        return (
            f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        )


def shown(piece: str) -> str:
    """Return a piece as it is shown: what goes on inside a word begins with a dot."""
    if piece.startswith(BLANK):
        return piece[1:] or "␣"
    return piece if not piece[:1].isalpha() or not piece.isascii() else f"·{piece}"
