from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmap.codecs.vocabulary import Vocabulary
from seqmap.config import Config
from seqmap.errors import DataError
from seqmap.features.form_codec import FormCodec
from seqmap.features.forms import (
    SHAPES,
    folded,
    form_hashes,
    form_keys,
    pair_keys,
    shape,
    shape_class,
)

CONFIG = Config().replace(tag__feature_count=1, tag__pair_size=4)
SENTENCES = [["Jane", "Doe", "ran"], ["Doe", "ran", "2", "ran"]]


@pytest.mark.parametrize(
    ("word", "drawn", "kind"),
    [
        ("Hello", "Xxx", "Title"),
        ("NASA", "XX", "UPPER"),
        ("A", "X", "Title"),
        ("iPhone", "xXxx", "mIxed"),
        ("ran", "xx", "lower"),
        ("2019", "dd", "1234"),
        ("B-52", "X-dd", "A1"),
        ("...", "..", "..."),
        ("王", "x", "unspaced"),
        ("", "", "..."),
    ],
)
def test_shapes(word: str, drawn: str, kind: str) -> None:
    assert shape(word) == drawn
    assert SHAPES[shape_class(word)] == kind


def test_keys_are_those_that_are_documented() -> None:
    assert folded("Route66") == "route00"
    keys = set(form_keys("Oslo").tolist())
    for name in ("w=Oslo", "l=oslo", "s=Xxx", "z=Xx", "p1=O", "p3=Osl", "e2=lo", "c=2"):
        assert zlib.crc32(name.encode()) in keys, name


def test_pairs_look_ahead_and_never_behind() -> None:
    hashes = np.array([form_hashes(w) for w in ("a", "Bb", "3", "...")], np.uint64)
    whole = pair_keys(hashes[:, 0], hashes[:, 1])
    rest = pair_keys(hashes[1:, 0], hashes[1:, 1])
    assert np.array_equal(whole[1:], rest)
    assert len(set(whole.ravel().tolist())) == whole.size


@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_tokens_are_encoded(tokens: list[str]) -> None:
    codec = FormCodec.fit(SENTENCES, CONFIG)
    forms = [codec.forms[token] for token in tokens]
    pairs, features = codec.encode_pairs(forms)
    assert pairs.shape == (len(tokens),) and features.shape == (len(tokens), 3)
    for form in forms:
        assert 1 <= len(form.letters) <= CONFIG.tag.longest_word
        assert ((form.keys >= 0) & (form.keys < len(codec.features))).all()


def test_a_codec_survives_its_state() -> None:
    codec = FormCodec.fit(SENTENCES, CONFIG)
    again = FormCodec.from_state(*codec.to_state())
    for token in ("Jane", "unseen", "2", "王"):
        first, second = codec.forms[token], again.forms[token]
        assert (first.word, first.shape, first.hashes) == (
            second.word,
            second.shape,
            second.hashes,
        )
        assert np.array_equal(first.letters, second.letters)
        assert np.array_equal(first.keys, second.keys)


def test_rare_features_are_left_out() -> None:
    every = FormCodec.fit(SENTENCES, CONFIG)
    some = FormCodec.fit(SENTENCES, CONFIG.replace(tag__feature_count=2))
    assert 0 < len(some.features) < len(every.features)
    assert set(some.features) < set(every.features)
    none = FormCodec.fit(SENTENCES, CONFIG.replace(tag__features="none", tag__pair_size=0))
    assert len(none.features) == len(none.pairs) == 0


def test_line_feeds_in_tokens_do_not_reach_the_vocabulary() -> None:
    codec = FormCodec.fit([["The", "end.\n", "\n"], ["the", "end.", " "]] * 2, CONFIG)
    assert sorted(codec.words.symbols[2:]) == [" ", "end.", "the"]
    for token, plain in (("end.\n", "end."), ("e\nnd.", "end."), ("\n", " ")):
        assert codec.forms[token].word == codec.forms[plain].word > 1
        assert codec.symbols(token) == [plain]
    state, arrays = codec.to_state()
    assert FormCodec.from_state(state, arrays).words.symbols == codec.words.symbols


def test_a_vocabulary_that_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(DataError, match=r"line feed.*'end\.\\n'"):
        Vocabulary(["the", "end.\n"]).to_array()
