"""LSTM, GRU and RNN against torch's modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seqmap.config import EncoderConfig
from seqmap.errors import ArchiveError
from seqmap.runtime.ops import Encoder, Layout, embedding
from seqmap.runtime.ops.encoders import restore_encoder
from seqmap.runtime.reference import Weights, forward

MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
SUFFIXES = {"forward": "", "backward": "_reverse"}
SIZE = 6
CASES = [
    (name, layers, direction)
    for name in MODULES
    for layers, direction in [(1, "forward"), (1, "both"), (3, "both"), (2, "forward")]
]


def _torch_module(name: str, config: EncoderConfig, arrays: Mapping[str, Any]) -> nn.RNNBase:
    module = MODULES[name](
        SIZE,
        config.hidden,
        num_layers=config.layers,
        bidirectional=config.direction == "both",
        batch_first=True,
    )
    state = {key: torch.zeros_like(value) for key, value in module.state_dict().items()}
    for key, array in arrays.items():
        if key.startswith("encoder.layers."):
            _, _, layer, side, part = key.split(".")
            torch_name = {
                "w_ih": "weight_ih",
                "w_hh": "weight_hh",
                "bias": "bias_ih",
                "bias_ih": "bias_ih",
                "bias_hh": "bias_hh",
            }[part]
            state[f"{torch_name}_l{layer}{SUFFIXES[side]}"] = torch.from_numpy(array)
    module.load_state_dict(state)
    return module


def _encoder(make_weights: Callable[[int], Any], config: EncoderConfig) -> tuple[Encoder, Any]:
    weights = make_weights(7)
    weights.draw("embedding.weight", 30, SIZE)
    weights.encoder(SIZE, config)
    arrays = weights.arrays
    return restore_encoder(arrays, arrays["embedding.weight"], config), arrays


def _random_documents(lengths: list[int]) -> tuple[np.ndarray, Layout]:
    rng = np.random.default_rng(len(lengths))
    return rng.integers(0, 30, size=sum(lengths)).astype(np.int32), Layout(lengths)


@pytest.mark.parametrize(("name", "layers", "direction"), CASES)
def test_equals_torch(
    make_weights: Callable[[int], Any], name: Any, layers: int, direction: Any
) -> None:
    config = EncoderConfig(name=name, hidden=7, layers=layers, direction=direction)
    encoder, arrays = _encoder(make_weights, config)
    module = _torch_module(name, config, arrays)
    ids, layout = _random_documents([4, 0, 1, 33, 9, 9])
    states = encoder.encode(ids, layout)
    assert states.dtype == np.float32
    assert states.shape == (layout.tokens, encoder.width)
    vectors = torch.from_numpy(arrays["embedding.weight"][ids])
    for document in layout.filled:
        begin, end = layout.offsets[document : document + 2]
        with torch.no_grad():
            expected = module(vectors[None, begin:end])[0][0]
        np.testing.assert_allclose(states[begin:end], expected.numpy(), atol=2e-6)


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    hidden=st.integers(1, 9),
    data=st.data(),
)
def test_lstm_equals_the_reference(
    make_weights: Callable[[int], Any], lengths: list[int], hidden: int, data: st.DataObject
) -> None:
    config = EncoderConfig(name="lstm", hidden=hidden, direction="both")
    encoder, arrays = _encoder(make_weights, config)
    count = sum(lengths)
    drawn = data.draw(st.lists(st.integers(0, 29), min_size=count, max_size=count))
    ids, layout = np.array(drawn, dtype=np.int32), Layout(lengths)
    states = encoder.encode(ids, layout)
    sides = []
    for side in ("forward", "backward"):
        parts = [arrays[f"encoder.layers.0.{side}.{part}"] for part in ("w_ih", "w_hh", "bias")]
        sides.append(Weights(*(part.astype(np.float64) for part in parts)))
    vectors = arrays["embedding.weight"].astype(np.float64)[ids]
    for document in range(layout.documents):
        begin, end = layout.offsets[document : document + 2]
        x = vectors[begin:end]
        ahead = forward(x, sides[0]).h[1:]
        back = forward(x[::-1], sides[1]).h[1:][::-1]
        np.testing.assert_allclose(
            states[begin:end], np.concatenate([ahead, back], axis=1), atol=3e-6
        )


@pytest.mark.parametrize("name", list(MODULES))
def test_fed_in_pieces_equals_whole(make_weights: Callable[[int], Any], name: Any) -> None:
    encoder, _ = _encoder(
        make_weights, EncoderConfig(name=name, hidden=7, layers=2, direction="forward")
    )
    ids, layout = _random_documents([29])
    whole = encoder.encode(ids, layout)
    state, parts = encoder.start(), []
    for begin, end in [(0, 0), (0, 1), (1, 12), (12, 12), (12, 29)]:
        before = {key: value.copy() for key, value in state.items()}
        states, after = encoder.feed(ids[begin:end], state)
        assert all(np.array_equal(state[key], before[key]) for key in before)
        parts.append(states)
        state = after
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-6)


def test_without_a_table_nothing_changes(
    make_weights: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EncoderConfig(name="lstm", hidden=7, direction="both")
    ids, layout = _random_documents([5, 0, 8])
    with_table = _encoder(make_weights, config)[0].encode(ids, layout)
    monkeypatch.setattr(embedding, "TABLE_LIMIT", 0)
    without = _encoder(make_weights, config)[0].encode(ids, layout)
    np.testing.assert_allclose(without, with_table, atol=1e-6)


def test_huge_weights_saturate_without_a_warning(make_weights: Callable[[int], Any]) -> None:
    for name in MODULES:
        config = EncoderConfig(name=name, hidden=7, direction="both")  # type: ignore[arg-type]
        _, arrays = _encoder(make_weights, config)
        large = {key: value * np.float32(1e6) for key, value in arrays.items()}
        encoder = restore_encoder(large, large["embedding.weight"], config)
        states = encoder.encode(*_random_documents([20]))
        assert np.isfinite(states).all()
        assert np.abs(states).max() <= 1


@pytest.mark.parametrize("change", ["missing", "shape", "layers"])
def test_arrays_that_do_not_fit_are_told(make_weights: Callable[[int], Any], change: str) -> None:
    config = EncoderConfig(name="lstm", hidden=7, layers=1, direction="forward")
    _, arrays = _encoder(make_weights, config)
    name = "encoder.layers.0.forward.w_hh"
    if change == "missing":
        del arrays[name]
    elif change == "shape":
        arrays[name] = arrays[name][:, 1:]
    else:
        config, name = EncoderConfig(hidden=7, layers=2, direction="forward"), "layers.1.forward"
    with pytest.raises(ArchiveError, match=name):
        restore_encoder(arrays, arrays["embedding.weight"], config)
