"""`seqmap compare`: the same for all, what it costs, and a report that claims no more."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.compare import probes
from seqmap.compare.memory import memory_by_length
from seqmap.compare.probes import gradient_norms
from seqmap.compare.report import Comparison, draw, findings, page, table
from seqmap.compare.runs import Outcome, Parts, run_variant, warm_up
from seqmap.compare.variants import VARIANTS, alone, named, varied
from seqmap.config import Config
from seqmap.errors import UserError
from seqmap.tasks import find_task


def outcome(name: str, accuracy: float, us: float, spread: float = 0.001) -> Outcome:
    metrics = tuple({"accuracy": accuracy + shift} for shift in (-spread, 0.0, spread))
    return Outcome(name, 3e-3, metrics, 1000, 500, (2.0, 2.0, 2.0), (3, 3, 3), us, 4000, "numpy")


def comparison(*outcomes: Outcome) -> Comparison:
    return Comparison("classify", "d", "b", "accuracy", outcomes, {}, {}, "m")


def test_variants_change_the_encoder_and_nothing_else() -> None:
    base = alone(Config())
    assert base.wide.kind == "none" and base.tag.features == "none"
    for name in VARIANTS:
        found = varied(base, name)
        assert replace(found, encoder=base.encoder, head=base.head) == base
    assert varied(base, "lstm-attention").head.pooling == "attention"
    assert named(["lstm", "rnn"]) == ("lstm", "rnn")
    with pytest.raises(UserError, match="unknown encoder; given: 'lstn'.*Did you mean lstm"):
        named(["lstn"])
    with pytest.raises(UserError, match="once"):
        named(["lstm", "lstm"])


def test_the_front_holds_what_nothing_beats() -> None:
    found = comparison(
        outcome("rnn", 0.7, 1.0), outcome("gru", 0.7, 2.0), outcome("lstm", 0.8, 3.0)
    )
    assert found.front() == ("rnn", "lstm")
    assert "rnn *" in table(found) and "gru *" not in table(found)
    twins = comparison(outcome("rnn", 0.7, 1.0), outcome("gru", 0.7, 1.0))
    assert twins.front() == ("rnn", "gru")


def test_a_difference_within_the_spread_is_not_called_one() -> None:
    near = comparison(outcome("rnn", 0.80, 1.0, 0.02), outcome("lstm", 0.81, 1.0, 0.02))
    far = comparison(outcome("rnn", 0.70, 1.0), outcome("lstm", 0.81, 1.0))
    assert "may be chance" in findings(near)[1]
    assert "more than twice the spread" in findings(far)[1]
    single = replace(far, outcomes=tuple(replace(o, metrics=o.metrics[:1]) for o in far.outcomes))
    assert "may be chance" in findings(single)[1]


def test_gradients_vanish_in_the_rnn_first() -> None:
    left = {name: gradient_norms(name, 60) for name in ("rnn", "lstm", "transformer")}
    assert all(max(norms) == pytest.approx(1.0) and len(norms) == 60 for norms in left.values())
    assert left["rnn"][-1] < left["lstm"][-1] < left["transformer"][-1]
    assert gradient_norms("rnn", 60) == left["rnn"]


def test_probes_are_what_they_say() -> None:
    x, first = probes.PROBES["recall"].make(50, 12)
    assert x.shape == (50, 12, 16) and (x.sum(-1) == 1).all()
    assert (x[:, 0].argmax(-1) == first).all() and (x[:, 1:].argmax(-1) >= 8).all()
    x, total = probes.PROBES["adding"].make(50, 12)
    assert (x[..., 1].sum(1) == 2).all()
    assert ((x[..., 0] * x[..., 1]).sum(1, keepdim=True) == total).all()
    x, symbols = probes.PROBES["copy"].make(50, 12)
    assert x.shape == (50, 8 + 12 + 8, 10) and (x[:, :8].argmax(-1) == symbols).all()
    assert (x[:, -8:].argmax(-1) == 8).all()


def test_a_probe_can_be_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "RATES", (1e-2,))
    monkeypatch.setattr(probes, "PROBES", {"recall": probes.PROBES["recall"]})
    found = probes.probe("lstm", (4,), 150, lambda line: None)
    assert found.score["recall"][4] > 0.9
    assert probes.probe("lstm", (4,), 0, lambda line: None).score["recall"][4] < 0.5


def test_attention_takes_more_memory_as_texts_grow() -> None:
    config = Config().replace(encoder__hidden=16).encoder
    found = {
        name: memory_by_length(replace(config, name=name), 16, (128, 1024))
        for name in ("lstm", "transformer")
    }
    if not found["lstm"]:
        pytest.skip("this system does not tell a process its peak")
    growth = {name: sizes[1024] / max(sizes[128], 1) for name, sizes in found.items()}
    assert growth["transformer"] > 2 * growth["lstm"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("compare")
    words = {"good": ("fine", "lovely"), "bad": ("poor", "cold")}
    rows = [
        f"the {thing} was {word},{label}\n"
        for thing in ("room", "soup", "bed", "view")
        for label, choices in words.items()
        for word in choices
    ]
    (place / "data.csv").write_text("text,label\n" + "".join(rows * 3))
    (place / "tags.conll").write_text("Ada B-PER\nflew O\n\nOslo B-LOC\nis O\ncold O\n\n" * 12)
    return place


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["compare", *words])
    return done.exit_code, done.stdout, done.stderr


TINY = [word for setting in ("train.epochs=1", "encoder.hidden=4", "embedding.size=4",
        "encoder.heads=2", "train.threads=1") for word in ("--set", setting)]  # fmt: skip


def test_the_report_holds_everything(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqmap.commands.compare.memory_by_length", lambda *_: {64: 10, 128: 25})
    monkeypatch.setattr("seqmap.commands.compare.DISTANCES", (5,))
    data, out = str(folder / "data.csv"), tmp_path / "report"
    code, shown, told = run(
        folder, "classify", data, "--test", data, "--encoders", "rnn,lstm-attention",
        "--seeds", "2", "--probe-steps", "2", "--out", str(out), "--json", *TINY,
    )  # fmt: skip
    assert code == 0, told
    found = json.loads(shown)
    assert [each["name"] for each in found["outcomes"]] == ["rnn", "lstm-attention"]
    for each in found["outcomes"]:
        assert len(each["metrics"]) == 2 and each["us_per_token"] > 0 and len(each["tried"]) == 2
        assert each["parameters"] > each["encoder_parameters"] > 0
    assert set(found["probes"]["rnn"]["score"]) == {"recall", "adding", "copy"}
    html = (out / "comparison.html").read_text()
    assert "lstm-attention" in html and "data:image/png;base64," in html
    assert not re.search(r'(src|href)="(?!data:)', html)  # nothing is loaded from elsewhere
    assert (out / "comparison.png").read_bytes()[:4] == b"\x89PNG"


def test_half_a_training_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = SimpleNamespace(interrupted=True, cost=0.1)
    monkeypatch.setattr("seqmap.compare.runs.train", lambda *_, **__: cut)
    task, parts = find_task("classify"), Parts([], [], [], None, [])
    with pytest.raises(KeyboardInterrupt):
        warm_up(task, parts, Config())
    with pytest.raises(KeyboardInterrupt):
        run_variant(task, "rnn", parts, Config(), seeds=1, tell=lambda line: None)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_ctrl_c_keeps_the_encoders_that_are_done(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    def stopped(*given: Any, **more: Any) -> Any:
        raise KeyboardInterrupt

    def variant(task: Any, name: str, *given: Any, **more: Any) -> Outcome:
        return outcome(name, 0.8, 1.0) if name in ("rnn", "gru")[:after] else stopped()

    monkeypatch.setattr("seqmap.commands.compare.warm_up", lambda *_: None)
    monkeypatch.setattr("seqmap.commands.compare.run_variant", variant)
    monkeypatch.setattr("seqmap.commands.compare.memory_by_length", stopped)
    data = str(folder / "data.csv")
    code, shown, told = run(folder, "classify", data, "--encoders", "rnn,gru", "--json",
                            "--out", str(tmp_path))  # fmt: skip
    assert "interrupted" in told
    if not after:
        assert code == 130 and not (tmp_path / "comparison.html").exists()
        return
    found, page = json.loads(shown), (tmp_path / "comparison.html").read_text()
    assert code == 0 and found["interrupted"] and len(found["outcomes"]) == after
    assert "memory was not measured" in page and ("not compared: gru" in page) == (after == 1)


def test_taggers_are_compared_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqmap.commands.compare.memory_by_length", lambda *_: {})
    data = str(folder / "tags.conll")
    code, shown, told = run(folder, "tag", data, "--dev", data, "--encoders", "gru", "--seeds", "1",
                            "--probe-steps", "0", "--out", str(tmp_path), *TINY)  # fmt: skip
    assert code == 0, told
    assert "gru *" in shown and "measured on dev" in (tmp_path / "comparison.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["forecast"], "cannot be chosen"),
        (["classify", "--encoders", "lstm,cnn"], "unknown encoder"),
        (["tag", "--encoders", "lstm-attention"], "pools nothing"),
    ],
)
def test_what_cannot_be_compared_is_told(folder: Path, words: list[str], said: str) -> None:
    code, _, told = run(folder, words[0], str(folder / "data.csv"), *words[1:])
    assert code == 2 and said in told and told.count("\n") == 1


def test_an_empty_comparison_of_probes_is_drawn(tmp_path: Path) -> None:
    found = comparison(outcome("rnn", 0.7, 1.0), outcome("lstm", 0.8, 3.0))
    draw(found, tmp_path / "a.png")
    assert "<script" not in page(replace(found, data="<script>"), tmp_path / "a.png")
