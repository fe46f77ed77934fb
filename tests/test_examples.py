"""The examples run to their end, with small sizes, and print what they promise."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# Of each example: the sizes that make it quick, and what its output must show.
RUNS: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "classify_csv": ({"count": 200, "epochs": 1}, ("macro average", "positive")),
    "chinese": ({"count": 300, "epochs": 1}, ("macro average", "前者")),
    "several_labels": ({"count": 200, "epochs": 1}, ("staff", "it rained all week")),
    "scikit_learn": ({"count": 60, "epochs": 1}, ("cross-validation:", "classifier__hidden")),
    "distillation": ({"labelled": 200, "unlabelled": 100, "epochs": 1}, ("student", "KiB")),
    "forecast_csv": ({"count": 700, "epochs": 1}, ("seasonal", "customers")),
    "tag_names": ({"count": 200, "epochs": 1}, ("precision", "at least 0.99")),
    "transcribe_speech": ({"count": 12, "epochs": 1}, ("word error rate", "final")),
    "streaming": ({"count": 60, "epochs": 1}, ("'ter was rude. '", "(the whole text)")),
}


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == RUNS.keys()


@pytest.mark.parametrize("name", RUNS)
def test_it_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    sizes: dict[str, Any]
    sizes, shown = RUNS[name]
    example(name).main(**sizes)
    output = capsys.readouterr().out
    for words in shown:
        assert words in output


def test_classify_csv_takes_files_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"the {thing} was {word},{label}\n" for thing in ("room", "soup", "staff", "bed")
            for word, label in (("fine", "good"), ("bad", "poor"), ("lovely", "good"))]  # fmt: skip
    path = tmp_path / "mine.csv"
    path.write_text("review,stars\n" + "".join(rows))
    example("classify_csv").main((path, path), epochs=1)
    assert "good" in capsys.readouterr().out
