from __future__ import annotations

import hashlib
import random
import re
from collections import Counter

import pytest

from seqmap.data import inspect
from seqmap.samples import reviews as sample
from seqmap.samples.chinese import CHINESE
from seqmap.samples.english import ENGLISH
from seqmap.samples.grammar import Language, write
from seqmap.training.baseline import linear_baseline

HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def parts() -> sample.Reviews:
    return sample.reviews()


def test_the_parts_have_the_promised_sizes_and_nothing_in_common(parts: sample.Reviews) -> None:
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (6000, 600, 1000)
    texts = [example.text for part in (parts.train, parts.dev, parts.test) for example in part]
    assert len(set(texts)) == len(texts)
    report = inspect(parts.train, parts.dev, parts.test).to_dict()
    assert len(report["overlaps"]) == 3
    assert all(pair["equal"] == pair["alike"] == 0 for pair in report["overlaps"])


def test_labels_and_languages_are_balanced(parts: sample.Reviews) -> None:
    for part in (parts.train, parts.dev, parts.test):
        counts = Counter(example.labels for example in part)
        assert counts[("positive",)] == counts[("negative",)]
        chinese = sum(HAN.search(example.text) is not None for example in part)
        assert 0.45 < chinese / len(part) < 0.55


def test_the_sample_is_the_same_everywhere(parts: sample.Reviews) -> None:
    text = "\n".join(e.labels[0] + " " + e.text for e in parts.train + parts.dev + parts.test)
    # Change this only together with the grammar: the figures of the README belong to this sample.
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "c324af69d839866b"


def test_another_seed_gives_other_reviews(parts: sample.Reviews) -> None:
    other = sample.reviews(1, train=500, dev=50, test=50)
    mine = {example.text for example in parts.train}
    assert sum(example.text in mine for example in other.train) < 25


def test_every_pattern_and_domain_occurs_in_both_languages_and_labels() -> None:
    written = sample.sentences(3000)
    seen = {(HAN.search(s.text) is not None, s.good, s.pattern, s.domain) for s in written}
    patterns = {pattern.name for pattern in ENGLISH.patterns}
    assert patterns == {pattern.name for pattern in CHINESE.patterns}
    assert len(seen) == 2 * 2 * len(patterns) * 6


@pytest.mark.parametrize("language", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_texts_are_well_formed(language: Language) -> None:
    source = random.Random(0)
    for _ in range(400):
        text = write(language, good=True, source=source).text
        assert not re.search(r"[{}]|  ", text)
        assert text[-1] in ".。" and text[0] == text[0].upper()
        assert not re.search(r"[，。]{2}|[,.;]{2}| [,.;]|[.!?] [a-z]", text)
        assert (HAN.search(text) is not None) == (language is CHINESE)
        assert 40 <= len(text) <= 500 or language is CHINESE and 15 <= len(text) <= 160


@pytest.mark.parametrize("language", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_keeping_and_turning_phrases_come_in_equal_numbers(language: Language) -> None:
    for pattern in language.patterns:
        assert len(pattern.keep) == len(pattern.flip)
    for domain in language.domains:
        for aspect in domain.aspects:
            assert len(aspect.good) == len(aspect.bad)


def test_a_linear_model_cannot_solve_it(parts: sample.Reviews) -> None:
    accuracy = linear_baseline(parts.train, parts.test).metrics["accuracy"]
    assert 0.6 < accuracy <= 0.75


def test_only_plain_reviews_are_within_the_reach_of_a_linear_model(parts: sample.Reviews) -> None:
    patterns = [sentence.pattern for sentence in sample.sentences(7600)[6600:]]
    plain = [e for e, p in zip(parts.test, patterns, strict=True) if p == "plain"]
    turned = [e for e, p in zip(parts.test, patterns, strict=True) if p != "plain"]
    assert linear_baseline(parts.train, plain).metrics["accuracy"] > 0.95
    assert linear_baseline(parts.train, turned).metrics["accuracy"] < 0.6


def test_the_notice_says_that_nobody_wrote_these_reviews() -> None:
    assert sample.SYNTHETIC_NOTICE.startswith("Synthetic data")
    assert all(len(line) <= 80 for line in sample.SYNTHETIC_NOTICE.split("\n"))
