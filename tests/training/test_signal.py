from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqmap.commands.console import Screen
from seqmap.demo.signals import run_demo
from seqmap.errors import ArchiveError, DataError, UserError
from seqmap.runtime.archive import save
from seqmap.runtime.session import load
from seqmap.runtime.signal import SignalSession
from seqmap.samples.signals import gestures
from seqmap.tasks import find_task
from seqmap.training import train
from seqmap.training.loop import Epoch, Watch
from seqmap.training.signal import vary
from seqmap.training.warping import nearest_labels, warped

TASK = find_task("signal")
SMALL = TASK.config().replace(train__epochs=4, encoder__hidden=24, train__threads=1)


@pytest.fixture(scope="module")
def forward() -> SignalSession:
    config = SMALL.replace(encoder__direction="forward")
    return SignalSession(train(TASK, gestures(150), config=config).archive)


def test_it_learns_and_is_loaded_without_torch(tmp_path: Path) -> None:
    trained = train(TASK, gestures(150), config=SMALL)
    save(trained.archive, tmp_path / "m.seqmap")
    model = load(tmp_path / "m.seqmap")
    unseen = gestures(80, seed=5)
    found = model.evaluate(unseen)
    assert found.metrics["accuracy"] >= 0.85
    answer = model.predict([unseen[0].values])[0]
    assert sum(answer.probabilities.values()) == pytest.approx(1.0)
    with pytest.raises(UserError, match="whole signal"):
        model.stream()


def test_a_stream_ends_where_the_whole_does(forward: SignalSession) -> None:
    for one in gestures(12, seed=3):
        stream = forward.stream()
        values = one.values.copy()
        values[5, 1] = np.nan
        for k, step in enumerate(values):
            stream.feed(step)
            if k in (0, 9):
                whole = forward.predict_proba([values[: k + 1]])[0]
                np.testing.assert_allclose(stream.probabilities(), whole, atol=2e-5)
        whole = forward.predict_proba([values])[0]
        np.testing.assert_allclose(stream.probabilities(), whole, atol=2e-5)
        assert stream.result().label == forward.predict([values])[0].label
        assert stream.sure(0.0) and not stream.sure(1.01)


def test_early_answers_are_calibrated(forward: SignalSession) -> None:
    calibration = forward.archive.manifest["calibration"]
    assert len(calibration["temperatures"]) == 10
    assert calibration["steps"] == sorted(calibration["steps"])


def test_wrong_inputs(forward: SignalSession) -> None:
    with pytest.raises(UserError, match="takes arrays"):
        forward.predict(["text"])
    with pytest.raises(DataError, match="channels of the training"):
        forward.predict([np.zeros((4, 7))])
    with pytest.raises(DataError, match="channels of the training"):
        forward.stream().feed([1.0])
    with pytest.raises(DataError, match="finite"):
        forward.predict([np.full((4, 3), np.inf)])
    with pytest.raises(DataError, match="one class only"):
        train(TASK, gestures(10)[::5], config=SMALL)


def test_variation_keeps_what_it_is_told_to_keep() -> None:
    x = np.linspace(0, 1, 40, dtype=np.float32)[:, None].repeat(2, axis=1)
    still = SMALL.replace(signal__noise=0.0, signal__scaling=0.0, signal__warp=0.0)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(vary(x, still, rng, False), x)
    warp = still.replace(signal__warp=0.5)
    sizes = {len(vary(x, warp, rng, False)) for _ in range(50)}
    assert min(sizes) < 30 and max(sizes) > 50
    for _ in range(20):
        found = vary(x, warp, rng, False)
        np.testing.assert_allclose(found[[0, -1]], x[[0, -1]], atol=1e-6)
        assert (np.diff(found[:, 0]) >= 0).all()
    assert min(len(vary(x, still, rng, True)) for _ in range(50)) < 20


