"""The archive: what is saved is what is read, whatever happens while saving."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_st
from safetensors import safe_open
from safetensors.numpy import load as load_safetensors

from seqmap.errors import ArchiveError, OutputError
from seqmap.runtime import archive as module
from seqmap.runtime.archive import FORMAT, Archive, check_output, from_bytes, read, save, to_bytes

DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MANIFESTS = st.dictionaries(st.text(max_size=10), JSON, max_size=4)
ARRAYS = st.dictionaries(
    st.text(max_size=12).filter(lambda name: name != "__metadata__"),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays_st.arrays(
            dtype, arrays_st.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
        )
    ),
    max_size=5,
)


def _small() -> Archive:
    return Archive(
        {"task": "classify", "labels": ["好", "坏"]},
        {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2], np.uint8)},
    )


@settings(max_examples=80, deadline=None)
@given(manifest=MANIFESTS, arrays=ARRAYS)
def test_round_trip(manifest: dict[str, Any], arrays: dict[str, Any]) -> None:
    given_archive = Archive(manifest, arrays)
    data = to_bytes(given_archive)
    found = from_bytes(data)
    assert found.manifest == {**manifest, "format": FORMAT}
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].shape == array.shape
        assert found.arrays[name].tobytes() == array.tobytes()
        assert found.arrays[name].flags.aligned
    assert found.digest() == given_archive.digest()
    assert to_bytes(found) == data


@pytest.mark.parametrize("start", [0x0280, 0x0380, 0x0480, 0x0580])
def test_a_length_that_begins_like_another_kind_of_file(start: int) -> None:
    empty = len(to_bytes(Archive({"pad": ""}, {}))) - 8
    archive = Archive({"pad": "x" * (start - empty)}, {})
    data = to_bytes(archive)
    assert int.from_bytes(data[:8], "little") == start
    assert from_bytes(data).manifest["pad"] == archive.manifest["pad"]


def test_order_layout_and_byte_order_do_not_matter() -> None:
    plain = _small()
    a = plain.arrays["a"]
    variants = [a.astype(">f4"), np.asfortranarray(a), np.repeat(a, 2, axis=1)[:, ::2]]
    for variant in variants:
        turned = Archive(
            dict(reversed(plain.manifest.items())), {"b": plain.arrays["b"], "a": variant}
        )
        assert to_bytes(turned) == to_bytes(plain)


def test_the_safetensors_library_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "m.seqmap"
    save(_small(), path)
    with safe_open(path, framework="numpy") as file:
        assert json.loads(file.metadata()["seqmap"])["labels"] == ["好", "坏"]
        assert np.array_equal(file.get_tensor("a"), _small().arrays["a"])
    assert load_safetensors(path.read_bytes()).keys() == {"a", "b"}


def test_arrays_that_were_read_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        from_bytes(to_bytes(_small())).arrays["a"][0, 0] = 1


def test_nan_cannot_enter_a_manifest() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        to_bytes(Archive({"metrics": math.nan}, {}))


# Saving


def test_saves_with_the_umask_and_over_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "m.seqmap"
    path.write_bytes(b"older")
    save(_small(), path)
    assert read(path).manifest["task"] == "classify"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert os.listdir(tmp_path) == ["m.seqmap"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "current.seqmap"
    link.symlink_to("first.seqmap")
    save(_small(), link)
    assert link.is_symlink()
    assert read(tmp_path / "first.seqmap").manifest["task"] == "classify"


@pytest.mark.parametrize("where", ["missing/m.seqmap", "file/m.seqmap", "folder"])
def test_places_that_cannot_be_saved_to(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for action in (lambda path: save(_small(), path), check_output):
        with pytest.raises(OutputError, match="cannot save the model") as caught:
            action(tmp_path / where)
        assert where in str(caught.value)
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_device_is_not_replaced() -> None:
    with pytest.raises(OutputError, match="not an ordinary file"):
        save(_small(), "/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_an_unwritable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere, so the system's answer is simulated twice: when it is asked first,
    # and when the file is opened.
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(OutputError, match="not writable"):
            save(_small(), tmp_path / "m.seqmap")

    def refuse(*args: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        save(_small(), tmp_path / "m.seqmap")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.seqmap"
    save(_small(), path)
    before = path.read_bytes()
    real_open = os.open

    def full(name: Path, flags: int, mode: int = 0o777) -> int:
        if str(name).endswith(".tmp"):  # the file is made, and every write to it fails
            os.close(real_open(name, flags, mode))
            return real_open("/dev/full", os.O_WRONLY)
        return real_open(name, flags, mode)

    monkeypatch.setattr(os, "open", full)
    large = Archive({}, {"a": np.zeros(1_000_000)})
    with pytest.raises(OutputError, match=r"No space left on device.*Free some space") as caught:
        save(large, path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.seqmap"]


def test_an_interrupt_removes_the_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(_small(), tmp_path / "m.seqmap")
    assert os.listdir(tmp_path) == []


KILLED = """
import os, sys, time
import numpy as np
from seqmap.runtime import archive

def hang(*_):
    print("now", flush=True)
    time.sleep(60)

def half(pieces):
    for count, piece in enumerate(pieces):
        yield bytes(piece)[:1000] if count == 2 else piece
        if count == 2:
            hang()

write = archive._write_file
if sys.argv[2] == "half of the bytes":
    archive._write_file = lambda path, pieces: write(path, half(pieces))
else:
    os.fsync = hang
archive.save(archive.Archive({"version": 2}, {"a": np.zeros(300_000)}), sys.argv[1])
"""


@pytest.mark.parametrize("moment", ["half of the bytes", "before the rename"])
def test_kill_while_saving_keeps_the_old_file(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "m.seqmap"
    save(Archive({"version": 1}, {"a": np.ones(3)}), path)
    before = path.read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), moment], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=30) == -signal.SIGKILL
    finally:
        process.kill()
        process.communicate()
    assert path.read_bytes() == before
    assert read(path).manifest["version"] == 1
    save(Archive({"version": 3}, {}), path)  # what the killed process left behind is in no way
    assert read(path).manifest["version"] == 3


# Versions


def test_a_newer_format_is_refused_before_its_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FORMAT", FORMAT + 3)
    data = to_bytes(Archive({"seqmap": "9.0"}, {}))
    monkeypatch.undo()
    with pytest.raises(ArchiveError, match=r"newer seqmap \(9.0\).*pip install --upgrade seqmap"):
        from_bytes(data)


def test_older_formats_are_migrated_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    data = to_bytes(Archive({"old": 1}, {"a": np.ones(2)}))
    monkeypatch.setattr(module, "FORMAT", FORMAT + 2)
    with pytest.raises(ArchiveError, match="too old"):
        from_bytes(data)
    monkeypatch.setitem(
        module.MIGRATIONS, FORMAT, lambda m, a: ({"newer": m["old"]}, {"b": a["a"]})
    )
    monkeypatch.setitem(module.MIGRATIONS, FORMAT + 1, lambda m, a: ({"newest": m["newer"] + 1}, a))
    found = from_bytes(data)
    assert found.manifest == {"newest": 2, "format": FORMAT + 2}
    assert found.arrays.keys() == {"b"}


def test_reading_is_quick(tmp_path: Path) -> None:
    path = tmp_path / "m.seqmap"
    save(Archive({}, {"a": np.zeros(4_000_000, np.float32)}), path)
    started = time.perf_counter()
    read(path)
    assert time.perf_counter() - started < 2
