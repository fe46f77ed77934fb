"""Both orders of tokens, against the definition in words."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.runtime.ops import Layout


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any))
def test_step_orders_follow_their_definition(lengths: list[int]) -> None:
    layout = Layout(lengths)
    ranked = sorted(range(len(lengths)), key=lambda document: -lengths[document])
    steps = [
        [document for document in ranked if lengths[document] > time]
        for time in range(max(lengths))
    ]
    assert layout.sizes == [len(step) for step in steps]
    order = [(document, time) for time, step in enumerate(steps) for document in step]
    for token in range(layout.tokens):
        document, time = int(layout.document[token]), int(layout.time[token])
        assert layout.offsets[document] + time == token
        assert order[layout.ahead[token]] == (document, time)
        assert order[layout.back[token]] == (document, lengths[document] - 1 - time)


def test_no_tokens_at_all() -> None:
    layout = Layout([0, 0])
    assert (layout.tokens, layout.documents, layout.filled.tolist()) == (0, 2, [])
    assert Layout([]).documents == 0


def test_filled_documents() -> None:
    assert np.array_equal(Layout([0, 3, 0, 1]).filled, [1, 3])
