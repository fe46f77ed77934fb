"""The explanation of tags as HTML: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import html

import numpy as np

from seqmap.runtime.explain.page import (
    edit_section,
    gate_section,
    gradient_section,
    marked,
    matches,
    styled,
    whole,
)
from seqmap.runtime.explain.tag_explanation import TagExplanation

_WORTH = 0.01
"""Tags that are nowhere more probable are left out of the table."""
_MOST_TAGS = 40


def page(explanation: TagExplanation) -> str:
    """Return a whole page."""
    return whole(explanation.target or "tags", body(explanation))


def body(explanation: TagExplanation) -> str:
    """Return the explanation alone, with its style."""
    if not explanation.tokens:
        return styled(["<p>The text has no tokens.</p>"])
    parts = _answer(explanation)
    parts += _marginals(explanation)
    parts += _steps(explanation)
    parts += edit_section(explanation, "how probable all of its tags are together")
    parts += gate_section(explanation.layers)
    parts += _chain(explanation)
    parts += matches(explanation)
    return styled(parts)


def _answer(explanation: TagExplanation) -> list[str]:
    if explanation.span is None and explanation.occlusion.any():
        return [
            f"<h1>{html.escape(explanation.target)}</h1>",
            f'<p class="soft">Probability {explanation.span_probability:.3f}. Blue speaks for it,'
            " red against it.</p>",
            marked(explanation, explanation.occlusion),
            *gradient_section(explanation),
        ]
    if explanation.span is None:
        return ["<h1>No span</h1>", marked(explanation, np.zeros(len(explanation.tokens)))]
    start, end = explanation.span
    tokens = explanation.tokens
    text = explanation.text[tokens[start].start : tokens[end - 1].end]
    target = html.escape(explanation.target)
    return [
        f"<h1>{target}: {html.escape(text)}</h1>",
        f'<p class="soft">Probability {explanation.span_probability:.3f}. Blue speaks for it, red'
        " against it: what its log-odds lose when the word is replaced by one that says nothing."
        " Dotted: words that the model does not know.</p>",
        marked(explanation, explanation.occlusion),
        *gradient_section(explanation),
    ]


def _marginals(explanation: TagExplanation) -> list[str]:
    """Tags as rows, tokens as columns; the answer has a frame."""
    most = explanation.marginals.max(axis=0)
    rows = [int(k) for k in np.argsort(-most, kind="stable")[:_MOST_TAGS] if most[k] >= _WORTH]
    head = "".join(f"<td>{html.escape(token.text)}</td>" for token in explanation.tokens)
    lines = [f"<tr><td></td>{head}</tr>"]
    for tag in sorted(rows):
        cells = []
        for place, chance in enumerate(explanation.marginals[:, tag]):
            wanted = "outline:2px solid #1b6ca8;" if explanation.best[place] == tag else ""
            shown = f"{chance:.2f}" if chance >= _WORTH else ""
            cells.append(
                f'<td class="number" style="{wanted}background:rgba(27,108,168,{0.6 * chance:.3f})"'
                f' title="{chance:.5f}">{shown}</td>'
            )
        name = html.escape(explanation.names[tag])
        lines.append(f"<tr><td>{name}</td>{''.join(cells)}</tr>")
    return [
        "<h2>Marginals of the CRF</h2>",
        '<p class="soft">How probable each tag is at each token, over all sequences of tags; the'
        " answer is framed.</p>",
        f'<div style="overflow-x:auto"><table>{"".join(lines)}</table></div>',
    ]


def _steps(explanation: TagExplanation) -> list[str]:
    steps = explanation.likely_steps()
    if not steps:
        return []
    rows = []
    for place, step in enumerate(steps):
        left, right = explanation.tokens[place], explanation.tokens[place + 1]
        shown = " · ".join(
            f"{html.escape(explanation.names[a])} → {html.escape(explanation.names[b])} {p:.2f}"
            for a, b, p in step
            if p >= _WORTH
        )
        between = f"{html.escape(left.text)} | {html.escape(right.text)}"
        rows.append(f"<tr><td>{between}</td><td>{shown}</td></tr>")
    return [
        "<h2>Transitions</h2>",
        '<p class="soft">How probable each step from tag to tag is between two tokens.</p>',
        f"<table>{''.join(rows)}</table>",
    ]


def _chain(explanation: TagExplanation) -> list[str]:
    """What the model learned about neighbouring tags."""
    chain, names = explanation.chain, explanation.names
    if len(names) > _MOST_TAGS or not np.isfinite(chain).any() or not chain.any():
        return []
    most = float(np.abs(chain[np.isfinite(chain)]).max()) or 1.0
    head = "".join(f"<td>{html.escape(name)}</td>" for name in names)
    lines = [f"<tr><td>from \\ to</td>{head}</tr>"]
    for name, scores in zip(names, chain, strict=True):
        cells = []
        for score in scores:
            if not np.isfinite(score):
                cells.append('<td style="background:#e4e7ea" title="never"></td>')
                continue
            colour = "27,108,168" if score >= 0 else "200,85,61"
            share = 0.6 * abs(score) / most
            cells.append(
                f'<td class="number" style="background:rgba({colour},{share:.3f})">{score:.1f}</td>'
            )
        lines.append(f"<tr><td>{html.escape(name)}</td>{''.join(cells)}</tr>")
    return [
        "<h2>What may follow what</h2>",
        '<p class="soft">Scores that the model learned for neighbouring tags, the same for every'
        " text; grey can never be.</p>",
        f'<div style="overflow-x:auto"><table>{"".join(lines)}</table></div>',
    ]
