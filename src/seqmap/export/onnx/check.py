"""Graphs must answer as the model does, for every size of batch and length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime

from seqmap.codecs.base import PAD, UNKNOWN
from seqmap.errors import ExportError
from seqmap.export.onnx.files import Graphs, feeds
from seqmap.export.onnx.translate import begun, followed
from seqmap.runtime.classify import ClassifySession
from seqmap.runtime.forecast import ForecastSession
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.session import Session
from seqmap.runtime.signal import SignalSession
from seqmap.runtime.tag import TagSession
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.runtime.translate import TranslateSession

TOLERANCE = 1e-4
"""Largest difference of a probability; of a tagger's scores, relative to the largest one."""
BATCHES = (1, 2, 7, 32, 5)
_STEPS = 12  # pieces that are written


def opened(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Open a graph in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def check(graphs: Graphs, session: Session, inputs: Sequence[Any]) -> float:
    """Compare graphs with the model that they were made from, in ONNX Runtime.

    Args:
        graphs: By the names of their files.
        session: The model, computing in fp32.
        inputs: What is asked.

    Returns:
        The largest difference.

    Raises:
        ExportError: They answer otherwise.
    """
    runners = {name: opened(graph) for name, graph in graphs.items()}
    worst = 0.0
    for batch in _batches(inputs):
        try:
            worst = max(worst, _compare(runners, session, batch))
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
            raise ExportError(f"ONNX Runtime fails on the export: {error}") from None
    return worst


def _compare(runners: dict[str, Any], session: Session, batch: Sequence[Any]) -> float:
    for kind, compare in _COMPARED.items():
        if isinstance(session, kind):
            return float(compare(runners, session, batch))
    raise TypeError(session.task.name)


def _labels(runners: dict[str, Any], session: ClassifySession, batch: Sequence[str]) -> float:
    found = runners["model.onnx"].run(["probabilities"], feeds(session, batch))[0]
    apart = np.abs(found - session.predict_proba(batch)).max(axis=1)
    if not apart.max() <= TOLERANCE:
        text = batch[int(apart.argmax())]
        raise _differs(f"a probability differs by {apart.max():.2g}", text)
    return float(apart.max())


def _tags(runners: dict[str, Any], session: TagSession, batch: Sequence[str]) -> float:
    sentences = [tokens for text in batch if (tokens := session.sentence(text).tokens)]
    if not sentences:
        return 0.0
    given = feeds(session, sentences)
    emissions, *intents = runners["model.onnx"].run(None, given)
    inputs = {"emissions": emissions, "lengths": given["lengths"]}
    tags = runners["crf.onnx"].run(["tags"], inputs)[0]
    expected = session.emissions(sentences)
    worst = 0.0
    if intents:
        answers = session.predict([list(tokens) for tokens in sentences])
        sure = np.array([answer.intent_probability for answer in answers])
        worst = float(np.abs(intents[0].max(axis=1) - sure).max())
        if not worst <= TOLERANCE:
            raise _differs(f"the probability of an intent differs by {worst:.2g}", batch[0])
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


def _close(found: Any, expected: Any, what: str, shown: Any) -> float:
    """Return the largest difference of numbers, relative to the largest of them."""
    size = max(1.0, float(np.abs(expected).max(initial=0)))
    apart = float(np.abs(found - expected).max(initial=0)) / size
    if not apart <= TOLERANCE:
        raise _differs(f"{what} differs by {apart:.2g}", str(shown))
    return apart


def _signals(runners: dict[str, Any], session: SignalSession, batch: Sequence[Any]) -> float:
    found = runners["model.onnx"].run(["probabilities"], feeds(session, batch))[0]
    shown = [len(one) for one in batch]
    return _close(found, session.predict_proba(batch), "a probability", f"steps: {shown}")


def _forecasts(runners: dict[str, Any], session: ForecastSession, batch: Sequence[Any]) -> float:
    given = feeds(session, batch)
    point, quantiles = runners["model.onnx"].run(["point", "quantiles"], given)
    worst = 0.0
    for row, one in enumerate(batch):
        states = session.encoder.states([session.codecs.read(one).features])[0][-1:]
        expected = session.answers(states, given["past"][row : row + 1].astype(np.float64))
        shown = f"{len(one)} steps"
        worst = max(worst, _close(point[row], expected[0][0], "a forecast", shown))
        worst = max(worst, _close(quantiles[row], expected[1][0], "a quantile", shown))
    return worst


def _sounds(runners: dict[str, Any], session: TranscribeSession, batch: Sequence[Any]) -> float:
    given = feeds(session, batch)
    found = runners["model.onnx"].run(["chances"], given)[0]
    rows = [session.codecs.source.encode(one.samples(session.rate)) for one in batch]
    worst = 0.0
    for row, expected in enumerate(session.acoustics.chances(rows)):
        own = np.exp(found[row, : len(expected)])
        worst = max(worst, _close(own, np.exp(expected), "a probability", f"{len(expected)} steps"))
    return worst


def _symbols(runners: dict[str, Any], session: LanguageSession, batch: Sequence[str]) -> float:
    """Compare whole texts, and texts that are cut in two with the state carried over."""
    given = feeds(session, batch)
    runner, worst = runners["model.onnx"], 0.0
    whole = runner.run(["logits"], given)[0]
    half = max(given["ids"].shape[1] // 2, 1)
    first = np.minimum(given["lengths"], half)
    names = ["h_after", "c_after"]
    h, c = runner.run(names, {**given, "ids": given["ids"][:, :half], "lengths": first})
    rest = given["lengths"] - first
    for row, text in enumerate(batch):
        length = int(given["lengths"][row])
        ids = given["ids"][row, :length].astype(np.int32)
        expected = session.network.scores(session.network.states([ids]))
        known = np.arange(expected.shape[1]) != PAD  # padding never follows
        expected = expected[:, known]
        worst = max(worst, _close(whole[row, :length, known].T, expected, "a score", text))
        if rest[row]:
            own = slice(row, row + 1)
            carried = runner.run(
                ["logits"],
                {"ids": given["ids"][own, half:length], "lengths": rest[own], "h": h[:, own],
                 "c": c[:, own]},
            )[0]  # fmt: skip
            worst = max(worst, _close(carried[0][:, known], expected[half:], "a score", text))
    return worst


def _pieces(runners: dict[str, Any], session: TranslateSession, batch: Sequence[str]) -> float:
    """Write the model's own answers, and compare all scores and what was looked at."""
    given = feeds(session, batch)
    names = [output.name for output in runners["encoder.onnx"].get_outputs()]
    read = dict(zip(names, runners["encoder.onnx"].run(names, given), strict=True))
    sources = [row[: n - 1].astype(np.int32) for row, n in zip(*given.values(), strict=True)]
    filled = [ids if len(ids) else np.array([UNKNOWN], np.int32) for ids in sources]
    if any(len(ids) == 0 for ids in sources):  # what has no pieces is never written
        kept = [row for row, ids in enumerate(sources) if len(ids)]
        return _pieces(runners, session, [batch[row] for row in kept]) if kept else 0.0
    state = session.writer.begin(filled, 1)
    step, names = begun(session, read), [o.name for o in runners["decoder.onnx"].get_outputs()]
    worst, rng = 0.0, np.random.default_rng(len(batch))
    for _ in range(_STEPS):
        found = dict(zip(names, runners["decoder.onnx"].run(names, step), strict=True))
        scores, attention, state = session.writer.step(state, step["pieces"][:, None])
        worst = max(worst, _close(found["logits"], scores, "a score", batch[0]))
        worst = max(worst, _close(found["attention"], attention[:, 0], "attention", batch[0]))
        # Likely pieces and unlikely ones: the decoder has to agree on any way.
        likely = found["logits"].argmax(axis=1)
        other = rng.integers(0, found["logits"].shape[1], len(batch))
        step = followed(step, found, np.where(rng.random(len(batch)) < 0.7, likely, other))
    return worst


_COMPARED: dict[type[Session], Callable[..., float]] = {
    ClassifySession: _labels,
    TagSession: _tags,
    SignalSession: _signals,
    ForecastSession: _forecasts,
    TranscribeSession: _sounds,
    LanguageSession: _symbols,
    TranslateSession: _pieces,
}


def _differs(how: str, text: str) -> ExportError:
    return ExportError(f"the export answers otherwise: {how} on {text[:80]!r}; nothing was written")


def _batches(inputs: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut inputs into batches of several sizes; each holds inputs of different lengths."""
    if isinstance(inputs[0], str):
        yield ["."]
    begin, place = 0, 0
    while begin < len(inputs):
        size = BATCHES[place % len(BATCHES)]
        yield inputs[begin : begin + size]
        begin, place = begin + size, place + 1
