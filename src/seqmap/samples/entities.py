"""The sample of tagging: synthetic sentences with names, in English and Chinese.

The sentences are written by this project's own templates. People, places and organisations share
words (`Jordan`, `Lincoln`, 江 and 林 are of several kinds), so that what surrounds a name decides;
half of the names of the test part occur in no other part.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqmap.data.tagging import Sentence, Span, sentence_of, tags_of

SYNTHETIC_NOTICE = (
    "Synthetic data: templates wrote these sentences, not people. The people and firms\n"
    "do not exist; the figures say nothing about real text."
)

TYPES = ("PERSON", "PLACE", "ORG", "TIME")

_SLOT = re.compile(r"\{(PERSON|PLACE|ORG|TIME)\}")

Names = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Language:
    """How sentences of a language are made.

    Attributes:
        templates: Sentences with slots `{PERSON}`, `{PLACE}`, `{ORG}` and `{TIME}`.
        parts: For each type, patterns over the tables that names are made from.
        tables: Words for the patterns; the second half of each is kept for the test part.
    """

    templates: Sequence[str]
    parts: Names
    tables: Names


_ENGLISH = Language(
    templates=(
        "{PERSON} moved from {PLACE} to {PLACE} {TIME}.",
        "{TIME}, {ORG} opened an office in {PLACE}.",
        "“We will stay in {PLACE},” said {PERSON}, who runs {ORG}.",
        "The ferry to {PLACE} was late again, and {PERSON} missed the train to {PLACE}.",
        "{PERSON} has worked for {ORG} since {TIME}.",
        "Nobody at {ORG} had heard of {PERSON} before.",
        "{ORG} lost to {ORG} in front of a small crowd {TIME}.",
        "My aunt met {PERSON} at the market in {PLACE} {TIME}.",
        "{PERSON} and {PERSON} founded {ORG} in a garage near {PLACE}.",
        "It has not rained in {PLACE} since {TIME}.",
        "The judge asked {PERSON} to repeat the question.",
        "{ORG} bought the bakery that {PERSON} had sold {TIME}.",
        "Please send the parcel to {PERSON}, {ORG}, {PLACE}.",
        "The road was closed, so we turned back before lunch.",
        "Tickets are sold at the door, and children pay half.",
        "A letter from {PERSON} reached {PLACE} {TIME}.",
        "According to {ORG}, the bridge at {PLACE} will be ready {TIME}.",
        "{PERSON} teaches music; {PERSON} repairs bicycles.",
    ),
    parts={
        "PERSON": ("{first} {last}", "{first} {last}", "{last}", "Dr. {last}", "{first}"),
        "PLACE": ("{town}", "{town}", "Lake {town}", "{last} Falls", "the {town} valley"),
        "ORG": ("{town} {firm}", "{last} & {last}", "{last} {firm}", "{firm} of {town}", "{brand}"),
        "TIME": ("in {month}", "on {day}", "last {day}", "in {year}", "on {month} {number}"),
    },
    tables={
        "first": (
            "Jordan Ada Milo Ines Oscar Lena Victor Ruth Hugo Clara Theo Marta "
            "Paris Ivan Sofia Nils Greta Omar Flora Emil Chloe Bruno Dora Felix"
        ).split(),
        "last": (
            "Lincoln Barrow Kessler Ibsen Morrow Tanaka Varga Holt Santos Weller Brandt Quinn "
            "Jordan Ashby Petrov Lund Okafor Marsh Delgado Finch Romero Hale Novak Sterling"
        ).split(),
        "town": (
            "Lincoln Arden Velm Jordan Osterby Kilmore Santa~Rita Dunwick Marlow Tessin "
            "Port~Hale Averin Brackley Norvik Elmsford Cassano Ravna Whitby Lorient Sandal"
        ).split(),
        "firm": "Bank Rovers Institute Mills Railways Press United Brewery Labs Council".split(),
        "brand": "Novatek Orbix Lumeno Quarz Fenway Altera Zephyr Kodiak Mirado Solvex".split(),
        "month": "January March April June July September October December".split(),
        "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
        "year": "1987 1994 2003 2011 2016 2019 2021 2024".split(),
        "number": "2 5 9 11 14 17 23 28 30".split(),
    },
)

_CHINESE = Language(
    templates=(
        "{PERSON}{TIME}从{PLACE}搬到了{PLACE}。",
        "{TIME}，{ORG}在{PLACE}设立了办事处。",
        "“我们会留在{PLACE}。”{ORG}的负责人{PERSON}说。",
        "开往{PLACE}的渡轮又晚点了，{PERSON}没赶上去{PLACE}的火车。",
        "{PERSON}自{TIME}起就在{ORG}工作。",
        "{ORG}里没有人听说过{PERSON}。",
        "我姑姑{TIME}在{PLACE}的集市上遇见了{PERSON}。",
        "{PERSON}和{PERSON}在{PLACE}附近的车库里创办了{ORG}。",
        "{TIME}以来，{PLACE}一直没有下雨。",
        "法官请{PERSON}把问题再说一遍。",
        "{ORG}买下了{PERSON}{TIME}卖掉的面包店。",
        "请把包裹寄给{PLACE}{ORG}的{PERSON}。",
        "路封了，所以我们午饭前就往回走。",
        "门票在门口出售，儿童半价。",
        "据{ORG}介绍，{PLACE}的大桥{TIME}可以通车。",
        "{PERSON}教音乐，{PERSON}修自行车。",
    ),
    parts={
        "PERSON": ("{surname}{given}", "{surname}{given}{given}", "{surname}教授", "小{surname}"),
        "PLACE": ("{town}市", "{town}", "{town}县", "{surname}家村", "{town}湖"),
        "ORG": ("{town}{firm}", "{brand}{firm}", "{brand}公司", "{town}大学", "{surname}氏集团"),
        "TIME": ("{month}月", "{month}月{number}日", "{year}年", "上周{day}", "周{day}"),
    },
    tables={
        "surname": list("江林白黄石马温万方南王李张周吴郑孙许何罗"),
        "given": list("江林明华丽静强军洋艳勇杰娟涛敏超霞平刚桂"),
        "town": "江林 白石 南安 望海 长岭 温泉 万宁 青山 方城 马兰 东港 云溪 北川 石桥".split(),
        "firm": "银行 铁路局 研究所 足球俱乐部 出版社 啤酒厂 纺织厂 医院 委员会 实验室".split(),
        "brand": "新锐 光华 远方 天诚 宏达 星河 瑞丰 启明 海纳 万象".split(),
        "month": "一 三 四 六 七 九 十 十二".split(),
        "number": "2 5 9 11 14 17 23 28 30".split(),
        "year": "1987 1994 2003 2011 2016 2019 2021 2024".split(),
        "day": list("一二三四五六日"),
    },
)

# Closed classes: new months cannot be invented for the test part.
_SHARED = ("month", "day", "year", "number")


@dataclass(frozen=True)
class Entities:
    """The three parts of the sample; no sentence occurs twice."""

    train: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    test: tuple[Sentence, ...]


def entities(seed: int = 42, *, train: int = 2400, dev: int = 300, test: int = 600) -> Entities:
    """Write the sample; the same seed gives the same sentences on every machine.

    Half of the sentences are English. Names of the test part are made of words of which half occur
    in no other part.

    Args:
        seed: Seed of the templates.
        train: Size of the training part.
        dev: Size of the part that decides when to stop.
        test: Size of the part that is only measured.
    """
    source = random.Random(seed)
    seen: set[str] = set()

    def part(count: int, *, held_out: bool) -> tuple[Sentence, ...]:
        found: list[Sentence] = []
        while len(found) < count:
            language = _ENGLISH if len(found) % 2 else _CHINESE
            text, spans = _write(language, source, held_out=held_out)
            if text not in seen or not spans:
                seen.add(text)
                found.append(_tagged(text, spans))
        return tuple(found)

    return Entities(
        part(train, held_out=False), part(dev, held_out=True), part(test, held_out=True)
    )


def _write(
    language: Language, source: random.Random, *, held_out: bool
) -> tuple[str, list[tuple[int, int, str]]]:
    """Return a sentence and its spans in characters."""
    template = source.choice(language.templates)
    text, spans, place = "", [], 0
    for slot in _SLOT.finditer(template):
        text += template[place : slot.start()]
        name = _name(language, slot[1], source, held_out=held_out)
        if not text and language is _ENGLISH:
            name = name[0].upper() + name[1:]
        spans.append((len(text), len(text) + len(name), slot[1]))
        text += name
        place = slot.end()
    return text + template[place:], spans


def _name(language: Language, kind: str, source: random.Random, *, held_out: bool) -> str:
    pattern = source.choice(language.parts[kind])

    def word(slot: re.Match[str]) -> str:
        table = language.tables[slot[1]]
        if not held_out and slot[1] not in _SHARED:
            table = table[: (len(table) + 1) // 2]
        return source.choice(table).replace("~", " ")

    return re.sub(r"\{(\w+)\}", word, pattern)


def _tagged(text: str, spans: Sequence[tuple[int, int, str]]) -> Sentence:
    sentence = sentence_of(text)
    starts = {start: place for place, (start, _) in enumerate(sentence.offsets)}
    ends = {end: place + 1 for place, (_, end) in enumerate(sentence.offsets)}
    found = [Span(starts[start], ends[end], kind) for start, end, kind in spans]
    tags = tags_of(found, len(sentence.tokens), "iob2")
    return Sentence(sentence.tokens, text, sentence.offsets, tuple(tags))
