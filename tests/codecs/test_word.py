"""How words are split."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.codecs import WordCodec
from seqmap.codecs.word import _boundary, _compiled
from seqmap.config import TextConfig

CODEC = WordCodec.fit([], config=TextConfig())


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("I don't, can't, WON'T", "i do n't , ca n't , wo n't"),
        ("It’s John's, they'll; we've 'such'", "it 's john 's , they 'll ; we 've ' such '"),
        ("do n't it 's", "do n't it 's"),
        ("n't nt don'tx", "n't nt don ' tx"),
        ("well-made (7/10) $3,000.50 1990s", "well - made ( 7 / 10 ) $ 3,000.50 1990s"),
        ("-lrb- a -RRB- `` b ''", '( a ) " b "'),
        ("“q” wait... what -- why…", '" q " wait ... what -- why ...'),
        ("x<br />y<BR>z <b>", "x y z < b >"),
        ("看iPhone手机2台，好！", "看 iphone 手 机 2 台 , 好 !"),
        ("ＯＫ ﬁne", "ok fine"),
        ("हिन्दी भाषा। می‌خواهم", "हिन्दी भाषा । می‌خواهم"),
        ("👍🏽ok 👨‍👩‍👧! 🇫🇷 ❤️ 1️⃣", "👍🏽 ok 👨‍👩‍👧 ! 🇫🇷 ❤ 1\u20e3"),
        ("_so_ snake_case", "_ so _ snake _ case"),
    ],
)
def test_examples(text: str, symbols: str) -> None:
    assert CODEC.symbols(text) == symbols.split(" ")


def test_case_is_kept_when_asked() -> None:
    codec = WordCodec.fit(["Bush bush"], config=TextConfig(lowercase=False))
    assert codec.symbols("Bush bush -LRB-") == ["Bush", "bush", "("]
    assert len(set(codec.encode("Bush bush").tolist())) == 2


def test_offsets_point_into_the_original_text() -> None:
    text = "Didn’t<br />İt ２"
    cut = [text[start:end] for start, end in CODEC.offsets(text)]
    assert cut == ["Did", "n’t", "İt", "２"]


def test_penn_style_data_is_not_split_further(shared_data: Path) -> None:
    lines = (shared_data / "sst2" / "train.tsv").read_text(encoding="utf-8").split("\n")
    texts = [line.rsplit("\t", 1)[0] for line in lines if line]
    glued = (
        "-",
        "/",
        ".",
        ",",
        "'",
        "\\",
        "*",
        "$",
        "!",
        "?",
        "#",
        "`",
        ":",
        "&",
        "\xa0",
        "_",
        "%",
        "=",
    )
    for text in texts:
        for word in text.split(" "):
            if word and not any(mark in word for mark in glued) or word in ("n't", "'s", "-lrb-"):
                assert len(CODEC.symbols(word)) == 1, word


ASCII_PARTS = st.sampled_from(
    [chr(code) for code in range(128)]
    + ["n't", "'s", "N'T", "don", "-lrb-", "...", "----", "``", "''", "3,000.5", "a" * 70, "1" * 13]
)


@settings(max_examples=300)
@given(st.lists(ASCII_PARTS, max_size=12).map("".join))
def test_the_quick_pattern_for_ascii_finds_the_same(text: str) -> None:
    assert _compiled(True).findall(text) == _compiled(False).findall(text)
    blanks = [found.span() for found in _boundary(True).finditer(text)]
    assert blanks == [found.span() for found in _boundary(False).finditer(text)]