def test_warping_against_the_definition() -> None:
    rng = np.random.default_rng(0)
    one, others = rng.normal(size=(5, 2)), [rng.normal(size=(k, 2)) for k in (1, 4, 7)]

    def slow(a: np.ndarray, b: np.ndarray) -> float:
        table = np.full((len(a) + 1, len(b) + 1), np.inf)
        table[0, 0] = 0
        for i in range(len(a)):
            for j in range(len(b)):
                least = min(table[i, j], table[i, j + 1], table[i + 1, j])
                table[i + 1, j + 1] = ((a[i] - b[j]) ** 2).sum() + least
        return float(table[-1, -1])

    np.testing.assert_allclose(warped([one, one[:2]], others)[0], [slow(one, b) for b in others])
    np.testing.assert_allclose(
        warped([one, one[:2]], others)[1], [slow(one[:2], b) for b in others]
    )
    signals = gestures(40)
    assert nearest_labels(signals, signals[:5]) == [one.labels[0] for one in signals[:5]]


def test_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = SMALL.replace(encoder__direction="forward", train__epochs=1)
    run_demo(tmp_path, Screen(quiet=True, as_json=True), config=config)
    summary = json.loads(capsys.readouterr().out)
    assert summary["task"] == "classify" and 0 <= summary["early"]["answered"] <= 1
    assert (tmp_path / "gestures.seqmap").exists()


@pytest.mark.parametrize("stop", [2, 6])
def test_a_resumed_training_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """Stopped in the first training, or in the second one on all signals."""
    monkeypatch.setattr("seqmap.training.loop.CHECKPOINT_EVERY", 0.0)
    straight = train(TASK, gestures(60), config=SMALL)
    epochs = 0

    def count(epoch: Epoch) -> None:
        nonlocal epochs
        epochs += 1
        if epochs == stop:
            raise KeyboardInterrupt

    out = tmp_path / "m.seqmap"
    half = train(TASK, gestures(60), config=SMALL, out=out, watch=Watch(epoch=count))
    assert half.interrupted and len(list(tmp_path.iterdir())) == (2 if stop == 2 else 3)
    rest = train(TASK, gestures(60), config=SMALL, out=out, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.seqmap"]
    for name, array in straight.archive.arrays.items():
        assert np.array_equal(array, rest.archive.arrays[name]), name
    assert straight.metrics == rest.metrics
    with pytest.raises(DataError, match="another training"):
        train(TASK, gestures(60), config=SMALL, out=out, watch=Watch(epoch=_stop))
        train(TASK, gestures(70), config=SMALL, out=out, resume=True)


def test_an_interrupted_second_training_keeps_the_first_model() -> None:
    found = []
    for stop in (5, 6):
        epochs: list[int] = []

        def count(epoch: Epoch, stop: int = stop, epochs: list[int] = epochs) -> None:
            epochs.append(epoch.number)
            if len(epochs) == stop:
                raise KeyboardInterrupt

        cut = train(TASK, gestures(60), config=SMALL, watch=Watch(epoch=count))
        assert cut.interrupted and len(epochs) == stop
        found.append(cut)
    for name, array in found[0].archive.arrays.items():
        assert np.array_equal(array, found[1].archive.arrays[name]), name
    assert found[0].metrics == found[1].metrics


def _stop(epoch: Epoch) -> None:
    raise KeyboardInterrupt


def test_a_stream_goes_on_elsewhere(
    forward: SignalSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = gestures(1, seed=3)[0].values
    straight, stream = forward.stream(), forward.stream(forward.stream().to_bytes())
    for k, step in enumerate(values):
        straight.feed(step)
        stream.feed(step)
        if k in (0, 7):
            fork, stream = stream.fork(), forward.stream(stream.to_bytes())
            fork.feed(values[0])  # it has no influence
    np.testing.assert_array_equal(stream.probabilities(), straight.probabilities())
    assert stream.steps == len(values)
    state = stream.to_bytes()
    other = SignalSession(
        train(TASK, gestures(60), config=SMALL.replace(encoder__direction="forward")).archive
    )
    with pytest.raises(ArchiveError, match="another model"):
        other.stream(state)
    with pytest.raises(ArchiveError):
        forward.stream(state[:-3])
    monkeypatch.setattr("seqmap.runtime.native.available", lambda: False)
    plain = SignalSession(forward.archive)
    if forward.backend == "native":
        with pytest.raises(ArchiveError, match="another backend"):
            plain.stream(state)
    began = plain.stream()
    for step in values[:5]:
        began.feed(step)
    again = plain.stream(began.to_bytes())
    np.testing.assert_array_equal(again.probabilities(), began.probabilities())
