"""Encoders of vectors: several steps at once are the steps one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seqmap.config import EncoderConfig
from seqmap.runtime import native
from seqmap.runtime.vectors import NativeVectors, NumpyVectors, VectorEncoder

SIZE, HIDDEN = 13, 21
CONFIG = EncoderConfig(name="lstm", hidden=HIDDEN, layers=2, direction="forward")


@pytest.fixture(scope="module")
def arrays(make_weights: Any) -> dict[str, NDArray[np.float32]]:
    w = make_weights(0)
    w.recurrent("encoder.", "lstm", SIZE, CONFIG)
    return dict(w.arrays)


def check(encoder: VectorEncoder) -> None:
    x = np.random.default_rng(1).normal(size=(37, SIZE)).astype(np.float32)
    one, several = encoder.stream(), encoder.stream()
    single = []
    for step in x:
        one.input[:] = step
        single.append(one.step().copy())
    pieces = [several.read(x[begin:end]) for begin, end in ((0, 0), (0, 1), (1, 20), (20, 37))]
    assert pieces[0].shape == (0, HIDDEN)
    assert np.array_equal(np.concatenate(pieces), single)
    for name, part in one.state().items():
        assert np.array_equal(several.state()[name], part), name


def test_several_steps_in_numpy(arrays: dict[str, NDArray[np.float32]]) -> None:
    check(NumpyVectors(arrays, CONFIG, SIZE))


@pytest.mark.skipif(not native.available(), reason="the native core is not built")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_several_steps_on_every_path(
    arrays: dict[str, NDArray[np.float32]], precision: str, paths: Callable[[], Iterator[str]]
) -> None:
    for _ in paths():
        check(NativeVectors(arrays, precision))
