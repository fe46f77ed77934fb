"""Fonts for pictures whose names may be in any script.

Names in scripts that matplotlib's own font lacks (Chinese, Japanese, …) take a font of the system
that has them; where there is none they appear as numbers, with a line that says so, rather than as
boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

_LONGEST_NAME = 24

# Fonts with Chinese, Japanese or Korean characters that systems bring, best first.
_PREFERRED_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Arial Unicode MS",
)
OWN_FONT = "DejaVu Sans"  # comes with matplotlib
_BOX_FONTS = ("last resort", "lastresort")  # their glyph for everything is a box


def presentable(names: Sequence[str]) -> tuple[list[str], str]:
    """Return names that can be drawn, and a note where some had to become numbers."""
    shown, lost = [], 0
    for number, name in enumerate(names, start=1):
        name = "".join(c if c.isprintable() else " " for c in name)
        name = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
        if families_for(name) is None:
            name, lost = f"#{number}", lost + 1
        shown.append(name)
    note = "No installed font has the characters of some names: #n is class n of the report."
    return shown, note if lost else ""


@cache
def families_for(text: str) -> list[str] | None:
    """Return fonts that have all characters of `text` together, or None."""
    from matplotlib import font_manager

    missing = {ord(c) for c in text if not c.isspace()} - _characters(
        font_manager.findfont(OWN_FONT)
    )
    found = [OWN_FONT]
    rank = {name: place for place, name in enumerate(_PREFERRED_FONTS)}
    entries = [
        entry
        for entry in font_manager.fontManager.ttflist
        if not entry.name.lower().startswith(_BOX_FONTS)
    ]
    for entry in sorted(entries, key=lambda e: (rank.get(e.name, len(rank)), e.name)):
        if not missing:
            return found
        covered = missing & _characters(entry.fname)
        if covered and entry.name not in found:
            found.append(entry.name)
            missing -= covered
    return None if missing else found


@cache
def _characters(font: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(font).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
