"""The reference LSTM against torch and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from seqmap.runtime.reference import Weights, backward, forward


def _weights(rng: np.random.Generator, inputs: int, hidden: int) -> Weights:
    return Weights(
        rng.normal(scale=0.5, size=(4 * hidden, inputs)),
        rng.normal(scale=0.5, size=(4 * hidden, hidden)),
        rng.normal(scale=0.5, size=4 * hidden),
    )


def _torch(weights: Weights) -> nn.LSTM:
    inputs, hidden = weights.w_ih.shape[1], weights.w_hh.shape[1]
    lstm = nn.LSTM(inputs, hidden, batch_first=True, dtype=torch.float64)
    state = {
        "weight_ih_l0": weights.w_ih,
        "weight_hh_l0": weights.w_hh,
        "bias_ih_l0": weights.bias,
        "bias_hh_l0": np.zeros_like(weights.bias),
    }
    lstm.load_state_dict({name: torch.from_numpy(part) for name, part in state.items()})
    return lstm


@pytest.mark.parametrize(("time", "inputs", "hidden"), [(1, 1, 1), (7, 3, 5), (40, 6, 4)])
def test_forward_and_backward_equal_torch(time: int, inputs: int, hidden: int) -> None:
    rng = np.random.default_rng(time)
    weights = _weights(rng, inputs, hidden)
    x, h0, c0 = rng.normal(size=(time, inputs)), rng.normal(size=hidden), rng.normal(size=hidden)
    dh, dh_last, dc_last = rng.normal(size=(time, hidden)), *rng.normal(size=(2, hidden))

    lstm = _torch(weights)
    tensors = [torch.from_numpy(part[None]).requires_grad_() for part in (x, h0[None], c0[None])]
    states, (h, c) = lstm(tensors[0], (tensors[1], tensors[2]))
    loss = (states[0] * torch.from_numpy(dh)).sum()
    loss = loss + (h.flatten() * torch.from_numpy(dh_last)).sum()
    (loss + (c.flatten() * torch.from_numpy(dc_last)).sum()).backward()

    trace = forward(x, weights, h0, c0)
    np.testing.assert_allclose(trace.h[1:], states[0].detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(trace.c[-1], c.flatten().detach().numpy(), atol=1e-12)
    found = backward(trace, weights, dh, dh_last=dh_last, dc_last=dc_last)
    for ours, theirs in [
        (found.x, tensors[0].grad),
        (found.h0, tensors[1].grad),
        (found.c0, tensors[2].grad),
        (found.weights.w_ih, lstm.weight_ih_l0.grad),
        (found.weights.w_hh, lstm.weight_hh_l0.grad),
        (found.weights.bias, lstm.bias_ih_l0.grad),
    ]:
        assert theirs is not None
        np.testing.assert_allclose(ours, theirs.numpy().reshape(ours.shape), atol=1e-11)


def test_backward_agrees_with_finite_differences() -> None:
    rng = np.random.default_rng(3)
    weights = _weights(rng, 3, 4)
    x, dh = rng.normal(size=(6, 3)), rng.normal(size=(6, 4))
    found = backward(forward(x, weights), weights, dh)
    step = 1e-6
    for part, gradient in [
        (x, found.x),
        (weights.w_ih, found.weights.w_ih),
        (weights.w_hh, found.weights.w_hh),
        (weights.bias, found.weights.bias),
    ]:
        for place in rng.choice(part.size, size=min(part.size, 12), replace=False):
            index = np.unravel_index(place, part.shape)
            kept = part[index]
            losses = []
            for value in (kept + step, kept - step):
                part[index] = value
                losses.append(float((forward(x, weights).h[1:] * dh).sum()))
            part[index] = kept
            assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(
                gradient[index], rel=1e-6, abs=1e-8
            )


def test_empty_sequence_keeps_the_state() -> None:
    weights = _weights(np.random.default_rng(0), 2, 3)
    h0, c0 = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0])
    trace = forward(np.zeros((0, 2)), weights, h0, c0)
    assert trace.h.tolist() == [h0.tolist()]
    found = backward(trace, weights, np.zeros((0, 3)), dh_last=np.ones(3))
    assert found.h0.tolist() == [1, 1, 1]
    assert not found.weights.w_hh.any()


def test_huge_inputs_saturate_without_a_warning() -> None:
    weights = _weights(np.random.default_rng(1), 2, 3)
    trace = forward(np.full((5, 2), 1e30), weights)
    assert np.isfinite(trace.h).all()
    assert np.abs(trace.h).max() <= 1
