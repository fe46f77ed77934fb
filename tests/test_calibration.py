from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from seqmap import calibration, metrics


def draw(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels that follow exactly the probabilities which the logits claim."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (n, classes))
    chances = special.softmax(logits, axis=1)
    return logits, (chances.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8))
def test_softmax_and_sigmoid_agree_with_scipy(values: list[float]) -> None:
    logits = np.array([values])
    assert np.allclose(calibration.softmax(logits), special.softmax(logits, axis=1))
    assert np.allclose(calibration.log_softmax(logits), special.log_softmax(logits, axis=1))
    assert np.allclose(calibration.sigmoid(logits), special.expit(logits))


def test_softmax_keeps_single_precision_and_the_empty_batch() -> None:
    assert calibration.softmax(np.ones((2, 3), np.float32)).dtype == np.float32
    assert calibration.sigmoid(np.ones((2, 3), np.float32)).dtype == np.float32
    assert calibration.softmax(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("true_temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_spoilt_the_logits_is_found(true_temperature: float) -> None:
    logits, truth = draw(20_000, 4)
    found = calibration.fit_temperature(logits * true_temperature, truth)
    assert found == pytest.approx(true_temperature, rel=0.03)


def test_the_temperature_is_that_of_a_generic_optimiser() -> None:
    logits, truth = draw(3000, 3, seed=1)
    logits *= 2.5

    def loss(logarithm: float) -> float:
        scaled = special.log_softmax(logits / np.exp(logarithm), axis=1)
        return float(-scaled[np.arange(len(truth)), truth].sum() + 0.5 * logarithm**2)

    best = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9})
    assert calibration.fit_temperature(logits, truth) == pytest.approx(np.exp(best.x), rel=1e-5)


def test_the_temperature_lowers_ece_and_leaves_the_answers() -> None:
    logits, truth = draw(5000, 3)
    loud = logits * 4
    calm = calibration.softmax(loud / calibration.fit_temperature(loud, truth))
    before = metrics.ece(calibration.softmax(loud), truth)
    assert metrics.ece(calm, truth) < 0.2 * before
    assert (calm.argmax(1) == loud.argmax(1)).all()


def test_the_temperature_of_several_labels() -> None:
    random = np.random.default_rng(2)
    logits = random.normal(0, 2, (4000, 5))
    truth = (random.random(logits.shape) < special.expit(logits)).astype(int)
    assert calibration.fit_temperature(logits * 2, truth) == pytest.approx(2, rel=0.05)


def test_a_faultless_dev_part_gives_a_moderate_temperature() -> None:
    logits = np.array([[2.0, -2.0], [-2.0, 2.0]] * 10)
    temperature = calibration.fit_temperature(logits, np.array([0, 1] * 10))
    assert 0.1 < temperature < 1


@pytest.mark.parametrize(
    ("logits", "truth"),
    [
        (np.zeros((0, 2)), np.zeros(0, int)),
        (np.ones((4, 2)), np.array([0, 1, 0, 1])),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([1, 1])),
        (np.array([[np.nan, 1.0], [1.0, 0.0]]), np.array([0, 1])),
        (np.array([[np.inf, 1.0], [1.0, 0.0]]), np.array([0, 1])),
        (np.ones((3, 2)), np.zeros((3, 2), int)),
    ],
)
def test_examples_that_cannot_tell_leave_everything_neutral(
    logits: np.ndarray, truth: np.ndarray
) -> None:
    assert calibration.fit_temperature(logits, truth) == 1.0
    assert calibration.fit_fusion(logits, logits, truth) == (0.3, 0.7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(-60, 60), st.integers(0, 1)), max_size=12))
def test_any_dev_part_gives_finite_factors(rows: list[tuple[float, float, int]]) -> None:
    first = np.array([[a, b] for a, b, _ in rows]).reshape(-1, 2)
    truth = np.array([k for _, _, k in rows], dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        temperature = calibration.fit_temperature(first, truth)
        factors = calibration.fit_fusion(first, first[:, ::-1], truth)
    assert 0.05 * 0.999 <= temperature <= 20 * 1.001
    assert np.isfinite(factors).all() and min(factors) >= 0


def test_fusion_is_that_of_a_generic_optimiser() -> None:
    random = np.random.default_rng(40)
    logits, truth = draw(2000, 3, seed=4)
    deep = logits + random.normal(0, 1, logits.shape)
    wide = logits + random.normal(0, 2, logits.shape)

    def loss(factors: np.ndarray) -> float:
        scores = special.log_softmax(factors[0] * deep + factors[1] * wide, axis=1)
        penalty = 0.5 * 10.0 * np.sum((factors - np.array([0.3, 0.7])) ** 2)
        return float(-scores[np.arange(len(truth)), truth].sum() + penalty)

    best = optimize.minimize(loss, [0.5, 0.5], tol=1e-10)
    assert calibration.fit_fusion(deep, wide, truth) == pytest.approx(best.x, rel=1e-3)


def test_fusion_prefers_the_branch_that_knows() -> None:
    random = np.random.default_rng(10)
    logits, truth = draw(4000, 3)
    noise = random.normal(0, 2, logits.shape)
    deep, wide = calibration.fit_fusion(logits, noise, truth)
    assert deep == pytest.approx(1, abs=0.05) and wide < 0.05
    deep, wide = calibration.fit_fusion(noise, logits, truth)
    assert wide == pytest.approx(1, abs=0.05) and deep < 0.05


def test_a_branch_that_is_always_wrong_is_left_out() -> None:
    logits, truth = draw(2000, 2)
    deep, wide = calibration.fit_fusion(logits, -logits, truth)
    assert wide == 0 or deep > wide
    random = np.random.default_rng(1)
    deep, wide = calibration.fit_fusion(logits, -logits + random.normal(0, 3, logits.shape), truth)
    assert deep > 0 and wide == 0


def test_fusion_of_several_labels() -> None:
    random = np.random.default_rng(2)
    logits = random.normal(0, 2, (4000, 3))
    truth = (random.random(logits.shape) < special.expit(logits)).astype(int)
    deep, wide = calibration.fit_fusion(logits, random.normal(0, 1, logits.shape), truth)
    assert deep == pytest.approx(1, abs=0.06) and wide < 0.1


def test_fusion_refuses_different_shapes() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        calibration.fit_fusion(np.zeros((2, 2)), np.zeros((2, 3)), np.array([0, 1]))


def test_a_weight_is_as_good_as_a_repetition() -> None:
    logits, truth = draw(60, 3, seed=6)
    counts = np.arange(60) % 3 + 1
    many, again = np.repeat(logits, counts, axis=0), np.repeat(truth, counts)
    found = calibration.fit_temperature(logits, truth, counts)
    assert found == pytest.approx(calibration.fit_temperature(many, again))
    wide = logits[:, ::-1]
    repeated = calibration.fit_fusion(many, np.repeat(wide, counts, axis=0), again)
    assert calibration.fit_fusion(logits, wide, truth, counts) == pytest.approx(repeated)
