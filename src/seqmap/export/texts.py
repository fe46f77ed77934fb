"""Texts that an export is checked with: a model's own words, and everything that Unicode has."""

from __future__ import annotations

import random
from typing import Any

ODD = (
    "",
    " ",
    "\n\t \u3000",
    "\x00",
    "It isn't what they'd've said; DON'T. n't can't've",
    "3,000.5 1.2.3.4.5 12345678901234567890.5 ٣٫٥ ①②③ ½",
    "... .. . -- --- \u2026\u2025 `` '' “quoted” ‘x’ -LRB- -rrb- -lsb-",
    "great<br />stay<BR>never<br >again<br/><br <b <br / >x<<br>>",
    "漢字とひらがな、カタカナ。ＦＵＬＬ ｗｉｄｔｈ ｶﾞ ภาษาไทย 한국어 မြန်မာ",
    "👍🏽👩‍👩‍👧‍👦🇩🇪🇩 1️⃣ #⃣ ❤️ ☺ ︎ ️",
    "ǅ ŉ ſt ß İ ı Σς ﷺ ﬁ Å K Ω",
    "e\u0301a\u200db\u0903 \u0915\u094d\u0937 \u0e33 \u06dd",
    "a" * 200 + " " + "b1" * 300 + "!" * 100 + "." * 70 + "-" * 70,
    "\ud800 lone \udfff",
    "no\u00a0break \u2028 \x1c \x85",
)


def sample_texts(words: list[str], count: int, seed: int = 0) -> list[str]:
    """Return texts: odd ones first, then mixtures of words and of random characters.

    Args:
        words: Symbols that the model knows.
        count: How many texts.
        seed: Of the choice.
    """
    rng = random.Random(seed)
    known = [word for word in words if word] or ["a"]
    texts = list(ODD[:count])
    while len(texts) < count:
        style = rng.randrange(4)
        length = rng.randrange(1, 40)
        parts: list[str] = []
        for _ in range(length):
            odd = style == 3 or (style == 2 and rng.random() < 0.2)
            parts.append(_odd(rng) if odd else _varied(rng.choice(known), rng))
            if rng.random() < (0.4 if style == 3 else 0.9):
                parts.append(rng.choice((" ", " ", " ", "  ", ", ", ". ", "\n", "-", "")))
        texts.append("".join(parts))
    return texts


def known_words(source: Any) -> list[str]:
    """Return symbols of a codec, without padding and the unknown one."""
    return [str(source.symbol(index)).replace("\u2581", "") for index in range(2, source.size)]


def _varied(word: str, rng: random.Random) -> str:
    choice = rng.randrange(8)
    if choice == 0:
        return word.capitalize()
    if choice == 1:
        return word.upper()
    if choice == 2:
        return word + rng.choice(("n't", "'s", "’ll", "1", ".5", "!"))
    return word


def _odd(rng: random.Random) -> str:
    ranges = ((0, 0x80), (0x80, 0x600), (0x600, 0x2000), (0x2000, 0x3400), (0xF900, 0x10000))
    begin, end = rng.choice((*ranges, (0x4E00, 0x5000), (0x1F000, 0x1FB00), (0, 0x110000)))
    return chr(rng.randrange(begin, end))
