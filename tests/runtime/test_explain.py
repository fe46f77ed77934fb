"""Explanations: against finite differences, the deployed model, and the reference LSTM."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.commands.explain import chosen
from seqmap.errors import UserError
from seqmap.explanation_plot import explanation_picture
from seqmap.runtime import reference
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.explain.classify import read_tokens
from seqmap.runtime.explain.lstm import LSTMGradient, gates_of
from seqmap.runtime.explain.similar import classifier_reader
from seqmap.runtime.session import restore

Make = Callable[..., Archive]
TEXT = "a plain sentence, isn't it? 漢字 <b>unseen</b> words"
POOLINGS = ["last", "mean", "max", "attention", "mean-max"]


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(("layers", "direction"), [(1, "forward"), (2, "both")])
def test_scores_and_gradients(
    make_archive: Make, pooling: str, layers: int, direction: str
) -> None:
    archive = make_archive(
        head__pooling=pooling, encoder__layers=layers, encoder__direction=direction
    )
    session = restore(archive)
    network = LSTMGradient(archive.arrays, session.config)
    ids = session.codecs.source.encode(TEXT)
    x = network.embedding[ids].astype(np.float64)
    batch = np.stack([x, 0.3 * x])
    passes, states = network.run(batch)
    scores = network.scores(states)
    np.testing.assert_allclose(scores[0], session.network.logits([ids])[0], atol=1e-5)
    weights = np.array([1.0, -0.5, 0.25])
    found = network.gradient(passes, states, weights)
    rng = np.random.default_rng(0)
    for _ in range(3):
        way = rng.normal(size=batch.shape)
        ends = [network.scores(network.run(batch + e * way)[1]) @ weights for e in (1e-5, -1e-5)]
        numeric = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose((found * way).sum(axis=(1, 2)), numeric, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_integrated_gradients_are_complete(make_archive: Make, pooling: str) -> None:
    session = restore(make_archive(head__pooling=pooling, encoder__layers=2))
    for text in (TEXT, "a", "漢 " * 30):
        check = session.explain(text).completeness
        assert check.error <= 1e-2 * max(1.0, abs(check.difference))
        assert check.error == abs(check.sum - check.difference)
        assert check.parity < 1e-4
        if pooling in ("last", "mean", "attention"):  # smooth along the path
            assert check.error < 1e-6


def test_gates_are_those_of_the_reference(make_archive: Make) -> None:
    archive = make_archive()
    session = restore(archive)
    explanation = session.explain(TEXT)
    _, ids = read_tokens(session, TEXT)
    x = archive.arrays["embedding.weight"][ids].astype(np.float64)
    for side, turned in (("forward", 1), ("backward", -1)):
        names = (f"encoder.layers.0.{side}.{part}" for part in ("w_ih", "w_hh", "bias"))
        parts = [archive.arrays[name].astype(np.float64) for name in names]
        trace = reference.forward(x[::turned], reference.Weights(*parts))
        gates = explanation.layers[f"0 {side}"]
        expected = {
            "input": trace.gates[:, 0],
            "forget": trace.gates[:, 1],
            "output": trace.gates[:, 3],
            "cell": trace.c[1:],
            "state": trace.h[1:],
        }
        assert set(gates) == set(expected)
        for name, rows in expected.items():
            np.testing.assert_allclose(gates[name], rows[::turned].T, atol=1e-12)


def test_attention_is_shown(make_archive: Make) -> None:
    session = restore(make_archive(head__pooling="attention"))
    attention = session.explain(TEXT).attention
    assert attention.shape == (len(session.codecs.source.encode(TEXT)),)
    assert attention.sum() == pytest.approx(1) and (attention > 0).all()
    assert restore(make_archive()).explain(TEXT).attention is None


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "transformer", "lstm-transformer"])
def test_occlusion_asks_the_model_itself(make_archive: Make, name: str) -> None:
    session = restore(make_archive(encoder__name=name))
    found = session.explain("a plain sentence", target="good")
    column = session.labels.index("good")
    texts = ["a plain sentence", " plain sentence", "a  sentence", "a plain "]
    p = session.predict_proba(texts)[:, column]
    odds = np.log(p / (1 - p))
    np.testing.assert_allclose(found.occlusion, odds[0] - odds[1:], rtol=1e-6)
    assert (found.integrated is None) == (name != "lstm")
    assert found.target == "good"
    assert [token.text for token in found.tokens] == ["a", "plain", "sentence"]


def test_edits_change_the_answer(make_archive: Make) -> None:
    changed = 0
    for seed in range(8):
        session = restore(make_archive(seed=seed))
        found = session.explain("it isn't long, it is plain", what_if=["numbers 3,000.5"])
        assert found.edits[-1].text == "numbers 3,000.5"
        for edit in found.edits:
            answer = session.predict([edit.text])[0]
            assert edit.label == answer.label
            assert edit.probability == pytest.approx(answer.probabilities[found.target])
        for edit in found.edits[:-1]:
            changed += 1
            assert edit.label != found.answer["label"] and 1 <= len(edit.removed) <= 6
            assert all(word in "it isn't long, it is plain" for word in edit.removed)
    assert changed


def test_similar_states(make_archive: Make) -> None:
    session = restore(make_archive(encoder__direction="forward"))
    corpus = ["long words here", "", "a plain sentence and more", "numbers", "漢字 漢字"]
    found = session.explain("a plain sentence, written", corpus=iter(corpus), token=2)
    best = found.matches[0]
    # The same words before it: the same state.
    assert best.similarity == pytest.approx(1, abs=1e-5)
    assert best.text[best.start : best.end] == "sentence" and found.matched == 2
    likeness = [match.similarity for match in found.matches]
    assert likeness == sorted(likeness, reverse=True) and len(likeness) == 4
    with pytest.raises(UserError, match="there is no such symbol"):
        session.explain("a plain", corpus=corpus, token=9)


def test_similar_spans(make_archive: Make) -> None:
    session = restore(make_archive(encoder__direction="forward"))
    text = "a plain sentence, written to be read"
    corpus = ["plain", "", "long words here", "a plain sentence, but numbers", "be read " * 3, text]
    found = session.explain(text, corpus=iter(corpus), token=(1, 3))
    assert found.matched == 1 and found.record()["matched_count"] == 3
    best = found.matches[0]
    # The same words from the beginning on: the same three states, so the same mean.
    assert best.similarity == pytest.approx(1, abs=1e-5)
    assert best.text[best.start : best.end] == "plain sentence,"
    assert "[plain sentence,] but numbers" in found.summary()
    assert "that at “plain sentence,”" in found.html()
    assert found.html().count('wanted"') == 3 * 2  # both colourings
    # Too short a text has no such span, and the text itself is not looked at.
    assert len(found.matches) == 3
    for match in found.matches:
        assert len(session.codecs.source.encode(match.text[match.start : match.end])) == 3


def test_means_of_spans(make_archive: Make) -> None:
    session = restore(make_archive())
    text, other = "a plain sentence, written", "it isn't long, it is plain and written"
    read = classifier_reader(session)
    (here, _), (there, offsets) = read([text, other])
    wanted = here[1:3].mean(axis=0)
    means = np.stack([there[k : k + 2].mean(axis=0) for k in range(len(there) - 1)])
    cosines = means @ wanted / np.linalg.norm(means, axis=1) / np.linalg.norm(wanted)
    (found,) = session.explain(text, corpus=[other], token=(1, 2)).matches
    place = int(cosines.argmax())
    assert found.similarity == pytest.approx(cosines[place], abs=1e-6)
    assert (found.start, found.end) == (offsets[place][0], offsets[place + 1][1])
    single = session.explain(text, corpus=[other], token=(2, 2))
    assert single.matches == session.explain(text, corpus=[other], token=2).matches
    for token, message in (((1, 9), "given: '1-9'"), ((3, 1), "begins with its first symbol")):
        with pytest.raises(UserError, match=message):
            session.explain(text, corpus=[other], token=token)


def test_spans_on_the_command_line() -> None:
    assert chosen(None) is None and chosen("4") == 4 and chosen(" 3-5 ") == (3, 5)
    for given in ("", "-1", "3-", "a", "3-5-7"):
        with pytest.raises(UserError, match="allowed: 3 or 3-5"):
            chosen(given)


def test_long_empty_and_strange_texts(make_archive: Make) -> None:
    session = restore(make_archive(text__max_length=20))
    long = session.explain("word plain " * 40)
    assert len(long.tokens) == 20 and long.tokens[-1].end == len("word plain " * 40) - 1
    for text in ("", "   ", "🙂", "\x00"):
        found = session.explain(text)
        assert found.html().count("</html>") == 1
        json.dumps(found.record(), allow_nan=False)
    assert session.explain("").tokens == ()
    with pytest.raises(UserError, match="Did you mean 'good'"):
        session.explain("a", target="goood")
    with pytest.raises(UserError, match="predict takes texts"):
        session.explain(5)  # type: ignore[arg-type]


def test_several_labels(make_archive: Make) -> None:
    session = restore(make_archive(multi=True))
    found = session.explain(TEXT, target="bad")
    assert found.completeness.error < 1e-2
    assert found.html().startswith("<!doctype html>")


def test_page_stands_alone(make_archive: Make) -> None:
    session = restore(make_archive())
    found = session.explain(TEXT, corpus=["<script>alert(1)</script> plain"], what_if=["<i>a</i>"])
    page = found.html()
    assert "<script" not in page and "<i>a" not in page and "<b>unseen" not in page
    assert all(s.startswith("data:image/png;base64,") for s in re.findall(r'src="([^"]*)', page))
    assert page.count("<img ") == 10  # five heat maps a direction
    assert "http" not in page and "url(" not in page
    shown = found._repr_html_()
    assert shown in page and "<html" not in shown


def test_gates_of_keeps_text_order(make_archive: Make) -> None:
    archive = make_archive()
    session = restore(archive)
    network = LSTMGradient(archive.arrays, session.config)
    x = network.embedding[session.codecs.source.encode("a plain sentence")].astype(float)[None]
    passes, states = network.run(x)
    joined = np.concatenate([gates_of(run)["state"] for run in passes[0]])
    np.testing.assert_array_equal(joined.T, states[0])


def test_command(make_archive: Make, tmp_path: Path) -> None:
    save(make_archive(), tmp_path / "m.seqmap")
    (tmp_path / "corpus.txt").write_text("a plain one\nanother sentence\n")
    page, picture = tmp_path / "e.html", tmp_path / "e.png"
    words = ["explain", str(tmp_path / "m.seqmap"), "--text", TEXT]
    done = CliRunner().invoke(
        app,
        [
            *words,
            "--corpus",
            str(tmp_path / "corpus.txt"),
            "--out",
            str(page),
            "--png",
            str(picture),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "completeness error" in done.stdout and "similar" in done.stdout
    assert "</html>" in page.read_text(encoding="utf-8")
    assert imread(picture).shape[0] > 300
    record = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert record["task"] == "classify" and len(record["attribution"]) == len(record["tokens"])
    for more, message in (
        (["--target", "none"], "does not know this label"),
        (["--out", str(tmp_path / "no" / "e.html")], "cannot write the page"),
        (["--corpus", str(tmp_path / "none.txt")], "none.txt"),
        (["--out", str(tmp_path / "f.png")], "--out writes another kind of file"),
        (["--png", str(tmp_path / "f.html")], "--png writes another kind of file"),
    ):
        done = CliRunner().invoke(app, [*words, *more])
        assert done.exit_code == 2 and message in done.stderr, more


def test_a_picture_without_inner_views(make_archive: Make, tmp_path: Path) -> None:
    found = restore(make_archive(encoder__name="gru")).explain("a plain sentence")
    explanation_picture(found, tmp_path / "e.png")
    assert imread(tmp_path / "e.png").ndim == 3
