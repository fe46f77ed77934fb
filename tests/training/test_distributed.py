"""Two processes that train together: the same model as one, one voice, and an end when one dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from seqmap.config import TrainConfig
from seqmap.errors import ConfigError
from seqmap.runtime.archive import read
from seqmap.training.checkpoint import load_checkpoint
from seqmap.training.distributed import ALONE, NEEDED, joined

SMALL = {
    "encoder.hidden": 12,
    "embedding.size": 12,
    "embedding.dropout": 0.0,
    "embedding.word_dropout": 0.0,
    "encoder.dropout": 0.0,
    "encoder.weight_dropout": 0.0,
    "head.dropout": 0.0,
    "train.precision": "fp32",
    "train.threads": 1,
}
"""Nothing is left to chance: each process would drop other units."""
SETTINGS = {
    # A last batch of one example leaves the second process without any.
    "classify": {"train.batch_size": 24, "train.epochs": 3, "wide.kind": "none"},
    "tag": {
        "train.batch_size": 5,
        "train.epochs": 2,
        "tag.singleton_dropout": 0.0,
        "tag.feature_dropout": 0.0,
    },
    "language": {
        "train.batch_size": 5,
        "train.epochs": 2,
        "language.steps": 400,
        "text.unit": "word",
    },
    "translate": {
        "train.batch_size": 7,
        "train.epochs": 2,
        "translate.sampling": 0.0,
        "translate.dropout": 0.0,
        "translate.hidden": 12,
    },
}


def write(task: str, folder: Path) -> Path:
    """Write a small data set of a task."""
    rng = np.random.default_rng(3)
    sentences = [
        [f"w{number}" for number in rng.integers(0, 40, size=rng.integers(1, 12))]
        for _ in range(81)
    ]
    if task == "classify":
        lines = [f"{' '.join(words)}\t{words[0] < 'w2'}" for words in sentences]
        path = folder / "train.tsv"
    elif task == "tag":
        lines = [
            line
            for words in sentences
            for line in [*(f"{w} {'B-X' if w < 'w2' else 'O'}" for w in words), ""]
        ]
        path = folder / "train.conll"
    elif task == "translate":
        lines = [f"{' '.join(words)}\t{' '.join(reversed(words))}" for words in sentences]
        path = folder / "train.tsv"
    else:
        # Longer than the pieces in which it is read, so that both processes encode some.
        lines = [" ".join(words) for words in sentences * 120]
        path = folder / "train.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def words(task: str, data: Path, out: Path, **more: object) -> list[str]:
    settings = {**SMALL, **SETTINGS[task], **{k.replace("__", "."): v for k, v in more.items()}}
    found = ["-m", "seqmap", "train", task, str(data), "--out", str(out), "--no-baseline"]
    return found + [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def together(*command: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*torchrun, "--nproc-per-node", str(processes), *command],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize("task", ["classify", "tag", "language", "translate"])
def test_two_processes_give_the_model_of_one(task: str, tmp_path: Path) -> None:
    data = write(task, tmp_path)
    one, two = tmp_path / "one.seqmap", tmp_path / "two.seqmap"
    alone = subprocess.run(
        [sys.executable, *words(task, data, one), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    both = together(*words(task, data, two), "--json")
    assert both.returncode == 0, both.stderr
    # One voice: a single JSON object, each epoch told once.
    (line,) = both.stdout.splitlines()
    first, second = json.loads(alone.stdout), json.loads(line)
    assert both.stderr.count("epoch   1") == 1
    for before, after in zip(first["history"], second["history"], strict=True):
        assert after["train_loss"] == pytest.approx(before["train_loss"], rel=1e-4)
        assert after["dev_loss"] == pytest.approx(before["dev_loss"], rel=1e-4)
    arrays, others = read(one).arrays, read(two).arrays
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(others[name], array, atol=2e-4, err_msg=name)
        else:
            np.testing.assert_array_equal(others[name], array, err_msg=name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [data.name, one.name, two.name]
    )


def test_a_killed_worker_ends_the_job_and_its_checkpoint_goes_on(tmp_path: Path) -> None:
    data, out = write("classify", tmp_path), tmp_path / "m.seqmap"
    checkpoint = tmp_path / "m.seqmap.checkpoint"
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys
            from pathlib import Path
            from seqmap.cli import main
            from seqmap.training import loop
            loop.CHECKPOINT_EVERY = 0.0
            Path(sys.argv[0]).with_name("pid." + os.environ.get("RANK", "0")).write_text(
                str(os.getpid())
            )
            main()
            """
        )
    )
    endless = {"train__epochs": 5000, "train__patience": 5000}
    command = [str(script), *words("classify", data, out, **endless)[2:]]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    job = subprocess.Popen(
        [*torchrun, "--nproc-per-node", "2", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and job.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert checkpoint.exists()
    os.kill(int((tmp_path / "pid.1").read_text()), signal.SIGKILL)
    assert job.wait(timeout=60) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid.0").read_text()), 0)
    assert not out.exists()

    import torch

    kept = load_checkpoint(checkpoint, torch.device("cpu"))
    assert kept is not None and kept.facts["state"]["epoch"] >= 1
    reached = int(kept.facts["state"]["epoch"])
    # The settings are part of what must be equal: only the epochs that are left are fewer.
    facts = kept.facts
    facts["identity"]["config"]["train"]["epochs"] = reached + 2
    from seqmap.training.checkpoint import save_checkpoint

    save_checkpoint(kept, checkpoint)
    rest = {"train__epochs": reached + 2, "train__patience": 5000}
    again = together(*words("classify", data, out, **rest), "--resume", "--json")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout.splitlines()[-1])
    assert found["epochs"] == reached + 2
    assert out.exists() and not checkpoint.exists()


def test_errors_are_told_once_with_a_way_out(tmp_path: Path) -> None:
    data = write("classify", tmp_path)
    found = together(*words("classify", data, tmp_path / "m.seqmap", train__batch_size=1))
    assert found.returncode != 0
    assert found.stderr.count("train.batch_size is that of all processes together") == 1
    # torchrun adds a traceback of its own.
    assert "seqmap/cli.py" not in found.stderr


def test_processes_with_other_data_are_refused(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys
            rank = os.environ["RANK"]
            sys.argv[1:] = ["train", "classify", f"{sys.argv[1]}/{rank}.tsv", "--set",
                            "train.epochs=1", "--out", f"{sys.argv[1]}/m.seqmap"]
            from seqmap.cli import main
            main()
            """
        )
    )
    text = write("classify", tmp_path).read_text()
    (tmp_path / "0.tsv").write_text(text)
    (tmp_path / "1.tsv").write_text(text.replace("w1", "w7"))
    found = together(str(script), str(tmp_path))
    assert found.returncode != 0
    assert "do not have the same data and settings" in found.stderr
    assert "2 different ones among 2 processes" in found.stderr


def test_gradients_count_as_much_as_was_read(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import torch
            from torch import nn
            from seqmap.config import TrainConfig
            from seqmap.training.distributed import joined

            with joined(TrainConfig()) as group:
                rank = group.rank
                dense, idle = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(3))
                table = nn.Parameter(torch.zeros(5, 2))
                count = [1.0, 3.0][rank]
                dense.grad = torch.full((2, 2), [4.0, 8.0][rank])
                rows = torch.tensor([[[1, 3]], [[3, 3]]][rank])
                table.grad = torch.sparse_coo_tensor(rows, torch.ones(2, 2), (5, 2)).coalesce()
                loss = group.average([dense, idle], [table], count, [1.0, 2.0][rank])
                assert loss == (1 * 1 + 3 * 2) / 4, loss
                assert torch.equal(dense.grad, torch.full((2, 2), (4 + 3 * 8) / 4))
                assert idle.grad is None
                expected = torch.tensor([0, 0.25, 0, 0.25 + 0.75 * 2, 0])[:, None].expand(5, 2)
                assert torch.equal(table.grad.to_dense(), expected), table.grad

                # Who had nothing of a batch still steps with the others.
                dense.grad = torch.ones(2, 2) if rank else None
                table.grad = None
                assert group.average([dense, idle], [table], float(rank), 5.0 * rank) == 5.0
                assert torch.equal(dense.grad, torch.ones(2, 2))
                assert table.grad is None

                # Nobody had anything, and a mean of nothing may be NaN.
                dense.grad = torch.full((2, 2), float("nan")) if rank else torch.zeros(2, 2)
                table.grad = torch.sparse_coo_tensor(
                    torch.tensor([[1]]), torch.full((1, 2), float("nan")), (5, 2)
                ).coalesce()
                assert group.average([dense, idle], [table], 0.0, float("nan")) == 0.0
                assert torch.equal(dense.grad, torch.zeros(2, 2))
                assert idle.grad is None and not table.grad.to_dense().any()

                assert group.told({"a": [1, None]} if group.lead else None) == {"a": [1, None]}
                assert group.gathered("ab"[rank] * (1 + rank)) == ["a", "bb"]
                found = group.spread({"x": torch.full((3,), float(rank))})
                assert torch.equal(found["x"], torch.zeros(3))
            """
        )
    )
    found = together(str(script))
    assert found.returncode == 0, found.stderr


