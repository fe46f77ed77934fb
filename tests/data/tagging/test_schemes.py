from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmap.data.tagging import Span, spans_of, tags_of
from seqmap.data.tagging.schemes import (
    TagError,
    check_scheme,
    count_repairs,
    detect_scheme,
    split_tag,
)

SPAN_SCHEMES = ["iob1", "iob2", "bioes", "bmes", "bilou"]


@st.composite
def spans(draw: st.DrawFn) -> tuple[list[Span], int]:
    length = draw(st.integers(0, 12))
    found, place = [], 0
    while place < length:
        size = draw(st.integers(1, 4))
        if place + size > length:
            break
        if draw(st.booleans()):
            found.append(Span(place, place + size, draw(st.sampled_from(["PER", "LOC", "A-B"]))))
        place += size
    return found, length


@pytest.mark.parametrize("scheme", SPAN_SCHEMES)
@given(spans())
def test_spans_survive_every_scheme(scheme: str, drawn: tuple[list[Span], int]) -> None:
    found, length = drawn
    tags = tags_of(found, length, scheme)  # type: ignore[arg-type]
    assert len(tags) == length
    assert spans_of(tags) == found
    assert count_repairs(tags, scheme) == 0  # type: ignore[arg-type]
    for tag in tags:
        check_scheme(tag, scheme)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("O B-X I-X O B-X", "iob2"),
        ("O I-X I-X O I-X B-X", "iob1"),
        ("O I-X I-X O", "iob1"),
        ("O B-X O", "iob2"),
        ("O B-X I-X O I-X B-X", "iob2"),  # an orphan among sound spans
        ("S-X B-X I-X E-X", "bioes"),
        ("B-X M-X E-X O", "bmes"),
        ("U-X B-X L-X", "bilou"),
        ("NOUN VERB DET", "none"),
        ("O O", "iob2"),
        ("B I O B", "iob2"),
    ],
)
def test_detection(tags: str, scheme: str) -> None:
    assert detect_scheme([tags.split()]) == scheme


@pytest.mark.parametrize("tags", ["B-X M-X I-X", "B-X L-X E-X", "S-X U-X", "B-X I-X PER O"])
def test_mixed_schemes_are_an_error(tags: str) -> None:
    with pytest.raises(TagError):
        detect_scheme([tags.split()])


def test_types_may_hold_hyphens() -> None:
    assert split_tag("B-creative-work") == ("B", "creative-work")
    assert spans_of(["B-creative-work", "I-creative-work"]) == [Span(0, 2, "creative-work")]


@pytest.mark.parametrize(
    ("tags", "scheme", "broken", "meant"),
    [
        ("O I-X I-X", "iob2", 1, [(1, 3, "X")]),
        ("B-X I-Y I-Y", "iob2", 1, [(0, 1, "X"), (1, 3, "Y")]),
        ("B-X O", "bioes", 1, [(0, 1, "X")]),
        ("O E-X O", "bioes", 1, [(1, 2, "X")]),
        ("B-X I-X", "bioes", 1, [(0, 2, "X")]),
        ("B-X B-X E-X", "bmes", 1, [(0, 1, "X"), (1, 3, "X")]),
        ("M-X E-X", "bmes", 1, [(0, 2, "X")]),
    ],
)
def test_repairs(tags: str, scheme: str, broken: int, meant: list[tuple[int, int, str]]) -> None:
    assert count_repairs(tags.split(), scheme) == broken  # type: ignore[arg-type]
    assert spans_of(tags.split()) == [Span(*span) for span in meant]


def test_prefixes_of_no_scheme_are_an_error() -> None:
    with pytest.raises(TagError, match="prefixes of no scheme: Q-, X-"):
        detect_scheme([["X-PER", "O"], ["Q-LOC", "O"]])
    assert detect_scheme([["X-PER", "Q-LOC"]]) == "none"
    assert detect_scheme([["X-PER", "NOUN", "O"]]) == "none"


def test_ends_of_two_schemes_are_an_error_and_a_slip_is_not() -> None:
    ended, unended = ["B-X", "E-X", "O"], ["B-X", "I-X", "O"]
    with pytest.raises(TagError, match="3 spans have no end"):
        detect_scheme([ended, unended, unended, ["O", "B-X", "I-X"]])
    assert detect_scheme([ended, unended, unended]) == "bioes"
    assert detect_scheme([*[ended] * 50, *[unended] * 9]) == "bioes"
    with pytest.raises(TagError, match="bilou"):
        detect_scheme([["U-X", "B-X", "O"]] * 9)
    assert detect_scheme([["B-X", "E-X", "B-X", "E-X"], ["S-X", "S-Y"]]) == "bioes"
