from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib.image import imread

from seqmap.commands.console import Screen
from seqmap.demo import classify as steps
from seqmap.demo import run_demo as any_demo
from seqmap.demo import show
from seqmap.demo.classify import CONFIG, run_demo
from seqmap.demo.deployed import ask_new_process
from seqmap.errors import OutputError, SeqmapError, UserError
from seqmap.metrics import display_width
from seqmap.runtime.session import load
from seqmap.samples.reviews import SYNTHETIC_NOTICE

# A model too small and too short to be any good: here the steps are tested, not the figures.
TINY = CONFIG.replace(
    train__epochs=1, embedding__size=4, embedding__start="random", encoder__hidden=4
)


def test_the_demo_shows_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a" / "b"
    run_demo(out, Screen(quiet=True), config=TINY)
    shown = capsys.readouterr().out
    assert SYNTHETIC_NOTICE in shown
    for section in ("Data", "Training", "Test", "The LSTM beside", "Deployed", "Its answers"):
        assert f"── {section}" in shown
    assert "none imported" in shown and "macro average" in shown and "linear" in shown
    lines = [line for line in shown.split("\n") if str(tmp_path) not in line]
    assert max(map(display_width, lines)) <= 80
    assert load(out / "reviews.seqmap").labels == ("negative", "positive")
    for name in ("learning-curves.png", "confusion.png"):
        assert imread(out / name).shape[0] > 300
    assert sorted(path.name for path in out.iterdir()) == [
        "confusion.png",
        "learning-curves.png",
        "reviews.seqmap",
    ]


@pytest.mark.slow
def test_the_lstm_solves_what_the_linear_model_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_demo(tmp_path, Screen(quiet=True, as_json=True))
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    summary = json.loads(shown)
    assert summary["task"] == "classify" and summary["synthetic"] is True
    assert summary["metrics"]["accuracy"] >= 0.95
    assert summary["baseline"]["accuracy"] <= 0.75
    assert summary["accuracy_by_kind"]["turned"]["lstm"] >= 0.92
    assert summary["accuracy_by_kind"]["plain"]["linear"] >= 0.95
    assert summary["deployed"]["imported"] == []
    assert summary["size_bytes"] < 2**20

    # Both texts of each pair mean the opposite of each other.
    model = load(tmp_path / "reviews.seqmap")
    for before, one, other, after in map(steps._split, steps.PAIRS):
        answers = model.predict([before + one + after, before + other + after])
        assert answers[0].label != answers[1].label


def test_a_folder_that_cannot_be_made_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="cannot make the folder"):
            run_demo(place, Screen(quiet=True), config=TINY)


def test_a_model_that_the_new_process_cannot_load_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.seqmap").write_text("nothing")
    with pytest.raises(SeqmapError, match="process that loads the model failed: .*a.seqmap"):
        ask_new_process(tmp_path / "a.seqmap", few=["a"], many=["b"])


def test_wrapping_counts_wide_characters_twice() -> None:
    text = "positive  " + "很好，" * 40 + "good " * 30
    lines = show.wrap(text, indent=12).split("\n")
    assert max(map(display_width, lines)) <= 80 and len(lines) > 4
    assert all(line.startswith(" " * 12) and line[12] not in " ，" for line in lines[1:])
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_sparks() -> None:
    assert show.spark([0.0, 0.5, 1.0]) == "▁▅█"
    assert show.spark([2.0, 2.0]) == "▁▁"


def test_a_task_without_a_demo(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no demo of this task"):
        any_demo("sing", tmp_path, Screen(quiet=True))
    assert list(tmp_path.iterdir()) == []


def test_the_demo_of_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from seqmap.demo import language

    tiny = language.CONFIG.replace(train__epochs=1, embedding__size=4, encoder__hidden=8)
    language.run_demo(tmp_path, Screen(quiet=True), config=tiny, reviews=60)
    shown = capsys.readouterr().out
    for section in ("Data", "Training", "Test", "What it writes", "Deployed", "What it finds"):
        assert f"── {section}" in shown
    assert "none imported" in shown and "character 6-gram" in shown
    lines = [line for line in shown.split("\n") if str(tmp_path) not in line]
    assert max(map(display_width, lines)) <= 80
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "learning-curves.png",
        "writer.seqmap",
    ]
