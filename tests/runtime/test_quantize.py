"""Archives stored in int8 and bf16: what is rounded, by how much, and what answers do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.errors import ArchiveError, ConfigError
from seqmap.features.ngrams import NgramSpec
from seqmap.features.space import NgramSpace
from seqmap.features.wide import WideModel
from seqmap.runtime import native, plan
from seqmap.runtime.archive import Archive, from_bytes, read, save, to_bytes
from seqmap.runtime.container import BF16
from seqmap.runtime.quantize import dequantized, quantized, to_bf16, to_int8
from seqmap.runtime.session import load, restore

Make = Callable[..., Archive]
WORDS = [f"w{n}" for n in range(300)]
TEXTS = ["w1 w2 w3", "", "w250 unseen w7", " ".join(WORDS[:120])]
ENCODERS = ["lstm", "gru", "rnn", "transformer", "lstm-transformer"]
# How far a probability of these random models may move (bounds; typical is a tenth of it).
BOUNDS = {"bf16": 0.01, "int8": 0.03}
needs_core = pytest.mark.skipif(not native.available(), reason="the native core is not built")


def _archive(make_archive: Make, **options: Any) -> Archive:
    """A model whose matrices are large enough to be quantised."""
    sizes = {"embedding__size": 32, "encoder__hidden": 64, "encoder__layers": 2}
    return make_archive(texts=[" ".join(WORDS)], **(sizes | options))


@pytest.fixture
def numpy_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plan, "BACKENDS", (plan._numpy,))
    yield


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.floats(1e-20, 1e20), st.integers(0, 2**32 - 1))
def test_rounding(rows: int, columns: int, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = (rng.normal(size=(rows, columns)) * scale).astype(np.float32)
    weight[0, : columns // 2] = 0
    bytes_, scales = to_int8(weight)
    assert bytes_.dtype == np.int8 and scales.shape == (rows,)
    assert np.all(np.abs(bytes_ * scales[:, None] - weight) <= 0.5001 * scales[:, None])
    half = to_bf16(weight)
    assert half.dtype == BF16 and half.shape == weight.shape
    back = dequantized({"a": half})["a"]
    assert np.all(np.abs(back - weight) <= np.abs(weight) * 2.0**-8)


def test_bf16_has_the_bits_of_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, 1e-40], np.float32)
    values = np.concatenate([values, special])
    expected = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    found = to_bf16(values).view(np.uint16)
    known = ~np.isnan(values)
    assert np.array_equal(found[known], expected[known])
    assert np.isnan(dequantized({"a": to_bf16(values)})["a"][~known]).all()


def test_rows_of_zeros_stay_zero() -> None:
    bytes_, scales = to_int8(np.zeros((2, 3), np.float32))
    assert not bytes_.any() and not scales.any()


@pytest.mark.parametrize("kind", ["bf16", "int8"])
def test_files_are_smaller_and_say_what_they_are(
    make_archive: Make, tmp_path: Path, kind: str
) -> None:
    archive = _archive(make_archive)
    save(archive, tmp_path / "m.seqmap")
    save(quantized(archive, kind), tmp_path / "q.seqmap")
    sizes = [(tmp_path / name).stat().st_size for name in ("m.seqmap", "q.seqmap")]
    assert sizes[1] < sizes[0] * {"bf16": 0.6, "int8": 0.4}[kind]
    session = load(tmp_path / "q.seqmap")
    assert session.precision == session.archive.manifest["precision"] == kind
    # Any safetensors reader can tell the types.
    data = (tmp_path / "q.seqmap").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["embedding.weight"]["dtype"] == {"bf16": "BF16", "int8": "I8"}[kind]
    assert header["head.bias"]["dtype"] == "F32"


def test_safetensors_reads_them(make_archive: Make, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    archive = _archive(make_archive)
    save(quantized(archive, "bf16"), tmp_path / "q.seqmap")
    found = load_file(tmp_path / "q.seqmap")["embedding.weight"]
    expected = torch.from_numpy(archive.arrays["embedding.weight"].copy()).bfloat16()
    assert torch.equal(found, expected)


@pytest.mark.parametrize("kind", ["none", "bf16", "int8"])
def test_again_and_back(make_archive: Make, kind: str) -> None:
    archive = _archive(make_archive)
    once = quantized(archive, kind)
    assert to_bytes(quantized(once, kind)) == to_bytes(once)
    back = quantized(once, "none")
    assert "precision" not in back.manifest
    assert {n: a.shape for n, a in back.arrays.items()} == {
        n: a.shape for n, a in archive.arrays.items()
    }
    if kind == "none":
        assert to_bytes(back) == to_bytes(archive)


def test_an_unknown_kind(make_archive: Make) -> None:
    with pytest.raises(ConfigError, match="fp8.*allowed: none, bf16, int8"):
        quantized(_archive(make_archive), "fp8")


@pytest.mark.parametrize("kind", ["bf16", "int8"])
@pytest.mark.parametrize("name", ENCODERS)
def test_numpy_answers_within_bounds(
    make_archive: Make, numpy_only: None, name: str, kind: str
) -> None:
    archive = _archive(make_archive, encoder__name=name, head__pooling="attention")
    # Short texts: a random recurrent network is chaotic, and 120 steps magnify any rounding.
    texts = TEXTS[:3]
    expected = restore(archive).predict_proba(texts)
    made = from_bytes(to_bytes(quantized(archive, kind)))
    assert any(array.dtype != np.float32 for n, array in made.arrays.items() if "encoder" in n)
    found = restore(made).predict_proba(texts)
    np.testing.assert_allclose(found, expected, atol=BOUNDS[kind])


@needs_core
@pytest.mark.parametrize("kind", ["bf16", "int8"])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_the_core_reads_them_in_place(make_archive: Make, direction: str, kind: str) -> None:
    archive = _archive(make_archive, encoder__direction=direction, head__pooling="attention")
    made = from_bytes(to_bytes(quantized(archive, kind)))
    session = restore(made)
    assert session.network.backend == "native" and session.network.encoder.precision == kind
    # The same as of fp32 arrays of the same values.
    plain = restore(Archive(made.manifest, dequantized(made.arrays)))
    found = session.predict_proba(TEXTS)
    assert np.array_equal(found, plain.predict_proba(TEXTS))
    # Short texts, for the reason given above.
    exact = restore(archive).predict_proba(TEXTS[:3])
    np.testing.assert_allclose(found[:3], exact, atol=BOUNDS[kind])


@needs_core
def test_the_precision_can_be_chosen(make_archive: Make, tmp_path: Path) -> None:
    archive = _archive(make_archive)
    save(archive, tmp_path / "m.seqmap")
    save(quantized(archive, "int8"), tmp_path / "q.seqmap")
    for name, stored in (("m", "fp32"), ("q", "int8")):
        for given_, expected in ((None, stored), ("fp32", "fp32"), ("bf16", "bf16")):
            session = load(tmp_path / f"{name}.seqmap", precision=given_)
            assert session.precision == session.network.encoder.precision == expected
            assert session.without_wide().precision == expected
    with pytest.raises(ConfigError, match="float16.*allowed: fp32, bf16, int8"):
        load(tmp_path / "m.seqmap", precision="float16")


@pytest.mark.parametrize("kind", ["none", "bf16", "int8"])
def test_the_wide_branch_stays_as_it_is(make_archive: Make, kind: str) -> None:
    labels = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    space = NgramSpace.fit(TEXTS, labels, spec=NgramSpec()).space
    weights = np.random.default_rng(3).normal(size=(space.size, 3)).astype(np.float32)
    wide = WideModel(space, weights, np.zeros(3, np.float32))
    plain = _archive(make_archive, wide__kind="ngram")
    manifest = {**plain.manifest, "wide": wide.to_state(), "calibration": {"wide": 1.0}}
    archive = Archive(manifest, plain.arrays | wide.to_arrays())
    made = from_bytes(to_bytes(quantized(archive, kind)))
    for name in wide.to_arrays():
        assert np.array_equal(made.arrays[name], archive.arrays[name])
    expected = restore(archive).predict_proba(TEXTS)
    np.testing.assert_allclose(restore(made).predict_proba(TEXTS), expected, atol=0.05)


def test_damaged_ones_are_refused(make_archive: Make) -> None:
    made = quantized(_archive(make_archive), "int8")
    without = {n: a for n, a in made.arrays.items() if n != "embedding.weight.scale"}
    with pytest.raises(ArchiveError, match=r"lacks.*embedding\.weight\.scale"):
        restore(Archive(made.manifest, without))
    short = {**made.arrays, "encoder.layers.0.forward.w_hh.scale": np.ones(3, np.float32)}
    with pytest.raises(ArchiveError, match=r"w_hh\.scale does not fit"):
        restore(Archive(made.manifest, short))
    with pytest.raises(ArchiveError, match="unknown precision.*int4.*allowed"):
        restore(Archive({**made.manifest, "precision": "int4"}, made.arrays))


def test_a_saved_one_is_read_again(make_archive: Make, tmp_path: Path) -> None:
    made = quantized(_archive(make_archive), "bf16")
    save(made, tmp_path / "q.seqmap")
    again = read(tmp_path / "q.seqmap")
    assert again.digest() == made.digest()
    assert again.arrays["embedding.weight"].dtype == BF16