def test_a_batch_with_nothing_to_learn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from torch import distributed, nn

    monkeypatch.setattr(distributed, "all_reduce", lambda tensor: None)
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.full((2,), float("nan"))
    assert ALONE.average([weight], [], 0.0, float("nan")) == 0.0
    assert torch.equal(weight.grad, torch.zeros(2))


def test_one_process_needs_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)
    with joined(TrainConfig()) as group:
        assert group is ALONE
    assert ALONE.told({"a": 1}) == {"a": 1} and ALONE.gathered("x") == ["x"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"WORLD_SIZE": "2"}, "no RANK, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT"),
        ({"RANK": "one"}, "must be numbers.*RANK=one"),
        ({"RANK": "2"}, "contradict each other.*RANK=2, WORLD_SIZE=2"),
    ],
)
def test_a_broken_environment_is_told(
    given: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dict(zip(NEEDED, ["0", "2", "0", "2", "localhost", "29511"], strict=True))
    found = given if given == {"WORLD_SIZE": "2"} else whole | given
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message), joined(TrainConfig()):
        pass


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_no_thread_of_the_group_outlives_it(tmp_path: Path) -> None:
    # One that did could let go of its last tensor while the interpreter ends, and abort it.
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            from pathlib import Path

            import torch

            from seqmap.config import TrainConfig
            from seqmap.training.distributed import joined

            def threads():
                return [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]

            with joined(TrainConfig()) as group:
                weight = torch.nn.Parameter(torch.ones(2))
                step = torch.optim.AdamW([weight])
                weight.sum().backward()
                group.average([weight], [], 1.0, 1.0)
                step.step()
                assert any("gloo" in name for name in threads()), threads()
            assert not any("gloo" in name for name in threads()), threads()
            """
        )
    )
    done = together(str(script))
    assert done.returncode == 0, done.stderr
