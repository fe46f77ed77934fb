"""The server from outside: over HTTP, against a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from seqmap.runtime.archive import save
from seqmap.runtime.session import load

from .conftest import Server, small_archive

Start = Callable[..., Server]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save(small_archive(1), folder / "m.seqmap")
    save(small_archive(2, streams=True), folder / "s.seqmap")
    save(small_archive(3, multi=True), folder / "m2.seqmap")
    return folder


@pytest.fixture(scope="module")
def server(start: Start, folder: Path) -> Server:
    m, s = folder / "m.seqmap", folder / "s.seqmap"
    words = (m, s, f"m={folder / 'm2.seqmap'}", "--max-bytes", "65536", "--reload", "0")
    return start(*words)


@pytest.fixture
def fresh(start: Start, tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server of its own that looks at its file twenty times a second."""
    save(small_archive(1), tmp_path / "m.seqmap")
    server = start(tmp_path / "m.seqmap", "--reload", "0.05")
    yield server, tmp_path / "m.seqmap"
    server.stop()


def test_answers_are_those_of_the_session(server: Server, folder: Path) -> None:
    session = load(folder / "m.seqmap")
    for text in ("a plain sentence", "", "漢字 🙂 unseen", "x" * 5000):
        found = server.predict(text, version=1).json()
        expected = session.predict([text])[0]
        assert found["result"]["label"] == expected.label
        assert found["result"]["probabilities"] == pytest.approx(expected.probabilities)
        assert found["model"] == "m" and session.digest.startswith(found["digest"])


def test_batches_keep_their_order(server: Server, folder: Path) -> None:
    texts = [f"sentence {n} is read" for n in range(200)]
    found = server.http.post("/v1/models/s/batch", json={"inputs": texts}).json()["results"]
    expected = load(folder / "s.seqmap").predict(texts)
    assert [row["label"] for row in found] == [answer.label for answer in expected]
    assert server.http.post("/v1/models/s/batch", json={"inputs": []}).json()["results"] == []


def test_many_at_once_are_not_mixed_up(server: Server, folder: Path) -> None:
    texts = [f"word {'plain ' * (n % 17)} {n}" for n in range(300)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda text: server.predict(text, "s").json()["result"], texts))
    for row, answer in zip(found, load(folder / "s.seqmap").predict(texts), strict=True):
        assert row["probabilities"] == pytest.approx(answer.probabilities, abs=1e-5)


def test_versions(server: Server) -> None:
    models = server.http.get("/v1/models").json()["models"]
    assert [(m["name"], m["version"]) for m in models] == [("m", 1), ("m", 2), ("s", 1)]
    assert "labels" in server.predict("a").json()["result"]  # the newest: several labels
    assert "label" in server.predict("a", version=1).json()["result"]
    one = server.http.get("/v1/models/m", params={"version": 1}).json()
    assert one["digest"] == models[0]["digest"] and one["metrics"] == {"accuracy": 0.5}


@pytest.mark.parametrize(
    ("path", "sent", "status", "code"),
    [
        ("m/predict", b'{"input": 5}', 422, "bad_input"),
        ("m/predict", b'{"input": "a", "more": 1}', 422, "bad_request"),
        ("m/predict", b"{}", 422, "bad_request"),
        ("m/predict", b"not json", 422, "bad_request"),
        ("m/predict", b"", 422, "bad_request"),
        ("m/predict", b'{"input": "\\ud800"}', 422, "bad_request"),
        ("m/predict", b"[" * 20000, 422, "bad_request"),
        ("m/predict", b'{"input": "' + b"a" * 70000 + b'"}', 413, "too_large"),
        ("m/predict?version=3", b'{"input": "a"}', 404, "no_version"),
        ("m/predict?version=x", b'{"input": "a"}', 422, "bad_request"),
        ("m/predict?version=0", b'{"input": "a"}', 422, "bad_request"),
        ("n/predict", b'{"input": "a"}', 404, "no_model"),
        ("m/batch", b'{"inputs": ["a", null]}', 422, "bad_input"),
        ("m/batch", json.dumps({"inputs": ["a"] * 257}).encode(), 422, "too_many_inputs"),
        ("m/stream", b'{"input": "a"}', 409, "no_stream"),
        ("s/stream", b'{"input": [1]}', 422, "bad_input"),
        ("m/what", b"{}", 404, "http"),
    ],
)
def test_bad_requests(server: Server, path: str, sent: bytes, status: int, code: str) -> None:
    headers = {"content-type": "application/json"}
    found = server.http.post(f"/v1/models/{path}", content=sent, headers=headers)
    assert (found.status_code, found.json()["error"]["code"]) == (status, code)
    assert found.json()["error"]["message"]


