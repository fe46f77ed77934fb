"""The model card, as `seqmap info` shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.config import Config
from seqmap.runtime.archive import Archive, read, save
from seqmap.runtime.card import card_of, read_card
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training.package import manifest

Make = Callable[..., Archive]


def shown(*words: str) -> Any:
    return CliRunner().invoke(app, ["info", *words])


def test_the_card_tells_what_the_archive_holds(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive(encoder__layers=2)
    archive.manifest["data"] = {
        "train": 1234,
        "dev": 56,
        "fingerprint": "f" * 64,
        "classes": {f"label {n}": n for n in range(20)},
    }
    archive.manifest["calibration"] |= {"ece_before": 0.25, "ece_after": 0.0625}
    save(archive, tmp_path / "m.seqmap")
    card = read_card(tmp_path / "m.seqmap")
    text = card.text()
    for piece in (
        "classify: text → label",
        "lstm, 2 layers of 8, both directions",
        "no: its lstm also reads backwards",
        "1,234 examples",
        "label 19",
        "8 more",
        "0.2500 → 0.0625",
        "accuracy      0.5000",
        "Every text gets one of 3 labels",
    ):
        assert piece in text, piece
    assert "label 3 " not in text  # the rarest are counted only
    assert max(map(len, text.splitlines())) <= 100
    assert card.facts["parts"]["encoder"]["bytes"] == sum(
        a.nbytes for n, a in archive.arrays.items() if n.startswith("encoder.")
    )
    assert card.facts["size_bytes"] == (tmp_path / "m.seqmap").stat().st_size
    assert card.facts["digest"] == read(tmp_path / "m.seqmap").digest()


def test_streams_and_several_labels(make_archive: Make) -> None:
    card = card_of(
        restore(make_archive(encoder__direction="forward", multi=True)), name="m", size=1
    )
    assert card.facts["streams"] is True
    assert ("streams", "yes") in card.sections[0][1]
    assert card.limits[0].startswith("A text may get no label")


def test_what_the_user_says_is_kept_with_the_limits() -> None:
    task = find_task("classify")
    said = {"about": "hotels | reviews", "licence": "CC0"}
    entries = {"target": {"labels": ["a", "b"], "multi": False}, "card": said}
    card = manifest(task, Config(), entries)["card"]
    assert card["about"] == said["about"] and card["licence"] == "CC0"
    assert len(card["limits"]) == 4
    assert manifest(task, Config(), {**entries, "card": {}})["card"]["about"] is None


def test_command(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive()
    archive.manifest["card"] = {"about": "a | b\nc", "licence": None, "limits": ["one limit"]}
    save(archive, tmp_path / "m.seqmap")
    page = shown(str(tmp_path / "m.seqmap"), "--markdown")
    assert page.exit_code == 0
    assert page.stdout.startswith("# m.seqmap\n") and "| about | a \\| b c |" in page.stdout
    assert page.stdout.rstrip().endswith("- one limit")
    found = json.loads(shown(str(tmp_path / "m.seqmap"), "--json").stdout)
    assert found["task"] == "classify" and found["metrics"] == {"accuracy": 0.5}


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 zip"])
def test_what_is_no_model_is_told_in_one_line(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "m.seqmap").write_bytes(content)
    done = shown(str(tmp_path / "m.seqmap"))
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
