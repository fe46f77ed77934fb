"""A Transformer decoder's layer: the native core against NumPy, on every dispatch path."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from seqmap.runtime import native
from seqmap.runtime.decoders.ops import LayerWeights, NumpyOps
from seqmap.runtime.ops.weights import Floats

pytestmark = pytest.mark.skipif(not native.available(), reason="there is no native core")

Paths = Callable[[], Iterator[str]]
LIMITS = {"fp32": 2e-5, "bf16": 0.1, "int8": 0.3}


def weights(width: int, heads: int, inner: int, memory: int) -> LayerWeights:
    random = np.random.default_rng(width)

    def draw(*shape: int) -> Floats:
        return (random.normal(size=shape) * shape[-1] ** -0.5).astype(np.float32)

    def linear(outputs: int, inputs: int) -> tuple[Floats, Floats]:
        return draw(outputs, inputs), draw(outputs)

    norms = [(1 + draw(width), draw(width)) for _ in range(3)]
    return LayerWeights(
        heads=heads,
        norms=(norms[0], norms[1], norms[2]),
        own=linear(3 * width, width),
        own_output=linear(width, width),
        query=linear(width, width),
        source=linear(2 * width, memory),
        output=linear(width, width),
        feed1=linear(inner, width),
        feed2=linear(width, inner),
    )


def inputs(
    sentences: int, hypotheses: int, steps: int, places: int, width: int
) -> tuple[Floats, Floats, Floats, Floats]:
    random = np.random.default_rng(places)
    rows, pair = sentences * hypotheses, 2 * width
    x = random.normal(size=(rows, width))
    past = random.normal(size=(rows, steps, pair))
    source = random.normal(size=(sentences, places, pair))
    lengths = random.integers(1, places + 1, size=sentences)
    shut = np.where(np.arange(places) < lengths[:, None], 0, -1e30)
    x, past, source, shut = (array.astype(np.float32) for array in (x, past, source, shut))
    return x, past, source, shut


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize(
    ("width", "heads", "inner", "sizes"),
    [
        (16, 2, 32, (1, 1, 0, 1)),
        (21, 3, 10, (2, 3, 4, 9)),
        (192, 4, 384, (1, 4, 12, 20)),
        (48, 4, 96, (17, 4, 3, 40)),
    ],
)
def test_native_layers_agree_with_numpy(
    paths: Paths,
    precision: str,
    width: int,
    heads: int,
    inner: int,
    sizes: tuple[int, int, int, int],
) -> None:
    from seqmap.runtime.native_dense import NativeOps

    own = weights(width, heads, inner, 24)
    x, past, source, shut = inputs(*sizes, width)
    expected = NumpyOps().layer(own).step(x, past, source, shut)
    for path in paths():
        layer = NativeOps(precision).layer(own)
        given = x.copy()
        found = layer.step(given, past, source, shut)
        np.testing.assert_array_equal(given, x)  # what was given is not changed
        for one, other in zip(found, expected, strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, atol=LIMITS[precision], err_msg=path)
        places = source.shape[1]
        kept = layer.source(np.ones((places, 24), np.float32))
        reference = NumpyOps().layer(own).source(np.ones((places, 24), np.float32))
        np.testing.assert_allclose(kept, reference, atol=LIMITS[precision], err_msg=path)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_sentence_has_the_same_bits_alone_and_among_others(paths: Paths, precision: str) -> None:
    from seqmap.runtime.native_dense import NativeOps

    width = 48
    x, past, source, shut = inputs(9, 4, 3, 11, width)
    for path in paths():
        layer = NativeOps(precision).layer(weights(width, 4, 96, 24))
        together = layer.step(x, past, source, shut)
        rows = slice(8, 12)
        alone = layer.step(x[rows], past[rows], source[2:3], shut[2:3])
        for one, other in zip(alone, together, strict=True):
            kept = other[rows] if len(other) == 36 else other[2:3]
            np.testing.assert_array_equal(one, kept, err_msg=path)


def test_layer_norm_agrees_with_numpy(paths: Paths) -> None:
    from seqmap.runtime.native_dense import NativeOps

    random = np.random.default_rng(0)
    for width in (1, 7, 16, 45, 192):
        weight, bias = (random.normal(size=width).astype(np.float32) for _ in range(2))
        x = (5 + random.normal(size=(6, width))).astype(np.float32)
        expected = NumpyOps().norm(weight, bias)(x)
        for path in paths():
            found = NativeOps("fp32").norm(weight, bias)(x)
            np.testing.assert_allclose(found, expected, atol=2e-5, err_msg=path)
