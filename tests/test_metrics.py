from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from seqmap import metrics

NAMES = ("bad", "good", "非常好", "a name that is far too long for the column of a report")


def pairs(classes: int, n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, n)
    wrong = random.random(n) < 0.3
    return truth, np.where(wrong, random.integers(0, classes, n), truth)


def indicators(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, (150, 4))
    return truth, np.where(random.random((150, 4)) < 0.2, 1 - truth, truth)


def assert_same_report(report: metrics.ClassReport, expected: dict[str, dict[str, float]]) -> None:
    for score in report.classes:
        row = expected[score.name]
        assert score.precision == pytest.approx(row["precision"], abs=1e-15)
        assert score.recall == pytest.approx(row["recall"], abs=1e-15)
        assert score.f1 == pytest.approx(row["f1-score"], abs=1e-15)
        assert score.support == row["support"]
    for score in report.averages:
        row = expected[f"{score.name} avg"]
        assert score.precision == pytest.approx(row["precision"], abs=1e-14)
        assert score.recall == pytest.approx(row["recall"], abs=1e-14)
        assert score.f1 == pytest.approx(row["f1-score"], abs=1e-14)


@pytest.mark.parametrize("classes", [2, 4])
def test_report_agrees_with_scikit_learn(classes: int) -> None:
    truth, predicted = pairs(classes)
    report = metrics.class_report(truth, predicted, NAMES[:classes])
    expected = reference.classification_report(
        truth, predicted, target_names=NAMES[:classes], output_dict=True, zero_division=0
    )
    assert_same_report(report, expected)
    assert report.accuracy == expected["accuracy"]
    assert report.examples == 200


