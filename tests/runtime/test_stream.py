"""Streams: the answer does not depend on how the text was cut."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.errors import ArchiveError, UserError
from seqmap.runtime import native, plan
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import Session, restore

Make = Callable[..., Archive]
BACKENDS = plan.BACKENDS
POOLINGS = ["last", "mean", "max", "attention", "mean-max"]
# What makes cutting hard: contractions, numbers, ellipses, blanks, line breaks, joined emoji.
PIECES = st.sampled_from(
    ["a", "plain", " ", "  ", "isn't", "n't", "'", "3", ",", ".", "...", "-", "漢字", "混", "\n"]
    + ["<br />", "<", "👩‍👩‍👧", "é", "e\u0301", "I", "It's", "``", "unseen-word", "\ud83d", "🇩🇪"]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)


@pytest.fixture(autouse=True, scope="module", params=["numpy", "native"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run everything on NumPy, and again on the native core where it is built."""
    name: str = request.param
    if name == "native" and not native.available():
        pytest.skip("the native core is not built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "BACKENDS", (plan._numpy,) if name == "numpy" else BACKENDS)
        yield name


def _session(make_archive: Make, **options: Any) -> Session:
    return restore(make_archive(**({"encoder__direction": "forward"} | options)))


def _cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@functools.cache
def _model(
    make_archive: Make, name: str, pooling: str, unit: str, stored: str, core: bool
) -> Session:
    """A small model; `core` only tells those of one backend from those of the other."""
    sizes = {"embedding__size": 16, "encoder__hidden": 33, "encoder__layers": 2}
    kinds = {"encoder__name": name, "head__pooling": pooling, "text__unit": unit}
    texts = ["It's a plain sentence, isn't it? 漢字 and 混 ... 3,000.5 -- `` I 👩‍👩‍👧 é </br>"] * 40
    archive = make_archive(texts=texts, encoder__direction="forward", **sizes, **kinds)
    return restore(from_bytes(to_bytes(quantized(archive, stored))))


@pytest.mark.parametrize("stored", ["none", "bf16", "int8"])
@pytest.mark.parametrize("unit", ["word", "char", "subword"])
@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["lstm", "lstm", "gru", "rnn"]),
    pooling=st.sampled_from(POOLINGS),
    text=TEXTS,
    places=st.lists(st.integers(0, 10_000), max_size=8),
    moved=st.integers(0, 7),
)
def test_whole_equals_chunked(
    make_archive: Make,
    backend: str,
    unit: str,
    stored: str,
    name: str,
    pooling: str,
    text: str,
    places: list[int],
    moved: int,
) -> None:
    """Whatever the model, the text and the cuts; somewhere the stream moves to another process."""
    session = _model(make_archive, name, pooling, unit, stored, backend == "native")
    expected = session.predict_proba([text])[0]
    stream = session.stream()
    for number, piece in enumerate(_cut(text, places)):
        if number == moved:
            stream = session.stream(stream.to_bytes())
        stream.feed(piece)
    stream.close()
    found = stream.probabilities()
    if session.network.backend == "native":
        assert np.array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, atol=2e-6)
    assert stream.symbols == len(session.codecs.source.encode(text))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_every_instruction_set(make_archive: Make, backend: str, precision: str) -> None:
    """A stream may change the path on its way; int8 sums are exact, so even its bits stay."""
    if backend != "native":
        pytest.skip("NumPy has one path")
    archive = make_archive(encoder__direction="forward", encoder__hidden=40)
    session = restore(archive, precision=precision)
    text = "It's a plain sentence, isn't it? 漢字 too ... the end. " * 20
    expected = session.predict_proba([text])[0]
    stream = session.stream()
    names = native.available_isas()
    try:
        for place, piece in enumerate(_cut(text, list(range(0, len(text), 37)))):
            native.set_isa(names[place % len(names)])
            stream.feed(piece)
        stream.close()
    finally:
        native.set_isa("auto")
    np.testing.assert_allclose(stream.probabilities(), expected, atol=2e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_character_by_character(make_archive: Make, name: str, pooling: str) -> None:
    session = _session(make_archive, encoder__name=name, encoder__layers=2, head__pooling=pooling)
    text = "It's a plain sentence, isn't it? 漢字 too ... the end."
    with session.stream() as stream:
        for character in text:
            stream.feed(character)
    assert stream.closed
    expected = session.predict([text])[0]
    found = stream.result()
    assert found.label == expected.label
    assert found.probabilities == pytest.approx(expected.probabilities, abs=2e-6)


def test_partial_answers_leave_out_half_words(make_archive: Make) -> None:
    session = _session(make_archive)
    stream = session.stream()
    empty = session.predict_proba([""])[0]
    assert stream.feed("pla") == 0
    np.testing.assert_allclose(stream.probabilities(), empty, atol=1e-6)
    assert stream.feed("in sent") == 1
    np.testing.assert_allclose(
        stream.probabilities(), session.predict_proba(["plain"])[0], atol=1e-6
    )
    stream.close()
    stream.close()
    assert stream.symbols == 2


def test_nothing_fed(make_archive: Make) -> None:
    session = _session(make_archive)
    with session.stream() as stream:
        pass
    np.testing.assert_allclose(stream.probabilities(), session.predict_proba([""])[0], atol=1e-7)


def test_closed_streams_take_no_more(make_archive: Make) -> None:
    with _session(make_archive).stream() as stream:
        stream.feed("a")
        with pytest.raises(UserError, match="takes text"):
            stream.feed(b"bytes")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="closed"):
        stream.feed("more")


