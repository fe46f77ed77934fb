from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seqmap.codecs.base import PAD, UNKNOWN
from seqmap.config import Config, EmbeddingConfig, HeadConfig
from seqmap.nn.embedding import TokenEmbedding, variational_dropout
from seqmap.nn.encoders import build_encoder
from seqmap.nn.heads import HEADS
from seqmap.nn.masks import valid
from seqmap.nn.model import SequenceModel, load_arrays, to_arrays
from seqmap.nn.pooling import Pooling

LENGTHS = torch.tensor([4, 2, 0])


@pytest.mark.parametrize("kind", ["last", "mean", "max", "attention", "mean-max"])
def test_pooling_by_hand(kind: str) -> None:
    torch.manual_seed(0)
    pooling = Pooling(kind, 6, directions=2)  # type: ignore[arg-type]
    states = torch.randn(3, 4, 6)
    pooled = pooling(states, LENGTHS)
    assert pooled.shape == (3, pooling.width)
    assert not pooled[2].any()
    two = states[1, :2]
    if kind == "last":
        expected = torch.cat([two[1, :3], two[0, 3:]])
    elif kind == "attention":
        scores = torch.tanh(pooling.project(two)) @ pooling.context
        expected = scores.softmax(0) @ two
    else:
        parts = {"mean": [two.mean(0)], "max": [two.amax(0)]}
        expected = torch.cat(parts.get(kind, parts["mean"] + parts["max"]))
    torch.testing.assert_close(pooled[1], expected)
    assert pooling(states[:, :0], torch.zeros(3, dtype=torch.int64)).shape == pooled.shape


def test_word_dropout_gives_the_unknown_symbol_and_spares_padding() -> None:
    torch.manual_seed(0)
    table = TokenEmbedding(10, EmbeddingConfig(size=4, dropout=0.0, word_dropout=0.5)).train()
    ids = torch.full((50, 20), 7)
    ids[:, 10:] = PAD
    vectors = table(ids)
    unknown = (vectors == table.weight[UNKNOWN]).all(-1)
    assert 0.4 < unknown[:, :10].float().mean() < 0.6
    assert not vectors[:, 10:].any()
    assert torch.equal(table.eval()(ids)[0, 0], table.weight[7])


def test_variational_dropout_is_the_same_at_every_step() -> None:
    torch.manual_seed(0)
    dropped = variational_dropout(torch.ones(2, 5, 100), 0.3, True)
    assert torch.equal(dropped[:, 0], dropped[:, 4])
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 1 / 0.7]))
    assert 0.6 < (dropped > 0).float().mean() < 0.8


def test_losses_against_torch() -> None:
    encoder = build_encoder(4, Config().encoder)
    scores = torch.randn(5, 3)
    labels = torch.tensor([0, 1, 2, 1, 0])
    weights = torch.tensor([0.5, 1.0, 2.0])
    head = HEADS["label"](encoder, 3, HeadConfig()).eval()
    one_hot = F.one_hot(labels, 3).float()
    torch.testing.assert_close(head.loss(scores, one_hot), F.cross_entropy(scores, labels))
    expected = F.cross_entropy(scores, labels, weight=weights, reduction="none").mean()
    torch.testing.assert_close(head.loss(scores, one_hot, weights), expected)
    soft = torch.rand(5, 3).softmax(-1)
    torch.testing.assert_close(head.loss(scores, soft), F.cross_entropy(scores, soft))
    smooth = HEADS["label"](encoder, 3, HeadConfig(label_smoothing=0.1)).train()
    expected = F.cross_entropy(scores, labels, label_smoothing=0.1)
    torch.testing.assert_close(smooth.loss(scores, one_hot), expected)
    several = HEADS["multi-label"](encoder, 3, HeadConfig()).eval()
    expected = F.binary_cross_entropy_with_logits(scores, one_hot) * 3
    torch.testing.assert_close(several.loss(scores, one_hot), expected)


def test_archive_names_and_round_trip() -> None:
    config = Config().replace(
        encoder__hidden=4, encoder__layers=2, embedding__size=5, head__pooling="attention"
    )
    torch.manual_seed(0)
    model = SequenceModel(vocabulary=9, classes=2, head="label", config=config)
    arrays = to_arrays(model.state_dict())
    assert arrays["encoder.layers.1.backward.w_ih"].shape == (16, 8)
    assert arrays["encoder.layers.0.forward.bias"].shape == (16,)
    assert {"embedding.weight", "pooling.context", "head.weight"} <= set(arrays)
    other = SequenceModel(vocabulary=9, classes=2, head="label", config=config).eval()
    load_arrays(other, arrays)
    ids = torch.tensor([[2, 3, 4], [5, 0, 0]])
    lengths = torch.tensor([3, 1])
    torch.testing.assert_close(other(ids, lengths), model.eval()(ids, lengths))


def test_the_gradient_of_mean_max_is_that_of_its_parts() -> None:
    states = torch.randn(4, 5, 6, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([5, 0, 1, 3])
    pooling = Pooling("mean-max", 6, directions=1)
    upstream = torch.randn(4, 12, dtype=torch.float64)
    (found,) = torch.autograd.grad(pooling(states, lengths), states, upstream)
    parts = [Pooling(kind, 6, directions=1)(states, lengths) for kind in ("mean", "max")]
    expected = torch.cat(parts, dim=-1)
    torch.testing.assert_close(pooling(states, lengths), expected)
    (wanted,) = torch.autograd.grad(expected, states, upstream)
    torch.testing.assert_close(found, wanted)
    assert torch.autograd.gradcheck(lambda x: pooling(x, lengths), states)
    # Whatever stands in the padding, it counts for nothing.
    beyond = ~valid(lengths, 5)
    assert not found[beyond].any()
    other = states.detach().masked_fill(beyond[:, :, None], 1e6)
    torch.testing.assert_close(pooling(other, lengths), expected.detach())
