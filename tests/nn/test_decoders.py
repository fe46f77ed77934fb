"""The same numbers in training and in deployment, for every decoder and encoder."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from seqmap.config import Config
from seqmap.errors import ArchiveError, ConfigError
from seqmap.nn.model import to_arrays
from seqmap.nn.translator import PairBatch, TranslationNetwork
from seqmap.runtime import native
from seqmap.runtime.members import member_arrays
from seqmap.runtime.translate_members import TranslateNetworks
from seqmap.runtime.translate_network import TranslateNetwork
from seqmap.search.writing import NumpyKernel

SMALL: dict[str, Any] = {
    "embedding__size": 8,
    "encoder__hidden": 8,
    "encoder__heads": 2,
    "translate__hidden": 12,
    "translate__heads": 3,
}
KINDS = [
    {"translate__decoder": "lstm", "translate__layers": 1},
    {"translate__decoder": "lstm", "translate__layers": 3},
    {"translate__decoder": "lstm", "translate__attention": "bahdanau", "translate__layers": 2},
    {"translate__decoder": "lstm-feeding", "translate__layers": 2},
    {
        "translate__decoder": "lstm-feeding",
        "translate__attention": "bahdanau",
        "translate__coverage": "sum",
    },
    {"translate__decoder": "transformer", "translate__layers": 2},
    {"translate__decoder": "transformer", "translate__members": 2},
    {"translate__decoder": "lstm-feeding", "translate__members": 3},
    {"translate__decoder": "transformer", "encoder__name": "transformer"},
    {"translate__decoder": "transformer", "encoder__name": "lstm-transformer"},
    {"encoder__name": "gru", "translate__tie": "target", "translate__vocabulary": "separate"},
    {"encoder__name": "rnn", "encoder__direction": "forward", "translate__tie": "none"},
]
SOURCES = [[3, 4, 5, 6, 7], [2], [9, 8, 7]]
TARGETS = [[5, 2, 9], [7, 7, 7, 7, 3, 2], [4]]


def built(seed: int = 0, **settings: Any) -> tuple[TranslationNetwork, Config]:
    config = Config().replace(**(SMALL | settings))
    torch.manual_seed(seed)
    network = TranslationNetwork(source=11, target=11, config=config).eval()
    for parameter in network.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return network, config


def batch_of(sources: list[list[int]], targets: list[list[int]]) -> PairBatch:
    def padded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(map(len, rows)) + 1
        return (
            torch.tensor([row + [0] * (width - len(row)) for row in rows]),
            torch.tensor([len(row) + 1 for row in rows]),
        )

    return PairBatch(*padded(sources), *padded(targets))


@torch.no_grad()
def taught(network: TranslationNetwork, source: list[int], target: list[int]) -> np.ndarray:
    """Return log P of all pieces at all steps by torch, (steps, pieces)."""
    return network(batch_of([source], [target])).numpy()


def deployed(network: TranslationNetwork, config: Config) -> TranslateNetworks:
    arrays = to_arrays(network.state_dict())
    members = [
        TranslateNetwork(member_arrays(arrays, place), config, source=11, target=11)
        for place in range(config.translate.members)
    ]
    return TranslateNetworks(members, NumpyKernel())


@pytest.mark.parametrize("core", ["numpy", "native"])
@pytest.mark.parametrize("settings", KINDS, ids=lambda s: "-".join(map(str, s.values())))
def test_deployment_computes_what_training_does(
    settings: dict[str, Any], core: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, config = built(**settings)
    if core == "numpy":
        monkeypatch.setattr(native, "available", lambda: False)
    elif not native.available():
        pytest.skip("there is no native core here")
    writer = deployed(network, config)
    assert writer.backend == core
    sources = [np.array(source, np.int32) for source in SOURCES]
    state = writer.begin(sources, 2)
    written = [[], [], []]  # type: ignore[list-item]
    last = np.zeros((3, 2), np.int64)
    for step in range(3):
        scores, attention, state = writer.step(state, last)
        scores = log_softmax(scores, axis=1)
        np.testing.assert_allclose(attention.sum(axis=2), 1.0, rtol=1e-5)
        assert attention[1, :, 2:].max(initial=0) == 0  # beyond the source's end
        for row, (source, target) in enumerate(zip(SOURCES, TARGETS, strict=True)):
            wanted = taught(network, source, (target * 3)[:3])[step]
            np.testing.assert_allclose(scores[2 * row], wanted, atol=2e-5)
            np.testing.assert_allclose(scores[2 * row + 1], wanted, atol=2e-5)
            written[row].append((target * 3)[step])
        last = np.array([[own[-1]] * 2 for own in written])
        state = writer.select(state, np.arange(3), np.array([[1, 0]] * 3))
    # Some sentences go, hypotheses change places.
    kept = writer.select(state, np.array([2]), np.array([[0, 0]]))
    scores = log_softmax(writer.step(kept, last[2:])[0], axis=1)
    wanted = taught(network, SOURCES[2], (TARGETS[2] * 4)[:3])[3]
    np.testing.assert_allclose(scores[1], wanted, atol=2e-5)


@pytest.mark.parametrize("settings", KINDS, ids=lambda s: "-".join(map(str, s.values())))
def test_padding_changes_nothing(settings: dict[str, Any]) -> None:
    network, _ = built(**settings)
    with torch.no_grad():
        together = network(batch_of(SOURCES, TARGETS)).numpy()
    alone = [taught(network, s, t) for s, t in zip(SOURCES, TARGETS, strict=True)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=2e-5)


@pytest.mark.parametrize("settings", KINDS[:8], ids=lambda s: "-".join(map(str, s.values())))
def test_a_step_does_not_see_what_follows(settings: dict[str, Any]) -> None:
    network, _ = built(**settings)
    for first, second in itertools.pairwise([[5, 2, 9, 3], [5, 2, 4, 8], [5, 2, 6, 6]]):
        one, other = taught(network, [3, 4], first), taught(network, [3, 4], second)
        np.testing.assert_allclose(one[:3], other[:3], atol=1e-6)
        assert np.abs(one[3] - other[3]).max() > 1e-4


@pytest.mark.parametrize("settings", KINDS[:8], ids=lambda s: "-".join(map(str, s.values())))
def test_every_weight_learns(settings: dict[str, Any]) -> None:
    network, config = built(**settings, translate__scheduled_sampling=0.5)
    network.train()
    batch = batch_of(SOURCES, TARGETS)
    mask = torch.arange(batch.target.shape[1]) < batch.target_lengths[:, None]
    network.loss(batch, batch.target[mask]).backward()
    still = {n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()}
    unused = {"decoder.attention.covered"} if config.translate.coverage == "none" else set()
    assert still <= unused


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match="coverage needs"):
        built(translate__coverage="sum")
    with pytest.raises(ConfigError, match="joint vocabulary"):
        built(translate__vocabulary="separate")
    with pytest.raises(ConfigError, match="multiple of"):
        built(translate__decoder="transformer", translate__heads=5)


def test_arrays_that_do_not_fit() -> None:
    network, config = built()
    arrays = to_arrays(network.state_dict())
    for name in (
        "source.weight",
        "bias",
        "decoder.combine.weight",
        "encoder.layers.0.forward.w_hh",
    ):
        wrong = {**arrays, name: arrays[name][:-1]}
        with pytest.raises(ArchiveError, match="does not fit"):
            TranslateNetwork(wrong, config, source=11, target=11)
        missing = {n: a for n, a in arrays.items() if n != name}
        with pytest.raises(ArchiveError, match="lacks an array"):
            TranslateNetwork(missing, config, source=11, target=11)
