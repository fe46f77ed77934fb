from __future__ import annotations

import pytest
import torch

from seqmap.nn.dropout import Dropout, dropout


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_share_and_the_mean(rate: float, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(301, 997, dtype=kind)
    out = dropout(x, rate, True)
    assert out.dtype == kind and out.shape == x.shape
    kept = out != 0
    assert abs(1 - kept.float().mean().item() - rate) < 4e-3
    assert len(out[kept].unique()) == 1
    assert abs(out.float().mean().item() - 1) < 0.02 + 0.06 * (rate > 0.9)


def test_neighbours_are_independent() -> None:
    torch.manual_seed(1)
    kept = (dropout(torch.ones(8, 100_000), 0.5, True) != 0).float()
    bytes_of_words = kept.reshape(-1, 8)
    assert (bytes_of_words.mean(dim=0) - 0.5).abs().max() < 0.01
    assert (torch.corrcoef(bytes_of_words.T) - torch.eye(8)).abs().max() < 0.02


def test_gradients_pass_where_the_values_do() -> None:
    torch.manual_seed(2)
    x = torch.randn(5, 7, requires_grad=True)
    out = dropout(x, 0.4, True)
    out.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.equal(x.grad != 0, out != 0)


def test_without_training_nothing_changes_and_seeds_repeat() -> None:
    layer, x = Dropout(0.3), torch.randn(3, 5)
    assert layer.eval()(x) is x and Dropout(0.0)(x) is x and dropout(x[:0], 0.5, True).numel() == 0
    layer.train()
    torch.manual_seed(3)
    first = layer(x)
    torch.manual_seed(3)
    assert torch.equal(first, layer(x)) and repr(layer) == "Dropout(rate=0.3)"
