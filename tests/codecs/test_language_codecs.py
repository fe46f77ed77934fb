from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmap.codecs import LineCodec, LiteralCodec, fit_codec, restore_codec
from seqmap.codecs.base import UNKNOWN, TextCodec
from seqmap.config import Config
from seqmap.errors import ArchiveError

TEXT = "To be,  or not\nto be:\n\nThat is the question.\n"


def fitted(unit: str, **settings: object) -> TextCodec:
    config = Config().replace(text__unit=unit, **{f"text__{k}": v for k, v in settings.items()})
    return fit_codec([TEXT], config.text)


def lines() -> LineCodec:
    return LineCodec(fitted("word"))


def test_literal_loses_nothing() -> None:
    codec = fitted("literal", lowercase=False)
    assert codec.decode(codec.encode(TEXT)) == TEXT
    assert codec.symbols("T\n") == ["T", "\n"]
    assert codec.offsets("ab") == [(0, 1), (1, 2)]
    assert codec.encode("Q")[0] == UNKNOWN and codec.encode("T")[0] != codec.encode("t")[0]


def test_literal_folds_case_where_asked() -> None:
    codec = fitted("literal", lowercase=True)
    assert codec.encode("T")[0] == codec.encode("t")[0] != UNKNOWN
    assert len(codec.encode("İ")) == 1


def test_literal_keeps_the_most_frequent() -> None:
    codec = fitted("literal", vocabulary=3)
    assert codec.size == 5
    assert codec.encode(" to").tolist() == [2, 4, 3] or UNKNOWN not in codec.encode(" ")


@pytest.mark.parametrize("make", [lambda: fitted("literal", lowercase=False), lines])
def test_state_gives_the_same_ids(make: object) -> None:
    codec = make()  # type: ignore[operator]
    state, arrays = codec.to_state()
    again = restore_codec(state, arrays)
    np.testing.assert_array_equal(again.encode(TEXT), codec.encode(TEXT))
    assert again.size == codec.size


def test_a_damaged_literal_vocabulary_is_refused() -> None:
    state, arrays = fitted("literal").to_state()
    with pytest.raises(ArchiveError, match="missing"):
        restore_codec(state, {})
    with pytest.raises(ArchiveError, match="missing"):
        restore_codec(state, {"vocabulary": np.array([0x110000], np.uint32)})
    with pytest.raises(ArchiveError, match="twice"):
        restore_codec(state, {"vocabulary": np.concatenate([arrays["vocabulary"]] * 2)})


def test_line_ends_are_symbols_of_their_own() -> None:
    codec = lines()
    ids = codec.encode("to be\nor not")
    assert ids.tolist().count(codec.end) == 1 and codec.size == codec.inner.size + 1
    assert codec.symbols("to\nbe") == ["to", "⏎", "be"]
    assert codec.symbol(codec.end) == "⏎"
    assert codec.decode(ids) == "to be\nor not"
    text = "to be\n\nor not\n"
    assert [text[a:b] for a, b in codec.offsets(text)] == [
        "to",
        "be",
        "\n",
        "\n",
        "or",
        "not",
        "\n",
    ]
    # Without line ends, the ids are those of the codec inside.
    np.testing.assert_array_equal(codec.encode("or not"), codec.inner.encode("or not"))


PIECES = st.lists(st.text(alphabet="to be\n.'nt<br/>", max_size=8), max_size=6)


@pytest.mark.parametrize("make", [lambda: fitted("literal", lowercase=False), lines])
@given(pieces=PIECES)
def test_pieces_give_the_ids_of_the_whole(make: object, pieces: list[str]) -> None:
    codec = make()  # type: ignore[operator]
    held, found = "", []
    for piece in pieces:
        stable, held = codec.split_stable(held + piece)
        found.append(codec.encode(stable))
    found.append(codec.encode(held))
    np.testing.assert_array_equal(np.concatenate(found), codec.encode("".join(pieces)))


def test_literal_is_a_codec_of_every_task() -> None:
    assert isinstance(fitted("literal"), LiteralCodec)
