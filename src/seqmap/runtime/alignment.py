"""Which pieces of a text each piece of its translation attended to: as text, HTML, plain values."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.pieces import BLANK
from seqmap.metrics import display_width
from seqmap.tasks.translate_results import Translation

END = "⏎"
"""How the boundary at the end of a text is shown."""
_LEAST = 0.15  # what attention is worth a mention
_SHOWN = 3
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
.seqmap-alignment td { width: 26px; min-width: 26px; height: 24px; border: 1px solid #eef0f2; }
"""


@dataclass(frozen=True)
class Alignment:
    """A translation with its attention, as `explain` gives it.

    Attributes:
        answer: The translation.
        edits: Translations of other texts, for comparison.
    """

    answer: Translation
    edits: tuple[Translation, ...] = ()

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
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "text": self.answer.text,
            "score": self.answer.score,
            "source": self.answer.source,
            "tokens": list(self.answer.tokens),
            "source_tokens": list(self.answer.source_tokens),
            "rows": list(self.rows),
            "columns": list(self.columns),
            "alignment": np.round(self.weights.astype(np.float64), 4).tolist(),
            "edits": [{"source": edit.source, "text": edit.text} for edit in self.edits],
        }

    def html(self) -> str:
        """Return a page: one file, no script, nothing loaded from elsewhere."""
        title = html.escape(self.answer.text)
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title} – seqmap</title>\n</head>\n<body>\n{self._body()}\n</body>\n</html>\n"
        )

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
            f'<div class="wide">{self._table()}</div>',
        ]
        if self.edits:
            rows = "".join(
                f"<p>{html.escape(edit.source)} → <b>{html.escape(edit.text)}</b></p>"
                for edit in self.edits
            )
            parts.append(f"<h2>What if</h2>{rows}")
        return '<div class="seqmap-alignment">' + "\n".join(parts) + "</div>"

    def _table(self) -> str:
        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        body = []
        for row, weights in zip(self.rows, self.weights, strict=True):
            cells = "".join(
                f'<td title="{weight:.3f}" style="background:rgba(27,108,168,{weight:.3f})"></td>'
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
