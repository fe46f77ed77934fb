"""Public sets by name: checked, resumed, from a mirror, with clear errors."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.data.sets import SETS, KnownFile, KnownSet, fetch, find_set
from seqmap.errors import DataError, OutputError

CONTENT = bytes(range(256)) * 1000


class Handler(BaseHTTPRequestHandler):
    """Serves `CONTENT` under any name; as /cut a part of it, as /other something else."""

    asked: list[str | None] = []

    def do_GET(self) -> None:
        begin = 0
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if self.path == "/missing":
            self.send_error(404)
            return
        if wanted and self.path != "/whole":
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
        body = CONTENT[begin:] if self.path != "/other" else b"<html>moved</html>"
        if self.path == "/nonsense":
            self.wfile.write(b"this is no status line\r\n\r\n")
            return
        if self.path == "/chunks":  # cut off inside of a chunk
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"400\r\nonly this")
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000] if self.path == "/cut" else body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    worker.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    worker.join()
    server.server_close()


def known(url: str) -> KnownSet:
    file = KnownFile("a.bin", url, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    return KnownSet("tiny", "classify", "en", "numbers", None, "home", (file,), "")


def get(url: str, folder: Path, mirror: Path | None = None) -> list[str]:
    said: list[str] = []
    fetch(known(url), folder, mirror=mirror, say=said.append)
    return said


def test_a_download_is_checked_and_not_repeated(address: str, tmp_path: Path) -> None:
    get(f"{address}/good", tmp_path / "new" / "set")
    assert (tmp_path / "new/set/a.bin").read_bytes() == CONTENT
    assert "licence: not stated" in (tmp_path / "new/set/SOURCE.txt").read_text()
    assert "is here already" in get(f"{address}/good", tmp_path / "new" / "set")[0]
    assert Handler.asked == [None]
    # What was altered is fetched again.
    (tmp_path / "new/set/a.bin").write_bytes(CONTENT[:-1] + b"?")
    get(f"{address}/good", tmp_path / "new" / "set")
    assert (tmp_path / "new/set/a.bin").read_bytes() == CONTENT


def test_it_goes_on_where_it_stopped(address: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="goes on where it stopped"):
        get(f"{address}/cut", tmp_path)
    assert not (tmp_path / "a.bin").exists()
    begun = (tmp_path / ".a.bin.part").stat().st_size
    assert begun == 1000
    get(f"{address}/good", tmp_path)
    assert Handler.asked == [None, "bytes=1000-"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", "SOURCE.txt"}


def test_a_server_that_begins_anew(address: str, tmp_path: Path) -> None:
    (tmp_path / ".a.bin.part").write_bytes(CONTENT[:5000])
    get(f"{address}/whole", tmp_path)
    assert Handler.asked == ["bytes=5000-"]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_another_file_is_refused(address: str, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"what was there before")
    (tmp_path / ".a.bin.part").write_bytes(b"rubbish" + CONTENT[7:2000])
    with pytest.raises(DataError, match=r"checksum differs; given: '256000 bytes"):
        get(f"{address}/good", tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == b"what was there before"
    get(f"{address}/good", tmp_path)  # the rubbish is gone
    with pytest.raises(DataError, match="the connection ended after 18 of 256000"):
        get(f"{address}/other", tmp_path / "other")


def test_what_cannot_be_reached(address: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the server answers 404.*--mirror DIR"):
        get(f"{address}/missing", tmp_path)
    with pytest.raises(DataError, match="cannot download: .*refused"):
        get("http://127.0.0.1:1/a", tmp_path)


@pytest.mark.parametrize("name", ["nonsense", "chunks"])
def test_what_is_no_http(address: str, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="is not HTTP.*goes on where it stopped"):
        get(f"{address}/{name}", tmp_path)
    get(f"{address}/good", tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("place", ["tiny/a.bin", "a.bin", "tiny/a.bin.gz", "a.bin.gz"])
def test_a_mirror(tmp_path: Path, place: str) -> None:
    mirror = tmp_path / "mirror"
    file = mirror / place
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(CONTENT) if file.suffix == ".gz" else CONTENT)
    said = get("http://127.0.0.1:1/a", tmp_path / "out", mirror)
    assert (tmp_path / "out/a.bin").read_bytes() == CONTENT and str(file) in said[0]


def test_bad_mirrors(tmp_path: Path) -> None:
    for name, content in (("cut", gzip.compress(CONTENT)[:-2000]), ("no", b"not gzip")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.bin.gz").write_bytes(content)
        with pytest.raises(DataError, match="checksum differs"):
            get("", tmp_path / "out", tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"lacks a file of this set; given: 'a.bin'; allowed: tiny"):
        get("", tmp_path / "out", tmp_path / "empty")
    with pytest.raises(DataError, match="the mirror is not a folder"):
        get("", tmp_path / "out", tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write the files"):
        get("", tmp_path / "file", tmp_path / "empty")


def test_the_catalogue_is_sound() -> None:
    for name, known in SETS.items():
        assert name == known.name and known.task in ("classify", "tag", "forecast", "language")
        assert known.home.startswith("https://")
        for file in known.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0
            assert file.url.startswith("https://") and file.url.endswith(file.name)
        assert all(
            part.partition("}/")[2] in [f.name for f in known.files]
            for part in known.then.split()
            if "{}" in part
        )
    with pytest.raises(DataError, match="Did you mean sst2"):
        find_set("sst")


def test_the_catalogue_names_the_shared_files(shared_data: Path, tmp_path: Path) -> None:
    for known in SETS.values():
        mirror = shared_data / "series" if known.name == "sunspots" else shared_data
        found = fetch(known, tmp_path / known.name, mirror=mirror, say=str)
        assert [path.stat().st_size for path in found] == [file.size for file in known.files]


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["data", *(str(word) for word in words)])
    return done.exit_code, done.stdout, done.stderr


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, stdout, _ = run("list")
    assert code == 0 and "CC BY 4.0" in stdout
    assert max(map(len, stdout.splitlines())) <= 80
    code, stdout, _ = run("list", "--json")
    assert {known["name"] for known in json.loads(stdout)["sets"]} == set(SETS)
    monkeypatch.setitem(SETS, "tiny", known("http://127.0.0.1:1/a"))
    (tmp_path / "a.bin").write_bytes(CONTENT)
    out = tmp_path / "out"
    code, stdout, stderr = run("get", "tiny", "--mirror", tmp_path, "--out", out)
    assert code == 0 and stdout == f"{out / 'a.bin'}\n" and "states no licence" in stderr
    code, stdout, _ = run("get", "tiny", "--out", out, "--json")
    assert code == 0 and json.loads(stdout)["files"] == [str(out / "a.bin")]
    for words, message in (
        (["get"], "which data set?"),
        (["get", "nothing"], "there is no such data set"),
        (["fetch", "tiny"], "given: 'fetch'; allowed: list, get"),
    ):
        code, stdout, stderr = run(*words)
        assert code == 2 and stdout == "" and message in stderr and stderr.count("\n") == 1
