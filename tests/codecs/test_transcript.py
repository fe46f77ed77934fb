from __future__ import annotations

import pytest

from seqmap.codecs.transcript import TranscriptCodec, longest_needed, normal
from seqmap.config import TextConfig
from seqmap.errors import DataError

TEXTS = ["One two", "ＴＷＯ  three", "it’s\tone"]


def test_characters() -> None:
    codec = TranscriptCodec.fit(TEXTS, TextConfig(unit="char"))
    assert codec.pieces == (" ", "'", "e", "h", "i", "n", "o", "r", "s", "t", "w")
    assert codec.spaced and codec.classes == 12
    assert codec.decode(codec.encode("  TWO it's ")) == "two it's"
    assert codec.decode(codec.encode("zone")) == "one"
    assert codec.words("one  two") == ["one", "two"]
    assert TranscriptCodec.from_state(*codec.to_state()) == codec


def test_case_is_kept_if_asked() -> None:
    codec = TranscriptCodec.fit(["Ab"], TextConfig(unit="char", lowercase=False))
    assert codec.pieces == ("A", "b") and codec.normal("Ab") == "Ab"


def test_scripts_without_blanks() -> None:
    codec = TranscriptCodec.fit(["今天", "天气 好"], TextConfig(unit="char"))
    plain = TranscriptCodec.fit(["今天", "天气"], TextConfig(unit="char"))
    assert codec.spaced and not plain.spaced
    assert plain.words("今天") == ["今", "天"]


def test_subwords() -> None:
    texts = ["low lower lowest new newer newest wide wider widest"] * 5
    codec = TranscriptCodec.fit(texts, TextConfig(unit="subword", vocabulary=30))
    assert codec.spaced and codec.subwords is not None
    numbers = codec.encode("newest low")
    assert 0 < numbers.min() and numbers.max() < codec.classes and len(numbers) < 10
    assert codec.decode(numbers) == "newest low"
    again = TranscriptCodec.from_state(*codec.to_state())
    assert again.encode("newest low").tolist() == numbers.tolist()


def test_nothing_to_learn() -> None:
    with pytest.raises(DataError, match="nothing to learn"):
        TranscriptCodec.fit([" ", ""], TextConfig(unit="char"))


def test_steps_that_ctc_needs() -> None:
    assert longest_needed([]) == 0
    assert longest_needed([1, 2, 2, 2, 3]) == 7


def test_folding() -> None:
    assert normal(" A\u00a0 b\n", lowercase=True) == "a b"
