"""Models as ONNX graphs: in ONNX Runtime they answer as Python does, for every batch and length."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.errors import ExportError
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore
from seqmap.search.crf import viterbi

onnx = pytest.importorskip("onnx", reason="needs the extra export")
pytest.importorskip("onnxruntime", reason="needs the extra export")

from seqmap.export.onnx.check import check, opened  # noqa: E402
from seqmap.export.onnx.files import feeds, graphs_of  # noqa: E402
from seqmap.export.texts import known_words, sample_texts  # noqa: E402

Make = Callable[..., Archive]


def compare(archive: Archive) -> float:
    session = restore(archive, precision="fp32")
    texts = sample_texts(known_words(session.codecs.source), 120)
    return check(graphs_of(session), session, texts)


@pytest.mark.parametrize(
    "settings",
    [
        {"head__pooling": "attention", "encoder__layers": 2},
        {"encoder__name": "gru", "encoder__layers": 3, "text__unit": "char"},
        {
            "encoder__name": "rnn",
            "encoder__direction": "forward",
            "head__pooling": "last",
            "multi": True,
            "text__max_length": 6,
        },
        {"encoder__direction": "forward", "head__pooling": "max"},
        {"head__pooling": "last", "text__unit": "subword", "text__vocabulary": 60},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_classifiers(make_archive: Make, settings: dict[str, Any]) -> None:
    assert compare(make_archive(**settings)) < 1e-6


def test_wide_branch_and_int8(make_archive: Make, with_wide: Make) -> None:
    texts = [" ".join(f"w{n}" for n in range(100))]
    plain = with_wide(make_archive(texts=texts, embedding__size=64, encoder__hidden=40))
    small = quantized(plain, "int8")
    assert compare(plain) < 1e-6 and compare(small) < 1e-6
    sizes = [
        len(graphs_of(restore(archive))["model.onnx"].SerializeToString())
        for archive in (plain, small)
    ]
    assert sizes[1] < 0.4 * sizes[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"intents": 3},
        {"tag__pair_size": 3},
        {"tag__features": "none", "tag__decoder": "softmax"},
        {"tag__members": 3, "intents": 2},
    ],
    ids=["crf", "pairs", "softmax", "members"],
)
def test_taggers(make_tagger: Make, settings: dict[str, Any]) -> None:
    archive = make_tagger(**settings)
    assert compare(archive) < 1e-5
    assert compare(quantized(archive, "int8")) < 1e-5


@pytest.mark.parametrize("name", ["transformer", "lstm-transformer"])
def test_taggers_with_transformers(make_tagger: Make, make_weights: Any, name: str) -> None:
    made = make_tagger()
    session = restore(made)
    size = made.arrays["encoder.layers.0.forward.w_ih"].shape[1]
    encoder = replace(session.config.encoder, name=name)
    weights = make_weights(0)
    width = weights.encoder(size, encoder)
    weights.dense("output", len(session.codecs.target), width)
    arrays = {k: v for k, v in made.arrays.items() if not k.startswith(("encoder.", "output."))}
    config = {**made.manifest["config"], "encoder": asdict(encoder)}
    archive = Archive({**made.manifest, "config": config}, arrays | weights.arrays)
    assert compare(archive) < 1e-5
    assert compare(quantized(archive, "int8")) < 1e-5


def test_the_search_over_many_sizes(make_tagger: Make) -> None:
    session = restore(make_tagger())
    runner = opened(graphs_of(session)["crf.onnx"])
    rng = np.random.default_rng(0)
    tags = len(session.codecs.target)
    for batch, time in ((1, 1), (3, 1), (1, 9), (6, 17), (17, 4)):
        emissions = rng.normal(size=(batch, time, tags)).astype(np.float32)
        lengths = rng.integers(1, time + 1, batch)
        (found,) = runner.run(["tags"], {"emissions": emissions, "lengths": lengths})
        wanted, _ = viterbi(emissions.astype(np.float64), lengths, session.search.chain)
        assert found.tolist() == wanted.tolist()


def test_sizes_of_inputs_may_differ(make_archive: Make, with_wide: Make) -> None:
    session = restore(with_wide(make_archive()), precision="fp32")
    graph = graphs_of(session)["model.onnx"]
    sizes = {
        v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in graph.graph.input
    }
    assert sizes == {
        "ids": ["batch", "time"],
        "lengths": ["batch"],
        "feature_ids": ["batch", "features"],
        "feature_values": ["batch", "features"],
    }
    runner = opened(graph)
    texts = ["", "a plain sentence", "numbers 3,000.5 and marks ... -- (here) " * 30]
    together = runner.run(None, feeds(session, texts))[0]
    for row, text in enumerate(texts):
        alone = runner.run(None, feeds(session, [text]))[0]
        assert np.abs(alone[0] - together[row]).max() < 1e-6


TRANSFORMERS: list[dict[str, Any]] = [
    {"encoder__name": "transformer", "encoder__layers": 2, "head__pooling": "last"},
    {"encoder__name": "transformer", "encoder__heads": 1, "encoder__feedforward": 5},
    {"encoder__name": "lstm-transformer", "head__pooling": "attention", "text__unit": "char"},
    {
        "encoder__name": "lstm-transformer",
        "encoder__direction": "forward",
        "encoder__layers": 2,
        "head__pooling": "max",
    },
]


@pytest.mark.parametrize(
    "settings", TRANSFORMERS, ids=lambda settings: "-".join(map(str, settings.values()))
)
def test_transformers(make_archive: Make, settings: dict[str, Any]) -> None:
    archive = make_archive(**settings)
    small = quantized(make_archive(**settings, embedding__size=40), "int8")
    assert compare(archive) < 1e-5 and compare(small) < 1e-5


def test_positions_of_long_texts(make_archive: Make) -> None:
    archive = make_archive(encoder__name="transformer", text__max_length=4000)
    session = restore(archive, precision="fp32")
    texts = ["a plain sentence " * 900, "marks", "", "numbers and marks " * 40]
    assert check(graphs_of(session), session, texts) < 1e-5


def test_padding_is_never_looked_at(make_archive: Make) -> None:
    session = restore(make_archive(encoder__name="transformer", encoder__layers=2))
    runner = opened(graphs_of(session)["model.onnx"])
    given = feeds(session, ["a plain sentence", "it isn't long", "marks"])
    wanted = runner.run(["probabilities"], given)[0]
    wide = np.pad(given["ids"], ((0, 0), (0, 9)), constant_values=3)
    found = runner.run(["probabilities"], {**given, "ids": wide})[0]
    assert np.abs(found - wanted).max() < 1e-6
    more = runner.run(["probabilities"], {"ids": wide, "lengths": given["lengths"] + 9})[0]
    assert np.abs(more - wanted).max() > 1e-3


def test_a_graph_that_answers_otherwise_is_refused(make_archive: Make, make_tagger: Make) -> None:
    session = restore(make_archive(), precision="fp32")
    other = restore(make_archive(seed=1), precision="fp32")
    with pytest.raises(ExportError, match="a probability differs by"):
        check(graphs_of(other), session, ["a plain sentence"])
    tagger, changed = restore(make_tagger()), make_tagger()
    chain = {k: v * -3 for k, v in changed.arrays.items() if k.startswith("crf.")}
    wrong = restore(Archive(changed.manifest, changed.arrays | chain))
    with pytest.raises(ExportError, match="other tags on"):
        check(graphs_of(wrong), tagger, ["Jane Doe flew to Oslo in May 2019"])


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def test_the_command(make_tagger: Make, tmp_path: Path) -> None:
    save(make_tagger(), tmp_path / "m.seqmap")
    words = ["export", tmp_path / "m.seqmap", "--to", "onnx", "--quantize", "none", "--json"]
    code, stdout, stderr = run(*words)
    assert code == 0, stderr
    found = json.loads(stdout)
    folder = tmp_path / "m-onnx"
    assert found["files"] == sorted(path.name for path in folder.iterdir())
    assert found["files"] == ["crf.onnx", "model.json", "model.onnx"]
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert facts["labels"][0] == "O" and facts["words"][1] == "<unk>"
    assert onnx.load(folder / "model.onnx").producer_name == "seqmap"
    code, _, stderr = run(*words[:4], "--quantize", "bf16")
    assert code == 2 and "allowed: none, int8" in stderr


def test_without_onnx_the_extra_is_named(
    make_archive: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("seqmap.export.onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "seqmap.commands.export_onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    save(make_archive(), tmp_path / "m.seqmap")
    code, _, stderr = run("export", tmp_path / "m.seqmap", "--to", "onnx", "--quantize", "none")
    assert code == 2 and "pip install 'seqmap[export]'" in stderr
