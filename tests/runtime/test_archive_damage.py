"""Files that are no good archive: one clear line each, and never a wrong model."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as save_safetensors

from seqmap.errors import ArchiveError
from seqmap.runtime import archive as module
from seqmap.runtime.archive import Archive, from_bytes, read, to_bytes
from seqmap.runtime.session import load, restore

GOOD = to_bytes(
    Archive(
        {"task": "classify", "text": "some words"},
        {
            "a": np.arange(60, dtype=np.float32).reshape(6, 10),
            "b": np.arange(30, dtype=np.uint8),
            "c": np.zeros(0),
        },
    )
)
LENGTH = int.from_bytes(GOOD[:8], "little")


def _with_header(change: Callable[[dict[str, object]], object]) -> bytes:
    """Return the good archive with another header."""
    header = json.loads(GOOD[8 : 8 + LENGTH])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + GOOD[8 + LENGTH :]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD) - 1))
def test_truncated_anywhere(end: int) -> None:
    with pytest.raises(ArchiveError) as caught:
        from_bytes(GOOD[:end])
    if end > 8:
        assert "truncated" in str(caught.value)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 8 * len(GOOD) - 1))
def test_any_flipped_bit_is_noticed(bit: int) -> None:
    data = bytearray(GOOD)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ArchiveError):
        from_bytes(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        from_bytes(data)
    with pytest.raises(ArchiveError):
        from_bytes(GOOD + data + b"x")
    with pytest.raises(ArchiveError):
        from_bytes(len(data).to_bytes(8, "little") + data)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    for protocol in (2, 3, 4, 5):
        path = tmp_path / f"p{protocol}.seqmap"
        path.write_bytes(pickle.dumps(Trap(), protocol=protocol))
        with pytest.raises(ArchiveError, match=r"is a Python pickle.*never loaded") as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
    assert not (tmp_path / "ran").exists()


def test_a_file_of_torch(tmp_path: Path) -> None:
    for zipped in (True, False):
        path = tmp_path / "model.pt"
        torch.save({"w": torch.zeros(3)}, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(ArchiveError, match=r"zip file, as torch.save|is a Python pickle"):
            read(path)


def test_a_file_of_numpy(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", a=np.zeros(2))
    with pytest.raises(ArchiveError, match="zip file"):
        read(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty"),
        (b"text,label\ngood,1\n", "is not a seqmap model"),
        (b"\x89HDF\r\n\x1a\n" + b"0" * 20, "HDF5"),
        (b"\x1f\x8b\x08" + b"0" * 20, "gzip"),
        (save_safetensors({"w": np.zeros(3)}), "safetensors file, but not a seqmap model"),
        ((1 << 40).to_bytes(8, "little") + b"{" + b"x" * 90, "header is too long"),
        ((2**63).to_bytes(8, "little") + b"{" + b"x" * 90, "header is too long"),
        ((500).to_bytes(8, "little") + b"{" + b"x" * 90, "truncated"),
        (b"\x05" + b"\0" * 7 + b"{\xff\xff\xff}", "damaged"),
        ((9000).to_bytes(8, "little") + b'{"a":' + b"[" * 8995, "damaged"),
    ],
)
def test_foreign_files(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "m.seqmap"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=problem) as caught:
        read(path)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["a"].update(shape=[60]),
        lambda h: h["a"].update(shape=[-6, -10]),
        lambda h: h["a"].update(shape=[6.0, 10]),
        lambda h: h["a"].update(shape=["6", 10]),
        lambda h: h["a"].update(shape=None),
        lambda h: h["a"].update(dtype="I32"),
        lambda h: h["a"].update(dtype="F128"),
        lambda h: h["a"].update(dtype=["F32"]),
        lambda h: h["a"].update(data_offsets=[0, 10**30]),
        lambda h: h["a"].update(data_offsets=[4, 244]),
        lambda h: h["a"].update(data_offsets=[240, 0]),
        lambda h: h["a"].update(data_offsets=[0]),
        lambda h: h["a"].update(data_offsets="00"),
        lambda h: h["b"].update(data_offsets=[0, 30]),
        lambda h: h["b"].pop("dtype"),
        lambda h: h.update(b=None),
        lambda h: h.update(b=[]),
        lambda h: h.pop("b"),
        lambda h: h.update(d=h.pop("b")),
        lambda h: h["__metadata__"].update(sha256=None),
        lambda h: h["__metadata__"].pop("sha256"),
        lambda h: h["__metadata__"].update(seqmap="{"),
        lambda h: h["__metadata__"].update(seqmap="[1]"),
        lambda h: h["__metadata__"].update(seqmap='{"format":true}'),
        lambda h: h["__metadata__"].update(seqmap='{"format":"1"}'),
        lambda h: h["__metadata__"].update(seqmap="[" * 100_000),
        lambda h: h["__metadata__"].update(
            seqmap=h["__metadata__"]["seqmap"].replace("some", "sane")
        ),
    ],
)
def test_altered_headers(change: Callable[[dict[str, object]], object]) -> None:
    assert from_bytes(_with_header(lambda header: None)).manifest["task"] == "classify"
    with pytest.raises(ArchiveError, match=r"damaged|truncated"):
        from_bytes(_with_header(change))


@pytest.mark.parametrize("metadata", [None, [], "text", {}, {"seqmap": 3}])
def test_other_metadata(metadata: object) -> None:
    with pytest.raises(ArchiveError, match="not a seqmap model"):
        from_bytes(_with_header(lambda header: header.update(__metadata__=metadata)))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"m\.seqmap: cannot read the model: No such file"):
        load(tmp_path / "m.seqmap")
    with pytest.raises(ArchiveError, match="Is a directory"):
        load(tmp_path)
    with pytest.raises(ArchiveError, match="ordinary file"):
        load("/dev/null")


def test_a_good_file_does_not_depend_on_how_it_is_read() -> None:
    class Slow(io.BytesIO):
        """Counts what is asked for: the arrays are read once, in one piece."""

        asked: list[int | None] = []

        def read(self, size: int | None = -1) -> bytes:
            self.asked.append(size)
            return super().read(size)

    found = module._parse(Slow(GOOD), len(GOOD), None)
    assert found.arrays["a"].sum() == sum(range(60))
    assert Slow.asked == [9, LENGTH - 1, 270]


# Good files of models that cannot be used


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m, a: m.pop("task"), "description is incomplete"),
        (lambda m, a: m.update(task="juggle"), "juggle"),
        (lambda m, a: m.pop("config"), "description is incomplete"),
        (lambda m, a: m["config"]["encoder"].update(name="mamba"), "configuration"),
        (lambda m, a: m["config"]["encoder"].update(extra=1), "configuration"),
        (lambda m, a: m["config"]["encoder"].update(layers=2), "lacks an array"),
        (lambda m, a: m["config"]["encoder"].update(hidden=9), "does not fit"),
        (lambda m, a: m["config"]["head"].update(pooling="attention"), "lacks an array"),
        (lambda m, a: m.pop("target"), "description is incomplete"),
        (lambda m, a: m["target"].update(labels=["x"]), "does not fit"),
        (lambda m, a: m["target"].update(labels=["x", "x", "y"]), "label"),
        (lambda m, a: m["source"].update(unit="syllable"), "codec"),
        (lambda m, a: a.pop("vocabulary"), "vocabulary"),
        (lambda m, a: a.update(vocabulary=a["vocabulary"][:20]), "embedding.weight"),
        (lambda m, a: m.update(calibration={"bias": [1.0]}), "calibration"),
        (lambda m, a: m.update(calibration={"deep": "much"}), "description is incomplete"),
        (lambda m, a: m.update(calibration=[1]), "description is incomplete"),
        (lambda m, a: a.update({"head.bias": a["head.bias"][:2]}), "head.bias"),
    ],
)
def test_models_whose_parts_do_not_fit(
    make_archive: Callable[..., Archive],
    tmp_path: Path,
    change: Callable[[dict[str, object], dict[str, object]], object],
    problem: str,
) -> None:
    good = make_archive()
    restore(good)
    manifest, arrays = json.loads(json.dumps(good.manifest)), dict(good.arrays)
    change(manifest, arrays)
    path = tmp_path / "m.seqmap"
    path.write_bytes(to_bytes(Archive(manifest, arrays)))
    with pytest.raises(ArchiveError, match=problem) as caught:
        load(path)
    assert str(path) in str(caught.value)
