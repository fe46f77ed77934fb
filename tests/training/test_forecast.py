from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from seqmap import Forecaster, load
from seqmap.codecs.series import SeriesCodec
from seqmap.commands.console import Screen
from seqmap.data.clock import Clock
from seqmap.data.series import Series, even_series
from seqmap.demo.forecast import run_demo
from seqmap.errors import ConfigError, DataError, UserError
from seqmap.forecaster import _series
from seqmap.nn.forecast import ForecastModel
from seqmap.samples.series import shop
from seqmap.tasks import find_task
from seqmap.tasks.forecast import Known
from seqmap.training import train
from seqmap.training.forecast import ForecastLearner
from seqmap.training.forecast_linear import Prepared, _dev_error, prepare
from seqmap.training.ridge import SHARES, fit_linear, fuse, refit_linear, rows_of


def waves(length: int = 500, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.sin(np.arange(length) / 5) + 0.1 * rng.normal(size=length)


def test_it_beats_the_naive_forecasts_and_the_intervals_hold() -> None:
    values = waves(700)
    model = Forecaster(horizon=5, epochs=3, hidden=8, season=31).fit(values[:550])
    found = model.backtest(values)
    others = found.details["baselines"]
    assert set(others) == {"naive", "seasonal", "linear"}
    assert found.metrics["mse"] < 0.7 * min(others[k]["mse"] for k in ("naive", "seasonal"))
    assert 0.82 <= found.metrics["coverage"] <= 0.96
    for name in ("naive", "seasonal naive", "linear", "90% intervals held"):
        assert name in found.report()


def test_a_random_walk_falls_back_to_the_last_value() -> None:
    walk = np.cumsum(np.random.default_rng(3).normal(size=900))
    model = Forecaster(horizon=3, epochs=2, hidden=8).fit(walk[:700])
    found = model.backtest(walk)
    assert found.metrics["mse"] <= 1.02 * found.details["baselines"]["naive"]["mse"]


def test_several_series_times_and_covariates(tmp_path: Path) -> None:
    model = Forecaster(horizon=4, epochs=1, hidden=4)
    model.fit({"a": waves(200), "b": 100 + 50 * waves(250, 1)})
    a, b = model.predict()
    assert (a.series, b.series) == ("a", "b") and a.values[0] < 10 < b.values[0]
    with pytest.raises(UserError, match="of one series"):
        model.stream()
    stream = model.stream("b")
    stream.feed(120.0)
    assert len(stream.forecast(9).values) == 9
    times, customers, rain = shop(400)
    model.fit(customers, times=times, covariates=rain)
    assert model.predict()[0].times[0] == "2023-01-18T16:00:00"
    model.save(tmp_path / "m.seqmap")
    assert load(tmp_path / "m.seqmap").task.name == "forecast"


def test_seeds_repeat() -> None:
    one, two = (Forecaster(horizon=3, epochs=1, hidden=4).fit(waves(200)).predict() for _ in "ab")
    assert one == two


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0, float("inf")], "finite"),
        (["a", "b"], "numbers"),
        ([[1.0], [2.0]], "row of numbers"),
        ([float("nan")] * 30, "no value at all"),
    ],
)
def test_values_that_cannot_be_learned(values: list[object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Forecaster(horizon=2, epochs=1).fit(values)  # type: ignore[arg-type]


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="only looks back"):
        Forecaster(config={"encoder.direction": "both"}).fit(waves(100))
    with pytest.raises(ConfigError, match="carries a state"):
        Forecaster(config={"encoder.name": "transformer"}).fit(waves(100))
    with pytest.raises(DataError, match="shorter than the horizon"):
        Forecaster(horizon=200).fit(waves(100))
    with pytest.raises(DataError, match="above zero"):
        Forecaster(horizon=4, config={"forecast.scale": "log"}).fit(waves(100))
    with pytest.raises(DataError, match="evenly spaced"):
        Forecaster().fit(waves(3), times=["2024-01-01", "2024-01-02", "2024-01-05"])
    for method in ("predict", "stream"):
        with pytest.raises(NotFittedError, match="not fitted"):
            getattr(Forecaster(), method)()


def test_it_is_an_estimator() -> None:
    model = Forecaster(horizon=3, epochs=1, hidden=4, config={"forecast.window": 12})
    copied = clone(model)
    assert copied.get_params() == model.get_params() and not hasattr(copied, "session_")
    model.fit(waves(150))
    assert [epoch.number for epoch in model.history_] == [1]
    again = pickle.loads(pickle.dumps(model))
    assert again.predict() == model.predict()
    stream = again.stream()
    assert stream.forecast().values == model.stream().forecast().values


def test_other_encoders_train_and_answer() -> None:
    for name in ("gru", "rnn"):
        model = Forecaster(horizon=3, epochs=1, hidden=4, config={"encoder.name": name})
        model.fit(waves(150))
        stream = model.stream()
        np.testing.assert_allclose(
            stream.forecast().values, model.predict()[0].values, rtol=1e-4, atol=1e-6
        )


def test_fusion_shrinks_and_drops() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(600, 4))
    good, noise = truth + 0.3 * rng.normal(size=truth.shape), rng.normal(size=truth.shape)
    a, b = fuse([good, noise], truth)
    assert 0.8 < a <= 1.0 and b == 0.0
    assert fuse([noise, noise[::-1]], truth) == (0.0, 0.0)
    a, b = fuse([good, truth + 0.3 * rng.normal(size=truth.shape)], truth)
    assert a > 0.3 and b > 0.3 and a + b <= 1.0 + 1e-9


