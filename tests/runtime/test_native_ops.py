"""The native encoders against float64 NumPy, in every precision, shape, instruction set and cut."""

from __future__ import annotations

import concurrent.futures
import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.errors import ConfigError
from seqmap.runtime import native

pytestmark = pytest.mark.skipif(not native.available(), reason="the native core is not built")

if native.available():
    from seqmap.runtime.native_ops import NativeEncoder

POOLINGS = ["last", "mean", "max", "mean-max", "attention"]

# Largest error of a state (all lie in [-1, 1]) for weights as training leaves them: of order
# 1/sqrt(hidden). bf16 keeps 8 bits, so each term of a gate sum is off by up to 2^-8 of itself; int8
# rounds h and every row of weights to 1/254 of the largest value. Errors of many terms average out.
BOUNDS = {"fp32": 1e-6, "bf16": 4e-3, "int8": 1.5e-2}


def weights(
    hidden, *, layers=1, directions=1, size=7, vocabulary=50, pooling="last", classes=0, seed=0
):
    rng = np.random.default_rng(seed)

    def draw(*shape, scale):
        return rng.uniform(-scale, scale, shape).astype(np.float32)

    arrays = {}
    if vocabulary:
        arrays["embedding.weight"] = rng.normal(size=(vocabulary, size)).astype(np.float32)
    width = directions * hidden
    for layer in range(layers):
        for side in ["forward", "backward"][:directions]:
            name = f"encoder.layers.{layer}.{side}."
            bound = 1.5 / np.sqrt(hidden)
            arrays[name + "w_ih"] = draw(4 * hidden, width if layer else size, scale=bound)
            arrays[name + "w_hh"] = draw(4 * hidden, hidden, scale=bound)
            arrays[name + "bias"] = draw(4 * hidden, scale=0.5)
    if pooling == "attention":
        arrays["pooling.project.weight"] = draw(5, width, scale=1.0)
        arrays["pooling.project.bias"] = draw(5, scale=0.5)
        arrays["pooling.context"] = draw(5, scale=2.0)
    if classes:
        columns = width * (1 + (pooling == "mean-max"))
        arrays["head.weight"] = draw(classes, columns, scale=1 / np.sqrt(columns))
        arrays["head.bias"] = draw(classes, scale=0.5)
    return arrays


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def oracle_states(arrays, x):
    """(time, size) -> (time, D), in float64, gate order i f g o."""
    x = np.asarray(x, np.float64)
    for layer in itertools.count():
        if f"encoder.layers.{layer}.forward.w_hh" not in arrays:
            return x
        outputs = []
        for side in ("forward", "backward"):
            name = f"encoder.layers.{layer}.{side}."
            if name + "w_hh" not in arrays:
                continue
            w_ih, w_hh, bias = (
                arrays[name + part].astype(np.float64) for part in ("w_ih", "w_hh", "bias")
            )
            hidden = w_hh.shape[1]
            h, c, states = np.zeros(hidden), np.zeros(hidden), np.zeros((len(x), hidden))
            order = range(len(x)) if side == "forward" else range(len(x) - 1, -1, -1)
            for t in order:
                i, f, g, o = np.split(w_ih @ x[t] + w_hh @ h + bias, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
                states[t] = h
            outputs.append(states)
        x = np.concatenate(outputs, axis=1)


def oracle_pooled(arrays, states, pooling):
    """(time, D) -> (D) or (2 D)."""
    if len(states) == 0:
        width = states.shape[1]
        return np.zeros(2 * width if pooling == "mean-max" else width)
    if pooling == "last":
        if "encoder.layers.0.backward.w_hh" not in arrays:
            return states[-1]
        half = states.shape[1] // 2
        return np.concatenate([states[-1, :half], states[0, half:]])
    if pooling == "attention":
        projected = np.tanh(
            states @ arrays["pooling.project.weight"].T.astype(np.float64)
            + arrays["pooling.project.bias"]
        )
        scores = projected @ arrays["pooling.context"].astype(np.float64)
        alpha = np.exp(scores - scores.max())
        return (alpha / alpha.sum()) @ states
    mean, largest = states.mean(axis=0), states.max(axis=0)
    return {"mean": mean, "max": largest, "mean-max": np.concatenate([mean, largest])}[pooling]


def oracle(arrays, ids, pooling):
    states = oracle_states(arrays, arrays["embedding.weight"][ids])
    if len(ids) == 0:
        hidden = arrays["encoder.layers.0.forward.w_hh"].shape[1]
        sides = 1 + ("encoder.layers.0.backward.w_hh" in arrays)
        states = np.zeros((0, hidden * sides))
    return states, oracle_pooled(arrays, states, pooling)


def documents(lengths, vocabulary=50, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, vocabulary, n).astype(np.int32) for n in lengths]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize(
    ("hidden", "layers", "directions", "size"),
    [(1, 1, 1, 1), (16, 1, 2, 16), (19, 2, 2, 7), (33, 3, 1, 20), (64, 2, 1, 32), (80, 1, 1, 130)],
)
def test_documents_agree_with_float64_on_every_path(
    paths, precision, hidden, layers, directions, size
):
    for pooling in POOLINGS:
        arrays = weights(
            hidden, layers=layers, directions=directions, size=size, pooling=pooling, classes=3
        )
        docs = documents([0, 1, 5, 17, 70, 2, 33, 9, 16])
        expected = [oracle(arrays, ids, pooling) for ids in docs]
        for path in paths():
            encoder = NativeEncoder(arrays, pooling=pooling, precision=precision)
            results = encoder.run(docs, states=True)
            states = np.concatenate([states for states, _ in expected])
            pooled = np.stack([pooled for _, pooled in expected])
            logits = pooled @ arrays["head.weight"].T + arrays["head.bias"]
            bound = BOUNDS[precision]
            assert np.abs(results.states - states).max() < bound, path
            assert np.abs(results.pooled - pooled).max() < 3 * bound, path
            assert np.abs(results.logits - logits).max() < 6 * bound, path


