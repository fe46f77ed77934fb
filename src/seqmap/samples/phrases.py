"""The sample of text → text: dates and numbers in words, and phrases in English and Chinese.

The pairs are written by this project's own rules. What kind of answer is wanted follows from the
text alone: dates become ISO forms, numbers digits, English phrases Chinese ones and the other way
round. No source of the test part occurs in the training part.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seqmap.data.pairs import Pair

SYNTHETIC_NOTICE = (
    "Synthetic data: rules wrote these pairs, not people. The figures say nothing\n"
    "about the translation of real text."
)

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = ". . twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DIGITS = "零一二三四五六七八九"

_SUBJECTS = (
    ("I", "我"),
    ("you", "你"),
    ("he", "他"),
    ("she", "她"),
    ("we", "我们"),
    ("they", "他们"),
    ("my friend", "我朋友"),
    ("the teacher", "老师"),
)
_SINGULAR = ("he", "she", "my friend", "the teacher")
_TIMES = (
    ("tomorrow", "明天"),
    ("next week", "下周"),
    ("on Monday", "星期一"),
    ("on Friday", "星期五"),
    ("this evening", "今天晚上"),
)
_PAST = (("yesterday", "昨天"), ("last week", "上周"), ("this morning", "今天早上"))
# singular, plural, measure word and noun
_THINGS = (
    ("book", "books", "本", "书"),
    ("map", "maps", "张", "地图"),
    ("ticket", "tickets", "张", "票"),
    ("shirt", "shirts", "件", "衬衫"),
    ("coat", "coats", "件", "大衣"),
    ("apple", "apples", "个", "苹果"),
    ("cup", "cups", "个", "杯子"),
    ("cat", "cats", "只", "猫"),
    ("dog", "dogs", "只", "狗"),
    ("car", "cars", "辆", "汽车"),
    ("bicycle", "bicycles", "辆", "自行车"),
    ("umbrella", "umbrellas", "把", "雨伞"),
    ("chair", "chairs", "把", "椅子"),
)
_QUALITIES = (
    ("red", "红色"),
    ("green", "绿色"),
    ("new", "新"),
    ("old", "旧"),
    ("big", "大"),
    ("small", "小"),
    ("beautiful", "漂亮"),
    ("expensive", "贵"),
    ("cheap", "便宜"),
)
_PLACES = (
    ("station", "车站"),
    ("hospital", "医院"),
    ("bank", "银行"),
    ("library", "图书馆"),
    ("hotel", "酒店"),
    ("museum", "博物馆"),
    ("market", "市场"),
    ("airport", "机场"),
)


def english_number(number: int) -> str:
    """Return a number below a million in English words."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f" and {english_number(rest)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    joint = " and " if 0 < rest < 100 else " "
    return f"{english_number(thousands)} thousand" + (joint + english_number(rest) if rest else "")


def chinese_number(number: int) -> str:
    """Return a number below a hundred million in Chinese characters."""
    if number >= 10_000:
        head, rest = divmod(number, 10_000)
        between = "零" if 0 < rest < 1000 else ""
        return f"{chinese_number(head)}万" + (between + chinese_number(rest) if rest else "")
    if number < 10:
        return _DIGITS[number]
    text, gap = "", False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // size % 10
        if digit:
            text += ("零" if gap and text else "") + _DIGITS[digit] + unit
        gap = not digit
    return text.removeprefix("一") if 10 <= number < 20 else text


def english_ordinal(number: int) -> str:
    """Return the ordinal of a number below a hundred in words."""
    head, dash, last = english_number(number).rpartition("-")
    if last in _ORDINALS:
        return head + dash + _ORDINALS[last]
    return head + dash + (last[:-1] + "ie" if last.endswith("y") else last) + "th"


def english_year(year: int) -> str:
    """Return a year from 1900 to 2099 as it is said."""
    century, rest = divmod(year, 100)
    if century == 20 and rest < 10:
        return "two thousand" + (f" and {_ONES[rest]}" if rest else "")
    if rest == 0:
        return f"{english_number(century)} hundred"
    spoken = f"oh {_ONES[rest]}" if rest < 10 else english_number(rest)
    return f"{english_number(century)} {spoken}"


def _english_date(draw: random.Random) -> tuple[str, str]:
    year, month, day, iso = _day(draw)
    name = _MONTHS[month - 1]
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    forms = (
        f"the {english_ordinal(day)} of {name}, {english_year(year)}",
        f"{name} the {english_ordinal(day)}, {english_year(year)}",
        f"{name} {day}{ending}, {year}",
        f"{day} {name} {year}",
    )
    return draw.choice(forms), iso


def _chinese_date(draw: random.Random) -> tuple[str, str]:
    year, month, day, iso = _day(draw)
    spoken = "".join("〇" if d == "0" else _DIGITS[int(d)] for d in str(year))
    forms = (
        f"{spoken}年{chinese_number(month)}月{chinese_number(day)}日",
        f"{year}年{month}月{day}日",
    )
    return draw.choice(forms), iso


def _day(draw: random.Random) -> tuple[int, int, int, str]:
    year, month = draw.randint(1900, 2099), draw.randint(1, 12)
    day = draw.randint(1, calendar.monthrange(year, month)[1])
    return year, month, day, f"{year}-{month:02}-{day:02}"


def _number(draw: random.Random) -> int:
    return draw.randrange(10 ** draw.choice((2, 3, 4, 4, 5)))


def _english_number(draw: random.Random) -> tuple[str, str]:
    number = _number(draw)
    return english_number(number), str(number)


def _chinese_number(draw: random.Random) -> tuple[str, str]:
    number = _number(draw)
    return chinese_number(number), str(number)


def _phrase(draw: random.Random) -> tuple[str, str]:
    """Return a phrase in English and in Chinese."""
    who, subject = draw.choice(_SUBJECTS)
    one, many, measure, noun = draw.choice(_THINGS)
    quality, look = draw.choice(_QUALITIES)
    place, site = draw.choice(_PLACES)
    time, moment = draw.choice(_TIMES)
    past, before = draw.choice(_PAST)
    count = draw.randint(1, 12)
    amount = "两" if count == 2 else chinese_number(count)
    things = f"{english_number(count)} {quality} {one if count == 1 else many}"
    singular = who in _SINGULAR
    wants, goes = ("wants", "does not") if singular else ("want", "do not")
    phrases = (
        (f"{who} {wants} to buy {things}.", f"{subject}想买{amount}{measure}{look}的{noun}。"),
        (
            f"{who} bought {things} {past}.",
            f"{subject}{before}买了{amount}{measure}{look}的{noun}。",
        ),
        (f"{who} will go to the {place} {time}.", f"{subject}{moment}要去{site}。"),
        (f"{who} {goes} like {quality} {many}.", f"{subject}不喜欢{look}的{noun}。"),
        (f"this {one} is very {quality}.", f"这{measure}{noun}很{look}。"),
        (f"how much does this {quality} {one} cost?", f"这{measure}{look}的{noun}多少钱？"),
        (f"where is the {quality} {place}?", f"{look}的{site}在哪里？"),
    )
    english, chinese = draw.choice(phrases)
    return english[0].upper() + english[1:], chinese


def _to_chinese(draw: random.Random) -> tuple[str, str]:
    return _phrase(draw)


def _to_english(draw: random.Random) -> tuple[str, str]:
    english, chinese = _phrase(draw)
    return chinese, english


KINDS: Mapping[str, Callable[[random.Random], tuple[str, str]]] = {
    "English date": _english_date,
    "Chinese date": _chinese_date,
    "English number": _english_number,
    "Chinese number": _chinese_number,
    "English → Chinese": _to_chinese,
    "Chinese → English": _to_english,
}
"""Kinds of pairs, and what writes one."""


@dataclass(frozen=True)
class Phrases:
    """The three parts of the sample; no source occurs twice.

    Attributes:
        train: To learn from.
        dev: To choose on.
        test: To measure on.
        kinds: The kind of each source.
    """

    train: tuple[Pair, ...]
    dev: tuple[Pair, ...]
    test: tuple[Pair, ...]
    kinds: Mapping[str, str]


def phrases(seed: int = 42, *, train: int = 9000, dev: int = 300, test: int = 900) -> Phrases:
    """Write the sample; the same seed gives the same pairs on every machine.

    Args:
        seed: Seed of the rules.
        train: Size of the training part; each kind has its share.
        dev: Size of the part that decides when to stop.
        test: Size of the part that is only measured.
    """
    draw = random.Random(seed)
    names = list(KINDS)
    found: dict[str, Pair] = {}
    kinds: dict[str, str] = {}
    while len(found) < train + dev + test:
        kind = names[len(found) % len(names)]
        source, target = KINDS[kind](draw)
        if source not in found:
            found[source] = Pair(source, target)
            kinds[source] = kind
    # Short phrases run out first: all parts shall have their share of them.
    pairs = tuple(draw.sample(list(found.values()), len(found)))
    return Phrases(pairs[dev + test :], pairs[test : dev + test], pairs[:test], kinds)