def test_holding_out_keeps_the_past() -> None:
    task = find_task("forecast")
    (fit,), (dev,) = task.hold_out(_series(np.arange(100.0), None, None), 0.2)
    assert len(fit) == 80 and dev.start == 80 and len(dev) == 100


def test_the_latest_steps_are_learned_from_after_they_were_measured_on() -> None:
    values = waves(400)
    with_them, without = (
        Forecaster(horizon=4, epochs=1, hidden=4, season=31, config={"train.closing": closing}).fit(
            values
        )
        for closing in (2, 0)
    )
    first, second = with_them.session_.archive, without.session_.archive
    assert first.manifest["metrics"] == second.manifest["metrics"]
    np.testing.assert_array_equal(
        first.arrays["conformal.margins"], second.arrays["conformal.margins"]
    )
    assert (first.arrays["linear.weight"] != second.arrays["linear.weight"]).any()
    # A dev part of one's own is only measured on.
    task, series = find_task("forecast"), _series(values, None, None)
    fitting, dev = task.hold_out(series, 0.2)
    config = task.config().replace(
        forecast__horizon=4, forecast__season=31, train__epochs=1, encoder__hidden=4
    )
    alone = train(task, fitting, dev, config=config)
    same = train(task, fitting, dev, config=config.replace(train__closing=0))
    name = "linear.weight"
    np.testing.assert_array_equal(alone.archive.arrays[name], same.archive.arrays[name])


def test_more_steps_give_the_ridges_of_all_of_them() -> None:
    rng = np.random.default_rng(4)
    codec = SeriesCodec.fit(
        _series(waves(120), None, None), log=False, season=1, window=6, horizon=2, covariates=()
    )
    steps = [codec.read(one) for one in _series(rng.normal(size=60), None, None)]
    first, second = rows_of(steps, [(6, 30)], 2), rows_of(steps, [(30, 60)], 2)
    linear = fit_linear(codec, first, second)
    found = refit_linear(codec, linear, [first, second])
    x = np.concatenate([first.inputs(codec), second.inputs(codec)])
    y = np.concatenate([first.target, second.target])
    expected = np.zeros_like(found)
    for share, penalty in zip(SHARES, linear.penalties, strict=True):
        columns = np.arange(6 - max(round(share * 6), 2), codec.linear_size)
        own = x[:, columns]
        square = own.T @ own + penalty * np.eye(len(columns))
        expected[columns] += np.linalg.solve(square, own.T @ y) / len(SHARES)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = find_task("forecast").config().replace(train__epochs=1, encoder__hidden=4)
    run_demo(tmp_path, Screen(quiet=True, as_json=True), config=config)
    summary = json.loads(capsys.readouterr().out)
    assert summary["metrics"]["mse"] < summary["baselines"]["seasonal"]["mse"]
    assert (tmp_path / "forecast.png").stat().st_size > 5000


