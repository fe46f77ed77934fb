"""What the task of forecasting refuses, and figures that the truth does not define."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqmap.data.clock import Clock
from seqmap.data.series import Series
from seqmap.errors import DataError, UserError
from seqmap.tasks import find_task
from seqmap.tasks.backtest import Backtest, evaluation_of
from seqmap.tasks.series_input import check_together

DAY = 86_400


def _back(truth: np.ndarray, names: tuple[str, ...] | None = None) -> Backtest:
    ones = np.ones(len(truth))
    points = {"model": np.zeros(truth.shape), "naive": np.ones(truth.shape)}
    return Backtest(
        truth, points, -np.ones(truth.shape), np.ones(truth.shape), ones, ones, 0.9, 1,
        names or ("y",) * len(truth),
    )  # fmt: skip


@pytest.mark.parametrize("truth", [np.arange(3.0)[None], np.ones((4, 3))], ids=["one", "constant"])
def test_what_the_truth_does_not_define_is_left_out(truth: np.ndarray) -> None:
    found = evaluation_of(_back(truth))
    assert set(found.metrics) == {"mse", "mae", "mse_scaled", "mase", "coverage", "width"}
    json.dumps([found.metrics, found.details], allow_nan=False)
    assert "–" in found.report()


def test_missing_truth_makes_no_figure_nan() -> None:
    truth = np.random.default_rng(0).normal(size=(6, 3))
    whole = evaluation_of(_back(truth))
    assert "rse" in whole.metrics and "–" not in whole.report()
    truth[:, 2] = np.nan
    truth[:2] = np.nan
    found = evaluation_of(_back(truth, ("a", "a", "b", "b", "b", "b")))
    json.dumps([found.metrics, found.details], allow_nan=False)
    assert found.details["mse_by_step"][2] is None and list(found.details["by_series"]) == ["b"]


@pytest.mark.parametrize("times", [{"a": 1}, 5, "2024-01-01", ["x"], [1, 2, 3], [{"a": 1}] * 3])
def test_times_that_are_none(times: object) -> None:
    with pytest.raises(UserError, match="times of a series"):
        find_task("forecast").input_from({"values": [1, 2, 3], "times": times})


def test_series_of_one_model_go_together(tmp_path: Path) -> None:
    a = Series("a", np.arange(40.0), np.zeros((40, 0)), 0, Clock("second", DAY))
    b = replace(a, name="b", clock=Clock("business", 1))
    with pytest.raises(DataError, match="a: every 1 d, b: working days"):
        check_together([a, b])
    with pytest.raises(DataError, match="a: every 1 d, a: working days"):
        check_together([a], [replace(b, name="a")])
    with pytest.raises(DataError, match="same name.*a"):
        check_together([a, replace(a)])
    # How times are written is no matter of steps; what has no times goes with anything.
    check_together(
        [a, replace(b, clock=Clock()), replace(a, name="c", clock=Clock("second", DAY, 0, 60))]
    )
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    rows = [f"{d},a,1.{d.item().day}" for d in days]
    rows += [f"{d},b,2.{d.item().day}" for d in days if np.is_busday(d)]
    (tmp_path / "a.csv").write_text("ds,unique_id,y\n" + "\n".join(rows))
    task = find_task("forecast")
    from seqmap.data import ReadOptions

    data = task.read(str(tmp_path / "a.csv"), ReadOptions())
    with pytest.raises(DataError, match="a.csv: .*a: every 1 d, b: working days"):
        task.check_trainable(data)
