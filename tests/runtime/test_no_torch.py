"""A process that loads and predicts has never heard of torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqmap.runtime.archive import Archive, save

SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "sklearn", "scipy", "matplotlib", "pandas"}:
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
from seqmap.runtime.session import load
session = load(sys.argv[1])
print(session.predict(["a plain sentence"])[0].label)
if session.network.streams:
    with session.stream() as stream:
        stream.feed("a plain sentence")
    print(stream.result().label)
heavy = {"torch", "sklearn", "scipy", "matplotlib", "pandas", "sentencepiece", "pyarrow", "rich"}
# What costs a tenth of the start-up each, and nothing needs: see benchmarks/startup.py.
heavy |= {"typer", "safetensors", "numpy.random", "numpy.ma", "tempfile", "seqmap.data"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("name", "library"),
    [("lstm", "none")]  # without the native core
    + [(name, "") for name in ("lstm", "gru", "rnn", "transformer", "lstm-transformer")],
)
def test_load_and_predict(
    make_archive: Callable[..., Archive], tmp_path: Path, name: str, library: str
) -> None:
    path = tmp_path / "m.seqmap"
    save(make_archive(encoder__name=name, encoder__direction="forward"), path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "SEQMAP_LIBRARY": library},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]"
    assert len(lines) == (2 if "transformer" in name else 3)
    assert len(set(lines[:-1])) == 1
