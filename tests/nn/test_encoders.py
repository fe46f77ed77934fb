from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from seqmap.config import EncoderConfig
from seqmap.errors import ConfigError
from seqmap.nn.encoders import ENCODERS, build_encoder
from seqmap.nn.encoders.transformer import TransformerLayer, positions

SMALL = EncoderConfig(hidden=8, layers=2, heads=2, dropout=0.5, weight_dropout=0.3)
LENGTHS = torch.tensor([5, 0, 3, 1])


def _encoder(name: str, direction: str = "both") -> nn.Module:
    torch.manual_seed(0)
    config = dataclasses.replace(SMALL, name=name, direction=direction)
    return build_encoder(6, config).eval()


@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("name", list(ENCODERS))
def test_padding_never_influences_a_result(name: str, direction: str) -> None:
    encoder = _encoder(name, direction)
    x = torch.randn(4, 5, 6)
    noisy = x.clone()
    wide = torch.cat([x, torch.randn(4, 3, 6)], dim=1)
    for row, length in enumerate(LENGTHS.tolist()):
        noisy[row, length:] = 99.0
        wide[row, length:] = -7.0
    states, other, longer = (encoder(v, LENGTHS) for v in (x, noisy, wide))
    assert states.shape == (4, 5, encoder.width)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(states[row, :length], other[row, :length])
        torch.testing.assert_close(states[row, :length], longer[row, :length])
        alone = encoder(x[row : row + 1, :length], LENGTHS[row : row + 1]) if length else None
        if alone is not None:
            torch.testing.assert_close(states[row, :length], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_batch_of_empty_texts_is_read(name: str) -> None:
    encoder = _encoder(name)
    states = encoder(torch.zeros(3, 0, 6), torch.zeros(3, dtype=torch.int64))
    assert states.shape == (3, 0, encoder.width)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_training_reaches_every_weight_and_dropout_acts(name: str) -> None:
    encoder = _encoder(name).train()
    x = torch.randn(4, 5, 6)
    first, second = encoder(x, LENGTHS), encoder(x, LENGTHS)
    assert not torch.equal(first, second)
    first[0].square().sum().backward()
    missing = [n for n, w in encoder.named_parameters() if w.grad is None or not w.grad.any()]
    # A key bias shifts all scores of a query alike: softmax takes its gradient away.
    assert all(n.endswith("key.bias") for n in missing), missing


def test_recurrent_encoders_equal_torch() -> None:
    pairs = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
    x = torch.randn(3, 7, 6)
    lengths = torch.full((3,), 7)
    for name, kind in pairs.items():
        encoder = _encoder(name)
        theirs = kind(6, 8, num_layers=2, bidirectional=True, batch_first=True)
        state = theirs.state_dict()
        for layer, module in enumerate(encoder.layers):
            for suffix, ours in (("", module.ahead), ("_reverse", module.back)):
                state[f"weight_ih_l{layer}{suffix}"] = ours.w_ih.data
                state[f"weight_hh_l{layer}{suffix}"] = ours.w_hh.data
                bias = getattr(ours, "bias", None)
                first = ours.bias_ih if bias is None else bias
                second = ours.bias_hh if bias is None else torch.zeros_like(bias)
                state[f"bias_ih_l{layer}{suffix}"] = first.data
                state[f"bias_hh_l{layer}{suffix}"] = second.data
        theirs.load_state_dict(state)
        torch.testing.assert_close(encoder(x, lengths), theirs(x)[0], rtol=1e-4, atol=1e-5)


def test_the_forget_gate_starts_open() -> None:
    bias = _encoder("lstm").layers[0].ahead.bias
    assert bias[8:16].tolist() == [1.0] * 8
    assert not bias[:8].any() and not bias[16:].any()


def test_attention_equals_torch() -> None:
    layer = TransformerLayer(SMALL).eval()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    with torch.no_grad():
        parts = (layer.query, layer.key, layer.value)
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
        theirs.out_proj.load_state_dict(layer.output.state_dict())
    x = torch.randn(2, 5, 8)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    expected = theirs(x, x, x, key_padding_mask=~mask, need_weights=False)[0]
    torch.testing.assert_close(layer.attend(x, mask)[mask], expected[mask])


def test_positions_follow_the_formula() -> None:
    table = positions(11, 6)
    assert table.shape == (11, 6)
    assert table[7, 2].item() == pytest.approx(math.sin(7 / 10_000 ** (2 / 6)), abs=1e-6)
    assert table[7, 3].item() == pytest.approx(math.cos(7 / 10_000 ** (2 / 6)), abs=1e-6)
    assert positions(3, 5).shape == (3, 5)


def test_heads_must_divide_hidden() -> None:
    with pytest.raises(ConfigError, match="multiple of encoder.heads"):
        build_encoder(6, EncoderConfig(name="transformer", hidden=10, heads=4))