def test_the_commands(tmp_path: Path) -> None:
    times, customers, rain = shop(600)
    lines = [f"{t},{c},{r:.3f}" for t, c, r in zip(times, customers, rain, strict=True)]
    (tmp_path / "train.csv").write_text("time,customers,rain\n" + "\n".join(lines[:500]))
    (tmp_path / "all.csv").write_text("time,customers,rain\n" + "\n".join(lines))
    model = str(tmp_path / "m.seqmap")

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "seqmap", *words], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    train = run(
        *("train", "forecast", str(tmp_path / "train.csv"), "--test", str(tmp_path / "all.csv")),
        *("--value-columns", "customers", "--covariates", "rain", "--out", model, "--json"),
        *("--set", "forecast.horizon=6", "--set", "train.epochs=1", "--set", "train.threads=1"),
    )
    trained = json.loads(train.splitlines()[-1])
    measured = json.loads(run("evaluate", model, str(tmp_path / "all.csv"), "--json"))
    assert measured["metrics"]["mse"] == pytest.approx(trained["metrics"]["mse"], rel=1e-6)
    assert measured["origins"] == 600 - 500 + 1 - 6
    answer = run("predict", model, str(tmp_path / "all.csv"))
    assert answer.count("\n") == 6 and answer.startswith("customers\t2023-01-27T00:00:00\t")


def test_a_single_origin_defines_no_relative_error_and_is_saved(tmp_path: Path) -> None:
    task = find_task("forecast")
    config = task.config().replace(train__epochs=1, encoder__hidden=4, forecast__horizon=24)
    trained = train(task, _series(waves(120), None, None), config=config, out=tmp_path / "m.seqmap")
    assert "rse" not in trained.metrics and trained.metrics["mse"] == trained.cost
    assert load(tmp_path / "m.seqmap").metrics["dev"] == trained.metrics


def _prepared(series: list[Series], horizon: int, **settings: object) -> Prepared:
    task = find_task("forecast")
    config = task.config().replace(forecast__horizon=horizon, encoder__hidden=4, **settings)
    return prepare(*task.hold_out(series, 0.2), Known(), config)


