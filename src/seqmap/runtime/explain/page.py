"""An explanation as HTML: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqmap.runtime.explain.explanation import (
    Array,
    Explanation,
    Match,
    Token,
    matched_text,
    reduced,
)
from seqmap.runtime.png import png

_STYLE = """
.seqmap-explanation { font: 15px/1.5 system-ui, "Noto Sans SC", "PingFang SC", sans-serif;
  color: #1c2329; background: #fff; max-width: 860px; margin: 0 auto; padding: 12px 16px; }
.seqmap-explanation h1 { font-size: 20px; margin: 0 0 4px; overflow-wrap: anywhere; }
.seqmap-explanation h2 { font-size: 15px; margin: 20px 0 2px; }
.seqmap-explanation p { margin: 4px 0; overflow-wrap: anywhere; }
.seqmap-explanation .soft { color: #5c6670; font-size: 13px; }
.seqmap-explanation .text { line-height: 2.1; white-space: pre-wrap; }
.seqmap-explanation mark { color: inherit; background: none; border-radius: 4px; padding: 2px 1px; }
.seqmap-explanation mark.unknown { text-decoration: underline dotted #5c6670; }
.seqmap-explanation mark.wanted { outline: 2px solid #1b6ca8; }
.seqmap-explanation img { width: 100%; height: 84px; image-rendering: pixelated; border-radius: 4px;
  display: block; }
.seqmap-explanation .heads { display: flex; flex-wrap: wrap; gap: 8px; }
.seqmap-explanation .heads img { width: 200px; height: 200px; border: 1px solid #d5dade; }
.seqmap-explanation table { border-collapse: collapse; font-size: 14px; width: 100%; }
.seqmap-explanation td { padding: 3px 8px 3px 0; vertical-align: top; overflow-wrap: anywhere; }
.seqmap-explanation td.number { text-align: right; font-variant-numeric: tabular-nums; }
.seqmap-explanation .bar { height: 12px; border-radius: 6px; background: #1b6ca8; min-width: 1px; }
"""
_GATES = {
    "input": "input gate: what is let in",
    "forget": "forget gate: what is kept",
    "output": "output gate: what is shown",
    "cell": "cell: what is remembered",
    "state": "state: what comes out",
}


def page(explanation: Explanation) -> str:
    """Return a whole page."""
    return whole(explanation.target, body(explanation))


def whole(title: str, shown: str) -> str:
    """Return a page around a body."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)} – seqmap</title>\n</head>\n<body>\n"
        f"{shown}\n</body>\n</html>\n"
    )


def body(explanation: Explanation) -> str:
    """Return the explanation alone, with its style."""
    parts = [*_answer(explanation), *_colours(explanation)]
    parts += edit_section(explanation)
    parts += gate_section(explanation.layers)
    parts += _maps(explanation)
    parts += matches(explanation)
    return styled(parts)


def styled(parts: list[str]) -> str:
    """Return sections with their style."""
    inner = "\n".join([f"<style>{_STYLE}</style>", *parts])
    return f'<div class="seqmap-explanation">{inner}</div>'


def _answer(explanation: Explanation) -> list[str]:
    answer = explanation.answer
    chosen = answer.get("labels") or [answer.get("label", explanation.target)]
    shares = sorted(answer.get("probabilities", {}).items(), key=lambda item: -item[1])
    rows = "".join(
        f'<tr><td style="width:30%">{html.escape(name)}</td>'
        f'<td style="width:60%"><div class="bar" style="width:{100 * share:.1f}%"></div></td>'
        f'<td class="number">{share:.3f}</td></tr>'
        for name, share in shares[:12]
    )
    return [f"<h1>{html.escape(' · '.join(chosen))}</h1>", f"<table>{rows}</table>"]


def _colours(explanation: Explanation) -> list[str]:
    target = html.escape(explanation.target)
    if not explanation.tokens:
        return ["<p>The text has no symbols.</p>"]
    parts = [
        "<h2>Without each word (occlusion, whole model)</h2>",
        f'<p class="soft">Blue speaks for {target}, red against it: what its log-odds lose without'
        " the word. Dotted: words that the model does not know.</p>",
        marked(explanation, explanation.occlusion),
    ]
    parts += gradient_section(explanation)
    if explanation.attention is not None:
        parts += ["<h2>Attention</h2>", marked(explanation, explanation.attention)]
    return parts


def gradient_section(explanation: Explanation) -> list[str]:
    """Return the text in the colours of integrated gradients, and how well they add up."""
    check = explanation.completeness
    if explanation.integrated is None or check is None:
        return []
    target = html.escape(explanation.target)
    return [
        "<h2>Integrated gradients (network)</h2>",
        marked(explanation, explanation.integrated),
        f'<p class="soft">They add up to {check.sum:.4f}; the score of {target} rises by'
        f" {check.difference:.4f} over an empty input: completeness error {check.error:.1e}."
        f" The scores explained differ from the deployed ones by at most {check.parity:.1e}.</p>",
    ]


def marked(explanation: Explanation, weights: Array) -> str:
    """Return the text with its symbols in colours."""
    first = explanation.matched
    wanted = () if first is None else range(first, first + explanation.matched_count)
    return coloured(explanation.text, explanation.tokens, weights, wanted)


def coloured(text: str, tokens: Sequence[Token], weights: Array, wanted: Sequence[int] = ()) -> str:
    """Return a text with its symbols in the colours of weights.

    Args:
        text: The text.
        tokens: Its symbols.
        weights: (tokens,).
        wanted: Numbers of symbols that get a frame.
    """
    most = max(float(np.abs(weights).max()), 1e-9)
    parts, place = [], 0
    for number, (token, weight) in enumerate(zip(tokens, weights, strict=True)):
        parts.append(html.escape(text[place : token.start]))
        colour = "27,108,168" if weight >= 0 else "200,85,61"
        kinds = [] if token.known else ["unknown"]
        kinds += ["wanted"] if number in wanted else []
        parts.append(
            f'<mark class="{" ".join(kinds)}" title="{weight:+.4f}" '
            f'style="background:rgba({colour},{0.75 * abs(weight) / most:.3f})">'
            f"{html.escape(token.text)}</mark>"
        )
        place = token.end
    parts.append(html.escape(text[place:]))
    return f'<p class="text">{"".join(parts)}</p>'


def edit_section(explanation: Explanation, measured: str | None = None) -> list[str]:
    """Return what the model says to changed texts.

    Args:
        explanation: Where they are.
        measured: What their probabilities are of; None means the target.
    """
    if not explanation.edits:
        return []
    rows = []
    for edit in explanation.edits:
        what = f"without <b>{html.escape(', '.join(edit.removed))}</b>: " if edit.removed else ""
        rows.append(
            f"<tr><td>{what}{html.escape(edit.text)}</td><td>{html.escape(edit.label)}</td>"
            f'<td class="number">{edit.probability:.3f}</td></tr>'
        )
    what = measured or f"the probability of {explanation.target}"
    return [
        "<h2>What if</h2>",
        f'<p class="soft">The answer then, and {html.escape(what)}.</p>',
        f"<table>{''.join(rows)}</table>",
    ]


def gate_section(layers: Mapping[str, Mapping[str, Array]]) -> list[str]:
    """Return heat maps of gates, cells and states."""
    parts = []
    for layer, gates in layers.items():
        parts += [
            f"<h2>LSTM layer {html.escape(layer)}</h2>",
            '<p class="soft">One column a word, from left to right; one row a group of units.'
            " White is the middle; blue is open or positive, red closed or negative.</p>",
        ]
        for name, rows in gates.items():
            signed = name in ("cell", "state")
            most = float(np.abs(rows).max(initial=1e-9)) if signed else 1.0
            source = picture(reduced(rows), -most if signed else 0.0, most)
            title = html.escape(_GATES.get(name, name))
            parts.append(f'<p class="soft">{title}</p><img alt="{title}" src="{source}">')
    return parts


def _maps(explanation: Explanation) -> list[str]:
    parts = []
    for layer, heads in explanation.maps.items():
        parts += [
            f"<h2>Attention of layer {html.escape(layer)}</h2>",
            '<p class="soft">A square a head: rows look, columns are looked at, in the order of the'
            " text. The darker, the more.</p>",
            '<p class="heads">',
        ]
        for number, weights in enumerate(heads):
            title = f"head {number + 1}"
            most = max(float(weights.max()), 1e-9)
            # From the white middle of the colours to full blue.
            parts.append(
                f'<img alt="{title}" title="{title}" src="{picture(weights, -most, most)}">'
            )
        parts.append("</p>")
    return parts


def matches(explanation: Explanation) -> list[str]:
    """Return places of a corpus with a similar state, if they were looked for."""
    if not explanation.matches or explanation.matched is None:
        return []
    span = explanation.matched, explanation.matched_count
    return match_section(
        explanation.matches, matched_text(explanation.text, explanation.tokens, *span)
    )


def match_section(matches: Sequence[Match], word: str) -> list[str]:
    """Return places of a corpus with a state similar to that at a word or a span of words."""
    rows = "".join(
        f'<tr><td class="number" style="width:4em">{match.similarity:.3f}</td>'
        f"<td>{html.escape(match.text[: match.start])}"
        f"<b>{html.escape(match.text[match.start : match.end])}</b>"
        f"{html.escape(match.text[match.end :])}</td></tr>"
        for match in matches
    )
    title = f"<h2>Similar states to that at “{html.escape(word)}”</h2>"
    return [title, f"<table>{rows}</table>"]


def colours(rows: Array, low: float, high: float) -> Any:
    """Turn numbers into red – white – blue, uint8 (rows, columns, 3)."""
    share = np.clip((rows - low) / (high - low), 0, 1)[:, :, None]
    red, white, blue = np.array([[200, 85, 61], [247, 247, 247], [27, 108, 168]], float)
    below = red + (white - red) * 2 * share
    above = white + (blue - white) * (2 * share - 1)
    return np.rint(np.where(share < 0.5, below, above)).astype(np.uint8)


def picture(rows: Array, low: float, high: float) -> str:
    """Return a PNG as a data address, one pixel a number."""
    data = png(colours(rows, low, high))
    return "data:image/png;base64," + base64.b64encode(data).decode()
