"""Graphs must answer as the model does, for every size of batch and length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime

from seqmap.errors import ExportError
from seqmap.export.onnx.files import Graphs, feeds
from seqmap.runtime.classify import ClassifySession
from seqmap.runtime.session import Session
from seqmap.runtime.tag import TagSession

TOLERANCE = 1e-4
"""Largest difference of a probability; of a tagger's scores, relative to the largest one."""
BATCHES = (1, 2, 7, 32, 5)


def opened(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Open a graph in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def check(graphs: Graphs, session: Session, texts: Sequence[str]) -> float:
    """Compare graphs with the model that they were made from, in ONNX Runtime.

    Args:
        graphs: By the names of their files.
        session: The model, computing in fp32.
        texts: What is asked.

    Returns:
        The largest difference.

    Raises:
        ExportError: They answer otherwise.
    """
    runners = {name: opened(graph) for name, graph in graphs.items()}
    worst = 0.0
    for batch in _batches(texts):
        try:
            worst = max(worst, _compare(runners, session, batch))
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
            raise ExportError(f"ONNX Runtime fails on the export: {error}") from None
    return worst


def _compare(runners: dict[str, Any], session: Session, batch: Sequence[str]) -> float:
    if isinstance(session, ClassifySession):
        found = runners["model.onnx"].run(["probabilities"], feeds(session, batch))[0]
        apart = np.abs(found - session.predict_proba(batch)).max(axis=1)
        if not apart.max() <= TOLERANCE:
            text = batch[int(apart.argmax())]
            raise _differs(f"a probability differs by {apart.max():.2g}", text)
        return float(apart.max())
    assert isinstance(session, TagSession)
    sentences = [tokens for text in batch if (tokens := session.sentence(text).tokens)]
    if not sentences:
        return 0.0
    given = feeds(session, sentences)
    emissions = runners["model.onnx"].run(["emissions"], given)[0]
    inputs = {"emissions": emissions, "lengths": given["lengths"]}
    tags = runners["crf.onnx"].run(["tags"], inputs)[0]
    expected = session.emissions(sentences)
    worst = 0.0
    for row, (tokens, scores) in enumerate(zip(sentences, expected, strict=True)):
        here = emissions[row, : len(tokens)]
        apart = float(np.abs(here - scores).max() / max(1.0, float(np.abs(scores).max())))
        if not apart <= TOLERANCE:
            raise _differs(f"a score differs by {apart:.2g}", " ".join(tokens))
        best = session.search.best([here])[0]
        if (
            tags[row, : len(tokens)].tolist() != best.tolist()
            or (tags[row, len(tokens) :] != -1).any()
        ):
            raise _differs("other tags", " ".join(tokens))
        worst = max(worst, apart)
    return worst


def _differs(how: str, text: str) -> ExportError:
    return ExportError(f"the export answers otherwise: {how} on {text[:80]!r}; nothing was written")


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut texts into batches of several sizes; each holds texts of different lengths."""
    yield ["."]
    begin, place = 0, 0
    while begin < len(texts):
        size = BATCHES[place % len(BATCHES)]
        yield texts[begin : begin + size]
        begin, place = begin + size, place + 1
