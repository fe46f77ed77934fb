from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from matplotlib import font_manager, rcParams
from matplotlib.image import imread

from seqmap import plot_fonts, plots
from seqmap.errors import OutputError


@dataclass(frozen=True)
class Epoch:
    number: int
    train_loss: float
    dev_loss: float
    dev_metrics: dict[str, float] = field(default_factory=dict)


HISTORY = [Epoch(n, 0.7**n, 0.75**n, {"accuracy": 1 - 0.5 * 0.7**n}) for n in range(1, 9)]


def inked(path: Path) -> float:
    """Share of the pixels that are not white."""
    pixels = imread(path)[..., :3]
    return float((pixels < 0.95).any(axis=-1).mean())


@pytest.fixture
def fonts() -> Iterator[None]:
    """Only matplotlib's own font, and the one whose glyphs are all boxes, are installed."""
    before = list(font_manager.fontManager.ttflist)
    kept = ("DejaVu", "Last Resort")
    font_manager.fontManager.ttflist[:] = [e for e in before if e.name.startswith(kept)]
    plot_fonts.families_for.cache_clear()
    yield
    font_manager.fontManager.ttflist[:] = before
    plot_fonts.families_for.cache_clear()


def test_learning_curves_are_drawn(tmp_path: Path) -> None:
    plots.learning_curves(HISTORY, tmp_path / "a.png")
    plots.learning_curves(HISTORY, tmp_path / "b.png", baselines={"linear": 0.7})
    height, width = imread(tmp_path / "a.png").shape[:2]
    assert width > 2 * height > 800
    assert 0.01 < inked(tmp_path / "a.png") < 0.2
    assert inked(tmp_path / "b.png") > inked(tmp_path / "a.png")


@pytest.mark.parametrize("history", [[], HISTORY[:1], [Epoch(1, float("nan"), 0.5)]])
def test_short_and_broken_histories_do_not_fail(history: list[Epoch], tmp_path: Path) -> None:
    plots.learning_curves(history, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("size", [2, 12, 70])
def test_confusion_matrices_of_any_size_stay_within_bounds(size: int, tmp_path: Path) -> None:
    plots.confusion(np.eye(size) * 9, [f"name {k}" for k in range(size)], tmp_path / "a.png")
    assert 400 < max(imread(tmp_path / "a.png").shape) < 2400
    assert inked(tmp_path / "a.png") > 0.01


def test_a_confusion_matrix_without_examples_is_drawn(tmp_path: Path) -> None:
    plots.confusion(np.zeros((2, 2), int), ["a", "b"], tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_a_matrix_that_does_not_fit_the_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="for 3 names"):
        plots.confusion(np.eye(2), ["a", "b", "c"], tmp_path / "a.png")


def test_reliability_is_drawn(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    yes = random.random(500)
    chances = np.column_stack([1 - yes, yes])
    truth = (random.random(500) < yes).astype(int)
    plots.reliability({"after": (chances, truth)}, tmp_path / "a.png")
    assert inked(tmp_path / "a.png") > 0.01


@pytest.mark.usefixtures("fonts")
def test_names_that_no_font_can_draw_become_numbers(tmp_path: Path) -> None:
    shown, note = plot_fonts.presentable(["good", "好！", "a" * 40, "a\nb\t$x_1$"])
    assert shown == ["good", "#2", "a" * 23 + "…", "a b $x_1$"]
    assert "class n" in note
    # A missing glyph would warn, and warnings are errors here.
    plots.confusion(np.eye(2), ["good", "好"], tmp_path / "a.png")
    plots.confusion(np.eye(2), ["$a_", "^%\\{"], tmp_path / "b.png")


@pytest.mark.usefixtures("fonts")
def test_chinese_names_take_a_font_that_has_them_and_never_one_of_boxes(tmp_path: Path) -> None:
    names = ["好评", "差评"]
    font = build_font(tmp_path / "chinese.ttf", "好评差")
    font_manager.fontManager.addfont(font)
    assert plot_fonts.families_for("好评差abc") == [plot_fonts.OWN_FONT, "Sample Han"]
    assert plot_fonts.presentable(names) == (names, "")
    plots.confusion(np.eye(2), names, tmp_path / "a.png")
    assert inked(tmp_path / "a.png") > 0.01


def test_plots_leave_the_settings_of_matplotlib_alone(tmp_path: Path) -> None:
    before = dict(rcParams)
    plots.learning_curves(HISTORY, tmp_path / "a.png")
    assert dict(rcParams) == before


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write the picture"):
        plots.learning_curves(HISTORY, tmp_path / "missing" / "a.png")


def build_font(path: Path, characters: str) -> Path:
    """Write a small font that has these characters, each drawn as a square."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 800), (900, 800), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    glyph = pen.glyph()
    names = [".notdef", *(f"han{number}" for number in range(len(characters)))]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict(zip(map(ord, characters), names[1:], strict=True)))
    builder.setupGlyf(dict.fromkeys(names, glyph))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Sample Han", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    builder.save(path)
    return path
