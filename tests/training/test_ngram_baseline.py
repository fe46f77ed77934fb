from __future__ import annotations

import numpy as np
import pytest

from seqmap.data.corpus import TextCorpus
from seqmap.training.ngram_baseline import ORDER, _chances, language_reference


def literal(known: list[int], asked: list[int], size: int) -> list[float]:
    """The formula, character by character."""

    def chance(place: int, order: int) -> float:
        if order == 0:
            return 1 / size
        less = chance(place, order - 1)
        if place < order - 1:
            return less
        context, c = asked[place - order + 1 : place], asked[place]
        starts = range(len(known) - order + 1)
        after = [known[s + order - 1] for s in starts if known[s : s + order - 1] == context]
        if not after:
            return less
        kinds = len(set(after))
        return (after.count(c) + kinds * less) / (len(after) + kinds)

    return [chance(place, ORDER) for place in range(len(asked))]


def test_it_is_the_formula() -> None:
    rng = np.random.default_rng(0)
    known = np.cumsum(rng.integers(1, 3, 120)) % 5
    asked = np.cumsum(rng.integers(1, 3, 40)) % 5
    found = _chances(known, asked, 5)
    assert found == pytest.approx(literal(known.tolist(), asked.tolist(), 5), rel=1e-9)


def test_probabilities_sum_to_one() -> None:
    rng = np.random.default_rng(1)
    known = rng.integers(0, 4, 200)
    prefix = known[:9]
    total = sum(_chances(known, np.append(prefix, c), 4)[-1] for c in range(4))
    assert total == pytest.approx(1.0)


def test_what_repeats_is_cheap() -> None:
    text = TextCorpus(("the cat sat on the mat",) * 50)
    found = language_reference([text], [text], None)
    assert found is not None and found.metrics["bits_per_character"] < 0.2
    strange = language_reference([text], [TextCorpus(("zyx wvu",) * 9)], None)
    assert strange is not None and strange.metrics["bits_per_character"] > 3
    assert language_reference([TextCorpus(("a",))], [text], None) is None
