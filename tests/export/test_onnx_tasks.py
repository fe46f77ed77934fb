"""Translators, language models, forecasters, signals and speech in ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.errors import ExportError
from seqmap.export.onnx.check import check, opened
from seqmap.export.onnx.files import described, feeds, graphs_of
from seqmap.export.onnx.samples import sample_inputs
from seqmap.export.onnx.translate import begun, followed
from seqmap.runtime.archive import Archive, read
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training import train

Trained = dict[str, Path]
TASKS = ("translate", "language", "forecast", "signal", "transcribe")


def archive_of(path: Path) -> Archive:
    made = read(path)
    if made.manifest["task"] == "forecast":  # the network counts, whatever an epoch made of it
        manifest = {**made.manifest, "calibration": {"linear": 0.6, "network": 0.4}}
        return Archive(manifest, made.arrays)
    return made


@pytest.mark.parametrize("kind", ["none", "int8"])
@pytest.mark.parametrize("task", TASKS)
def test_graphs_answer_as_the_model(trained: Trained, task: str, kind: str) -> None:
    made = archive_of(trained[task])
    if kind != "none":
        made = quantized(made, kind)
    session: Any = restore(made, precision="fp32")
    graphs = graphs_of(session)
    for graph in graphs.values():
        onnx.checker.check_model(graph, full_check=True)
    assert 0 < check(graphs, session, sample_inputs(session)) < 1e-4
    facts = json.loads(described(session))
    assert facts["task"] == task


@pytest.mark.parametrize("task", TASKS)
def test_a_graph_that_answers_otherwise_is_refused(trained: Trained, task: str) -> None:
    made = archive_of(trained[task])
    session: Any = restore(made, precision="fp32")
    rng = np.random.default_rng(0)
    changed = {
        name: array + 0.05 * rng.normal(size=array.shape).astype(np.float32)
        if name.endswith(("w_hh", "head.weight"))
        else array
        for name, array in made.arrays.items()
    }
    other = restore(Archive(made.manifest, changed), precision="fp32")
    with pytest.raises(ExportError, match="the export answers otherwise"):
        check(graphs_of(other), session, sample_inputs(session))


def _translator(**settings: Any) -> Archive:
    from seqmap.samples.phrases import phrases

    task = find_task("translate")
    config = task.config().replace(
        train__epochs=1, text__vocabulary=400, train__threads=1,
        **{"encoder__hidden": 8, "translate__hidden": 12, "embedding__size": 8, **settings},
    )  # fmt: skip
    return train(task, phrases(train=200, dev=1, test=1).train, config=config).archive


@pytest.mark.parametrize(
    "settings",
    [
        {"translate__decoder": "lstm-feeding", "translate__layers": 2},
        {"translate__attention": "bahdanau", "encoder__name": "gru", "translate__tie": "none"},
        {
            "translate__attention": "bahdanau",
            "translate__decoder": "lstm-feeding",
            "translate__coverage": "sum",
            "translate__vocabulary": "separate",
            "translate__tie": "target",
        },
        {"encoder__name": "lstm-transformer", "translate__layers": 2},
        {"translate__decoder": "transformer", "translate__layers": 3},
        {"translate__decoder": "transformer", "translate__members": 2},
        {"translate__decoder": "lstm-feeding", "translate__members": 3},
        {
            "encoder__name": "transformer",
            "translate__decoder": "transformer",
            "translate__heads": 2,
            "translate__feedforward": 7,
            "translate__tie": "none",
        },
    ],
)
def test_decoders(settings: dict[str, Any]) -> None:
    made = _translator(**settings)
    for archive in (made, quantized(made, "int8")):
        session: Any = restore(archive, precision="fp32")
        assert 0 < check(graphs_of(session), session, sample_inputs(session)) < 1e-4


@pytest.mark.parametrize("decoder", ["lstm", "lstm-feeding", "transformer"])
def test_int8_is_stored_as_bytes(decoder: str) -> None:
    sizes = {"embedding__size": 96, "encoder__hidden": 96, "translate__hidden": 96}
    made = _translator(translate__decoder=decoder, **sizes)
    graphs = [graphs_of(restore(one)) for one in (made, quantized(made, "int8"))]
    for name in ("encoder.onnx", "decoder.onnx"):
        plain, small = (len(each[name].SerializeToString()) for each in graphs)
        assert small < 0.5 * plain, name


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
def test_a_greedy_answer_from_the_two_graphs(trained: Trained, decoder: str) -> None:
    made = read(trained["translate"])
    if decoder == "transformer":
        made = _translator(translate__decoder=decoder, encoder__name=decoder)
    session: Any = restore(made, precision="fp32").with_search(beam=1)
    text = "how much is the book?"
    assert len(session.written_ids(text)) > 0
    runners = {name: opened(graph) for name, graph in graphs_of(session).items()}
    names = [output.name for output in runners["encoder.onnx"].get_outputs()]
    found = runners["encoder.onnx"].run(names, feeds(session, [text]))
    step = begun(session, dict(zip(names, found, strict=True)))
    names, written = [o.name for o in runners["decoder.onnx"].get_outputs()], []
    for _ in range(len(session.written_ids(text)) + 1):
        found = dict(zip(names, runners["decoder.onnx"].run(names, step), strict=True))
        found["logits"][:, 1] = -np.inf  # the unknown piece is never written
        written.append(int(found["logits"].argmax()))
        step = followed(step, found, [written[-1]])
    assert written[: len(session.written_ids(text))] == session.written_ids(text).tolist()


def test_transcribers_without_convolutions() -> None:
    from seqmap.samples.syllables import RATE, speech
    from seqmap.tasks.recordings import AudioSet

    spoken = [one.recording for one in speech(12)]
    task = find_task("transcribe")
    config = task.config().replace(
        audio__mels=12, audio__filters=0, audio__context=0, transcribe__search="greedy",
        train__threads=1, train__epochs=1, encoder__hidden=16,
    )  # fmt: skip
    made = train(task, spoken[:8], spoken[8:], config=config, targets=AudioSet(RATE)).archive
    session: Any = restore(made, precision="fp32")
    assert 0 < check(graphs_of(session), session, sample_inputs(session)) < 1e-4


@pytest.mark.parametrize("encoder", ["transformer", "lstm-transformer"])
def test_transcribers_and_signals_with_transformers(encoder: str) -> None:
    from seqmap.samples.signals import gestures
    from seqmap.samples.syllables import RATE, speech
    from seqmap.tasks.recordings import AudioSet

    sizes = {"encoder__hidden": 16, "encoder__name": encoder, "train__epochs": 1}
    spoken = [one.recording for one in speech(12)]
    task = find_task("transcribe")
    config = task.config().replace(
        audio__mels=12, transcribe__search="greedy", train__threads=1, **sizes
    )
    made = train(task, spoken[:8], spoken[8:], config=config, targets=AudioSet(RATE)).archive
    session: Any = restore(made, precision="fp32")
    assert 0 < check(graphs_of(session), session, sample_inputs(session)) < 1e-4
    task = find_task("signal")
    config = task.config().replace(train__threads=1, **sizes)
    session = restore(train(task, gestures(60), config=config).archive, precision="fp32")
    assert 0 < check(graphs_of(session), session, sample_inputs(session)) < 1e-4


def test_command(trained: Trained, tmp_path: Path) -> None:
    words = ["export", str(trained["language"]), "--to", "onnx", "--quantize", "none"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "equal to the model on 120 texts" in done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"model.onnx", "model.json"}