def test_an_error_inside_does_not_close(make_archive: Make) -> None:
    stream = _session(make_archive).stream()
    with pytest.raises(RuntimeError), stream:
        raise RuntimeError
    assert not stream.closed


@settings(max_examples=40, deadline=None)
@given(before=TEXTS, after=TEXTS, other=TEXTS)
def test_snapshot_restore_fork_and_bytes(
    make_archive: Make, before: str, after: str, other: str
) -> None:
    session = _session(make_archive, head__pooling="attention")
    stream = session.stream()
    stream.feed(before)
    kept = stream.snapshot()
    fork = stream.fork()
    revived = session.stream(stream.to_bytes())
    # Other text through the first stream touches none of the three.
    stream.feed(other)
    stream.close()
    stream.restore(kept)
    assert not stream.closed
    for one in (stream, fork, revived):
        one.feed(after)
        one.close()
    direct = session.stream()
    direct.feed(before)
    direct.feed(after)
    direct.close()
    for one in (stream, fork, revived):
        assert np.array_equal(one.probabilities(), direct.probabilities())
        assert one.symbols == direct.symbols


def test_bytes_do_not_grow_with_the_text(make_archive: Make) -> None:
    session = _session(make_archive)
    stream, sizes = session.stream(), []
    for _ in range(5):
        stream.feed("a plain sentence . " * 1000)
        sizes.append(sum(part.nbytes for part in stream.state.values()))
        assert len(stream.to_bytes()) < 4096
    assert len(set(sizes)) == 1
    assert stream.symbols == 20_000


def test_a_text_beyond_max_length_is_read_to_its_end(make_archive: Make) -> None:
    session = _session(make_archive, text__max_length=4)
    unlimited = _session(make_archive)
    text = "a plain sentence " * 20
    with session.stream() as stream:
        stream.feed(text)
    np.testing.assert_allclose(
        stream.probabilities(), unlimited.predict_proba([text])[0], atol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"encoder__direction": "both"}, "reads backwards"),
        ({"encoder__name": "transformer"}, "transformer needs the whole text"),
        ({"encoder__name": "lstm-transformer"}, "lstm-transformer needs the whole text"),
    ],
)
def test_models_that_cannot_stream(
    make_archive: Make, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UserError, match=rf"cannot stream.*{reason}.*encoder.direction=forward"):
        _session(make_archive, **options).stream()


def test_states_of_other_models_and_damaged_ones(make_archive: Make) -> None:
    session = _session(make_archive)
    stream = session.stream()
    stream.feed("a plain sentence")
    data = stream.to_bytes()
    for other in (
        _session(make_archive, seed=1),
        _session(make_archive, encoder__hidden=9),
    ):
        with pytest.raises(ArchiveError, match="another model"):
            other.stream(data)
    with pytest.raises(UserError, match="another model"):
        _session(make_archive, encoder__hidden=9).stream().restore(stream.snapshot())
    with pytest.raises(ArchiveError, match="truncated"):
        session.stream(data[:-1])
    with pytest.raises(ArchiveError, match="not the state of a stream"):
        session.stream(to_bytes(session.archive))
    found = from_bytes(data)
    found.manifest["stream"]["backend"] = "abacus"
    with pytest.raises(ArchiveError, match="another backend"):
        session.stream(to_bytes(found))


def test_the_backend_is_the_one_under_test(make_archive: Make, backend: str) -> None:
    assert _session(make_archive).network.backend == backend


def test_long_words_are_bounded(make_archive: Make) -> None:
    stream = _session(make_archive).stream()
    for _ in range(200):
        stream.feed("x" * 50)
        assert len(stream.snapshot().held) < 1000
