"""Deployed translators: answers, searches, streams, alignments; NumPy and the native core alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqmap.config import Config
from seqmap.data.pairs import Pair
from seqmap.errors import ArchiveError, ConfigError, UserError
from seqmap.explanation_plot import alignment_picture
from seqmap.nn.model import to_arrays
from seqmap.nn.translator import TranslationNetwork
from seqmap.runtime import native
from seqmap.runtime.alignment import Alignment
from seqmap.runtime.archive import FORMAT, Archive, from_bytes, save, to_bytes
from seqmap.runtime.explain.translate import _scored, forced
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import load, restore
from seqmap.runtime.translate import TranslateSession
from seqmap.samples.phrases import phrases
from seqmap.tasks.translate import Translate

PAIRS = phrases(train=300, dev=1, test=1).train
TEXTS = [pair.source for pair in PAIRS[:6]]
TASK = Translate()


def build(seed: int = 0, **settings: Any) -> Archive:
    """Return a translator with random weights that knows how to stop."""
    small: dict[str, Any] = {
        "text__vocabulary": 200,
        "embedding__size": 16,
        "encoder__hidden": 12,
        "encoder__heads": 2,
        "translate__hidden": 16,
        "translate__heads": 2,
    }
    config = TASK.config().replace(**(small | settings))
    codecs = TASK.fit_codecs(PAIRS, config)
    torch.manual_seed(seed)
    network = TranslationNetwork(
        source=codecs.source.size, target=codecs.target.size, config=config
    )
    with torch.no_grad():
        network.bias.normal_(std=1.0)
        network.bias[0] = 2.0
    entries, arrays = TASK.codec_state(codecs)
    manifest = {
        "format": FORMAT,
        "seqmap": "0.1.0",
        "task": "translate",
        "config": config.to_dict(),
        "search": {"slope": 0.9},
        **entries,
    }
    return Archive(manifest, arrays | to_arrays(network.state_dict()))


def session_of(seed: int = 0, **settings: Any) -> TranslateSession:
    session = restore(build(seed, **settings))
    assert isinstance(session, TranslateSession)
    return session


@pytest.fixture(params=["numpy", "native"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(native, "available", lambda: False)
    elif not native.available():
        pytest.skip("there is no native core here")
    return str(request.param)


@pytest.mark.parametrize("decoder", ["lstm", "lstm-feeding", "transformer"])
def test_one_by_one_or_together(core: str, decoder: str) -> None:
    session = session_of(translate__decoder=decoder)
    assert session.backend == core
    together = session.predict([*TEXTS, "", "   "])
    alone = [session.predict([text])[0] for text in TEXTS]
    for one, other in zip(together, alone, strict=False):
        assert one.text == other.text and one.tokens == other.tokens
        assert one.score == pytest.approx(other.score, abs=1e-4)
        np.testing.assert_allclose(one.alignment, other.alignment, atol=1e-4)
        assert one.alignment.shape == (len(one.tokens), len(one.source_tokens) + 1)
        np.testing.assert_allclose(one.alignment.sum(axis=1), 1.0, rtol=1e-4)
    assert [answer.text for answer in together[-2:]] == ["", ""]
    assert list(session.predict_iter(iter(TEXTS), chunk=2)) is not None


def test_both_cores_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    if not native.available():
        pytest.skip("there is no native core here")
    fast = session_of().predict(TEXTS)
    monkeypatch.setattr(native, "available", lambda: False)
    plain = session_of().predict(TEXTS)
    assert [a.text for a in fast] == [a.text for a in plain]
    np.testing.assert_allclose([a.score for a in fast], [a.score for a in plain], atol=1e-4)


def test_networks_write_together_by_the_mean_of_their_probabilities(core: str) -> None:
    alone = [build(seed) for seed in (1, 2)]
    arrays = dict(alone[0].arrays)
    arrays |= {
        f"others.0.{name}": array
        for name, array in alone[1].arrays.items()
        if name.startswith(("source.", "encoder.", "decoder.")) or name == "bias"
    }
    several = build(1, translate__members=2)
    both = restore(Archive(several.manifest, arrays))
    assert isinstance(both, TranslateSession)
    assert set(arrays) == set(several.arrays)
    ids = both.codecs.source.encode(TEXTS[0])
    state, members = both.writer.begin([ids], 1), [restore(one) for one in alone]
    pieces = np.zeros((1, 1), np.int64)
    scores, attention, _ = both.writer.step(state, pieces)
    said = [one.writer.step(one.writer.begin([ids], 1), pieces) for one in members]  # type: ignore[attr-defined]
    logits = np.array([own[0] for own, _, _ in said], np.float64)
    likely = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    np.testing.assert_allclose(np.exp(scores[0]), likely.mean(axis=0), rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(attention, np.mean([own for _, own, _ in said], axis=0), atol=1e-5)
    small = restore(from_bytes(to_bytes(quantized(both.archive, "int8"))))
    for session in (both, small):
        answers = session.predict(TEXTS)
        assert [a.text for a in answers] == [session.predict([t])[0].text for t in TEXTS]
    shown = both.explain("two red")
    assert shown.integrated is not None and shown.occlusion is not None
    assert shown.integrated.shape == shown.occlusion.shape


def test_drawn_answers_do_not_depend_on_how_lines_come(core: str) -> None:
    session = session_of(seed=3).with_search(sample=1.5)
    lines = [TEXTS[0]] * 6
    whole = [answer.text for answer in session.predict(lines)]
    assert len(set(whole)) > 1
    stream, found = session.stream(), []
    for line in lines:
        found += stream.feed(line + "\n")
    assert [answer.text for answer in [*found, *stream.close()]] == whole
    first = session.stream()
    before = first.feed("".join(line + "\n" for line in lines[:2]))
    rest = session.stream(first.to_bytes())
    assert [a.text for a in [*before, *rest.feed("\n".join(lines[2:]) + "\n")]] == whole


def test_a_prefix_of_unknown_pieces_has_a_score(core: str) -> None:
    session = session_of(text__unit="char").with_search(sample=1.0, prefix="☃☃")
    answer = session.predict([TEXTS[0]])[0]
    assert np.isfinite(answer.score) and np.isfinite(answer.log_probability)


@pytest.mark.parametrize("kind", ["int8", "bf16"])
def test_smaller_numbers(core: str, kind: str) -> None:
    archive = build(text__vocabulary=400, embedding__size=32, encoder__hidden=32)
    exact, small = restore(archive), restore(from_bytes(to_bytes(quantized(archive, kind))))
    assert len(to_bytes(small.archive)) < 0.75 * len(to_bytes(archive))
    before = [a.log_probability for a in exact.predict(TEXTS)]
    after = [a.log_probability for a in small.predict(TEXTS)]
    np.testing.assert_allclose(before, after, rtol=0.1, atol=0.25)


def test_settings_of_the_search(core: str) -> None:
    session = session_of(seed=3)
    several = session.with_answers(n_best=3).predict(TEXTS)
    for answer in several:
        scores = [one.score for one in answer.alternatives]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
        assert answer.alternatives[0].text == answer.text
    wide = session.with_search(beam=12, length_penalty=0.0).predict(TEXTS)
    narrow = session.with_search(beam=1, length_penalty=0.0).predict(TEXTS)
    assert all(w.score >= n.score - 1e-5 for w, n in zip(wide, narrow, strict=True))
    begun = session.with_search(prefix="two red").predict(TEXTS)
    assert all(answer.text.startswith("two red") for answer in begun)
    drawn = session.with_search(sample=1.0, seed=4)
    first, again = drawn.predict(TEXTS), drawn.predict(TEXTS)
    assert [a.text for a in first] == [a.text for a in again]
    assert [a.text for a in first] == [a.text for a in drawn.predict_iter(TEXTS, chunk=4)]
    other = session.with_search(sample=1.0, seed=5).predict(TEXTS)
    assert [a.text for a in first] != [a.text for a in other]
    assert session.predict(TEXTS)[0].alternatives == ()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"beem": 3}, "Did you mean beam"),
        ({"beam": "many"}, "of type int"),
        ({"beam": 0}, "out of range"),
        ({"prefix": 3}, "of type str"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        session_of().with_search(**settings)


def test_what_is_refused() -> None:
    session = session_of()
    with pytest.raises(UserError, match="min-confidence"):
        session.with_answers(min_confidence=0.5)
    with pytest.raises(UserError, match="at least one"):
        session.with_answers(n_best=0)
    with pytest.raises(UserError, match="line 2: predict takes texts"):
        session.predict(["a", 3])
    with pytest.raises(UserError, match="takes a list"):
        session.predict("a text")


def test_answers_are_not_longer_than_they_may_be() -> None:
    archive = build(seed=1)
    archive.arrays["bias"] = archive.arrays["bias"].copy()
    archive.arrays["bias"][0] = -50.0
    session = restore(archive)
    for text, answer in zip(TEXTS, session.predict(TEXTS), strict=True):
        assert len(answer.tokens) == session.limit(len(session.codecs.source.encode(text)))
    long = "two red books " * 300
    assert len(session.predict([long])[0].tokens) == session.config.text.max_length


def test_unknown_words_come_from_the_source() -> None:
    archive = build(text__unit="word", text__vocabulary=60)
    archive.arrays["bias"] = archive.arrays["bias"].copy()
    archive.arrays["bias"][1] = 30.0  # always the unknown one
    archive.arrays["bias"][0] = 27.0
    session = restore(archive)
    answer = session.predict(["Zyx wabe"])[0]
    assert answer.tokens and set(answer.tokens) <= {"▁Zyx", "▁wabe"}
    chosen = answer.alignment[:, :2].argmax(axis=1)
    assert answer.text.split() == [["Zyx", "wabe"][n] for n in chosen]


def test_words_and_subwords_never_write_unknown_pieces() -> None:
    archive = build(seed=2)
    archive.arrays["bias"] = archive.arrays["bias"].copy()
    archive.arrays["bias"][1] = 30.0
    assert all("<unk>" not in answer.tokens for answer in restore(archive).predict(TEXTS))


def test_streams_answer_line_by_line() -> None:
    session = session_of()
    whole = session.predict(["two red books", "", "one cat"])
    for cut in range(1, 24, 5):
        text = "two red books\r\n\none cat"
        with session.stream() as stream:
            found = stream.feed(text[:cut])
            stream = session.stream(stream.to_bytes())
            found += stream.feed(text[cut:])
            assert len(found) == 2
            found += stream.close()
        assert [a.text for a in found] == [a.text for a in whole]
        assert stream.symbols == 3 and stream.close() == [] and stream.closed
    with pytest.raises(UserError, match="closed"):
        stream.feed("more")
    with pytest.raises(UserError, match="takes text"):
        session.stream().feed(3)  # type: ignore[arg-type]
    with pytest.raises(ArchiveError, match="another model"):
        session_of(seed=9).stream(stream.to_bytes())


def test_alignments(tmp_path: Path) -> None:
    session = session_of()
    alignment = session.with_search(prefix="two").explain("两本 <b>书", what_if=["one cat"])
    assert isinstance(alignment, Alignment) and alignment.answer.tokens
    record = alignment.record()
    assert np.array(record["alignment"]).shape == (len(record["rows"]), len(alignment.columns))
    page = alignment.html()
    assert "&lt;" in page and "<b>书" not in page
    assert page.count("<td") == 2 * alignment.weights.size - len(alignment.rows)
    assert alignment.summary().startswith(alignment.answer.text)
    assert session.explain("one cat", target="two").answer.text.startswith("two")
    alignment_picture(alignment, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    empty = session.explain("")
    assert empty.html() and empty.summary() == "\n"
    alignment_picture(empty, tmp_path / "b.png")


@pytest.mark.parametrize("decoder", ["lstm", "lstm-feeding", "transformer"])
def test_what_read_pieces_do(core: str, decoder: str) -> None:
    text = "how much is the book?"
    made = (session_of(seed, translate__decoder=decoder) for seed in range(20))
    session = next(found for found in made if len(found.predict([text])[0].tokens) > 1)
    found = session.explain(text, corpus=["the book is red", text, ""], token=2)
    answer = session.predict([text])[0]
    ids = session.codecs.source.encode(text)
    written = session.written_ids(text)
    assert len(found.tokens) == len(ids) and found.losses.shape == (len(written), len(ids))
    whole = forced(session, [ids], written)[0]
    assert whole.sum() == pytest.approx(answer.log_probability, abs=1e-3)
    without = forced(session, [np.delete(ids, 1)], written)[0]
    assert found.occlusion[1] == pytest.approx((whole - without).sum(), abs=1e-4)
    assert found.losses[0, 1] == pytest.approx(whole[0] - without[0], abs=1e-4)
    check = found.completeness
    assert check is not None and found.integrated is not None
    nothing = session.writer.begin_vectors(0 * session.writer.vectors(ids)[None])
    zero = _scored(session, nothing, 1, written).sum()
    assert check.difference == pytest.approx(whole.sum() - zero, abs=1e-3)
    assert check.error < 0.03 * max(1, abs(check.difference)) and check.parity < 1e-3
    for token in found.tokens:
        if token.start == token.end:
            continue  # a blank or a folded character
        assert text[token.start : token.end].strip() == token.text.strip()
    assert found.matched == 2 and found.matches
    span = session.explain(text, corpus=["the book is red", text, ""], token=(0, 1))
    assert span.matched_count == 2 and len(span.matches) == 1
    assert "Similar states" in span.html() and "similar" in span.summary()
    json.dumps(found.record(), allow_nan=False)
    page = found.html()
    assert "Integrated gradients" in page and "Similar states" in page
    assert bool(found.layers) and "forget gate" in page


def test_scores_of_texts() -> None:
    pytest.importorskip("sacrebleu")
    pairs = [Pair("a", "the cat sat down"), Pair("a", "the cat sat"), Pair("b", "a dog ran  away")]
    from seqmap.tasks.translate_scores import score_texts

    found = score_texts(["the cat sat", "the cat sat", "a dog ran away"], pairs)
    assert found.metrics["exact"] == 1.0 and found.metrics["bleu"] == pytest.approx(100.0)
    assert "tok:13a" in found.details["signatures"]["bleu"] and "nrefs:2" in found.report()
    wrong = score_texts(["A CAT", "A CAT", "x"], pairs)
    assert wrong.metrics["exact"] == 0.0 and "≠ A CAT" in wrong.report()
    chinese = score_texts(["我想买两本书"], [Pair("a", "我想买两本书")])
    assert "tok:zh" in chinese.report() and chinese.metrics["bleu"] == pytest.approx(100.0)


@pytest.mark.parametrize("drop", ["bias", "target.pieces", "decoder.combine.weight"])
def test_incomplete_archives(drop: str) -> None:
    archive = build()
    del archive.arrays[drop]
    with pytest.raises(ArchiveError):
        restore(archive)


def test_other_incomplete_archives() -> None:
    archive = build()
    with pytest.raises(ArchiveError, match="incomplete"):
        restore(
            Archive({k: v for k, v in archive.manifest.items() if k != "search"}, archive.arrays)
        )
    separate = build(translate__vocabulary="separate", translate__tie="none")
    assert restore(separate).predict(TEXTS[:1])[0].text is not None


def test_no_torch_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "m.seqmap"
    save(build(), path)
    program = (
        "import sys\nfrom seqmap import load\n"
        "print(load(sys.argv[1]).predict([sys.argv[2]])[0].text)\n"
        "assert not {'torch', 'sentencepiece', 'sacrebleu', 'scipy'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), TEXTS[0]],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == load(path).predict([TEXTS[0]])[0].text


def test_the_defaults_are_valid() -> None:
    assert isinstance(TASK.config(), Config) and TASK.limits({})
