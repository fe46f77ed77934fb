from __future__ import annotations

import os

import pytest
import torch

from seqmap.config import TrainConfig
from seqmap.runtime import native
from seqmap.training.setup import torch_set_up


@pytest.mark.skipif(not native.available(), reason="the native core is not built")
def test_threads_are_set_for_torch_and_core_and_given_back() -> None:
    before = torch.get_num_threads(), native.threads()
    with torch_set_up(TrainConfig(threads=3)):
        assert (torch.get_num_threads(), native.threads()) == (3, 3)
    assert (torch.get_num_threads(), native.threads()) == before


def test_the_callers_random_numbers_go_on_undisturbed() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with torch_set_up(TrainConfig(seed=1)):
        torch.rand(5)
    assert torch.equal(torch.rand(3), expected)


def test_threads_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = len(os.sched_getaffinity(0))
    for asked, count in (("1", 1), ("3", 3), ("", cores), ("many", cores), ("0", cores)):
        monkeypatch.setenv("SEQMAP_THREADS", asked)
        with torch_set_up(TrainConfig()):
            assert torch.get_num_threads() == count
    monkeypatch.setenv("SEQMAP_THREADS", "1")
    with torch_set_up(TrainConfig(threads=2)):
        assert torch.get_num_threads() == 2
