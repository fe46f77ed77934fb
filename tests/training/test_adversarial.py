from __future__ import annotations

import pytest
import torch

from seqmap.config import Config
from seqmap.data import Example
from seqmap.nn.model import SequenceModel
from seqmap.tasks import find_task
from seqmap.training import train
from seqmap.training.adversarial import _divergence, _of_size, virtual_adversarial_loss

CONFIG = Config().replace(
    encoder__hidden=8, embedding__size=8, train__threads=1, train__epochs=2, wide__kind="none"
)


def model_and_batch(head: str = "label") -> tuple[SequenceModel, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    model = SequenceModel(vocabulary=20, classes=3, head=head, config=CONFIG)
    ids = torch.randint(2, 20, (6, 7))
    lengths = torch.tensor([7, 7, 5, 3, 1, 7])
    ids[torch.arange(7)[None] >= lengths[:, None]] = 0
    return model, ids, lengths


@pytest.mark.parametrize("multi", [False, True])
def test_the_worst_direction_is_worse_than_a_random_one(multi: bool) -> None:
    model, ids, lengths = model_and_batch("multi-label" if multi else "label")
    worst = virtual_adversarial_loss(model, ids, lengths, 0.3, multi=multi).item()
    model.eval()
    with torch.no_grad():
        vectors = model.embedding(ids)
        truth = model.score(vectors, lengths)
        size = 0.3 * vectors.flatten(1).norm(dim=1)
        changes = [_of_size(torch.randn_like(vectors), size, vectors) for _ in range(20)]
        found = [_divergence(truth, model.score(vectors + c, lengths), multi) for c in changes]
    assert worst > 0 and worst > 1.5 * float(torch.stack(found).mean())
    smaller = virtual_adversarial_loss(model, ids, lengths, 0.03, multi=multi).item()
    assert 0 <= smaller < 0.1 * worst  # it grows with the square


def test_padding_does_not_change_and_lengths_are_kept() -> None:
    vectors = torch.randn(3, 4, 5)
    vectors[1, 2:] = 0
    change = _of_size(torch.randn(3, 4, 5), torch.tensor([1.0, 2.0, 0.5]), vectors)
    assert (change[1, 2:] == 0).all()
    torch.testing.assert_close(change.flatten(1).norm(dim=1), torch.tensor([1.0, 2.0, 0.5]))


def test_the_gradient_reaches_the_encoder_and_not_the_vectors() -> None:
    model, ids, lengths = model_and_batch()
    virtual_adversarial_loss(model, ids, lengths, 0.3, multi=False).backward()
    assert model.training and model.embedding.weight.grad is None
    assert all(w.grad is not None for w in model.encoder.parameters())


def test_a_classifier_is_trained_so_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"good": "fine", "bad": "poor"}
    labels = ["good", "bad"] * 20
    examples = [Example(f"the thing {n} was {words[y]}", (y,)) for n, y in enumerate(labels)]
    task = find_task("classify")
    plain = train(task, examples, examples, config=CONFIG)
    asked: list[float] = []

    def one(model: object, ids: object, lengths: object, share: float, *, multi: bool) -> object:
        asked.append(share)
        return torch.tensor(1.0)

    monkeypatch.setattr("seqmap.training.classify.virtual_adversarial_loss", one)
    stable = train(task, examples, examples, config=CONFIG.replace(train__adversarial=0.1))
    assert set(asked) == {0.1}
    for first, second in zip(plain.history, stable.history, strict=True):
        assert second.train_loss == pytest.approx(first.train_loss + 1.0, abs=1e-5)
