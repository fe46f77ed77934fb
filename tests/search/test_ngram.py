from __future__ import annotations

import io
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from seqmap.errors import DataError
from seqmap.search.kneser_ney import fit_ngrams
from seqmap.search.ngram import BEGIN, END, UNKNOWN, NGrams, read_arpa, write_arpa

RNG = np.random.default_rng(3)
WORDS = [f"w{k}" for k in range(12)]
TEXT = [[WORDS[int(k)] for k in RNG.zipf(1.6, int(n)) % 12] for n in RNG.integers(1, 9, 300)]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_chances_sum_to_one_after_every_history(order: int) -> None:
    model = fit_ngrams(TEXT, order)
    rest = [k for k in range(len(model.words)) if k != BEGIN]
    histories = {key[:-1] for key in model.chances} | {(3, 4), (5,), (BEGIN, 9)}
    for history in histories:
        kept = history[-(order - 1) :] if order > 1 else ()
        total = sum(math.exp(model.score(kept, word)) for word in rest)
        assert total == pytest.approx(1, abs=1e-9), history


def test_bigrams_by_hand() -> None:
    """Equations 26 and 27 with the usual discounts, for `a b`, `a c`."""
    model = fit_ngrams([["a", "b"], ["a", "c"]], 2)
    a, b = model.number("a"), model.number("b")
    # Continuations: a 1 (<s>), b 1, c 1, </s> 2 (b, c); 5 in all. Five words can follow.
    freed = (3 * 0.5 + 1.0) / 5
    lower = {"b": (1 - 0.5) / 5 + freed / 5, "</s>": (2 - 1.0) / 5 + freed / 5}
    assert model.score((), b) == pytest.approx(math.log(lower["b"]))
    assert model.score((), END) == pytest.approx(math.log(lower["</s>"]))
    assert model.score((), UNKNOWN) == pytest.approx(math.log(freed / 5))
    # After a: b once, c once.
    assert model.score((a,), b) == pytest.approx(math.log((1 - 0.5) / 2 + 0.5 * lower["b"]))
    # After b: only </s>, once; what was not seen takes the freed half.
    assert model.score((b,), b) == pytest.approx(math.log(0.5 * lower["b"]))


def test_longer_histories_help_on_text_that_has_them() -> None:
    pattern = ["x", "y", "x", "z"] * 6
    lines = [pattern[k % 4 : k % 4 + 9] for k in range(60)]
    held = pattern[1:12]
    scores = [fit_ngrams(lines, order).sentence(held) for order in (1, 2, 3)]
    assert scores[0] < scores[1] < scores[2]


def test_arpa_files_come_back(tmp_path: Path) -> None:
    model = fit_ngrams(TEXT, 3)
    text = io.StringIO()
    write_arpa(model, text)
    path = tmp_path / "m.arpa"
    path.write_text(text.getvalue(), encoding="utf-8")
    again = read_arpa(path)
    assert again.order == 3 and set(again.words) == set(model.words)
    for words in itertools.islice(TEXT, 50):
        assert again.sentence(words) == pytest.approx(model.sentence(words), abs=1e-4)
    assert again.sentence(["never"]) == pytest.approx(model.sentence(["never"]), abs=1e-4)


def test_arrays_come_back() -> None:
    model = fit_ngrams(TEXT, 3)
    arrays = model.to_arrays()
    again = NGrams.from_arrays(arrays)
    assert again.words == model.words and again.chances.keys() == model.chances.keys()
    assert again.sentence(TEXT[0]) == pytest.approx(model.sentence(TEXT[0]), abs=1e-4)
    with pytest.raises((KeyError, ValueError)):
        NGrams.from_arrays({"words": arrays["words"]})
    with pytest.raises(ValueError, match="do not fit"):
        NGrams.from_arrays({**arrays, "2.values": arrays["2.values"][:-1]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nothing", "not an ARPA language model"),
        ("\\1-grams:\n-1.0 a b c\n", r":2: a line of 1-grams"),
        ("\\2-grams:\nmany a b\n", r":2: a line of 2-grams"),
    ],
)
def test_files_that_are_no_models(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "m.arpa"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_arpa(path)
    with pytest.raises(DataError, match="No such file"):
        read_arpa(tmp_path / "none.arpa")


def test_no_text() -> None:
    with pytest.raises(DataError, match="no text"):
        fit_ngrams([], 2)


def test_marks_in_a_text_are_no_words() -> None:
    for order in (1, 2, 3):
        model = fit_ngrams([["<s>", "a", "b", "</s>"], ["a", "<unk>", "c"]], order)
        plain = fit_ngrams([["a", "b"], ["a", "c"]], order)
        assert model.words == plain.words and model.chances == plain.chances


def test_words_of_a_file_are_folded(tmp_path: Path) -> None:
    model = fit_ngrams([["HELLO", "WORLD"], ["Hello", "THERE"], ["HELLO", "WORLD"]], 2)
    with open(tmp_path / "upper.arpa", "w", encoding="utf-8") as file:
        write_arpa(model, file)
    found = read_arpa(tmp_path / "upper.arpa", str.lower)
    assert set(found.words) == {"<unk>", "<s>", "</s>", "hello", "world", "there"}
    hello, upper = found.number("hello"), model.number("HELLO")
    assert found.score(found.begin, hello) == pytest.approx(
        model.score(model.begin, upper), abs=1e-4
    )
