"""Pieces: what is cut and joined again, subwords without sentencepiece, sampling."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import (
    BOUNDARY,
    PIECES,
    CharPieces,
    PieceCodec,
    SubwordPieces,
    WordPieces,
    restore_pieces,
)
from seqmap.codecs.vocabulary import Vocabulary
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError, DataError
from seqmap.samples.phrases import phrases

TEXTS = [side for p in phrases(train=400, dev=1, test=1).train for side in (p.source, p.target)]
CONFIG = TextConfig(lowercase=False)


@pytest.fixture(scope="module")
def codecs() -> dict[str, PieceCodec]:
    return {name: kind.fit(TEXTS, config=CONFIG, size=700) for name, kind in PIECES.items()}


@pytest.mark.parametrize("unit", PIECES)
def test_known_texts_come_back(codecs: dict[str, PieceCodec], unit: str) -> None:
    codec = codecs[unit]
    whole = 0
    for text in TEXTS[:200]:
        ids = codec.encode(text)
        assert ids.dtype == np.int32 and BOUNDARY not in ids
        assert len(ids) == len(codec.pieces(text))
        assert codec.join(codec.pieces(text)) == text
        if UNKNOWN not in ids:
            whole += 1
            assert codec.decode(ids) == text
    assert whole > 60


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_cut(text: str) -> None:
    for codec in (
        SubwordPieces(Vocabulary(["▁", "a", "b", "ab", "▁a"]), np.zeros(7, np.float32)),
        WordPieces(Vocabulary(["▁a"])),
        CharPieces(Vocabulary(["▁", "a"])),
    ):
        assert len(codec.encode(text)) == len(codec.pieces(text))
        plain = " ".join(text.replace("▁", "_").replace("\0", "\ufffd").split())
        assert codec.join(codec.pieces(text)) == plain


def test_subwords_are_those_of_sentencepiece() -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    from seqmap.codecs import subword

    lines = [" ".join(text.split()) for text in TEXTS]
    model = subword._train(lines, 300, split_digits=True)
    theirs = sentencepiece.SentencePieceProcessor()
    theirs.LoadFromSerializedProto(model)
    mine = SubwordPieces.fit(TEXTS, config=CONFIG, size=300)
    assert mine.size == theirs.get_piece_size()
    more = ["Unseen words, 1234 χ χψ end", "a☃☃b", "二〇〇九年 x", "twenty-two thousandfold"]
    for text in [*TEXTS[:300], *more]:
        ids = [number for run in text.split() for number in theirs.encode(run, out_type=int)]
        assert mine.encode(text).tolist() == ids, text


def test_sampled_subwords_are_as_probable_as_they_should_be() -> None:
    vocabulary = Vocabulary(["▁", "a", "b", "ab", "▁a", "▁ab"])
    scores = np.array([0, 0, -2.0, -1.5, -2.5, -1.0, -1.2, -2.2], np.float32)
    codec = SubwordPieces(vocabulary, scores)
    draw, sharpness = Random(1), 0.7
    counts = Counter(tuple(codec.sample("ab", draw, sharpness).tolist()) for _ in range(4000))
    readings = {(7,): -2.2, (6, 4): -3.7, (2, 5): -3.0, (2, 3, 4): -6.0}
    shares = {cut: np.exp(sharpness * score) for cut, score in readings.items()}
    for cut, share in shares.items():
        wanted = share / sum(shares.values())
        assert counts[cut] / 4000 == pytest.approx(wanted, abs=0.03)
    assert codec.encode("ab").tolist() == [7]
    again = [codec.sample("ab ab", Random(5), 0.2).tolist() for _ in range(2)]
    assert again[0] == again[1]


def test_lower_case_is_read_alike() -> None:
    codec = CharPieces.fit(["Ab c"], config=TextConfig(lowercase=True), size=9)
    assert codec.encode("AB C").tolist() == codec.encode("ab c").tolist()
    assert UNKNOWN not in codec.encode("AB")


@pytest.mark.parametrize("unit", PIECES)
def test_state(codecs: dict[str, PieceCodec], unit: str) -> None:
    state, arrays = codecs[unit].to_state()
    again = restore_pieces(state, arrays)
    assert [again.encode(t).tolist() for t in TEXTS[:40]] == [
        codecs[unit].encode(t).tolist() for t in TEXTS[:40]
    ]
    with pytest.raises(ArchiveError, match="unknown"):
        restore_pieces({**state, "unit": "syllable"}, arrays)
    with pytest.raises(ArchiveError, match="missing"):
        restore_pieces(state, {})
    if unit == "subword":
        with pytest.raises(ArchiveError, match="differ in number"):
            restore_pieces(state, {**arrays, "scores": arrays["scores"][:-1]})
        with pytest.raises(ArchiveError, match="damaged"):
            restore_pieces(state, {**arrays, "scores": arrays["scores"] * np.float32(np.nan)})


def test_nothing_to_learn_from() -> None:
    with pytest.raises(DataError, match="no text"):
        SubwordPieces.fit(["", "  "], config=CONFIG, size=50)