@pytest.mark.parametrize("hidden", [128, 200])
def test_fp32_is_within_1e_5_relative_on_long_documents(hidden):
    arrays = weights(hidden, layers=2, directions=2, size=100)
    ids = documents([600])[0]
    states, _ = oracle(arrays, ids, "last")
    got = NativeEncoder(arrays).run([ids], states=True).states
    assert np.linalg.norm(got - states) < 1e-5 * np.linalg.norm(states)
    assert np.abs(got - states).max() < 1e-5 * np.abs(states).max()


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_alone_in_a_batch_and_by_document_give_the_same_bits(precision, pooling):
    arrays = weights(24, layers=2, directions=2, size=9, pooling=pooling, classes=4)
    docs = documents([40, 3, 0, 65, 1, 12, 12, 30, 7, 7, 129, 20, 20])
    encoder = NativeEncoder(arrays, pooling=pooling, precision=precision)
    together = encoder.run(docs, states=True)
    alone = [encoder.run([ids], states=True) for ids in docs]
    assert np.array_equal(together.states, np.concatenate([r.states for r in alone]))
    assert np.array_equal(together.pooled, np.concatenate([r.pooled for r in alone]))
    assert np.array_equal(together.logits, np.stack([encoder.document(ids) for ids in docs]))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("pooling", POOLINGS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_chunking_gives_the_bits_of_the_whole(precision, pooling, data):
    length = data.draw(st.integers(0, 150))
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=6)))
    arrays = weights(20, layers=2, size=5, pooling=pooling, classes=2)
    encoder = NativeEncoder(arrays, pooling=pooling, precision=precision)
    ids = documents([length], seed=length)[0]
    whole = encoder.run([ids], states=True)
    stream, pieces = encoder.stream(), []
    for start, stop in itertools.pairwise([0, *cuts, length]):
        if stop - start == 1:
            pieces.append(stream.step(int(ids[start]))[None].copy())
        else:
            pieces.append(stream.feed(ids[start:stop], states=True))
        if data.draw(st.booleans()):
            stream = stream.fork()
    assert np.array_equal(np.concatenate(pieces), whole.states)
    result = stream.result()
    assert np.array_equal(result.pooled, whole.pooled)
    assert np.array_equal(result.logits, whole.logits)


