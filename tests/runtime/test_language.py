from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqmap.config import Config
from seqmap.data.corpus import TextCorpus
from seqmap.errors import ArchiveError, ConfigError, UserError
from seqmap.runtime import native
from seqmap.runtime.archive import Archive
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.quantize import quantized
from seqmap.runtime.sampling import Sampling
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.tasks.language import PIECE, WARM, measured_pieces
from seqmap.training import train

Corpora = Callable[..., list[TextCorpus]]


@pytest.fixture(scope="module", params=["literal", "word"])
def archive(small_language: Config, corpus: Corpora, request: pytest.FixtureRequest) -> Archive:
    config = small_language.replace(text__unit=request.param, encoder__layers=2)
    return train(find_task("language"), corpus(), config=config).archive


@pytest.fixture(params=["native", "numpy"])
def session(
    archive: Archive, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LanguageSession]:
    if request.param == "numpy":
        monkeypatch.setattr(native, "available", lambda: False)
    elif not native.available():
        pytest.skip("the native core is not built")
    found = restore(archive)
    assert isinstance(found, LanguageSession) and found.backend == request.param
    yield found


def test_backends_agree(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    one = restore(archive).score(["the cat", "dog the"])  # type: ignore[attr-defined]
    monkeypatch.setattr(native, "available", lambda: False)
    other = restore(archive).score(["the cat", "dog the"])  # type: ignore[attr-defined]
    for a, b in zip(one, other, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-5)


def test_scores_follow_the_chain_rule(session: LanguageSession) -> None:
    """The probability of a text is the product of those of its symbols, each after the others."""
    text = "the dog in the old house barks."
    ids = session.encode(text)
    opening = len(session.encode(""))
    total = 0.0
    for place in range(opening, len(ids)):
        logits = session.network.logits([ids[:place]])[0].astype(np.float64)
        total -= logits[ids[place]] - np.logaddexp.reduce(logits)
    found = session.score([text])[0]
    assert found.loss * found.symbols == pytest.approx(total, rel=1e-4)
    assert found.symbols == len(ids) - opening
    assert found.perplexity == pytest.approx(np.exp(found.loss))
    assert found.bits_per_character == pytest.approx(total / np.log(2) / len(text), rel=1e-4)
    assert found.continuations == ()


def test_a_text_of_its_language_is_more_probable(session: LanguageSession) -> None:
    good, bad, empty = session.score(["the cat in the old house", "house old the in cat the", ""])
    assert good.loss < bad.loss
    assert empty.symbols == 0 and empty.loss == 0.0


def test_pieces_do_not_change_a_stream(session: LanguageSession) -> None:
    text = "the cat in the old house meows.\nthe dog"
    whole = session.stream()
    whole.feed(text)
    whole.close()
    parts = session.stream()
    for character in text:
        parts.feed(character)
    parts.close()
    assert parts.result().perplexity == pytest.approx(whole.result().perplexity, rel=1e-5)
    assert parts.symbols == whole.symbols == session.score([text])[0].symbols
    assert parts.result().loss == pytest.approx(session.score([text])[0].loss, rel=1e-5)
    assert [s for s, _ in parts.result().next] == [s for s, _ in whole.result().next]


def test_a_stream_is_kept_forked_and_refused(session: LanguageSession) -> None:
    stream = session.stream()
    stream.feed("the cat in ")
    kept = stream.to_bytes()
    size = len(kept)
    other = stream.fork()
    other.feed("the old house ")
    assert session.stream(kept).result() == stream.result() != other.result()
    for _ in range(50):
        other.feed("the old house ")
    assert abs(len(other.to_bytes()) - size) < 64  # what is remembered does not grow
    with pytest.raises(ArchiveError, match="another model"):
        changed = Archive({**session.archive.manifest, "about": "x"}, session.archive.arrays)
        restore(changed).stream(kept)


def test_a_continuation_is_what_was_drawn(session: LanguageSession) -> None:
    calm = Sampling(length=12, temperature=0)
    text = session.write("the cat", calm)
    assert text == session.write("the cat", calm) and text
    ids = session.encode("the cat")
    for _ in range(12):
        logits = session.network.logits([ids])[0]
        logits[1] = -np.inf
        ids = np.append(ids, np.int32(logits.argmax()))
    assert session.codecs.source.decode(ids).removeprefix("\n") == "the cat" + text
    stream = session.stream()
    stream.feed("the cat")
    stream.close()
    before = stream.result()
    assert stream.write(calm) == text and stream.result() == before


def test_draws_follow_their_seed(session: LanguageSession) -> None:
    wild = Sampling(length=30, temperature=2.0, top_p=1.0)
    again = Sampling(length=30, temperature=2.0, top_p=1.0, seed=1)
    assert session.write("the", wild) == session.write("the", wild) != session.write("the", again)
    many = session.with_sampling(wild).with_answers(n_best=3).predict(["the"])[0]
    assert len(set(many.continuations)) == 3
    assert many.continuations[0] == session.write("the", wild)


def test_long_texts_are_measured_in_pieces(
    corpus: Corpora, session: LanguageSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqmap.runtime.language.PIECE", 50)
    monkeypatch.setattr("seqmap.runtime.language.WARM", 40)
    monkeypatch.setattr("seqmap.runtime.language._ROWS", 3)
    texts = corpus(60, seed=3)
    found = session.evaluate(texts).metrics
    monkeypatch.undo()
    whole = session.evaluate(texts).metrics
    assert found["loss"] == pytest.approx(whole["loss"], rel=0.02)


@pytest.mark.parametrize("symbols", [1, 2, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_pieces_cover_all_symbols_but_the_first(symbols: int) -> None:
    pieces = measured_pieces(symbols)
    counted = [place for _, start, end in pieces for place in range(start, end)]
    assert counted == list(range(1, symbols))
    assert all(start - begin == min(start, WARM) for begin, start, _ in pieces)


def test_smaller_numbers_are_nearly_as_good(corpus: Corpora, archive: Archive) -> None:
    texts = [TextCorpus(corpus(30, seed=5)[0].texts)]
    full = restore(archive).evaluate(texts).metrics["loss"]
    for kind in ("int8", "bf16"):
        small = restore(quantized(archive, kind))
        assert small.evaluate(texts).metrics["loss"] == pytest.approx(full, rel=0.05)


def test_what_cannot_be_asked_is_told(session: LanguageSession) -> None:
    with pytest.raises(UserError, match="list of texts"):
        session.predict("the cat")
    with pytest.raises(UserError, match="predict takes texts"):
        session.predict([3])  # type: ignore[list-item]
    with pytest.raises(UserError, match="min-confidence"):
        session.with_answers(min_confidence=0.5)
    with pytest.raises(UserError, match="positive"):
        session.with_answers(n_best=0)
    with pytest.raises(UserError, match="too little text"):
        session.evaluate([TextCorpus(())])


def test_an_array_that_does_not_fit_is_told(archive: Archive) -> None:
    for name in ("head.bias", "embedding.weight", "encoder.layers.1.forward.w_hh"):
        arrays: dict[str, Any] = {n: a for n, a in archive.arrays.items() if n != name}
        with pytest.raises(ArchiveError, match=name):
            restore(Archive(archive.manifest, arrays))


def test_sampling_keeps_to_its_limits() -> None:
    rng = np.random.default_rng(0)
    logits = np.log(np.array([0.5, 0.25, 0.15, 0.1], np.float32))

    def drawn(**settings: float) -> set[int]:
        sampling = Sampling(**{"temperature": 1.0, "top_p": 1.0, **settings})  # type: ignore[arg-type]
        return {sampling.choose(logits, rng) for _ in range(300)}

    assert drawn() == {0, 1, 2, 3}
    assert drawn(top_k=2) == {0, 1}
    assert drawn(top_p=0.6) == {0, 1}
    assert drawn(temperature=0) == {0}
    assert drawn(temperature=0.01) == {0}
    shares = [Sampling(temperature=1.0, top_p=1.0).choose(logits, rng) for _ in range(4000)]
    assert np.bincount(shares) / 4000 == pytest.approx([0.5, 0.25, 0.15, 0.1], abs=0.04)


@pytest.mark.parametrize(
    ("name", "value"), [("length", -1), ("temperature", -0.1), ("top_p", 0.0), ("top_k", -1)]
)
def test_sampling_refuses_what_is_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        Sampling(**{name: value})  # type: ignore[arg-type]


def test_the_model_is_told_by_its_file(archive: Archive, tmp_path: Path) -> None:
    from seqmap.runtime.archive import save
    from seqmap.runtime.card import read_card

    save(archive, tmp_path / "m.seqmap")
    text = read_card(tmp_path / "m.seqmap").text()
    assert "symbols" in text and "need not be true" in text
