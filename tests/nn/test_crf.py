"""The CRF's loss and its gradient, which is computed by hand."""

from __future__ import annotations

import itertools

import torch

from seqmap.codecs.tags import TagCodec
from seqmap.nn.heads.crf import CRF


def log_partition(emissions: torch.Tensor, length: int, crf: CRF) -> torch.Tensor:
    """Sum over all sequences, in torch, so that autograd gives the gradient."""
    transitions, start, end = crf.scores()
    scores = []
    for path in itertools.product(range(emissions.shape[1]), repeat=length):
        score = start[path[0]] + end[path[-1]]
        for t, tag in enumerate(path):
            score = score + emissions[t, tag]
            if t:
                score = score + transitions[path[t - 1], tag]
        scores.append(score)
    return torch.stack(scores).logsumexp(0)


def test_loss_and_gradients_are_those_of_all_sequences() -> None:
    torch.manual_seed(0)
    codec = TagCodec(["O", "B-X", "I-X", "E-X", "S-X"], spans=True)
    crf = CRF(torch.from_numpy(codec.allowed())).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    lengths = torch.tensor([4, 2, 1])
    tags = torch.tensor([[0, 1, 2, 3], [4, 0, 9, 9], [0, 9, 9, 9]])
    emissions = torch.randn(3, 4, 5, dtype=torch.double, requires_grad=True)
    loss = crf.loss(emissions, tags, lengths)
    loss.backward()
    found = [emissions.grad, *(p.grad for p in crf.parameters())]

    expected = emissions.detach().clone().requires_grad_()
    other = CRF(torch.from_numpy(codec.allowed())).double()
    other.load_state_dict(crf.state_dict())
    transitions, start, end = other.scores()
    total = torch.zeros((), dtype=torch.double)
    for row, length in enumerate(lengths.tolist()):
        path = tags[row, :length].tolist()
        gold = start[path[0]] + end[path[-1]]
        for t, tag in enumerate(path):
            gold = gold + expected[row, t, tag]
            if t:
                gold = gold + transitions[path[t - 1], tag]
        total = total + log_partition(expected[row], length, other) - gold
    reference = total / lengths.sum()
    torch.testing.assert_close(loss, reference)
    reference.backward()
    wanted = [expected.grad, *(p.grad for p in other.parameters())]
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours is not None and theirs is not None
        torch.testing.assert_close(ours, torch.nan_to_num(theirs))


def test_long_and_extreme_sequences_stay_finite() -> None:
    torch.manual_seed(1)
    codec = TagCodec(["O", "B-X", "I-X", "E-X", "S-X"], spans=True)
    crf = CRF(torch.from_numpy(codec.allowed()))
    emissions = (40 * torch.randn(2, 3000, 5)).requires_grad_()
    loss = crf.loss(emissions, torch.zeros(2, 3000, dtype=torch.long), torch.tensor([3000, 5]))
    loss.backward()
    assert torch.isfinite(loss)
    assert emissions.grad is not None and torch.isfinite(emissions.grad).all()
    assert torch.isfinite(crf.transitions.grad).all()  # type: ignore[arg-type]
