"""The native LSTM against `nn.LSTM` in double precision."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seqmap.nn import native_lstm_calls
from seqmap.nn.native_lstm import Precision, Weights, bilstm_layer, lstm_layer, usable
from seqmap.runtime import native

pytestmark = pytest.mark.skipif(not native.available(), reason="the native core is not built")

ISAS = native.available_isas() if native.available() else []
FORWARD = {"fp32": 1e-5, "bf16": 2e-2}
"""Largest error of outputs and final states, relative in norm."""
BACKWARD = {"fp32": 1e-4, "bf16": 4e-2}
"""Largest error of a gradient, relative in norm."""
FLOOR = {"fp32": 1e-6, "bf16": 0.5}
"""Root mean square below which a target counts as this size: sums that nearly cancel keep the
absolute error of their terms, which are of size 1 here."""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = native.threads()
    yield
    native.set_isa("auto")
    for feature in native.FEATURES:
        native.set_feature(feature, True)
    native.set_threads(before)


@dataclass
class Problem:
    x: Tensor
    lengths: Tensor
    weights: Weights
    h0: Tensor
    c0: Tensor
    reverse: bool
    upstream: tuple[Tensor, Tensor, Tensor]

    def leaves(self) -> list[Tensor]:
        return [self.x, *self.weights, self.h0, self.c0]

    def cast(self, dtype: torch.dtype) -> Problem:
        """A copy with fresh leaves."""
        fresh = [leaf.detach().to(dtype, copy=True).requires_grad_() for leaf in self.leaves()]
        upstream = tuple(tensor.to(dtype) for tensor in self.upstream)
        x, w_ih, w_hh, bias, h0, c0 = fresh
        return Problem(x, self.lengths, Weights(w_ih, w_hh, bias), h0, c0, self.reverse, upstream)


def draw(
    lengths: list[int], time: int, size: int, hidden: int, reverse: bool = False, seed: int = 0
) -> Problem:
    generator = torch.Generator().manual_seed(seed)
    batch, scale = len(lengths), hidden**-0.5

    def normal(*shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=generator) * scale

    weights = Weights(
        normal(4 * hidden, size, scale=scale),
        normal(4 * hidden, hidden, scale=scale),
        normal(4 * hidden, scale=scale),
    )
    return Problem(
        normal(batch, time, size),
        torch.tensor(lengths, dtype=torch.int64),
        weights,
        normal(batch, hidden, scale=0.5),
        normal(batch, hidden, scale=0.5),
        reverse,
        (normal(batch, time, hidden), normal(batch, hidden), normal(batch, hidden)),
    )


def expected(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    """The layer by `nn.LSTM`, one row at a time so that no length can be handled wrongly."""
    weights = problem.weights
    size, hidden = weights.w_ih.shape[1], weights.w_hh.shape[1]
    lstm = nn.LSTM(size, hidden, batch_first=True, dtype=problem.x.dtype)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    values = dict(zip(names, (*weights, torch.zeros_like(weights.bias)), strict=True))
    outputs, h_n, c_n = [], [], []
    for row, length in enumerate(problem.lengths.tolist()):
        h, c = problem.h0[None, None, row], problem.c0[None, None, row]
        y = problem.x.new_zeros(1, 0, hidden)
        if length:
            steps = problem.x[row : row + 1, :length]
            steps = steps.flip(1) if problem.reverse else steps
            y, (h, c) = torch.func.functional_call(lstm, values, (steps, (h, c)))
            y = y.flip(1) if problem.reverse else y
        outputs.append(nn.functional.pad(y, (0, 0, 0, problem.x.shape[1] - length)))
        h_n.append(h[0])
        c_n.append(c[0])
    return torch.cat(outputs), torch.cat(h_n), torch.cat(c_n)


def native_run(problem: Problem, precision: Precision) -> tuple[Tensor, Tensor, Tensor]:
    y, (h_n, c_n) = lstm_layer(
        problem.x,
        problem.lengths,
        *problem.weights,
        problem.h0,
        problem.c0,
        reverse=problem.reverse,
        precision=precision,
    )
    return y, h_n, c_n


def loss(outputs: tuple[Tensor, Tensor, Tensor], problem: Problem) -> Tensor:
    return sum((a * b).sum() for a, b in zip(outputs, problem.upstream, strict=True))


def error(value: Tensor, target: Tensor, precision: Precision = "fp32") -> float:
    value, target = value.detach(), target.detach()
    size = target.norm().clamp_min(FLOOR[precision] * max(target.numel(), 1) ** 0.5)
    return float((value - target).norm() / size)


def compare(problem: Problem, precision: Precision) -> None:
    """Outputs and all gradients."""
    exact, mine = problem.cast(torch.float64), problem.cast(torch.float32)
    targets, outputs = expected(exact), native_run(mine, precision)
    for value, target in zip(outputs, targets, strict=True):
        assert error(value, target, precision) <= FORWARD[precision]
    loss(targets, exact).backward()
    loss(outputs, mine).backward()
    for value, target in zip(mine.leaves(), exact.leaves(), strict=True):
        if target.grad is None:  # no token reaches it
            assert value.grad is None or int(value.grad.count_nonzero()) == 0
        else:
            assert value.grad is not None
            assert error(value.grad, target.grad, precision) <= BACKWARD[precision]


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_random_shapes(data: st.DataObject) -> None:
    time = data.draw(st.integers(0, 40), label="time")
    lengths = data.draw(
        st.lists(st.sampled_from([0, 1, 2, time // 2, time]), min_size=1, max_size=40).map(
            lambda values: [min(value, time) for value in values]
        ),
        label="lengths",
    )
    problem = draw(
        lengths,
        time,
        data.draw(st.integers(1, 70), label="input"),
        data.draw(st.integers(1, 70), label="hidden"),
        data.draw(st.booleans(), label="reverse"),
        data.draw(st.integers(0, 99), label="seed"),
    )
    native.set_isa(data.draw(st.sampled_from(ISAS), label="isa"))
    for feature in ("bf16", "amx"):
        native.set_feature(feature, data.draw(st.booleans(), label=feature))
    native.set_threads(data.draw(st.sampled_from([1, 2, 3]), label="threads"))
    compare(problem, data.draw(st.sampled_from(["fp32", "bf16"]), label="precision"))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_instruction_set(isa: str, precision: Precision) -> None:
    native.set_isa(isa)
    for reverse in (False, True):
        compare(draw([33, 7, 0, 21, 1, 33, 12], 35, 50, 130, reverse), precision)


def test_long_and_large() -> None:
    compare(draw([700, 3, 256], 700, 128, 128), "fp32")
    compare(draw([60] * 40, 60, 256, 256), "fp32")


def test_tiles_instructions_and_emulation_of_bf16_agree() -> None:
    problem = draw([40] * 17 + [25, 8, 1], 40, 67, 83)
    found = []
    with torch.no_grad():
        for off in ((), ("amx",), ("amx", "bf16")):
            for feature in native.FEATURES:
                native.set_feature(feature, feature not in off)
            found.append(native_run(problem, "bf16"))
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            assert error(one, two) < 2e-3  # the same roundings, up to the order of sums


@pytest.mark.parametrize("isa", ISAS)
def test_both_directions_at_once(isa: str) -> None:
    native.set_isa(isa)
    ahead, back = draw([9, 4, 0, 17], 20, 11, 19, seed=1), draw([1], 1, 11, 19, seed=2)
    joint = [ahead.cast(torch.float32), back.cast(torch.float32)]
    apart = [ahead.cast(torch.float32), back.cast(torch.float32)]
    y, (h_a, c_a), (h_b, c_b) = bilstm_layer(
        joint[0].x, ahead.lengths, joint[0].weights, joint[1].weights, (joint[0].h0, joint[0].c0)
    )
    y_a, (g_a, d_a) = lstm_layer(
        apart[0].x, ahead.lengths, *apart[0].weights, apart[0].h0, apart[0].c0
    )
    y_b, (g_b, d_b) = lstm_layer(apart[0].x, ahead.lengths, *apart[1].weights, reverse=True)
    pairs = [(y, torch.cat([y_a, y_b], 2)), (h_a, g_a), (c_a, d_a), (h_b, g_b), (c_b, d_b)]
    upstream = torch.randn(y.shape)
    for mine, target in pairs:
        torch.testing.assert_close(mine, target, rtol=1e-5, atol=1e-6)
    for values in zip(*pairs, strict=True):
        (sum(value.square().sum() for value in values) + (values[0] * upstream).sum()).backward()
    for one, other in zip(joint, apart, strict=True):
        for mine, target in zip(one.leaves()[:4], other.leaves()[:4], strict=True):
            if target.grad is not None:
                torch.testing.assert_close(mine.grad, target.grad, rtol=1e-4, atol=1e-5)


def test_padding_is_neither_read_nor_written() -> None:
    problem = draw([3, 0, 5], 8, 6, 10).cast(torch.float32)
    with torch.no_grad():
        for row, length in enumerate(problem.lengths.tolist()):
            problem.x[row, length:] = float("nan")
    y, h_n, c_n = native_run(problem, "fp32")
    loss((y, h_n, c_n), problem).backward()
    for row, length in enumerate(problem.lengths.tolist()):
        assert bool((y[row, length:] == 0).all()) and bool(
            (problem.x.grad[row, length:] == 0).all()
        )
    assert all(bool(torch.isfinite(leaf.grad).all()) for leaf in problem.leaves())
    assert torch.equal(h_n[1], problem.h0[1]) and torch.equal(c_n[1], problem.c0[1])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("isa", ISAS)
def test_nan_stays_in_its_row_and_infinity_saturates(isa: str, precision: Precision) -> None:
    native.set_isa(isa)
    problem = draw([6] * 5, 6, 9, 13)
    problem.x[1, 2, 3] = float("nan")
    problem.x[3, 0, 5] = float("inf")
    with torch.no_grad():
        y = native_run(problem, precision)[0]
    assert bool(torch.isnan(y[1, 2:]).all())
    assert bool(torch.isfinite(y[[0, 2, 3, 4]]).all()) and bool(torch.isfinite(y[1, :2]).all())


@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1e4, 1e30])
def test_tiny_and_huge_inputs(scale: float) -> None:
    problem = draw([12, 5], 12, 8, 20)
    problem.x *= scale
    with torch.no_grad():
        for value, target in zip(
            native_run(problem, "fp32"), expected(problem.cast(torch.float64)), strict=True
        ):
            assert error(value, target) <= FORWARD["fp32"]


def test_strided_inputs_and_upstream_gradients() -> None:
    problem = draw([5, 9, 2], 9, 6, 10)
    wide = torch.randn(9, 3, 12)
    views = [wide.transpose(0, 1)[:, :, ::2], wide.transpose(0, 1)[:, :, 3:9]]
    for view in views:
        results = []
        for x in (view.detach().requires_grad_(), view.detach().clone().requires_grad_()):
            y, _ = lstm_layer(x, problem.lengths, *problem.weights)
            y.mean(1).sum().backward()  # its gradient comes with stride 0
            results.append((y, x.grad))
        torch.testing.assert_close(results[0], results[1])


def test_gradients_only_where_wanted() -> None:
    full = draw([7, 3], 7, 5, 6).cast(torch.float32)
    loss(native_run(full, "fp32"), full).backward()
    for chosen in range(6):
        problem = draw([7, 3], 7, 5, 6).cast(torch.float32)
        leaves = problem.leaves()
        for place, leaf in enumerate(leaves):
            leaf.requires_grad_(place == chosen)
        loss(native_run(problem, "fp32"), problem).backward()
        for place, (leaf, target) in enumerate(zip(leaves, full.leaves(), strict=True)):
            if place == chosen:
                torch.testing.assert_close(leaf.grad, target.grad, rtol=1e-5, atol=1e-6)
            else:
                assert leaf.grad is None


def test_only_the_final_state_is_used() -> None:
    problem, exact = (draw([7, 3], 7, 5, 6).cast(kind) for kind in (torch.float32, torch.float64))
    native_run(problem, "fp32")[1].sum().backward()
    expected(exact)[1].sum().backward()
    for value, target in zip(problem.leaves(), exact.leaves(), strict=True):
        assert error(value.grad, target.grad) <= BACKWARD["fp32"]


def test_several_graphs_alive_and_backward_twice() -> None:
    first, second = (draw([9, 4], 9, 8, 16, seed=seed).cast(torch.float32) for seed in (1, 2))
    one, other = loss(native_run(first, "fp32"), first), loss(native_run(second, "fp32"), second)
    one.backward(retain_graph=True)
    kept = [leaf.grad.clone() for leaf in first.leaves()]
    other.backward()
    one.backward()
    for leaf, grad in zip(first.leaves(), kept, strict=True):
        torch.testing.assert_close(leaf.grad, 2 * grad)


def test_without_gradients_nothing_is_kept() -> None:
    problem = draw([9, 4, 6], 9, 8, 16)
    y, h_n, c_n = native_run(problem.cast(torch.float32), "fp32")
    with torch.no_grad():
        again = native_run(problem.cast(torch.float32), "fp32")
    assert y.requires_grad and not again[0].requires_grad
    for value, target in zip(again, (y, h_n, c_n), strict=True):
        assert torch.equal(value, target)


def test_a_second_derivative_is_refused() -> None:
    problem = draw([4], 4, 3, 5).cast(torch.float32)
    y = native_run(problem, "fp32")[0]
    (grad,) = torch.autograd.grad(y.square().sum(), problem.x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_an_input_changed_in_place_is_noticed() -> None:
    problem = draw([4], 4, 3, 5).cast(torch.float32)
    y = native_run(problem, "fp32")[0]
    with torch.no_grad():
        problem.weights.w_ih.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_what_the_core_cannot_read_is_refused() -> None:
    problem = draw([4, 2], 4, 3, 5)
    assert usable(problem.x) and not usable(problem.x.double())
    with pytest.raises(TypeError, match="float64"):
        lstm_layer(problem.x.double(), problem.lengths, *problem.weights)
    with pytest.raises(ValueError, match="w_ih"):
        lstm_layer(problem.x[:, :, :2], problem.lengths, *problem.weights)
    with pytest.raises(native.NativeError, match="row 1 is 5; allowed: 0 to 4"):
        lstm_layer(problem.x, torch.tensor([4, 5]), *problem.weights)
    with pytest.raises(ValueError, match="lengths"):
        lstm_layer(problem.x, torch.tensor([4]), *problem.weights)
    with pytest.raises(ValueError, match="fp16"):
        lstm_layer(problem.x, problem.lengths, *problem.weights, precision="fp16")  # type: ignore[arg-type]


def test_empty_batch() -> None:
    weights = draw([1], 1, 3, 5).cast(torch.float32).weights
    y, (h_n, _) = lstm_layer(torch.zeros(0, 4, 3), torch.zeros(0, dtype=torch.int64), *weights)
    assert y.shape == (0, 4, 5) and h_n.shape == (0, 5)
    y.sum().backward()
    assert all(float(weight.grad.abs().max()) == 0 for weight in weights)


def test_two_python_threads_at_once() -> None:
    problems = [draw([20, 11, 30, 7], 30, 24, 40, seed=seed) for seed in (1, 2)]

    def gradients(problem: Problem) -> list[Tensor]:
        mine = problem.cast(torch.float32)
        loss(native_run(mine, "fp32"), mine).backward()
        return [leaf.grad for leaf in mine.leaves()]

    targets = [gradients(problem) for problem in problems]
    wrong: list[int] = []

    def work(place: int) -> None:
        for _ in range(20):
            for value, target in zip(gradients(problems[place]), targets[place], strict=True):
                if not torch.allclose(value, target, rtol=1e-4, atol=1e-5):
                    wrong.append(place)

    threads = [threading.Thread(target=work, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_torchs_threads_and_own_ones_give_the_same() -> None:
    torch.manual_seed(0)
    x, lengths = torch.randn(16, 40, 12), torch.arange(40, 8, -2)
    weights = torch.randn(64, 12), torch.randn(64, 16), torch.randn(64)
    shared = lstm_layer(x, lengths, *weights)[0]
    team = native_lstm_calls.openmp_team()
    native.require().seqmap_set_team(None)
    try:
        assert torch.equal(lstm_layer(x, lengths, *weights)[0], shared)
    finally:
        native.require().seqmap_set_team(team)


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is torch's on Linux")
def test_torchs_threads_are_found() -> None:
    assert native_lstm_calls.openmp_team()
