"""Language models from text: interpolated, modified Kneser-Ney smoothing.

Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 3
(equations 26 and 27): p(w | h) = (c(h w) - D(c)) / c(h) + γ(h) p(w | h'). Lower orders count in how
many ways a sequence is continued to the left instead of how often it occurs.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from seqmap.errors import DataError
from seqmap.search.ngram import BEGIN, END, NEVER, SPECIAL, UNKNOWN, Context, NGrams

_USUAL = (0.5, 1.0, 1.5)
"""Discounts where the counts are too few to tell (as KenLM's fallback)."""

Counts = dict[Context, int]


def fit_ngrams(sentences: Iterable[Sequence[str]], order: int) -> NGrams:
    """Estimate a language model.

    Args:
        sentences: Lists of words. Marks of a sentence's ends and of the unknown word are no words
            and left out.
        order: Words that are looked at together.

    Raises:
        DataError: There is no sentence.
    """
    numbers = {word: k for k, word in enumerate(SPECIAL)}
    coded = [
        [numbers.setdefault(word, len(numbers)) for word in words if word not in SPECIAL]
        for words in sentences
    ]
    if not coded:
        raise DataError("there is no text to learn a language model from")
    counts = _counts(coded, order)
    chances, backoffs = _unigrams(counts[0], len(numbers))
    for level in range(1, order):
        _add(counts[level], chances, backoffs)
    chances[BEGIN,] = NEVER
    return NGrams(
        tuple(numbers),
        order,
        {key: value if value == NEVER else math.log(value) for key, value in chances.items()},
        {key: math.log(value) for key, value in backoffs.items()},
    )


def _counts(sentences: Sequence[Sequence[int]], order: int) -> list[Counts]:
    """Return the counts of each order: those of the highest, continuations of the others."""
    raw: list[Counter[Context]] = [Counter() for _ in range(order)]
    for sentence in sentences:
        line = (BEGIN, *sentence, END)
        for end in range(1, len(line)):
            for size in range(1, min(order, end + 1) + 1):
                raw[size - 1][line[end + 1 - size : end + 1]] += 1
    found: list[Counts] = []
    for size in range(1, order):
        lefts: Counter[Context] = Counter()
        for longer in raw[size]:
            lefts[longer[1:]] += 1
        # Nothing stands left of <s>: there occurrences count.
        own = {key: n for key, n in raw[size - 1].items() if key[0] == BEGIN}
        found.append({**lefts, **own})
    found.append(dict(raw[order - 1]))
    return found


def _discounts(counts: Counts) -> tuple[float, float, float]:
    """Return what is taken from counts of 1, 2, and 3 or more (equation 26)."""
    often = Counter(counts.values())
    one, two, three, four = (often[k] for k in (1, 2, 3, 4))
    if not (one and two and three and four):
        return _USUAL
    share = one / (one + 2 * two)
    found = (
        1 - 2 * share * two / one,
        2 - 3 * share * three / two,
        3 - 4 * share * four / three,
    )
    fits = all(0 < value < k for k, value in enumerate(found, start=1))
    return found if fits else _USUAL


def _unigrams(counts: Counts, size: int) -> tuple[dict[Context, float], dict[Context, float]]:
    """Smooth the lowest order by equal chances of all words, of the unknown one too."""
    taken = _discounts(counts)
    total = sum(counts.values())
    freed = sum(taken[min(n, 3) - 1] for n in counts.values()) / total
    equal = freed / (size - 1)  # <s> is never expected
    chances: dict[Context, float] = {(word,): equal for word in range(size) if word != BEGIN}
    for key, n in counts.items():
        chances[key] += (n - taken[min(n, 3) - 1]) / total
    assert chances[UNKNOWN,] > 0
    return chances, {}


def _add(counts: Counts, chances: dict[Context, float], backoffs: dict[Context, float]) -> None:
    """Add the next order to the chances of the orders below."""
    taken = _discounts(counts)
    totals: defaultdict[Context, int] = defaultdict(int)
    freed: defaultdict[Context, float] = defaultdict(float)
    for key, n in counts.items():
        totals[key[:-1]] += n
        freed[key[:-1]] += taken[min(n, 3) - 1]
    new = {}
    for key, n in counts.items():
        history = key[:-1]
        backoffs[history] = freed[history] / totals[history]
        lower = _lower(key[1:], chances, backoffs)
        new[key] = (n - taken[min(n, 3) - 1]) / totals[history] + backoffs[history] * lower
    chances.update(new)


def _lower(key: Context, chances: dict[Context, float], backoffs: dict[Context, float]) -> float:
    """Return p(last | before) of the orders below."""
    weight = 1.0
    while key not in chances:
        weight *= backoffs.get(key[:-1], 1.0)
        key = key[1:]
    return weight * chances[key]
