"""`seqmap predict FOLDER --out FOLDER`, in this process and on a local Ray."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from seqmap.cli import app
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.session import load

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed: pip install seqmap[ray]")


def seqmap_(*words: str | Path) -> Any:
    runner = typer.testing.CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
    return runner.invoke(app, ["predict", *(str(word) for word in words)])


def texts(name: str, count: int) -> list[str]:
    return [f"{name} number {place}, a plain sentence" for place in range(count)]


@pytest.fixture
def model(make_archive: Callable[..., Archive], tmp_path: Path) -> Path:
    save(make_archive(), tmp_path / "m.seqmap")
    return tmp_path / "m.seqmap"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder as people have it: kinds mixed, folders inside, things that are none of ours."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    home = tmp_path / "data"
    (home / "2024" / "may").mkdir(parents=True)
    (home / ".cache").mkdir()
    for name, count in {"a.jsonl": 7, "2024/b.jsonl": 3, ".cache/hidden.jsonl": 2}.items():
        lines = [json.dumps({"id": k, "text": text}) for k, text in enumerate(texts(name, count))]
        (home / name).write_text("\n".join(lines) + "\n")
    pq.write_table(pa.table({"text": texts("p", 9)}), home / "2024" / "may" / "c.parquet")
    (home / "d.txt").write_text("\n".join(texts("d", 4)) + "\n")
    (home / "empty.jsonl").write_text("")
    (home / "picture.png").write_bytes(b"\x89PNG")
    (home / "_SUCCESS").write_text("")
    return home


def answered(out: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != "_seqmap.json":
            name = str(path.relative_to(out))
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                found[name] = pq.read_table(path).to_pylist()
            else:
                found[name] = [json.loads(line) for line in path.read_text().splitlines()]
    return found


def check(out: Path, model: Path) -> None:
    """All files, all rows, in order, with what the model says of each."""
    found = answered(out)
    assert {name: len(rows) for name, rows in found.items()} == {
        "a.jsonl": 7,
        "2024/b.jsonl": 3,
        "2024/may/c.parquet": 9,
        "d.txt.jsonl": 4,
        "empty.jsonl": 0,
    }
    session = load(model)
    written = {"2024/may/c.parquet": "p", "d.txt.jsonl": "d"}
    for name, rows in found.items():
        said = session.predict(texts(written.get(name, name), len(rows)))
        assert [row["label"] for row in rows] == [answer.label for answer in said]
        for row, answer in zip(rows, said, strict=True):
            chances = row["probabilities"]
            chances = json.loads(chances) if isinstance(chances, str) else chances
            assert chances == pytest.approx(answer.probabilities, abs=1e-5)


def test_a_folder_keeps_its_files_and_their_order(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = seqmap_(model, data, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    check(out, model)
    summary = json.loads(result.stdout.splitlines()[-1])
    assert summary["count"] == 23 and summary["files"] == 5 and summary["skipped"] == 0
    assert not list(out.rglob(".*"))  # nothing half-written is left


def test_what_is_answered_is_not_answered_again(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert seqmap_(model, data, "--out", out).exit_code == 0
    (out / "a.jsonl").unlink()
    kept = (out / "d.txt.jsonl").stat().st_mtime_ns
    # An input that has changed since then is answered anew.
    (data / "2024" / "b.jsonl").write_text(json.dumps({"text": "another one"}) + "\n")
    later = (out / "2024" / "b.jsonl").stat().st_mtime + 5
    os.utime(data / "2024" / "b.jsonl", (later, later))
    result = seqmap_(model, data, "--out", out, "--json")
    summary = json.loads(result.stdout.splitlines()[-1])
    assert (summary["files"], summary["skipped"], summary["count"]) == (2, 3, 8)
    assert len(answered(out)["2024/b.jsonl"]) == 1
    assert (out / "d.txt.jsonl").stat().st_mtime_ns == kept


def test_a_bad_file_is_told_and_the_others_are_answered(
    model: Path, data: Path, tmp_path: Path
) -> None:
    (data / "b.jsonl").write_text('{"text": "good"}\n{"text": \n')
    out = tmp_path / "out"
    result = seqmap_(model, data, "--out", out)
    assert result.exit_code == 2
    assert "1 of 6 files could not be answered" in result.stderr
    assert "b.jsonl:2: not valid JSON" in result.stderr
    check(out, model)
    (data / "b.jsonl").write_text('{"text": "good"}\n')
    assert seqmap_(model, data, "--out", out).exit_code == 0
    assert len(answered(out)["b.jsonl"]) == 1


def test_rows_of_other_keys_and_kinds_fit_into_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from seqmap.commands.answer_files import write_answers

    target = tmp_path / "x.parquet"
    rows: list[dict[str, Any]] = [
        {"label": "a", "p": 1, "sure": True, "spans": [{"at": 1}]},
        {"label": None, "p": 0.5, "note": "später", "spans": []},
    ]
    assert write_answers(iter(rows * 3000), target) == 6000
    import pyarrow.parquet as pq

    found = pq.read_table(target).to_pylist()
    assert len(found) == 6000
    assert found[0] == {"label": "a", "p": 1.0, "sure": True, "spans": '[{"at": 1}]', "note": None}
    assert found[1] == {"label": None, "p": 0.5, "sure": None, "spans": "[]", "note": "später"}
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_what_cannot_be_is_told(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def refused(*words: str | Path) -> str:
        result = seqmap_(*words)
        assert result.exit_code == 2, result.output
        return str(result.stderr)

    assert "allowed: local, ray" in refused(model, data, "--out", out, "--engine", "dask")
    assert "--out FOLDER" in refused(model, data, "--engine", "ray")
    assert "not a folder" in refused(model, data / "a.jsonl", "--out", out)
    assert "no such folder" in refused(model, tmp_path / "nowhere", "--out", out)
    assert "would become inputs" in refused(model, data, "--out", data / "answers")
    (tmp_path / "bare").mkdir()
    assert "no files to answer" in refused(model, tmp_path / "bare", "--out", out)
    (data / "a.jsonl.gz").write_bytes(b"")
    assert "two files would have their answers in one" in refused(model, data, "--out", out)
    (data / "a.jsonl.gz").unlink()
    assert seqmap_(model, data, "--out", out).exit_code == 0
    assert "another model or of other settings" in refused(
        model, data, "--out", out, "--precision", "int8"
    )


@pytest.mark.skipif(HAS_RAY, reason="Ray is installed: what is told without it cannot be seen")
def test_without_ray_the_extra_is_named(model: Path, data: Path, tmp_path: Path) -> None:
    result = seqmap_(model, data, "--out", tmp_path / "out", "--engine", "ray")
    assert result.exit_code == 2
    assert "pip install 'seqmap[ray]'" in result.stderr


def test_a_broken_ray_is_a_missing_one(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = seqmap_(model, data, "--out", tmp_path / "out", "--engine", "ray")
    assert result.exit_code == 2
    assert "pip install 'seqmap[ray]'" in result.stderr


@needs_ray
def test_ray_answers_without_torch(model: Path, data: Path, tmp_path: Path) -> None:
    """In its own process, as Ray stays in the one that started it; torch is not to be had there."""
    poison = tmp_path / "poison"
    poison.mkdir()
    (poison / "torch.py").write_text("raise SystemExit('the runtime must not import torch')\n")
    (data / "b.jsonl").write_text('{"text": \n')
    out = tmp_path / "out"
    command = [sys.executable, "-m", "seqmap", "predict", str(model), str(data)]
    command += ["--engine", "ray", "--out", str(out), "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {"PYTHONPATH": str(poison), "RAY_USAGE_STATS_ENABLED": "0"}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=200, env=environment, check=False
        )

    first = run()
    assert first.returncode == 2, first.stderr
    assert "1 of 6 files could not be answered" in first.stderr
    assert "Traceback" not in first.stderr
    (data / "b.jsonl").unlink()
    again = run()
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout.splitlines()[-1])
    assert (summary["files"], summary["skipped"]) == (0, 5)
    check(out, model)
