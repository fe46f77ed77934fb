"""Raw text is cut as the training's tokens were."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from seqmap.data.tagging.tokens import Tokeniser, tokenise

PENN = [
    "The U.S. army of Mr. Smith , 30,000 men .".split(),
    "Mr. Jones 's first-class ticket cost 1,000 francs in the U.S. .".split(),
    "A well-known , 3,500 year old town .".split(),
    "He 's in the U.N. and on 5 , May .".split(),
]
TWEETS = [
    "I don't know @user #cool".split(),
    "@you can't don't #this @me #that".split(),
]


def cut(tokeniser: Tokeniser, text: str) -> list[str]:
    return [text[start:end] for start, end in tokeniser.spans(text)]


def test_habits_of_a_treebank() -> None:
    found = Tokeniser.fit(PENN, "word")
    text = "Mr. Smith's U.S. team, a second-class one of 12,500, won. It was 5, maybe."
    assert cut(found, text) == (
        "Mr. Smith 's U.S. team , a second-class one of 12,500 , won . It was 5 , maybe .".split()
    )


def test_habits_of_tweets() -> None:
    found = Tokeniser.fit(TWEETS, "word")
    assert cut(found, "@her don't, we won't #go.") == "@her don't , we won't #go .".split()


def test_without_habits_every_mark_stands_alone() -> None:
    text = "Mr. Smith's U.S. team: 12,500 @user"
    for tokeniser in (Tokeniser(), Tokeniser.fit([], "word"), Tokeniser.from_state("word", None)):
        assert tokeniser.spans(text) == tokenise(text, "word")
    assert Tokeniser.fit(PENN, "char").spans("a-b c") == tokenise("a-b c", "char")


def test_once_is_not_a_habit_and_a_rare_join_beside_many_splits_is_an_accident() -> None:
    assert Tokeniser.fit([["a-b", "Mr."]], "word") == Tokeniser()
    accident = [["a-b"], ["c-d"]] + [["a", "-", "b"]] * 100
    assert "-" not in Tokeniser.fit(accident, "word").letters


def test_numbers_and_words_have_their_own_marks() -> None:
    found = Tokeniser.fit([["1,000", "2,000"], ["a-b", "c-d"]], "word")
    assert cut(found, "1,5 a,b 1-2 a-b a-1 1-b") == (
        ["1,5", "a", ",", "b", "1", "-", "2", "a-b", "a-1", "1-b"]
    )


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), max_size=8)),
    st.text(st.characters(codec="utf-8"), max_size=80),
)
def test_nothing_is_lost_and_it_comes_back_from_a_file(
    sentences: list[list[str]], text: str
) -> None:
    found = Tokeniser.fit(sentences, "word")
    spans = found.spans(text)
    end = 0
    for start, stop in spans:
        assert end <= start < stop and not text[end:start].strip()
        end = stop
    assert not text[end:].strip()
    again = Tokeniser.from_state("word", json.loads(json.dumps(found.to_state())))
    assert again == found and again.spans(text) == spans


@given(st.text(alphabet="aZ1.,-'@# é中", max_size=40), st.integers(0, 40))
def test_cutting_goes_on_from_any_token(text: str, place: int) -> None:
    found = Tokeniser("word", "-.", ",.", "@'", ("Z", "aZ"), stops=True)
    spans = found.spans(text)
    for start, _ in spans[:place]:
        assert [(a + start, b + start) for a, b in found.spans(text[start:])] == [
            span for span in spans if span[0] >= start
        ]
