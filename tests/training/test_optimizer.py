from __future__ import annotations

import dataclasses

import torch
from torch import nn
from torch.nn import functional as F

from seqmap.config import TrainConfig
from seqmap.training.average import WeightAverage
from seqmap.training.optimizer import BETAS, Optimizer
from seqmap.training.schedule import learning_rate


class Toy(nn.Module):
    def __init__(self, sparse: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(6, 3))
        self.dense = nn.Linear(3, 2)
        self.sparse = sparse

    def loss(self, ids: torch.Tensor) -> torch.Tensor:
        vectors = F.embedding(ids, self.table, sparse=self.sparse)
        return (self.dense(vectors) ** 2).sum() * 10


def test_rows_are_updated_as_adam_does_when_all_are_touched() -> None:
    config = TrainConfig(clip=1.0, weight_decay=0.0)
    ours, theirs = Toy(sparse=True), Toy(sparse=False)
    optimizer = Optimizer(ours, [ours.table], config)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=BETAS)
    ids = torch.tensor([0, 1, 2, 3, 4, 5, 3, 3])
    for _ in range(5):
        optimizer.step(ours.loss(ids), 0.01)
        reference.zero_grad()
        theirs.loss(ids).backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        reference.step()
    torch.testing.assert_close(ours.table, theirs.table, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.dense.weight, theirs.dense.weight, rtol=1e-4, atol=1e-5)


def test_untouched_rows_stay_and_state_round_trips() -> None:
    config = TrainConfig()
    first, second = Toy(sparse=True), Toy(sparse=True)
    before = first.table.detach().clone()
    one, two = (Optimizer(toy, [toy.table], config) for toy in (first, second))
    ids = torch.tensor([1, 4, 4])
    for _ in range(3):
        one.step(first.loss(ids), 0.01)
    assert torch.equal(first.table[[0, 2, 3, 5]], before[[0, 2, 3, 5]])
    assert not torch.equal(first.table[[1, 4]], before[[1, 4]])
    second.load_state_dict(first.state_dict())
    two.restore({name: value.clone() for name, value in one.tensors().items()})
    for toy, optimizer in ((first, one), (second, two)):
        optimizer.step(toy.loss(ids), 0.01)
    assert torch.equal(first.table, second.table)
    assert torch.equal(first.dense.weight, second.dense.weight)


def test_schedules() -> None:
    config = TrainConfig(learning_rate=1.0, warmup=0.1, schedule="linear")
    rates = [learning_rate(step, 100, config) for step in range(100)]
    assert rates[:3] == [1 / 11, 2 / 11, 3 / 11]
    assert rates[10] == max(rates) == 1.0
    assert 0 < rates[99] < 0.02
    cosine = dataclasses.replace(config, schedule="cosine")
    assert learning_rate(55, 100, cosine) == 0.5
    # Epochs may have more batches than the first, which the total was counted by.
    for kind in (config, cosine):
        assert {learning_rate(step, 100, kind) for step in (100, 101, 150, 1000)} == {0.0}
    constant = dataclasses.replace(config, schedule="constant", warmup=0.0)
    assert {learning_rate(step, 10, constant) for step in range(10)} == {1.0}


def test_the_average_follows_the_weights() -> None:
    model = nn.Linear(2, 1)
    average = WeightAverage(model, 0.99)
    with torch.no_grad():
        model.weight.fill_(3.0)
    for _ in range(4 * 500):
        average.update(model)
    torch.testing.assert_close(average.state()["weight"], torch.full((1, 2), 3.0))
