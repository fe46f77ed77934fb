"""Properties that every text codec has, whatever the text."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.codecs import CODECS, UNKNOWN, TextCodec, fit_codec, restore_codec, truncate
from seqmap.config import TextConfig
from seqmap.errors import ArchiveError

CORPUS = [
    "It's a film I didn't like.<br /><br />Well-made, 7/10 ... but (sadly) too long!",
    "it 's -lrb- not -rrb- bad , and i do n't care",
    "这部电影太好看了，强烈推荐! 10.5分",
    "Ça va? Ｆｕｌｌ width 👍🏽 👨‍👩‍👧 हिन्दी ไทย",
] * 3
CODEC_LIST: list[TextCodec] = [
    kind.fit(CORPUS, config=TextConfig(lowercase=lowercase))
    for kind in CODECS.values()
    for lowercase in (True, False)
]
# Every code point, half surrogates too, mixed with the parts that are hard to split.
PARTS = st.sampled_from(
    [" ", "  ", "\n", "<", "<b", "<br", "<br ", "<br />", "/>", "don", "n't", "'", "n", "t", "'s"]
    + [
        "-lrb-",
        "-",
        ".",
        "..",
        "3",
        ",",
        "中",
        "文",
        "\u0301",
        "👍",
        "\ufe0f",
        "\u200d",
        "🏽",
        "a" * 70,
    ]
    + [
        "\u0085",
        "\u2028",
        "\x1c",
        "\x00",
        "_",
        "``",
        "🇫",
        "İ",
        "ß",
        "Σ",
        "ü",
        "e\u0301",
        "ไ",
        "\ud800",
    ]
)
TEXTS = st.lists(st.one_of(PARTS, st.text(max_size=4)), max_size=12).map("".join)

codecs = pytest.mark.parametrize(
    "codec", CODEC_LIST, ids=lambda codec: f"{codec.unit}-{codec.lowercase}"
)
quick = settings(max_examples=150, deadline=None)


@codecs
@quick
@given(text=st.one_of(st.text(st.characters(exclude_categories=[])), TEXTS))
def test_encoding_never_fails_and_agrees_with_symbols_and_offsets(
    codec: TextCodec, text: str
) -> None:
    ids = codec.encode(text)
    symbols = codec.symbols(text)
    offsets = codec.offsets(text)
    assert ids.dtype == np.int32
    assert len(ids) == len(symbols) == len(offsets)
    assert all(UNKNOWN <= index < codec.size for index in ids)
    for index, symbol in zip(ids, symbols, strict=True):
        assert index == UNKNOWN or codec.symbol(int(index)) == symbol
    ends = [0, *(end for _, end in offsets)]
    starts = [*(start for start, _ in offsets), len(text)]
    assert all(end <= start for end, start in zip(ends, starts, strict=True)), "spans overlap"
    assert all(start <= end for start, end in offsets)


@pytest.mark.parametrize("codec", [codec for codec in CODEC_LIST if codec.unit != "subword"])
@quick
@given(text=TEXTS)
def test_what_a_span_cuts_out_gives_the_same_symbol(codec: TextCodec, text: str) -> None:
    for (start, end), symbol in zip(codec.offsets(text), codec.symbols(text), strict=True):
        assert codec.symbols(text[start:end])[0] == symbol


@codecs
@quick
@given(text=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=6))
def test_chunks_give_the_ids_of_the_whole(codec: TextCodec, text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    rest, parts = "", []
    for start, end in zip(places, places[1:], strict=False):
        stable, rest = codec.split_stable(rest + text[start:end])
        parts.append(codec.encode(stable))
    parts.append(codec.encode(rest))
    assert np.concatenate(parts).tolist() == codec.encode(text).tolist()


@codecs
def test_the_rest_that_waits_stays_short(codec: TextCodec) -> None:
    for piece in ("a", "中", " ", "don't", ".", "👨‍👩‍👧", "<br", "1,", "\u0301"):
        rest, parts = "", []
        for _ in range(300):
            stable, rest = codec.split_stable(rest + piece * 7)
            parts.append(codec.encode(stable))
            assert len(rest) <= 1100
        parts.append(codec.encode(rest))
        assert np.concatenate(parts).tolist() == codec.encode(piece * 2100).tolist(), piece


@codecs
@quick
@given(text=TEXTS)
def test_a_restored_or_pickled_codec_gives_the_same_ids(codec: TextCodec, text: str) -> None:
    expected = codec.encode(text).tolist()
    assert restore_codec(*codec.to_state()).encode(text).tolist() == expected
    assert pickle.loads(pickle.dumps(codec)).encode(text).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, max_size=5), unit=st.sampled_from(["word", "char"]))
def test_any_texts_can_be_fitted_and_restored(texts: list[str], unit: str) -> None:
    codec = CODECS[unit].fit(texts, config=TextConfig())
    again = restore_codec(*codec.to_state())
    assert codec.size == again.size
    for text in texts:
        ids = codec.encode(text)
        assert UNKNOWN not in ids, "with room for all, the training texts are fully known"
        assert again.encode(text).tolist() == ids.tolist()


@codecs
def test_without_symbols_the_length_is_zero_and_decode_skips_padding(codec: TextCodec) -> None:
    assert codec.encode("").shape == (0,)
    ids = codec.encode("it 's bad")
    assert codec.decode([*ids, 0, 0]) == codec.decode(ids)
    assert codec.decode(ids) == "it 's bad"
    assert "<unk>" in codec.decode(codec.encode("\u2603\u2602"))


@codecs
def test_damaged_states_are_refused(codec: TextCodec) -> None:
    state, arrays = codec.to_state()
    with pytest.raises(ArchiveError, match="unknown"):
        restore_codec({**state, "unit": "morse"}, arrays)
    with pytest.raises(ArchiveError, match="missing"):
        restore_codec(state, {})
    name = next(iter(arrays))
    with pytest.raises(ArchiveError):
        restore_codec(state, {name: np.frombuffer(b"\xff\xfe\n\n", np.uint8)})


@pytest.mark.parametrize("unit", ["word", "char"])
def test_limits_keep_the_most_frequent_and_break_ties_by_name(unit: str) -> None:
    texts = ["b b b c c a a d"]
    limited = CODECS[unit].fit(texts, config=TextConfig(vocabulary=3))
    rare = CODECS[unit].fit(texts, config=TextConfig(min_count=2))
    expected = ["b", "a", "c"] if unit == "word" else [" ", "b", "a"]
    assert [limited.symbol(index) for index in range(2, limited.size)] == expected
    assert "d" not in [rare.symbol(index) for index in range(rare.size)]
    assert limited.encode("d").tolist() == [UNKNOWN]


def test_the_unit_follows_the_script() -> None:
    config = TextConfig()
    assert fit_codec(["很好看的电影", "不好 OK"], config).unit == "char"
    assert fit_codec(["สวัสดีครับ"], config).unit == "char"
    assert fit_codec(iter(["a good film", "привет, мир", "好"]), config).unit == "word"
    assert fit_codec([], config).unit == "word"
    assert fit_codec(["很好"], TextConfig(unit="word")).unit == "word"


@given(length=st.integers(0, 9), limit=st.integers(1, 9))
def test_truncation_keeps_the_asked_side(length: int, limit: int) -> None:
    ids = np.arange(length, dtype=np.int32)
    kept = {side: truncate(ids, limit, side).tolist() for side in ("end", "start", "middle")}
    assert all(len(part) == min(length, limit) for part in kept.values())
    assert kept["end"] == list(range(length))[:limit]
    assert kept["start"] == list(range(length))[-limit:]
    assert kept["middle"] == sorted(set(kept["middle"]))
    if length and limit > 1:
        assert kept["middle"][0] == 0 and kept["middle"][-1] == length - 1