def test_bodies_in_pieces_are_limited_too(server: Server) -> None:
    pieces = (b"x" * 1000 for _ in range(100))
    headers = {"content-type": "application/json"}
    found = server.http.post("/v1/models/m/predict", content=pieces, headers=headers)
    assert found.status_code == 413


def test_what_foreign_pages_may_not(server: Server) -> None:
    form = server.http.post("/v1/models/m/predict", content=b'{"input": "a"}')
    assert form.status_code == 415
    other = server.http.get("/v1/models", headers={"host": "evil.example:80"})
    assert (other.status_code, other.json()["error"]["code"]) == (421, "wrong_host")
    reload = server.http.post("/v1/models/m/reload", headers={"origin": "http://evil.example"})
    assert reload.status_code == 403
    address = server.url.replace("http", "ws") + "/v1/models/s/live"
    with pytest.raises(InvalidStatus), connect(address, origin="http://evil.example"):  # type: ignore[arg-type]
        pass


def test_one_bad_input_does_not_spoil_the_batch_of_others(server: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(
                lambda n: server.predict(7 if n % 5 == 0 else f"text {n}", "s").status_code,
                range(100),
            )
        )
    assert found == [422 if n % 5 == 0 else 200 for n in range(100)]


def test_explanations(server: Server, folder: Path) -> None:
    text = "a plain sentence, 漢字"
    found = server.http.post("/v1/models/s/explain", json={"input": text}).json()
    expected = load(folder / "s.seqmap").explain(text).record()
    assert found["model"] == "s"
    assert found["explanation"]["tokens"] == expected["tokens"]
    assert found["explanation"]["attribution"] == pytest.approx(expected["attribution"], abs=1e-3)
    wrong = server.http.post("/v1/models/s/explain", json={"input": 3})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "bad_input")


