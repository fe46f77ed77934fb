"""The loss over many pieces: on the native core and in torch, in parts and at once."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seqmap.nn import native_softmax, piece_loss
from seqmap.runtime import native
from seqmap.runtime.native import NativeError

needs_core = pytest.mark.skipif(not native.available(), reason="the native core is not installed")


@pytest.mark.parametrize("core", [pytest.param(True, marks=needs_core), False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("held", [1, 1 << 24])
def test_the_loss_is_that_of_torch(
    monkeypatch: pytest.MonkeyPatch, core: bool, smoothing: float, held: int
) -> None:
    if not core:
        monkeypatch.setattr(native_softmax, "usable", lambda scores: False)
    monkeypatch.setattr(piece_loss, "_HELD", held)
    torch.manual_seed(0)
    truth = torch.randint(0, 37, (401,))
    leaves = [torch.randn(401, 9), torch.randn(37, 9), torch.randn(37)]
    mine, theirs, halves = ([x.clone().requires_grad_() for x in leaves] for _ in range(3))
    loss = piece_loss.piece_loss(*mine, truth, smoothing=smoothing, half=False)
    wanted = F.cross_entropy(theirs[0] @ theirs[1].T + theirs[2], truth, label_smoothing=smoothing)
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    (3 * loss).backward()
    (3 * wanted).backward()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=2e-6, rtol=1e-4)
    half = piece_loss.piece_loss(*halves, truth, smoothing=smoothing, half=True)
    assert half.dtype == torch.float32
    assert float(half.detach()) == pytest.approx(float(wanted.detach()), rel=1e-2)
    (3 * half).backward()
    for one, other in zip(halves, theirs, strict=True):
        assert one.grad is not None and other.grad is not None
        assert float((one.grad - other.grad).norm() / other.grad.norm()) < 2e-2


@pytest.mark.parametrize("steps", [0, 1, 128])
@pytest.mark.parametrize("half", [True, False])
def test_rows_that_fill_a_chunk_up_count_nothing(steps: int, half: bool) -> None:
    torch.manual_seed(2)
    leaves = [torch.randn(steps, 9), torch.randn(37, 9), torch.randn(37)]
    vectors, weight, bias = (x.requires_grad_() for x in leaves)
    truth = torch.randint(0, 37, (steps,))
    loss = piece_loss.piece_loss(vectors, weight, bias, truth, smoothing=0.1, half=half)
    loss.backward()
    assert vectors.grad is not None and vectors.grad.shape == (steps, 9)
    if steps == 0:
        assert float(loss.detach()) == 0 and not weight.grad.any() and not bias.grad.any()
    else:
        logits = vectors.detach() @ weight.detach().T + bias.detach()
        wanted = F.cross_entropy(logits, truth, label_smoothing=0.1)
        assert float(loss.detach()) == pytest.approx(float(wanted), rel=2e-2)


@needs_core
def test_both_precisions_on_every_path() -> None:
    torch.manual_seed(1)
    bias, truth = torch.randn(53), torch.randint(0, 53, (30,))
    for isa in native.available_isas():
        native.set_isa(isa)
        try:
            for kind, close in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)):
                scores = torch.randn(30, 53).to(kind)
                exact = (scores.double() + bias).requires_grad_()
                wanted = F.cross_entropy(exact, truth, label_smoothing=0.1, reduction="sum")
                wanted.backward()
                d_bias = torch.ones(53)
                loss = native_softmax.to_gradient(scores, bias, truth, 0.1, d_bias)
                assert loss == pytest.approx(float(wanted.detach()), rel=1e-6)
                assert exact.grad is not None
                torch.testing.assert_close(scores.double(), exact.grad, atol=close, rtol=close)
                torch.testing.assert_close(
                    d_bias.double(), 1 + exact.grad.sum(dim=0), atol=1e-5, rtol=1e-5
                )
        finally:
            native.set_isa("auto")


@needs_core
def test_what_does_not_fit_is_refused() -> None:
    scores, bias, truth = torch.zeros(4, 5), torch.zeros(5), torch.tensor([0, 1, 2, 5])
    with pytest.raises(NativeError, match="row 3 has no such column"):
        native_softmax.to_gradient(scores, bias, truth, 0.1, torch.zeros(5))
    with pytest.raises(ValueError, match="must be"):
        native_softmax.to_gradient(scores, torch.zeros(6), truth, 0.1, torch.zeros(5))
    with pytest.raises(ValueError, match="contiguous"):
        native_softmax.to_gradient(scores.T, bias, truth, 0.1, torch.zeros(5))
    with pytest.raises(TypeError, match="int64"):
        native_softmax.to_gradient(scores, bias, truth.int(), 0.1, torch.zeros(5))
    assert not native_softmax.usable(scores.double())


def test_no_steps_cost_nothing() -> None:
    vectors = torch.zeros(0, 3, requires_grad=True)
    loss = piece_loss.piece_loss(
        vectors,
        torch.ones(7, 3),
        torch.zeros(7),
        torch.zeros(0, dtype=torch.int64),
        smoothing=0.1,
        half=False,
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