def test_a_stream_goes_back_to_a_snapshot():
    encoder = NativeEncoder(weights(16, pooling="mean", classes=2), pooling="mean")
    first, second = documents([30, 20])
    stream = encoder.stream()
    stream.feed(first)
    kept = stream.snapshot()
    stream.feed(second)
    after = stream.result().logits
    stream.feed(first)
    stream.restore(kept)
    stream.feed(second)
    assert np.array_equal(stream.result().logits, after)


def test_a_foreign_state_is_refused_and_the_stream_survives():
    stream = NativeEncoder(weights(16)).stream()
    other = NativeEncoder(weights(16), precision="int8").stream()
    stream.step(3)
    before = stream.snapshot()
    with pytest.raises(ValueError, match="no state"):
        stream.restore(other.snapshot())
    with pytest.raises(ValueError, match="no state"):
        stream.restore(b"short")
    assert stream.snapshot() == before


def test_the_result_of_an_empty_stream_is_that_of_an_empty_document():
    arrays = weights(16, pooling="mean-max", classes=3)
    encoder = NativeEncoder(arrays, pooling="mean-max")
    result = encoder.stream().result()
    assert not result.pooled.any()
    assert np.array_equal(result.logits[0], arrays["head.bias"])
    assert np.array_equal(encoder.document(np.zeros(0, np.int32)), arrays["head.bias"])


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("table", ["fp32", "bf16"])
@pytest.mark.parametrize("directions", [1, 2])
def test_the_room_in_the_table_changes_no_bit(precision, table, directions):
    arrays = weights(16, directions=directions, size=12, pooling="mean")
    docs = documents([60, 61, 5, 80, 33, 2, 70])
    row = directions * 4 * 16 * {"fp32": 4, "bf16": 2}[table]
    make = functools.partial(
        NativeEncoder, arrays, pooling="mean", precision=precision, table=table
    )
    results = []
    for limit in (0, 3 * row, 20 * row, 1 << 20):
        encoder = make(table_bytes=limit)
        for _ in range(2):
            results.append(encoder.run(docs, states=True).states)
        results.append(np.concatenate([encoder.run([d], states=True).states for d in docs]))
        assert encoder.table_bytes == min(limit // row, 50) * row
    warm = make()
    warm.warm()
    assert warm.table_bytes == 50 * row
    results.append(warm.run(docs, states=True).states)
    assert all(np.array_equal(result, results[0]) for result in results)
    expected = np.concatenate([oracle(arrays, ids, "mean")[0] for ids in docs])
    bound = max(BOUNDS[precision], BOUNDS[table])
    assert np.abs(results[0] - expected).max() < bound


def test_a_table_is_kept_in_bf16_for_int8_and_where_it_would_be_too_large():
    arrays = weights(16, pooling="mean")
    docs = documents([60])
    whole = 50 * 4 * 16 * 4
    for precision, limit, form in (
        ("int8", whole, "bf16"),
        ("bf16", whole, "fp32"),
        ("bf16", whole - 1, "bf16"),
        ("fp32", whole - 1, "fp32"),
    ):
        auto, fixed = (
            NativeEncoder(
                arrays, pooling="mean", precision=precision, table=table, table_bytes=limit
            )
            for table in ("auto", form)
        )
        assert np.array_equal(auto.run(docs).pooled, fixed.run(docs).pooled)
        assert auto.table_bytes == fixed.table_bytes


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("size", [1, 16, 45])
def test_vectors_and_ids_without_table_agree_with_float64(precision, size):
    arrays = weights(32, layers=2, directions=2, size=size, pooling="last")
    docs = documents([11, 0, 40, 1, 26])
    expected = np.concatenate([oracle(arrays, ids, "last")[0] for ids in docs])
    by_id = NativeEncoder(arrays, pooling="last", precision=precision, table="none")
    table = arrays.pop("embedding.weight")
    by_vector = NativeEncoder(arrays, pooling="last", precision=precision)
    states = by_id.run(docs, states=True).states
    assert np.abs(states - expected).max() < BOUNDS[precision]
    vectors = [table[ids] for ids in docs]
    assert np.array_equal(by_vector.run(vectors, states=True).states, states)
    alone = [by_vector.run([v], states=True).states for v in vectors]
    assert np.array_equal(np.concatenate(alone), states)


def test_vectors_stream_like_the_whole():
    arrays = weights(24, size=6, vocabulary=0, pooling="max")
    for precision in BOUNDS:
        encoder = NativeEncoder(arrays, pooling="max", precision=precision)
        x = np.random.default_rng(3).normal(size=(90, 6)).astype(np.float32) * 5
        stream = encoder.stream()
        pieces = [stream.feed(part, states=True) for part in np.split(x, [1, 40, 41])]
        whole = encoder.run([x], states=True)
        assert np.array_equal(np.concatenate(pieces), whole.states)
        assert np.array_equal(stream.result().pooled, whole.pooled)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_paths_with_fused_multiply_add_agree_to_the_bit(paths, precision):
    arrays = weights(40, layers=2, directions=2, size=30, pooling="mean-max", classes=2)
    docs = documents([50, 3, 20, 64])
    got = {}
    for path in paths():
        encoder = NativeEncoder(arrays, pooling="mean-max", precision=precision)
        got[path] = encoder.run(docs, states=True).states
    fused = [states for path, states in got.items() if not path.startswith("portable")]
    if not fused:
        pytest.skip("this machine has the portable path alone")
    assert all(np.array_equal(states, fused[0]) for states in fused)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_huge_tiny_and_denormal_numbers_give_finite_states(paths, precision):
    for scale in (1e30, 1e-30, 1e-42):
        arrays = weights(18, layers=2, directions=2, size=5)
        arrays["embedding.weight"] = (arrays["embedding.weight"] * scale).astype(np.float32)
        docs = documents([20, 4])
        expected = np.concatenate([oracle(arrays, ids, "last")[0] for ids in docs])
        for path in paths():
            states = NativeEncoder(arrays, precision=precision).run(docs, states=True).states
            assert np.isfinite(states).all(), path
            assert np.abs(states - expected).max() < BOUNDS[precision], (path, scale)


def test_int8_does_not_saturate(paths):
    """All bytes at their largest: pairs of their products would pass 16 bits."""
    hidden = 64
    arrays = weights(hidden)
    name = "encoder.layers.0.forward."
    sign = np.where(np.arange(4 * hidden)[:, None] % 2, 0.01, -0.01)
    arrays[name + "w_hh"] = (sign * np.ones((4 * hidden, hidden))).astype(np.float32)
    arrays[name + "bias"] = np.full(4 * hidden, 30, np.float32)  # h comes close to 1 at once
    ids = documents([12])[0]
    expected, _ = oracle(arrays, ids, "last")
    for path in paths():
        states = NativeEncoder(arrays, precision="int8").run([ids], states=True).states
        assert np.abs(states - expected).max() < 0.01, path


def test_many_threads_share_an_encoder():
    arrays = weights(32, directions=2, vocabulary=400, pooling="mean", classes=3)
    encoder = NativeEncoder(arrays, pooling="mean", precision="int8", table_bytes=100 * 1024)
    docs = documents([37] * 40, vocabulary=400)
    expected = encoder.run(docs).logits
    fresh = NativeEncoder(arrays, pooling="mean", precision="int8", table_bytes=100 * 1024)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            got = list(pool.map(fresh.document, docs))
            assert np.array_equal(np.stack(got), expected)


def test_no_documents_give_empty_results():
    encoder = NativeEncoder(weights(16, pooling="mean", classes=3), pooling="mean")
    results = encoder.run([], states=True)
    assert results.logits.shape == (0, 3)
    assert results.states.shape == (0, 16)


def test_wrong_calls_are_told():
    arrays = weights(16)
    with pytest.raises(ConfigError, match="fp32, bf16, int8"):
        NativeEncoder(arrays, precision="fp16")
    with pytest.raises(native.NativeError, match=r"token 1 has id 50; the vocabulary has 50"):
        NativeEncoder(arrays).run([np.array([3, 50])])
    with pytest.raises(native.NativeError, match="id -1"):
        NativeEncoder(arrays).stream().step(-1)
    with pytest.raises(native.NativeError, match="two directions cannot stream"):
        NativeEncoder(weights(16, directions=2)).stream()
    with pytest.raises(native.NativeError, match="no pooling"):
        NativeEncoder(arrays).document(np.array([3], np.int32))
    arrays["encoder.layers.0.forward.bias"] = np.zeros(3, np.float32)
    with pytest.raises(native.NativeError, match="bias has the shape"):
        NativeEncoder(arrays)