def test_events_end_with_the_answer(server: Server) -> None:
    text = "a plain sentence, 漢字 and more"
    with server.http.stream("POST", "/v1/models/s/stream", json={"input": text}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [event for event in response.read().decode().split("\n\n") if event]
    kinds = [event.partition("\n")[0] for event in events]
    assert kinds == ["event: partial"] * (len(events) - 1) + ["event: final"]
    data = [json.loads(event.partition("data: ")[2]) for event in events]
    assert [d["read"] for d in data[:-1]][-1] == len(text) and len(data) == 8
    expected = server.predict(text, "s").json()["result"]
    assert data[-1]["result"]["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)


def test_sockets(server: Server) -> None:
    address = server.url.replace("http", "ws") + "/v1/models/s/live"
    with connect(address) as socket:
        for piece in ("a plain sen", "tence, 漢字"):
            socket.send(json.dumps({"feed": piece}))
            assert json.loads(socket.recv())["type"] == "partial"
        socket.send('{"close": true}')
        final = json.loads(socket.recv())
    expected = server.predict("a plain sentence, 漢字", "s").json()["result"]
    assert final["type"] == "final" and final["model"] == "s"
    assert final["result"]["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)


@pytest.mark.parametrize(
    ("model", "frame", "code"),
    [
        ("s", "nonsense", "bad_frame"),
        ("s", '{"feed": 3}', "bad_input"),
        ("s", '{"feed": "a", "close": true}', "bad_frame"),
        ("s", '{"start": {"beam": 3}}', "bad_options"),
        ("s", b"\x00\x01", "bad_input"),
        ("m", '{"feed": "a"}', "no_stream"),
        ("n", '{"feed": "a"}', "no_model"),
    ],
)
def test_sockets_refuse(server: Server, model: str, frame: str | bytes, code: str) -> None:
    address = server.url.replace("http", "ws") + f"/v1/models/{model}/live"
    with connect(address) as socket:
        try:
            socket.send(frame)
        except ConnectionClosed:
            pass  # refused before it was read
        assert json.loads(socket.recv())["error"]["code"] == code
        with pytest.raises(ConnectionClosed):
            socket.recv()


def test_state_and_measures(server: Server) -> None:
    assert server.http.get("/healthz").json() == {"status": "ok"}
    assert server.http.get("/readyz").json() == {"status": "ready"}

    def count() -> float:
        page = server.http.get("/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        pattern = r'seqmap_requests_total\{route="/v1/models/\{name\}/predict",status="200"\} (\S+)'
        found = re.search(pattern, page.text)
        return float(found[1]) if found else 0.0

    before = count()
    for _ in range(3):
        server.predict("a")
    assert count() == before + 3
    text = server.http.get("/metrics").text
    assert 'seqmap_queue_inputs{model="s:1"} 0.0' in text and "seqmap_open_streams 0.0" in text


def test_tokens(start: Start, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret-word\n")
    server = start(folder / "s.seqmap", "--token-file", tmp_path / "token")
    assert server.http.get("/healthz").status_code == 200
    assert server.http.get("/").status_code == 200  # the page asks for it
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret-word"}):
        for path in ("/v1/models", "/metrics", "/openapi.json"):
            found = server.http.get(path, headers=headers)
            assert found.status_code == 401, path
            assert found.headers["www-authenticate"] == "Bearer"
    server.http.headers["authorization"] = "Bearer secret-word"
    assert server.predict("a", "s").status_code == 200
    address = server.url.replace("http", "ws") + "/v1/models/s/live"
    with pytest.raises(InvalidStatus), connect(address):
        pass
    with connect(address, subprotocols=["seqmap.token.secret-word"]) as socket:  # type: ignore[list-item]
        socket.send('{"close": true}')
        assert json.loads(socket.recv())["type"] == "final"


def test_a_new_file_is_loaded_without_dropping_a_request(fresh: tuple[Server, Path]) -> None:
    server, path = fresh
    over = threading.Event()
    statuses: list[int] = []
    digests: set[str] = set()

    def ask() -> None:
        with httpx.Client(base_url=server.url, trust_env=False) as http:
            while not over.is_set():
                found = http.post("/v1/models/m/predict", json={"input": "a plain sentence"})
                statuses.append(found.status_code)
                digests.add(found.json()["digest"])

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    wanted = set()
    for seed in (1, *range(10, 16)):  # the first is there already
        save(small_archive(seed), path)
        digest = load(path).digest[:16]
        wanted.add(digest)
        deadline = time.monotonic() + 20
        while digest not in digests and time.monotonic() < deadline:
            time.sleep(0.01)
    over.set()
    for asker in askers:
        asker.join()
    assert digests == wanted
    assert set(statuses) == {200} and len(statuses) > 50


def test_a_damaged_or_missing_file_leaves_the_old_model(fresh: tuple[Server, Path]) -> None:
    server, path = fresh
    digest = server.predict("a").json()["digest"]
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if server.http.get("/v1/models/m").json()["problem"]:
            break
        time.sleep(0.02)
    assert "truncated" in server.http.get("/v1/models/m").json()["problem"]
    assert server.predict("a").json()["digest"] == digest
    path.unlink()
    time.sleep(0.15)
    assert server.predict("a").status_code == 200
    save(small_archive(99), path)
    deadline = time.monotonic() + 10
    while server.predict("a").json()["digest"] == digest and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.predict("a").json()["digest"] == load(path).digest[:16]
    assert server.http.get("/v1/models/m").json()["problem"] is None


WRITER = """
from seqmap.runtime.archive import read, save
one, two = read({one!r}), read({two!r})
print("ready", flush=True)
while True:
    save(one, {path!r})
    save(two, {path!r})
"""


def test_a_kill_while_saving_loses_nothing(fresh: tuple[Server, Path], tmp_path: Path) -> None:
    server, path = fresh
    save(small_archive(21), tmp_path / "one")
    save(small_archive(22), tmp_path / "two")
    known = {load(tmp_path / name).digest[:16] for name in ("one", "two")}
    known.add(load(path).digest[:16])
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    code = WRITER.format(one=one, two=two, path=str(path))
    for number in range(6):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * number)
            writer.kill()
        assert load(path).digest[:16] in known
        assert server.predict("a").json()["digest"] in known
    assert server.http.get("/v1/models/m").json()["problem"] is None


def test_a_kill_of_the_server_while_it_reloads_loses_nothing(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "m.seqmap"
    save(small_archive(1), path)
    server = start(path, "--reload", "0.01")
    for seed in range(5):
        save(small_archive(seed), path)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    digest = load(path).digest[:16]
    assert start(path).predict("a").json()["digest"] == digest


def test_stop_answers_what_is_under_way(start: Start, folder: Path) -> None:
    server = start(folder / "s.seqmap", "--json")
    with ThreadPoolExecutor(8) as pool:
        waiting = [
            pool.submit(
                httpx.post,
                server.url + "/v1/models/s/batch",
                json={"inputs": ["word " * 1000] * 100},
                timeout=20,
                trust_env=False,
            )
            for _ in range(8)
        ]
        time.sleep(0.3)
        code, out, _ = server.stop()
        answers = [future.exception() or future.result().status_code for future in waiting]
    assert code == 0
    assert json.loads(out)["models"] == ["s"]
    assert answers == [200] * 8


def test_too_much_is_refused_at_once(start: Start, folder: Path) -> None:
    server = start(folder / "s.seqmap", "--max-queue", "40", "--max-bytes", "1000000")
    body: dict[str, Any] = {"inputs": ["plain sentence " * 1500] * 20}
    with ThreadPoolExecutor(24) as pool:
        found = list(
            pool.map(
                lambda _: httpx.post(
                    server.url + "/v1/models/s/batch", json=body, timeout=30, trust_env=False
                ),
                range(48),
            )
        )
    statuses = [response.status_code for response in found]
    assert set(statuses) == {200, 503}
    refused = next(r for r in found if r.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "queue_full"
    assert server.predict("a", "s").status_code == 200


def test_time_is_limited(start: Start, folder: Path) -> None:
    server = start(folder / "s.seqmap", "--timeout", "0.1", "--max-bytes", "4000000")
    # Words that were never met: no cache helps.
    texts = [" ".join(f"w{n}x{k}" for k in range(1500)) for n in range(220)]
    body = {"inputs": texts}
    found = server.http.post("/v1/models/s/batch", json=body)
    assert (found.status_code, found.json()["error"]["code"]) == (504, "timeout")
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        head = b"POST /v1/models/s/predict HTTP/1.1\r\nHost: localhost\r\n"
        slow.sendall(head + b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
        assert slow.recv(4096).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.seqmap"], "missing.seqmap: cannot read the model"),
        (["a b=m.seqmap"], "cannot stand in an address"),
        (["m.seqmap", "--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
        (["m.seqmap", "--token-file", "none"], "none: cannot read the token"),
        (["m.seqmap", "--token-file", "empty"], "a token is one word"),
    ],
)
def test_bad_words(words: list[str], message: str, folder: Path) -> None:
    (folder / "empty").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "seqmap.cli", "serve", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert (
        message in done.stderr and done.stderr.count("\n") <= 2 and "Traceback" not in done.stderr
    )


def test_a_port_in_use(folder: Path, server: Server) -> None:
    port = server.url.rpartition(":")[2]
    command = [sys.executable, "-m", "seqmap.cli", "serve", "m.seqmap", "--port", port]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "cannot listen" in done.stderr
