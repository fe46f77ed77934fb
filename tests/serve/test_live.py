"""Streams of every task from outside: server-sent events, WebSockets, options, files of sound."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from seqmap.runtime.session import load

from .conftest import Server

Trained = dict[str, Path]


@pytest.fixture(scope="module")
def server(start: Callable[..., Server], trained: Trained) -> Server:
    return start(*trained.values(), "--max-bytes", "2000000")


def events(server: Server, model: str, value: Any, **options: Any) -> list[tuple[str, Any]]:
    body = {"input": value, **({"options": options} if options else {})}
    found = server.http.post(f"/v1/models/{model}/stream", json=body)
    assert found.status_code == 200, found.text
    parts = [event.partition("\n") for event in found.text.split("\n\n") if event]
    return [(kind.removeprefix("event: "), json.loads(data[6:])) for kind, _, data in parts]


def talk(server: Server, model: str, *frames: Any) -> list[Any]:
    """Send frames and the end; return all that came back."""
    with connect(server.url.replace("http", "ws") + f"/v1/models/{model}/live") as socket:
        found: list[Any] = []
        with suppress(ConnectionClosed):  # a stream that is refused ends early
            for frame in frames:
                socket.send(frame if isinstance(frame, bytes) else json.dumps(frame))
            socket.send('{"close": true}')
        with suppress(ConnectionClosed):
            while True:
                found.append(json.loads(socket.recv()))
        return found


def sound(seconds: float = 1.5, rate: int = 8000, seed: int = 1) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=int(seconds * rate)) * 0.1
    return np.asarray(values, np.float32)


def series(length: int = 60) -> list[float]:
    t = np.arange(length)
    return (20 + 10 * np.sin(2 * np.pi * t / 24)).round(3).tolist()  # type: ignore[no-any-return]


def test_what_is_written_comes_symbol_by_symbol(server: Server, trained: Trained) -> None:
    options = {"length": 25, "temperature": 0.7, "seed": 5}
    found = events(server, "language", "the cat", **options)
    kinds = [kind for kind, _ in found]
    assert kinds == ["partial"] * 26 + ["final"]
    assert len(found[0][1]["result"]["next"]) == 5
    written = "".join(data["result"]["delta"] for _, data in found[1:-1])
    assert found[-1][1]["result"]["continuation"] == written
    session: Any = load(trained["language"])
    assert session.with_wishes(options).predict(["the cat"])[0].continuations == (written,)
    once = server.http.post(
        "/v1/models/language/predict", json={"input": "the cat", "options": options}
    )
    assert once.json()["result"]["continuations"] == [written]


def test_words_are_joined_as_in_the_whole(tmp_path: Path) -> None:
    """The text of a model of words has blanks that its symbols do not have."""
    from seqmap.data.corpus import TextCorpus
    from seqmap.tasks import find_task
    from seqmap.training import train

    task = find_task("language")
    config = task.config().replace(
        text__unit="word", encoder__hidden=12, encoder__layers=1, train__epochs=2, embedding__size=8
    )
    corpus = TextCorpus(tuple(f"it's a cat, isn't it? (no. {n % 7})" for n in range(200)))
    train(task, [corpus], config=config, out=tmp_path / "w.seqmap")
    session: Any = load(tmp_path / "w.seqmap").with_wishes({"length": 80, "temperature": 1.5})
    for text in ("it's a", "", "cat,"):
        stream = session.stream()
        stream.feed(text)
        stream.close()
        whole = stream.write()
        assert whole == "".join(stream.writing()) and len(whole) > 50


def test_lines_are_answered_as_they_end(server: Server, trained: Trained) -> None:
    lines = ["how much is it?", "ten past four", "the last one"]
    expected = [answer.text for answer in load(trained["translate"]).predict(lines)]
    found = talk(server, "translate", *({"feed": line + "\n"} for line in lines[:2]),
                 {"feed": lines[2]})  # fmt: skip
    assert [m["type"] for m in found] == ["partial"] * 3 + ["final"]
    assert [m["result"]["text"] for m in found[:3]] == expected
    assert found[-1]["result"] == {"lines": 3} and found[-1]["model"] == "translate"
    told = events(server, "translate", "\n".join(lines))
    assert [data["result"]["text"] for _, data in told[:-1]] == expected


def test_speech_is_understood_while_it_comes(server: Server, trained: Trained) -> None:
    samples = sound(2.3)
    shorts = (samples * 32767).astype("<i2")
    data = shorts.tobytes()
    pieces = [data[k : k + 1601] for k in range(0, len(data), 1601)]  # cut inside of samples
    found = talk(server, "transcribe", {"start": {"rate": 8000}}, *pieces)
    assert [m["type"] for m in found[:-1]] == ["partial"] * (len(found) - 1)
    session: Any = load(trained["transcribe"])
    expected = session.predict([(shorts, 8000)])[0].text
    assert found[-1]["result"]["text"] == expected and expected
    assert found[-1]["result"]["seconds"] == pytest.approx(2.3)
    assert {"seconds", "final", "partial"} == set(found[0]["result"])
    said = events(server, "transcribe", {"samples": samples.tolist(), "rate": 8000})
    assert said[-1][1]["result"]["text"] == session.predict([(samples, 8000)])[0].text


def test_a_file_of_sound_is_a_body(server: Server, trained: Trained) -> None:
    samples = sound(1.2, rate=16000)
    expected = load(trained["transcribe"]).predict([(samples, 16000)])[0]
    for kind in ("WAV", "FLAC"):
        file = io.BytesIO()
        soundfile.write(file, samples, 16000, format=kind, subtype="PCM_24")
        headers = {"content-type": f"audio/{kind.lower()}"}
        found = server.http.post(
            "/v1/models/transcribe/predict", content=file.getvalue(), headers=headers
        )
        assert found.json()["result"]["text"] == expected.text
        assert "resampled from 16,000 Hz to 8,000 Hz" in found.json()["result"]["notes"]


def test_a_series_goes_on(server: Server, trained: Trained) -> None:
    values = series()
    found = talk(server, "forecast", {"start": {"horizon": 3}}, {"feed": values[:50]},
                 *({"feed": value} for value in values[50:]))  # fmt: skip
    assert [m["type"] for m in found] == ["partial"] * 11 + ["final"]
    assert all(len(m["result"]["values"]) == 3 for m in found)
    session: Any = load(trained["forecast"])
    history = session.task.input_from({"values": values})
    whole = session.predict_ahead(history.cut(0, 50), 3)
    assert found[0]["result"]["values"] == pytest.approx(whole.values, rel=1e-4)
    body = {"input": {"values": values}, "options": {"horizon": 9}}
    once = server.http.post("/v1/models/forecast/predict", json=body).json()["result"]
    assert once["values"] == pytest.approx(session.predict_ahead(history, 9).values, rel=1e-4)
    told = events(server, "forecast", {"values": values})
    assert [kind for kind, _ in told] == ["partial"] * 31 + ["final"]


def test_a_missing_value_of_a_series(server: Server) -> None:
    found = talk(server, "forecast", {"feed": None})
    assert found[-1]["error"]["code"] == "bad_input"
    both = [
        talk(server, "forecast", {"feed": series()}, {"feed": missing}, {"feed": 21.5})
        for missing in (None, [None])
    ]
    assert both[0][-1]["type"] == "final" and both[0] == both[1]


def test_a_signal_is_answered_early(server: Server, trained: Trained) -> None:
    from seqmap.samples.signals import gestures

    steps = gestures(2)[1].values.astype(float).round(4)
    found = events(server, "signal", steps.tolist())
    assert len(found) > 10
    expected = load(trained["signal"]).predict([steps])[0]
    assert found[-1][1]["result"]["label"] == expected.label
    assert found[-1][1]["result"]["probability"] == pytest.approx(expected.probability, rel=1e-3)
    half = talk(server, "signal", {"feed": steps[:5].tolist()}, {"feed": steps[5:9].tolist()})
    assert [m["type"] for m in half] == ["partial", "partial", "final"]


@pytest.mark.parametrize(
    ("model", "body", "code"),
    [
        ("language", {"input": "a", "options": {"lenght": 3}}, "bad_options"),
        ("language", {"input": "a", "options": {"length": 10**6}}, "bad_options"),
        ("language", {"input": "a", "options": {"length": True}}, "bad_options"),
        ("language", {"input": "a", "options": {"temperature": "hot"}}, "bad_options"),
        ("translate", {"input": "a", "options": {"beam": 2.5}}, "bad_options"),
        ("translate", {"input": "a", "options": {"prefix": "x" * 300}}, "bad_options"),
        ("signal", {"input": [[1, 2, 3]], "options": {"beam": 2}}, "bad_options"),
        ("forecast", {"input": {"values": [1, "x"]}}, "bad_input"),
        ("transcribe", {"input": {"samples": ["x"], "rate": 8000}}, "bad_input"),
        ("transcribe", {"input": "x", "options": []}, "bad_request"),
    ],
)
def test_what_is_refused(server: Server, model: str, body: Any, code: str) -> None:
    found = server.http.post(f"/v1/models/{model}/predict", json=body)
    assert (found.status_code, found.json()["error"]["code"]) == (422, code)
    if "lenght" in str(body):
        assert "did you mean 'length'" in found.json()["error"]["message"].lower()
    told = server.http.post(f"/v1/models/{model}/stream", json=body)
    assert told.status_code == 422


def test_what_is_no_sound(server: Server) -> None:
    headers = {"content-type": "audio/wav"}
    for model in ("transcribe", "language", "forecast", "signal", "translate"):
        found = server.http.post(
            f"/v1/models/{model}/predict", content=b"RIFFxxxxWAVE" * 40, headers=headers
        )
        assert (found.status_code, found.json()["error"]["code"]) == (422, "bad_input"), model
    silence = io.BytesIO()  # small as a file, long as sound
    soundfile.write(silence, np.zeros(8000 * 700, np.int16), 8000, format="FLAC")
    found = server.http.post(
        "/v1/models/transcribe/predict", content=silence.getvalue(), headers=headers
    )
    assert found.status_code == 422 and "too long" in found.json()["error"]["message"]


@pytest.mark.parametrize(
    ("model", "frames", "code"),
    [
        ("transcribe", [{"start": {"rate": 5}}], "bad_options"),
        ("transcribe", [{"feed": "text"}], "bad_input"),
        ("transcribe", [b"\0\0", {"start": {}}], "bad_frame"),
        ("forecast", [], "bad_input"),
        ("forecast", [{"feed": "x"}], "bad_input"),
        ("signal", [{"feed": [1, 2]}], "bad_input"),
        ("signal", [{"feed": [[1.0]]}], "bad_input"),
        ("translate", [b"\0\0"], "bad_input"),
    ],
)
def test_frames_that_are_refused(server: Server, model: str, frames: Any, code: str) -> None:
    found = talk(server, model, *frames)
    assert found[-1]["error"]["code"] == code


@pytest.mark.parametrize("task", ["language", "translate", "forecast", "signal", "transcribe"])
def test_schemathesis_finds_nothing(
    start: Callable[..., Server], trained: Trained, task: str, tmp_path: Path
) -> None:
    from .test_fuzz import fuzz

    server = start(trained[task], "--reload", "0", "--max-inputs", "2")
    fuzz(server, tmp_path, examples=8)
