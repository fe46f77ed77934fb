"""A served model in a process of its own, as an operator runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from seqmap.codecs import fit_codec
from seqmap.config import Config
from seqmap.runtime.archive import FORMAT, Archive

TEXTS = ["a plain sentence, written to be read", "It isn't long.", "漢字 and words 混ざる"]


def small_archive(seed: int = 0, *, streams: bool = False, multi: bool = False) -> Archive:
    """Return a classifier with random weights."""
    config = Config().replace(
        text__unit="word",
        embedding__size=5,
        encoder__hidden=8,
        encoder__direction="forward" if streams else "both",
        wide__kind="none",
    )
    codec = fit_codec(TEXTS, config.text)
    state, arrays = codec.to_state()
    rng = np.random.default_rng(seed)
    sides = ("forward",) if streams else ("forward", "backward")
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (codec.size, 5),
        "head.weight": (3, 16 * len(sides)),
        "head.bias": (3,),
    }
    for side in sides:
        name = f"encoder.layers.0.{side}"
        shapes |= {f"{name}.w_ih": (32, 5), f"{name}.w_hh": (32, 8), f"{name}.bias": (32,)}
    for name, shape in shapes.items():
        arrays[name] = rng.normal(size=shape).astype(np.float32)
    manifest = {
        "format": FORMAT,
        "seqmap": "0.1.0",
        "task": "classify",
        "config": config.to_dict(),
        "source": state,
        "target": {"labels": ["bad", "good", "so-so"], "multi": multi},
        "wide": None,
        "calibration": {"deep": 1.0, "wide": 0.0},
        "metrics": {"dev": {"accuracy": 0.5}},
    }
    return Archive(manifest, arrays)


class Server:
    """`seqmap serve` on a free port of 127.0.0.1."""

    def __init__(self, *words: str, **environment: str) -> None:
        command = [sys.executable, "-m", "seqmap.cli", "serve", *words, "--port", "0"]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self.lines: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r"serving on (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            raise AssertionError("".join(self.lines))
        self.url = found[1]
        self.http = httpx.Client(base_url=self.url, timeout=20, trust_env=False)

    def predict(self, text: Any, model: str = "m", **query: Any) -> httpx.Response:
        return self.http.post(f"/v1/models/{model}/predict", json={"input": text}, params=query)

    def stop(self) -> tuple[int, str, str]:
        """Stop it as an operator would; return exit code, stdout and the rest of stderr."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        out, error = self.process.communicate(timeout=30)
        return self.process.returncode, out, error


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the tests."""
    running: list[Server] = []

    def run(*words: str | Path, **environment: str) -> Server:
        running.append(Server(*map(str, words), **environment))
        return running[-1]

    yield run
    for server in running:
        server.stop()
