"""What the site needs beside docs/: the README's pages, formulas without scripts, its links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "README.zh.md": "zh.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LICENCE = "licence.md"
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^(```.*?^```|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^\$\$\n(.*?)^\$\$$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$([^$\n]+?)\$(?![\w$])")


def on_files(files: Any, config: Any) -> Any:
    """Add the README and its neighbours as pages."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_relinked(text)))
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    text = f"# Licence\n\n```text\n{licence}\n```\n"
    files.append(File.generated(config, LICENCE, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn formulas into MathML, which browsers show by themselves."""
    markdown = _relinked(markdown)
    parts = _FENCE.split(markdown)
    # Every second part is code.
    return "".join(part if k % 2 else _with_formulas(part) for k, part in enumerate(parts))


def _with_formulas(text: str) -> str:
    text = _BLOCK.sub(lambda m: f"\n<div>{convert(_rows(m[1]), display='block')}</div>\n", text)
    return _INLINE.sub(lambda m: convert(m[1].replace("\\|", "|")), text)


def _rows(formula: str) -> str:
    """Write aligned equations as a table, which the converter knows."""
    begin, end = r"\begin{array}{rll}", r"\end{array}"
    formula = formula.replace(r"\begin{aligned}", begin).replace(r"\end{aligned}", end)
    return formula.replace("&&", "&") if begin in formula else formula


def _relinked(text: str) -> str:
    """Let links meant for the repository lead to pages of the site."""
    return _LINK.sub(lambda m: f"]({_target(m[1])}{m[2] or ''})", text)


def _target(link: str) -> str:
    name = link.removeprefix("../")
    if name == "LICENSE":
        return LICENCE
    return PAGES.get(name, name.removeprefix("docs/"))
