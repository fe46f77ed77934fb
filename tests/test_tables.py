"""Texts and labels in the forms that scikit-learn's users hold them in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from seqmap.errors import DataError
from seqmap.tables import Labels, name_of, texts_of

ONE_EACH: list[Any] = [
    ["b", "a", "b"],
    ("b", "a", "b"),
    np.array(["b", "a", "b"]),
    np.array(["b", "a", "b"], dtype=object),
    np.array([["b"], ["a"], ["b"]]),
    pd.Series(["b", "a", "b"], index=[7, 3, 9]),
    pd.Series(["b", "a", "b"], dtype="category"),
    pd.DataFrame({"label": ["b", "a", "b"]}),
    (label for label in "bab"),
]


@pytest.mark.parametrize("given", ONE_EACH, ids=lambda given: type(given).__name__)
def test_one_label_a_text(given: Any) -> None:
    labels = Labels.of(given)
    assert [tuple(row) for row in labels.rows] == [("b",), ("a",), ("b",)]
    assert labels.classes.tolist() == ["a", "b"]
    assert not labels.several


def test_numbers_stay_numbers_and_are_sorted_as_numbers() -> None:
    labels = Labels.of(np.array([10, 9, 10, 2]))
    assert labels.classes.tolist() == [2, 9, 10]
    assert labels.classes.dtype.kind == "i"
    assert [name_of(label) for label in labels.classes] == ["2", "9", "10"]


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_several_labels_a_text(kind: Any) -> None:
    labels = Labels.of([kind(["b", "a"]), kind([]), kind(["c"])])
    assert labels.several
    assert not labels.indicators
    assert list(labels.rows) == [("a", "b"), (), ("c",)]
    assert labels.classes.tolist() == ["a", "b", "c"]


def test_a_label_given_twice_counts_once() -> None:
    assert list(Labels.of([["a", "a"], ["b"]]).rows) == [("a",), ("b",)]


MATRIX = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    "given",
    [MATRIX, MATRIX.astype(float), MATRIX.astype(bool), pd.DataFrame(MATRIX), csr_matrix(MATRIX)],
    ids=["int", "float", "bool", "frame", "sparse"],
)
def test_indicators(given: Any) -> None:
    labels = Labels.of(given)
    assert labels.several
    assert labels.indicators
    assert list(labels.rows) == [(0, 2), (), (1,)]
    assert labels.classes.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "missing", [None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT], ids=repr
)
def test_a_missing_label_is_named_by_its_place(missing: Any) -> None:
    with pytest.raises(DataError, match="label 1 is missing"):
        Labels.of(["a", missing, "b"])
    with pytest.raises(DataError, match="label 1 is missing"):
        Labels.of([["a"], ["b", missing]])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["a", 1], "several kinds"),
        ([["a", 1], ["b"]], "several kinds"),
        ([["a"], "b"], "label 1 is one, others are not"),
        (["b", ["a"]], "label 1 is several, others are not"),
        (np.array([[1, 2], [0, 1]]), "zeros and ones"),
        (np.array([[1.0, np.nan], [0, 1]]), "zeros and ones"),
    ],
    ids=["kinds", "kinds inside", "one", "several", "numbers", "nan"],
)
def test_labels_that_cannot_be_used(given: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        Labels.of(given)


@given(st.lists(st.sets(st.integers(0, 4)), min_size=1, max_size=12))
def test_lists_and_indicators_say_the_same(rows: list[set[int]]) -> None:
    matrix = np.array([[int(place in row) for place in range(5)] for row in rows])
    assert list(Labels.of(matrix).rows) == list(Labels.of(rows).rows)


def test_texts_in_many_forms() -> None:
    for form in (["x", "y"], ("x", "y"), np.array(["x", "y"]), pd.Series(["x", "y"]), iter("xy")):
        texts = texts_of(form)
        assert texts == ["x", "y"]
        assert all(type(text) is str for text in texts)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("one text", "a list of texts is needed"),
        (pd.DataFrame({"text": ["x"], "more": ["y"]}), r"one dimension.*shape \(1, 2\)"),
        (["x", None], "text 1 is not a string"),
        (["x", b"bytes"], "text 1 is not a string"),
        (pd.Series(["x", np.nan]), "text 1 is not a string"),
    ],
    ids=["string", "frame", "none", "bytes", "nan"],
)
def test_texts_that_cannot_be_used(given: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        texts_of(given)
