"""Requests made from the OpenAPI description, right and wrong ones."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from seqmap.runtime.archive import save

from .conftest import Server, small_archive

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"
    ),
    pytest.mark.filterwarnings("ignore"),  # schemathesis and what it imports warn about themselves
]


def fuzz(server: Server, folder: Path, examples: int = 15) -> None:
    """Make requests from the description of a server, so many of each kind."""
    import subprocess
    import sys

    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        server.url + "/openapi.json",
        f"--max-examples={examples}",
        "--seed=1",
        "--no-color",
        "--phases=examples,coverage,fuzzing",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_schemathesis_finds_nothing(start: Callable[..., Server], tmp_path: Path) -> None:
    save(small_archive(1, streams=True), tmp_path / "m.seqmap")
    server = start(tmp_path / "m.seqmap", "--reload", "0")
    assert httpx.get(server.url + "/healthz", trust_env=False).status_code == 200
    fuzz(server, tmp_path)
    assert server.predict("a").status_code == 200
