"""The loader of the native core, and what its parts share."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqmap.errors import ConfigError
from seqmap.runtime import native

needs_core = pytest.mark.skipif(not native.available(), reason="the native core is not built")


@pytest.fixture
def settings() -> Iterator[None]:
    """Put the instruction set and the threads back."""
    before = native.threads()
    yield
    native.set_isa("auto")
    for feature in native.FEATURES:
        native.set_feature(feature, True)
    native.set_threads(before)


def run(code: str, **variables: str) -> str:
    """Run Python code in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return (result.stdout + result.stderr).strip()


@needs_core
def test_every_instruction_set_can_be_forced(settings: None) -> None:
    names = native.available_isas()
    assert names[-1] == "portable"
    assert native.isa() == names[0]
    for name in names:
        native.set_isa(name)
        assert native.isa() == name
    native.set_isa("auto")
    assert native.isa() == names[0]


@needs_core
def test_an_unknown_instruction_set_is_refused(settings: None) -> None:
    with pytest.raises(ConfigError, match="mmx.*allowed: auto, .*portable"):
        native.set_isa("mmx")


@needs_core
def test_features_can_be_turned_off(settings: None) -> None:
    for name in native.FEATURES:
        native.set_feature(name, False)
        assert not native.has_feature(name)
    with pytest.raises(native.NativeError, match="sse"):
        native.set_feature("sse", True)


@needs_core
def test_tiles_serve_where_the_processor_has_them(settings: None) -> None:
    library = native.require()
    if native.has_feature("amx"):
        assert library.seqmap_variant(b"bf16") == b"avx512_amx"
        native.set_feature("amx", False)
        assert native.has_feature("bf16")
        assert library.seqmap_variant(b"bf16") == b"avx512_bf16"
        native.set_feature("amx", True)
        native.set_feature("bf16", False)
        assert not native.has_feature("amx")  # tiles are of bf16
    for isa in native.available_isas():
        native.set_isa(isa)
        if isa != "avx512":
            assert not native.has_feature("amx")
            assert library.seqmap_variant(b"bf16") == isa.encode()


@needs_core
def test_threads(settings: None) -> None:
    native.set_threads(3)
    assert native.threads() == 3
    native.set_threads(0)
    assert native.threads() >= 1
    with pytest.raises(native.NativeError, match="-1"):
        native.set_threads(-1)


@needs_core
def test_the_environment_chooses() -> None:
    code = "from seqmap.runtime import native; print(native.isa(), native.threads())"
    assert run(code, SEQMAP_ISA="portable", SEQMAP_THREADS="5") == "portable 5"
    code = "from seqmap.runtime import native; print(native.has_feature('bf16'))"
    assert run(code, SEQMAP_DISABLE="bf16,vnni") == "False"
    code = "from seqmap.runtime import native; print(native.has_feature('amx'))"
    assert run(code, SEQMAP_DISABLE="amx") == "False"


def test_without_the_library_it_says_so_once() -> None:
    code = """
import logging; logging.basicConfig()
from seqmap.runtime import native
print(native.available(), native.isa(), native.available())
try:
    native.require()
except native.NativeError as error:
    print("refused")
"""
    said = run(code, SEQMAP_LIBRARY="none")
    assert "False None False" in said and "refused" in said
    assert said.count("native core is not installed") == 1


@needs_core
def test_another_abi_version_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(native, "ABI_VERSION", 999)
    native.library.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert native.library() is None
        assert "ABI version" in caplog.text
    finally:
        native.library.cache_clear()


@needs_core
def test_works_after_a_fork() -> None:
    code = """
import os, torch
from seqmap.nn.native_lstm import lstm_layer
from seqmap.runtime import native
native.set_threads(2)
torch.manual_seed(0)
x, lengths = torch.randn(16, 30, 8), torch.full((16,), 30)
weights = torch.randn(48, 8), torch.randn(48, 12), torch.randn(48)
y, _ = lstm_layer(x, lengths, *weights)
child = os.fork()
again, _ = lstm_layer(x, lengths, *weights)
assert torch.equal(y, again)
if child == 0:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
    assert run(code) == "0"


@needs_core
def test_what_every_wheel_must_do() -> None:
    script = Path(__file__).resolve().parents[2] / "native" / "wheel_test.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("seqmap answers on ")
