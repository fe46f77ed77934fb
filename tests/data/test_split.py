"""The held-out part: stratified, deterministic, whole."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.data import Example, check_trainable, hold_out
from seqmap.errors import DataError


def labelled(*labels: str) -> list[Example]:
    return [Example(str(place), (label,)) for place, label in enumerate(labels)]


def test_shares_per_class_and_order() -> None:
    examples = labelled(*"aaaaaaaaaabbbbbbbbbbbbbbbbbbbbcccccccccc" * 5)
    train, dev = hold_out(examples, 0.1)
    assert Counter(example.labels[0] for example in dev) == {"a": 5, "b": 10, "c": 5}
    assert sorted((*train, *dev), key=lambda example: int(example.text)) == examples
    assert [int(example.text) for example in dev] == sorted(int(e.text) for e in dev)


def test_the_choice_never_changes() -> None:
    examples = labelled(*"ab" * 20)
    _, dev = hold_out(examples, 0.1)
    # Written down once: another machine or version must choose the same.
    assert [example.text for example in dev] == FROZEN
    assert hold_out(examples, 0.1) == hold_out(tuple(examples), 0.1, seed=42)
    assert hold_out(examples, 0.1, seed=1) != hold_out(examples, 0.1)


FROZEN = ["1", "12", "19", "26"]


def test_a_single_example_of_a_class_stays_in_train() -> None:
    train, dev = hold_out(labelled("a", *"bbbbbbbbb"), 0.5)
    assert "a" in {example.labels[0] for example in train}
    assert len(dev) == 5


def test_multi_label_keeps_rare_labels_in_both_parts() -> None:
    examples = [
        Example(
            str(i), tuple(name for name, every in [("a", 2), ("b", 5), ("c", 20)] if i % every == 0)
        )
        for i in range(200)
    ]
    train, dev = hold_out(examples, 0.2)
    whole = Counter(label for example in examples for label in example.labels)
    part = Counter(label for example in dev for label in example.labels)
    assert len(train) + len(dev) == 200
    assert all(abs(part[label] - 0.2 * whole[label]) <= 1 for label in whole)
    assert sum(not example.labels for example in dev) > 0


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_impossible_shares(share: float) -> None:
    with pytest.raises(DataError, match="out of range"):
        hold_out(labelled("a", "a"), share)


def test_nothing_to_hold_out() -> None:
    with pytest.raises(DataError, match="one example"):
        hold_out(labelled("a", "b"), 0.5)
    with pytest.raises(DataError, match="no labels"):
        check_trainable([Example("x")])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=3, unique=True), min_size=2, max_size=60),
    st.floats(0.05, 0.9),
    st.booleans(),
)
def test_any_split_is_a_partition(labels: list[list[str]], share: float, single: bool) -> None:
    examples = [
        Example(str(place), tuple(names[:1] or ["a"]) if single else tuple(names))
        for place, names in enumerate(labels)
    ]
    try:
        train, dev = hold_out(examples, share)
    except DataError:
        counts = Counter(label for example in examples for label in example.labels)
        assert all(any(counts[n] == 1 for n in e.labels) for e in examples)
        return
    assert dev
    assert sorted(e.text for e in (*train, *dev)) == sorted(e.text for e in examples)
    kept = {label for example in train for label in example.labels}
    assert kept >= {label for example in dev for label in example.labels} or not single
