"""`seqmap bench`: figures that hang together; no timing is asserted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.codecs import fit_codec
from seqmap.config import Config, EncoderConfig
from seqmap.runtime import bench, bench_inputs, native
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.machine import Machine, limit_of, measure_machine, recurrent_bytes

Make = Callable[..., Archive]
needs_core = pytest.mark.skipif(not native.available(), reason="the native core is not built")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench_inputs, "TEXTS", 12)


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["bench", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def model(make_archive: Make, tmp_path: Path) -> Path:
    save(make_archive(), tmp_path / "m.seqmap")
    return tmp_path / "m.seqmap"


def test_table_and_json(model: Path, tmp_path: Path) -> None:
    code, stdout, stderr = run(model)
    assert code == 0, stderr
    assert max(map(len, stdout.splitlines())) <= 80
    assert "size on disk" in stdout and "12, made from what it knows" in stdout
    (tmp_path / "t.csv").write_text("text,label\na plain sentence,good\nthe second one,bad\n")
    code, stdout, stderr = run(model, "--data", tmp_path / "t.csv", "--json")
    assert code == 0, stderr
    found = json.loads(stdout)
    assert (found["documents"], found["tokens"]) == (2, 6)
    assert found["bytes"] == model.stat().st_size
    assert found["p99_us"] >= found["p50_us"] > 0
    assert found["documents_per_second"]["1"] > 0
    assert found["startup_ms"] > 0 and found["memory"] > 5 << 20
    if found["backend"] == "native":
        assert found["share"] == pytest.approx(
            found["limit"]["seconds"] * 1e6 / found["us_per_token"]
        )
        assert set(found["machine"]["peak"]) == {"fp32", "bf16", "int8"}


def test_precision_and_without_the_core(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, stdout, _ = run(model, "--precision", "int8", "--json")
    assert code == 0 and json.loads(stdout)["precision"] == "int8"
    monkeypatch.setattr(native, "available", lambda: False)
    code, stdout, stderr = run(model, "--json")
    assert code == 0, stderr
    found = json.loads(stdout)
    assert (found["backend"], found["isa"], found["limit"]) == ("numpy", None, None)


def test_mistakes(model: Path, tmp_path: Path) -> None:
    for words, message in (
        (["missing.seqmap"], "No such file"),
        ([model, "--data", "missing.csv"], "missing.csv: no such file"),
        ([model, "--precision", "int4"], "allowed: fp32, bf16, int8"),
    ):
        code, stdout, stderr = run(*words)
        assert code == 2 and stdout == ""
        assert message in stderr
    (tmp_path / "empty.txt").write_text("")
    code, _, stderr = run(model, "--data", tmp_path / "empty.txt")
    assert code == 2 and stderr.count("\n") <= 2


def test_made_texts_differ_and_repeat_common_symbols() -> None:
    codec = fit_codec([" ".join(f"w{n}" for n in range(500))], Config().text)
    texts = bench_inputs.made_texts(codec, 50)
    assert len(set(texts)) == 50
    ids = [int(i) for text in texts for i in codec.encode(text)]
    assert ids.count(2) > 10 * ids.count(300) and 1 not in ids
    assert texts == bench_inputs.made_texts(codec, 50)


def test_the_limit_of_a_shape() -> None:
    machine = Machine("avx512", {1 << 14: 200e9, 1 << 20: 50e9}, {"fp32": 50e9, "int8": 800e9})
    config = EncoderConfig(hidden=128, layers=1, direction="forward")
    assert recurrent_bytes(config, "int8") == 4 * 128 * 128
    small = limit_of(config, "int8", machine)
    assert small.seconds == pytest.approx(4 * 128 * 128 / 50e9)
    assert (small.bound, small.products) == ("memory", 4 * 128 * 128)
    both = limit_of(EncoderConfig(hidden=120, layers=2, direction="both"), "fp32", machine)
    # Two layers of two cells, each 65,536 padded products; the second layer reads 256 inputs.
    assert both.products == 4 * 65_536 + 2 * 4 * 128 * 256
    assert both.weight_bytes == 4 * 4 * 65_536
    assert both.seconds == pytest.approx(4 * 4 * 65_536 / 50e9 + 2 * 4 * 128 * 256 / 50e9)


@needs_core
def test_the_machine_is_measured() -> None:
    machine = measure_machine((10_240,))
    assert {10_240, 16 << 10, 64 << 20} <= set(machine.bandwidth)
    assert min(machine.bandwidth.values()) > 1e8
    assert min(machine.peak.values()) > 1e8
    assert machine.reading(10_000) > 0 and machine.reading(1 << 30) > machine.reading(1 << 20)


@pytest.mark.parametrize("task", ["translate", "language", "forecast", "signal", "transcribe"])
def test_every_task_is_measured(
    trained: dict[str, Path], task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_inputs, "_COUNT", 3)
    monkeypatch.setattr(bench_inputs, "TEXTS", 3)
    done = CliRunner().invoke(app, ["bench", str(trained[task]), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    kinds = {"forecast": "values", "signal": "steps", "transcribe": "seconds"}
    assert found["unit"] == kinds.get(task, "symbols")
    assert found["documents"] == 3 and found["tokens"] > 3
    assert found["p99_us"] >= found["p50_us"] > 0 and found["startup_ms"] > 0
