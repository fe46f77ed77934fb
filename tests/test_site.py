"""The site: it builds without a warning, whole, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MKDOCS = Path(sys.executable).with_name("mkdocs")
LOADS = re.compile(r"""<(?:script|img|link|iframe)[^>]*(?:src|href)=["']?(https?:[^"' >]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not MKDOCS.exists():
        pytest.skip("needs the extra docs (mkdocs-material)")
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [MKDOCS, "build", "--strict", "--site-dir", out],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


def test_every_page_is_there(site: Path) -> None:
    pages = {path.stem for path in site.glob("*.html")}
    assert pages >= {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages >= {"index", "zh", "contributing", "changelog", "licence"}


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.glob("*.html"):
        found = [
            url for url in LOADS.findall(path.read_text(encoding="utf-8")) if "canonical" not in url
        ]
        assert found == [], path.name


def test_formulas_are_mathml(site: Path) -> None:
    for name in ("lstm", "crf", "attention", "gates"):
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        assert "<math" in text and "$$" not in text and r"\begin" not in text, name


def test_a_broken_link_ends_the_build(site: Path, tmp_path: Path) -> None:
    for name in ("docs", "README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    (tmp_path / "docs" / "crf.md").write_text("# The CRF\n\n[gone](nowhere.md)\n")
    done = subprocess.run(
        [MKDOCS, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and "nowhere.md" in done.stderr
