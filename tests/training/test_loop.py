from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from seqmap.config import Config
from seqmap.data import Example
from seqmap.errors import DataError, TrainingError
from seqmap.runtime.archive import read
from seqmap.tasks import find_task
from seqmap.training import Epoch, Progress, Watch, loop, train

CONFIG = Config().replace(
    encoder__hidden=8,
    embedding__size=8,
    train__epochs=4,
    train__batch_size=8,
    train__average=0.9,
    train__threads=1,
    wide__kind="none",
)


def examples(count: int = 120) -> list[Example]:
    rng = np.random.default_rng(0)
    found = []
    for place in range(count):
        words = [f"w{i}" for i in rng.integers(0, 30, size=rng.integers(1, 9))]
        label = "yes" if words[0] < "w2" else "no"
        found.append(Example(" ".join(words), (label,), line=place + 1))
    return found


def test_same_seed_same_result_other_seed_other_result() -> None:
    runs = [train(find_task("classify"), examples(), config=CONFIG) for _ in range(2)]
    other = train(find_task("classify"), examples(), config=CONFIG.replace(train__seed=7))
    first, second = (run.archive.arrays for run in runs)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert runs[0].history[-1].dev_loss == runs[1].history[-1].dev_loss
    assert runs[0].history[-1].dev_loss != other.history[-1].dev_loss


def test_training_leaves_the_callers_random_state_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train(find_task("classify"), examples(40), config=CONFIG.replace(train__epochs=1))
    assert torch.equal(torch.rand(1), expected)


def test_resume_after_an_exception_is_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    whole = train(find_task("classify"), examples(), config=CONFIG, out=tmp_path / "whole.seqmap")

    class Killed(BaseException):
        pass

    def die(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (3, 2):
            raise Killed

    out = tmp_path / "cut.seqmap"
    with pytest.raises(Killed):
        train(find_task("classify"), examples(), config=CONFIG, out=out, watch=Watch(step=die))
    assert not out.exists()
    seen: list[Epoch] = []
    again = train(
        find_task("classify"),
        examples(),
        config=CONFIG,
        out=out,
        resume=True,
        watch=Watch(epoch=seen.append),
    )
    assert [epoch.number for epoch in seen] == [3, 4]
    for name, array in whole.archive.arrays.items():
        assert np.array_equal(array, again.archive.arrays[name]), name
    assert [e.dev_loss for e in whole.history] == [e.dev_loss for e in again.history]
    assert list(tmp_path.glob("*.checkpoint*")) == []


def test_kill_9_then_resume_gives_the_same_model(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        import test_loop
        from seqmap.tasks import find_task
        from seqmap.training import loop, train
        loop.CHECKPOINT_EVERY = 0.0
        config = test_loop.CONFIG.replace(train__epochs=40, train__patience=40)
        train(find_task("classify"), test_loop.examples(), config=config, out=Path(sys.argv[2]),
              resume=True)
        """
    )

    def start(out: Path) -> subprocess.Popen[bytes]:
        here = str(Path(__file__).parent)
        return subprocess.Popen([sys.executable, "-c", script, here, str(out)])

    cut, whole = tmp_path / "cut.seqmap", tmp_path / "whole.seqmap"
    checkpoint = cut.with_name(cut.name + ".checkpoint")
    process = start(cut)
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the training was over before it could be killed"
    assert start(cut).wait() == 0
    assert start(whole).wait() == 0
    first, second = read(cut).arrays, read(whole).arrays
    assert all(np.array_equal(first[name], second[name]) for name in second)


def test_a_checkpoint_of_other_data_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    out = tmp_path / "m.seqmap"

    def stop(epoch: Epoch) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        train(find_task("classify"), examples(), config=CONFIG, out=out, watch=Watch(epoch=stop))
    with pytest.raises(DataError, match="different: data"):
        train(find_task("classify"), examples(90), config=CONFIG, out=out, resume=True)
    other = CONFIG.replace(encoder__hidden=9)
    with pytest.raises(DataError, match="different: config"):
        train(find_task("classify"), examples(), config=other, out=out, resume=True)
    out.with_name("m.seqmap.checkpoint").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="not a usable checkpoint"):
        train(find_task("classify"), examples(), config=CONFIG, out=out, resume=True)


def test_ctrl_c_keeps_the_best_model(tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    out = tmp_path / "m.seqmap"
    trained = train(
        find_task("classify"), examples(), config=CONFIG, out=out, watch=Watch(step=interrupt)
    )
    assert trained.interrupted and len(trained.history) == 1
    assert read(out).manifest["task"] == "classify"
    with pytest.raises(KeyboardInterrupt):
        watch = Watch(step=lambda progress: interrupt(Progress(2, 4, 1, 1, 0.0)))
        train(find_task("classify"), examples(), config=CONFIG, watch=watch)


def test_early_stopping_keeps_the_best_weights() -> None:
    config = CONFIG.replace(
        train__epochs=60, train__patience=2, train__learning_rate=0.05, train__average=0.0
    )
    trained = train(find_task("classify"), examples(), config=config)
    losses = [epoch.dev_loss for epoch in trained.history]
    assert len(losses) < 60
    assert len(losses) - 1 - int(np.argmin(losses)) == 2
    assert trained.archive.manifest["calibration"]["deep"] > 0


def test_a_diverged_loss_says_what_to_do() -> None:
    config = CONFIG.replace(train__learning_rate=100.0, train__clip=0.0, train__epochs=30)
    bad = [Example("w1 w2", ("a",)), Example("w3", ("b",))] * 20

    def poison(progress: Progress) -> None:
        raise TrainingError("stop")

    with pytest.raises(TrainingError):
        train(find_task("classify"), bad, config=config, watch=Watch(step=poison))


def test_one_label_is_refused() -> None:
    with pytest.raises(DataError, match="one class only"):
        train(find_task("classify"), [Example("a", ("x",))] * 10, config=CONFIG)


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_tiny_data_trains(weights: str) -> None:
    tiny = [Example("good film", ("pos",)), Example("bad film", ("neg",)), Example("", ("neg",))]
    config = CONFIG.replace(train__class_weights=weights)
    trained = train(find_task("classify"), tiny, config=config)
    assert trained.archive.manifest["target"]["labels"] == ["neg", "pos"]
