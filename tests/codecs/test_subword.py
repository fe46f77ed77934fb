"""What is particular to sentencepiece."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.codecs import SubwordCodec, restore_codec
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError, ConfigError, DataError, MissingExtraError

TEXTS = ["the unfriendly friends of the unhappiest", "happy friendliness, 很好很好的电影"] * 20
CODEC = SubwordCodec.fit(TEXTS, config=TextConfig(vocabulary=80))


def test_training_is_deterministic_and_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    again = SubwordCodec.fit(iter(TEXTS), config=TextConfig(vocabulary=80))
    assert again.model == CODEC.model
    assert capfd.readouterr() == ("", "")


def test_pieces_are_shorter_than_words_and_decode_to_the_text() -> None:
    text = "the unfriendly unhappiness 很好"
    ids = CODEC.encode(text)
    assert 4 < len(ids) < len(text)
    assert CODEC.decode(ids) == text
    assert CODEC.size <= 82


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("happy ends ½İ\u00b4\u2581\0很ﬁ\u0301\ud800\n")))
def test_spans_cover_everything_but_blanks(text: str) -> None:
    covered = "".join(text[start:end] for start, end in CODEC.offsets(text))
    assert covered == "".join(text.split())


def test_a_vocabulary_too_small_for_the_characters_is_told() -> None:
    with pytest.raises(ConfigError, match=r"text\.vocabulary = 5"):
        SubwordCodec.fit(TEXTS, config=TextConfig(vocabulary=5))
    with pytest.raises(DataError, match="no text"):
        SubwordCodec.fit(["", " \n"], config=TextConfig())


def test_damaged_models_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    state, arrays = CODEC.to_state()
    with pytest.raises(ArchiveError, match="damaged"):
        restore_codec(state, {"model": arrays["model"][:100]})
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(MissingExtraError, match=r"seqmap\[train\]"):
        restore_codec(state, arrays)
