"""Entities shown in colour: in a terminal, and as a page of HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

from seqmap.tasks.tag_results import Entity, Tagging

# Foregrounds that can be read on dark and on light terminals, and pale backgrounds for pages.
_ANSI = (34, 32, 35, 36, 33, 31, 94, 92, 95, 96)
_PALE = ("#cfe2ff", "#d1f2d9", "#f6d5f2", "#cdf3f6", "#fdf0c4", "#fbd6d6", "#e0dcff", "#e4f5c0")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 17px/2 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; color: #1d1d1f; background: #fff }}
h1 {{ font-size: 1.3rem }}
p.note {{ color: #555; font-size: .9rem; line-height: 1.5 }}
mark {{ padding: .15em .3em; border-radius: .3em; color: inherit }}
mark small {{ font-size: .65em; font-weight: 600; letter-spacing: .04em; margin-left: .4em }}
</style>
<h1>{title}</h1>
<p class="note">{note}</p>
{body}
</html>
"""


def in_terminal(answer: Tagging, types: Sequence[str], *, coloured: bool) -> str:
    """Return a text with its entities marked: in colour, or in brackets.

    Args:
        answer: What a tagger answered.
        types: All types, in the order that gives them their colours.
        coloured: Whether escape sequences are understood.
    """
    colours = _numbered(types)

    def mark(entity: Entity) -> str:
        shown = f"[{entity.text}]{entity.type}"
        if not coloured:
            return shown
        colour = _ANSI[colours[entity.type] % len(_ANSI)]
        return f"\x1b[{colour};1m{entity.text}\x1b[0;{colour}m {entity.type}\x1b[0m"

    return _marked(answer, mark, str)


def as_html(answer: Tagging, types: Sequence[str]) -> str:
    """Return a text as a paragraph of HTML, its entities marked."""
    colours = _numbered(types)

    def mark(entity: Entity) -> str:
        colour = _PALE[colours[entity.type] % len(_PALE)]
        return (
            f'<mark style="background:{colour}" title="{entity.probability:.3f}">'
            f"{html.escape(entity.text)}<small>{html.escape(entity.type)}</small></mark>"
        )

    return f"<p>{_marked(answer, mark, html.escape)}</p>"


def page(answers: Sequence[Tagging], types: Sequence[str], *, title: str, note: str) -> str:
    """Return a whole page of texts with their entities marked.

    Args:
        answers: What a tagger answered.
        types: All types, in the order that gives them their colours.
        title: Of the page.
        note: Above the texts.
    """
    body = "\n".join(as_html(answer, types) for answer in answers)
    return _PAGE.format(title=html.escape(title), note=html.escape(note), body=body)


def _marked(answer: Tagging, mark: Callable[[Entity], str], plain: Callable[[str], str]) -> str:
    shown, place = "", 0
    for entity in answer.entities:
        shown += plain(answer.text[place : entity.start]) + mark(entity)
        place = entity.end
    return shown + plain(answer.text[place:])


def _numbered(types: Sequence[str]) -> Mapping[str, int]:
    return {name: number for number, name in enumerate(types)}