def test_multi_label_report_agrees_with_scikit_learn() -> None:
    truth, predicted = indicators()
    report = metrics.class_report(truth, predicted, NAMES)
    expected = reference.classification_report(
        truth, predicted, target_names=NAMES, output_dict=True, zero_division=0
    )
    assert_same_report(report, expected)
    assert [score.name for score in report.averages] == ["micro", "macro", "weighted"]
    assert report.accuracy == reference.accuracy_score(truth, predicted)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_figures_agree_with_scikit_learn_on_any_labels(rows: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(rows).T
    macro = reference.f1_score(truth, predicted, average="macro", zero_division=0)
    assert metrics.macro_f1(truth, predicted) == pytest.approx(macro, abs=1e-14)
    # A class that occurs nowhere changes no average.
    assert metrics.class_report(truth, predicted, "abcde").macro_f1 == pytest.approx(macro)
    assert metrics.accuracy(truth, predicted) == reference.accuracy_score(truth, predicted)
    assert metrics.micro_f1(truth, predicted) == pytest.approx(metrics.accuracy(truth, predicted))
    matrix = metrics.confusion_matrix(truth, predicted, 5)
    assert (matrix == reference.confusion_matrix(truth, predicted, labels=range(5))).all()


def test_multi_label_f1_agrees_with_scikit_learn() -> None:
    truth, predicted = indicators(seed=3)
    for average, ours in (("micro", metrics.micro_f1), ("macro", metrics.macro_f1)):
        assert ours(truth, predicted) == pytest.approx(
            reference.f1_score(truth, predicted, average=average), abs=1e-15
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_agrees_with_scikit_learn(dtype: type) -> None:
    random = np.random.default_rng(5)
    chances = random.dirichlet([1, 1, 1], 100).astype(dtype)
    truth = random.integers(0, 3, 100)
    chances[0] = [1, 0, 0]  # a certain answer that is wrong must not be infinite
    truth[0] = 1
    expected = reference.log_loss(truth, chances, labels=[0, 1, 2])
    assert metrics.log_loss(chances, truth) == pytest.approx(expected, rel=1e-6)


def test_log_loss_of_several_labels_is_the_mean_of_yes_and_no_decisions() -> None:
    chances = np.array([[0.9, 0.2], [0.5, 0.5]])
    truth = np.array([[1, 0], [0, 1]])
    expected = -np.mean(np.log([0.9, 0.8, 0.5, 0.5]))
    assert metrics.log_loss(chances, truth) == pytest.approx(expected)


def test_ece_by_hand() -> None:
    chances = np.array([[0.95, 0.05], [0.95, 0.05], [0.4, 0.6], [0.4, 0.6]])
    truth = np.array([0, 1, 1, 1])  # half right at 0.95, always right at 0.6
    assert metrics.ece(chances, truth, bins=10) == pytest.approx((0.45 + 0.4) / 2)
    confidence, right, count = metrics.reliability(chances, truth, bins=10)
    assert count.tolist() == [0] * 5 + [2, 0, 0, 0, 2]
    assert right[9] == 0.5 and confidence[9] == pytest.approx(0.95)


def test_ece_of_several_labels_counts_each_decision() -> None:
    chances = np.array([[0.9, 0.1]])
    assert metrics.ece(chances, np.array([[1, 0]])) == pytest.approx(0.1)
    assert metrics.ece(chances, np.array([[0, 1]])) == pytest.approx(0.9)


def test_honest_probabilities_have_a_small_ece() -> None:
    random = np.random.default_rng(0)
    yes = random.random(50_000)
    truth = (random.random(50_000) < yes).astype(int)
    assert metrics.ece(np.column_stack([1 - yes, yes]), truth) < 0.01


def test_table_fits_80_columns_and_aligns_wide_names() -> None:
    truth, predicted = pairs(4)
    table = metrics.class_report(truth, predicted, NAMES).table()
    widths = {metrics.display_width(line) for line in table.split("\n")}
    assert widths == {80}
    assert "非常好" in table and "…" in table


def test_table_is_narrow_when_names_are_short() -> None:
    table = metrics.class_report([0, 1, 1], [0, 1, 0], ["a", "b"]).table()
    lines = table.split("\n")
    assert len({len(line) for line in lines}) == 1 and len(lines[0]) < 60
    assert lines[2].split() == ["a", "0.5000", "1.0000", "0.6667", "1"]
    assert lines[5].split() == ["accuracy", "0.6667", "3"]


def test_table_stays_whole_with_control_characters_in_a_name() -> None:
    lines = metrics.class_report([0, 1], [0, 1], ["a\nb", "c\td"]).table().split("\n")
    assert len(lines) == 8 and lines[2].startswith("a b ") and lines[3].startswith("c d ")


def test_table_shows_a_dash_for_what_was_not_measured() -> None:
    table = metrics.class_report([0, 0], [0, 0], ["a", "b"]).table()
    assert table.split("\n")[3].split() == ["b", "–", "–", "–", "0"]


def test_report_as_dict() -> None:
    figures = metrics.class_report([0, 1, 1], [0, 1, 0], ["a", "b"]).to_dict()
    assert figures["classes"]["b"] == {"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2}
    assert figures["accuracy"] == 2 / 3 and figures["macro_f1"] == pytest.approx(2 / 3)
    assert set(figures["averages"]) == {"macro", "weighted"}


def test_no_examples_give_zeros() -> None:
    report = metrics.class_report(np.zeros(0, int), np.zeros(0, int), ["a", "b"])
    assert (report.accuracy, report.macro_f1, report.examples) == (0, 0, 0)
    assert metrics.ece(np.zeros((0, 2)), np.zeros(0, int)) == 0
    assert metrics.log_loss(np.zeros((0, 2)), np.zeros(0, int)) == 0


@pytest.mark.parametrize(
    ("truth", "predicted", "names"),
    [([0, 1], [0], "ab"), ([0, 2], [0, 1], "ab"), ([[1, 0]], [[1, 0]], "abc"), ([-1], [0], "ab")],
)
def test_what_does_not_fit_is_refused(truth: list, predicted: list, names: str) -> None:
    with pytest.raises(ValueError, match="differ|must lie|indicators"):
        metrics.class_report(truth, predicted, names)


def test_display_width() -> None:
    assert metrics.display_width("abc") == 3
    assert metrics.display_width("好！") == 4
    assert metrics.display_width("e\u0301") == 1
