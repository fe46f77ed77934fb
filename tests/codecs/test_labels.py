"""Class names and numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmap.codecs import LabelCodec
from seqmap.errors import ArchiveError, DataError


@given(st.lists(st.lists(st.text(max_size=4), max_size=3), max_size=6))
def test_round_trip(examples: list[list[str]]) -> None:
    codec = LabelCodec.fit(examples)
    again = LabelCodec.from_state(codec.to_state())
    assert again.names == codec.names
    for labels in examples:
        assert [again.decode(again.encode(name)) for name in labels] == labels
        chosen = codec.encode_many(labels)
        assert set(codec.decode_many(chosen)) == set(labels)
        assert chosen.sum() == len(set(labels))


def test_integers_are_ordered_by_value_and_names_as_strings() -> None:
    assert LabelCodec.fit([("10",), ("9",), ("-1",)]).names == ("-1", "9", "10")
    assert LabelCodec.fit([("b",), ("10",), ("9",)]).names == ("10", "9", "b")


def test_an_unknown_label_names_the_place_and_the_nearest() -> None:
    codec = LabelCodec(["positive", "negative"])
    with pytest.raises(DataError) as caught:
        codec.encode("postive", path="d.csv", line=7)
    message = str(caught.value)
    assert message.startswith("d.csv:7: ")
    assert "allowed: positive, negative" in message
    assert "Did you mean 'positive'?" in message
    with pytest.raises(DataError, match=r"… \(8 more\)"):
        LabelCodec(map(str, range(20))).encode("x")


def test_bad_lists_are_refused() -> None:
    with pytest.raises(DataError, match="twice in the list.*given: 'a'"):
        LabelCodec(["a", "b", "a"])
    for state in ({}, {"labels": "ab"}, {"labels": [1]}, {"labels": ["a", "a"]}):
        with pytest.raises(ArchiveError):
            LabelCodec.from_state(state)


def test_multi_hot_is_float32_in_class_order() -> None:
    codec = LabelCodec(["a", "b", "c"])
    assert codec.encode_many(["c", "a"]).tolist() == [1, 0, 1]
    assert codec.encode_many([]).dtype == np.float32
    assert codec.decode_many(np.array([0.9, 0.1, 0.7]) > 0.5) == ("a", "c")
