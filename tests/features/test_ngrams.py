"""The n-gram features against a literal reading of their definition."""

from __future__ import annotations

import math
import pickle
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.codecs import WordCodec
from seqmap.config import TextConfig
from seqmap.features.hashing import word_hash
from seqmap.features.ngrams import NgramCounter, NgramSpec
from seqmap.features.space import NgramSpace
from seqmap.features.table import KeyTable

M = (1 << 64) - 1
WORDS = WordCodec.fit([], config=TextConfig())
TEXTS = st.text(st.sampled_from("ab AB.<br />中文é\u0301🎉Ａ\u3000\n'nt\ud800\x02"), max_size=40)
SPEC = NgramSpec(words=3, characters=5)


def mix(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M
    return z ^ z >> 31


def key(items: list[int], seed: int) -> int:
    h = seed
    for item in items:
        h = (h * 0x9E3779B97F4A7C15 + item) & M
    return mix(h) >> 32


def words_of(text: str) -> Counter[int]:
    items = [word_hash("")] + [word_hash(word) for word in WORDS.symbols(text)]
    return Counter(
        key(items[start : start + n], 101) for n in (1, 2, 3) for start in range(len(items) - n + 1)
    )


def characters_of(text: str) -> Counter[int]:
    for form in ("<br />", "<br/>", "<br >", "<br>"):
        text = text.replace(form, " " * len(form))
    folded = []
    for c in text:
        plain = (
            unicodedata.normalize("NFKC", c)
            if c.isspace() or not "\ud800" <= c <= "\udfff"
            else "\ufffd"
        )
        folded.append(" " if c.isspace() else plain.replace(" ", ""))
    keys: Counter[int] = Counter()
    for run in "".join(folded).split():
        items = [mix(ord(c) + 1) for c in f" {run} "]
        keys.update(
            key(items[start : start + n], 202)
            for n in (2, 3, 4, 5)
            for start in range(len(items) - n + 1)
        )
    return keys


def test_the_hash_is_the_documented_one() -> None:
    # Fixed values: a change here breaks every saved model.
    assert word_hash("") == mix(0xCBF29CE484222325)
    assert [hex(word_hash(word)) for word in ("a", "中")] == [
        "0x2c0bdbf481420f8",
        "0x50e0c10753c8fde2",
    ]
    counted = NgramCounter(NgramSpec(words=1, characters=2)).count(["a"])
    assert [hex(k) for k in counted["words"].keys] == ["0x76126cf1", "0xbdf746be"]
    assert [hex(k) for k in counted["characters"].keys] == ["0x2ebe1f", "0x1e61568f"]


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_counts_follow_the_definition(texts: list[str]) -> None:
    counted = NgramCounter(SPEC).count(texts)
    for name, of in (("words", words_of), ("characters", characters_of)):
        block = counted[name]
        found = [{} for _ in texts]
        for text, k, count in zip(block.texts, block.keys, block.counts, strict=True):
            found[text][int(k)] = int(count)
        assert found == [dict(of(text)) for text in texts]
        order = list(zip(block.texts.tolist(), block.keys.tolist(), strict=True))
        assert order == sorted(order)


def test_long_and_many_texts_are_counted_as_if_alone() -> None:
    texts = ["ab, cd. " * 20_000, "", "x y z"] + ["it is 很好 " * 500] * 40
    together = NgramCounter(SPEC).count(texts)
    for index in (0, 1, 2, 3, 42):
        alone = NgramCounter(SPEC).count([texts[index]])
        for name in SPEC.blocks:
            part = together[name].part(index, index + 1)
            assert part.keys.tolist() == alone[name].keys.tolist()
            assert part.counts.tolist() == alone[name].counts.tolist()


@given(st.sets(st.integers(0, 2**32 - 1), max_size=60), st.lists(st.integers(0, 2**32 - 1)))
def test_both_ways_of_finding_keys_agree_with_a_dict(keys: set[int], others: list[int]) -> None:
    ordered = sorted(keys)
    asked = np.array(ordered + others + [0, 2**32 - 1], np.uint32)
    expected = [(i, ordered.index(k)) for i, k in enumerate(asked.tolist()) if k in keys]
    table = KeyTable(np.array(ordered, np.uint32))
    for ask in (asked, np.tile(asked, 1 + 20_001 // len(asked))):
        known, places = table.find(ask)
        pairs = list(zip(known.tolist(), places.tolist(), strict=True))
        assert pairs[: len(expected)] == expected


CORPUS = ["good good film", "a good one", "bad film", "so bad", "", "a so-so film"]
LABELS = np.array([0, 0, 1, 1, 0, 1])


@pytest.mark.parametrize("classes", [2, 3])
def test_vectors_follow_the_definition(classes: int) -> None:
    targets = np.eye(classes, dtype=np.float32)[LABELS if classes == 2 else [0, 0, 1, 1, 2, 2]]
    fitted = NgramSpace.fit(CORPUS, targets, spec=SPEC)
    space, x = fitted.space, fitted.x
    dense = np.zeros(x.shape)
    dense[x.rows, x.indices] = x.values
    start = 0
    for name, of in (("words", words_of), ("characters", characters_of)):
        counts = [of(text) for text in CORPUS]
        frequency = Counter(k for count in counts for k in count)
        kept = sorted(k for k, texts in frequency.items() if texts >= 2)
        assert space.keys[name].tolist() == kept
        expected = np.zeros((len(CORPUS), len(kept)))
        for column, k in enumerate(kept):
            here = np.array([k in count for count in counts])
            ratio = [
                abs(
                    math.log(
                        (here @ t + 1)
                        / (t.sum() + 2)
                        / ((here @ (1 - t) + 1) / ((1 - t).sum() + 2))
                    )
                )
                for t in targets.T.astype(float)
            ]
            scale = math.log((1 + len(CORPUS)) / (1 + frequency[k])) + 1
            if classes == 2:
                scale *= math.sqrt(max(ratio) + 0.01)
            else:
                assert fitted.prior is not None
                assert fitted.prior[start + column] == pytest.approx(np.array(ratio) + 0.05, 1e-5)
            for row, count in enumerate(counts):
                if k in count:
                    expected[row, column] = (1 + math.log(count[k])) * scale
        expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
        assert dense[:, start : start + len(kept)] == pytest.approx(expected, abs=2e-3)
        start += len(kept)
    assert start == x.shape[1] == space.size
    assert (fitted.prior is None) == (classes == 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_one_text_and_many_give_the_same_bits(texts: list[str]) -> None:
    space = NgramSpace.fit(
        texts * 2, np.eye(2, dtype=np.float32)[[0, 1] * len(texts)], spec=SPEC
    ).space
    space = pickle.loads(pickle.dumps(space))
    many = space.transform(texts)
    for row, text in enumerate(texts):
        one = space.transform([text])
        part = slice(many.indptr[row], many.indptr[row + 1])
        assert one.indices.tolist() == many.indices[part].tolist()
        assert one.values.tolist() == many.values[part].tolist()
        assert (np.diff(one.indices) > 0).all()


def test_a_restricted_space_gives_the_restricted_matrix() -> None:
    fitted = NgramSpace.fit(CORPUS, np.eye(2, dtype=np.float32)[LABELS], spec=SPEC)
    kept = np.random.default_rng(0).random(fitted.space.size) < 0.4
    direct = fitted.space.keep(kept).transform(CORPUS)
    restricted = fitted.space.restrict(fitted.x, kept)
    assert direct.shape == restricted.shape == (6, kept.sum())
    assert direct.indptr.tolist() == restricted.indptr.tolist()
    assert direct.indices.tolist() == restricted.indices.tolist()
    assert direct.values == pytest.approx(restricted.values, 1e-5)


def test_blocks_can_be_left_out_and_nothing_at_all_is_fine() -> None:
    assert NgramSpec(words=0).blocks == ("characters",)
    assert NgramSpec(characters=0).blocks == ("words",)
    targets = np.eye(2, dtype=np.float32)[LABELS]
    for spec in (NgramSpec(0, 0), NgramSpec(1, 0), NgramSpec(0, 3)):
        fitted = NgramSpace.fit(CORPUS, targets, spec=spec)
        assert fitted.x.shape == (6, fitted.space.size)
    assert NgramSpace.fit([], targets[:0], spec=SPEC).x.shape == (0, 0)
    assert fitted.space.transform([]).shape == (0, fitted.space.size)