def test_the_score_is_taken_where_the_network_is() -> None:
    prepared = _prepared(_series(waves(120), None, None), 4)
    config = find_task("forecast").config().replace(encoder__hidden=4)
    learner = ForecastLearner(ForecastModel(prepared.codec.size, 4, (0.05, 0.95), config), prepared)
    places: list[str] = []

    def loss(found: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        places.extend([found.device.type, target.device.type])
        return torch.zeros(())

    answers = learner.outputs(prepared.choosing)
    learner.outputs = lambda rows: answers  # type: ignore[method-assign]
    learner.network.loss = loss  # type: ignore[method-assign]
    learner._device = torch.device("meta")
    learner.score()
    assert places == ["meta", "meta"]


@pytest.mark.parametrize("gaps", ["weekly", "random"])
def test_missing_values_leave_the_linear_branch_on(gaps: str) -> None:
    values = np.sin(2 * np.pi * np.arange(420) / 7) + 0.05 * np.random.default_rng(0).normal(
        size=420
    )
    missing = np.arange(420) % 7 == 6
    if gaps == "random":
        missing = np.random.default_rng(1).random(420) < 0.15
    values[missing] = np.nan
    (one,) = _series(values, None, None)
    codec = SeriesCodec.fit([one], log=False, season=7, window=14, horizon=21, covariates=())
    steps = [codec.read(one)]
    rows, dev = rows_of(steps, [(14, 330)], 21), rows_of(steps, [(330, 420)], 21)
    linear = fit_linear(codec, rows, dev)
    assert (np.abs(linear.weights).max(axis=0) > 0.01).all()
    assert linear.cost < 0.2 * float(np.nanmean(dev.target**2))
    # Each step ahead is solved from the rows that know it.
    x, expected = rows.inputs(codec), np.zeros_like(linear.weights)
    for step in range(21):
        y = rows.target[:, step]
        known = ~np.isnan(y)
        for share, penalty in zip(SHARES, linear.penalties, strict=True):
            columns = np.arange(14 - max(round(share * 14), 2), codec.linear_size)
            own = x[known][:, columns]
            square = own.T @ own + penalty * np.eye(len(columns))
            solved = np.linalg.solve(square, own.T @ y[known])
            expected[columns, step] += solved / len(SHARES)
    np.testing.assert_allclose(linear.weights, expected, atol=1e-8)


def test_a_dev_stretch_without_values_does_not_decide() -> None:
    silent = waves(300, 1)
    silent[240:] = np.nan
    both = _series({"a": waves(300), "b": silent}, None, None)
    alone, together = _prepared(both[:1], 4), _prepared(both, 4)
    assert "linear window 4," not in alone.note and "linear window 4," not in together.note
    rows, found = together.choosing, np.zeros(together.choosing.target.shape)
    error = _dev_error(together.codec, rows, found)
    first = replace(rows, steps=rows.steps[:1], origins=rows.origins[:1], targets=rows.targets[:1])
    assert np.isfinite(error) and error == _dev_error(together.codec, first, found)
    with pytest.raises(DataError, match="every value is missing"):
        _prepared(both[1:], 4)


def test_what_cannot_be_measured_is_refused_before_training() -> None:
    days = even_series("a", waves(100), np.zeros((100, 0)), np.arange(100).astype("datetime64[D]"))
    hours = replace(days, name="b", clock=Clock("second", 3600))
    with pytest.raises(DataError, match="too few steps for the horizon"):
        _prepared([days], 24, forecast__block=6)
    with pytest.raises(DataError, match="a: every 1 d, b: every 1 h"):
        _prepared([days, hours], 4)
    with pytest.raises(DataError, match="same name"):
        _prepared([days, days], 4)


def test_times_and_covariates_in_other_ways_of_writing() -> None:
    german = [f"{day:02d}.01.2024" for day in range(1, 11)]
    (one,) = _series(np.arange(10.0), german, None)
    assert one.texts_after(1) == ("2024-01-11T00:00:00",)
    (one,) = _series(np.arange(10.0), np.array(german), None)
    assert one.texts_after(1) == ("2024-01-11T00:00:00",)
    zoned = pandas.date_range("2024-01-01", periods=10, freq="h", tz="Asia/Shanghai")
    (one,) = _series(np.arange(10.0), zoned, None)
    assert one.texts_after(1) == ("2024-01-01T10:00:00+08:00",)
    for given, words in [
        ((np.arange(3.0), ["a", "b", "c"], None), "not a time"),
        ((np.arange(3.0), 5.5, None), "not a time|times must rise"),
        ((np.arange(3.0), None, ["a", "b", "c"]), "covariates are numbers"),
        ((np.arange(3.0), None, 5.0), "differ in number"),
        ((np.arange(3.0), None, [np.inf, 0, 0]), "finite"),
        ((5.0, None, None), "row of numbers"),
        (([10**400, 1], None, None), "consists of numbers"),
        (([one, 3.0], None, None), "each is a Series"),
        (([one], german, None), "its own times"),
    ]:
        with pytest.raises(UserError, match=words):
            _series(*given)
