"""The sample of pairs: rules that can be checked against the calendar and against counting."""

from __future__ import annotations

import datetime
import re

import pytest

from seqmap.samples.phrases import (
    KINDS,
    chinese_number,
    english_number,
    english_ordinal,
    english_year,
    phrases,
)


@pytest.mark.parametrize(
    ("number", "english", "chinese"),
    [
        (0, "zero", "零"),
        (10, "ten", "十"),
        (14, "fourteen", "十四"),
        (42, "forty-two", "四十二"),
        (110, "one hundred and ten", "一百一十"),
        (205, "two hundred and five", "二百零五"),
        (1000, "one thousand", "一千"),
        (3007, "three thousand and seven", "三千零七"),
        (3070, "three thousand and seventy", "三千零七十"),
        (12_345, "twelve thousand three hundred and forty-five", "一万二千三百四十五"),
        (20_030, "twenty thousand and thirty", "二万零三十"),
        (99_999, "ninety-nine thousand nine hundred and ninety-nine", "九万九千九百九十九"),
    ],
)
def test_numbers(number: int, english: str, chinese: str) -> None:
    assert english_number(number) == english
    assert chinese_number(number) == chinese


def test_no_two_numbers_are_written_alike() -> None:
    for write in (english_number, chinese_number):
        assert len({write(number) for number in range(30_000)}) == 30_000
    assert len({english_year(year) for year in range(1900, 2100)}) == 200


def test_ordinals_and_years() -> None:
    written = {1: "first", 2: "second", 12: "twelfth", 20: "twentieth", 23: "twenty-third"}
    assert {n: english_ordinal(n) for n in written} == written
    years = {1987: "nineteen eighty-seven", 1905: "nineteen oh five", 1900: "nineteen hundred"}
    years |= {2000: "two thousand", 2007: "two thousand and seven", 2026: "twenty twenty-six"}
    assert {year: english_year(year) for year in years} == years


def test_the_parts() -> None:
    parts = phrases(train=600, dev=30, test=90)
    assert parts == phrases(train=600, dev=30, test=90)
    assert parts.train != phrases(seed=1, train=600, dev=30, test=90).train
    assert [len(part) for part in (parts.train, parts.dev, parts.test)] == [600, 30, 90]
    sources = [pair.source for part in (parts.train, parts.dev, parts.test) for pair in part]
    assert len(set(sources)) == 720
    assert {parts.kinds[pair.source] for pair in parts.test} == set(KINDS)
    for pair in parts.train:
        kind = parts.kinds[pair.source]
        if "date" in kind:
            assert datetime.date.fromisoformat(pair.target).isoformat() == pair.target
        elif "number" in kind:
            assert pair.target.isdecimal()
        else:
            chinese = pair.target if kind.endswith("Chinese") else pair.source
            assert re.search("[\u4e00-\u9fff]", chinese)
