"""What makes a symbol follow, against the deployed model and derivatives by differences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.config import Config
from seqmap.data.corpus import TextCorpus
from seqmap.errors import UserError
from seqmap.runtime.archive import save
from seqmap.runtime.explain.language import LanguageGradient
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.session import restore
from seqmap.tasks import find_task
from seqmap.training import train

Corpora = Callable[..., list[TextCorpus]]
TEXT = "the dog in the old ho"


@pytest.fixture(scope="module", params=["literal", "word"])
def session(
    small_language: Config, corpus: Corpora, request: pytest.FixtureRequest
) -> LanguageSession:
    config = small_language.replace(text__unit=request.param, encoder__layers=2)
    found = restore(train(find_task("language"), corpus(), config=config).archive)
    assert isinstance(found, LanguageSession)
    return found


def chances(session: LanguageSession, ids: np.ndarray) -> np.ndarray:
    logits = session.network.logits([ids])[0].astype(float)
    shares = np.exp(logits - logits.max())
    return np.asarray(shares / shares.sum())


def test_it_explains_what_the_model_expects(session: LanguageSession) -> None:
    found = session.explain(TEXT, what_if=["the cat", ""])
    ids = session.encode(TEXT)
    shares = chances(session, ids)
    best = int(shares.argmax())
    assert found.target == session.codecs.source.symbol(best) == found.answer["label"]
    assert found.answer["probability"] == pytest.approx(shares[best], rel=1e-4)
    assert len(found.tokens) == len(ids) and found.tokens[0].end == 0
    assert "".join(t.text for t in found.tokens[1:]).replace(" ", "") == TEXT.replace(" ", "")
    other = chances(session, np.delete(ids, 3))[best]
    odds = [np.log(p / (1 - p)) for p in (shares[best], other)]
    assert found.occlusion[3] == pytest.approx(odds[0] - odds[1], abs=1e-3)
    assert [edit.text for edit in found.edits] == ["the cat", ""]
    assert set(found.layers) == {"0 forward", "1 forward"}
    json.dumps(found.record(), allow_nan=False)
    assert "</html>" in found.html() and found._repr_html_() and found.summary()


def test_gradients_add_up(session: LanguageSession) -> None:
    found = session.explain(TEXT)
    check = found.completeness
    assert check is not None and found.integrated is not None
    best = int(session.network.logits([session.encode(TEXT)])[0].argmax())
    assert check.error < 0.02 * max(1, abs(check.difference)) and check.parity < 1e-4
    network = LanguageGradient(session)
    x = network.embedding[session.encode(TEXT)][None]

    def score(x: np.ndarray) -> float:
        logits = network.run(x)[1][0]
        return float(logits[best] - logits.max() - np.log(np.exp(logits - logits.max()).sum()))

    passes, logits = network.run(x)
    slope = network.gradient(passes, logits, best)
    rng = np.random.default_rng(0)
    for _ in range(5):
        way = rng.normal(size=x.shape)
        numeric = (score(x + 1e-6 * way) - score(x - 1e-6 * way)) / 2e-6
        assert (slope * way).sum() == pytest.approx(numeric, rel=1e-4, abs=1e-7)


def test_similar_states_and_another_target(session: LanguageSession) -> None:
    target = "dog" if len(session.encode(TEXT)) < 10 else "d"  # a word or a letter
    corpus = ["the cat in the new ho", "", TEXT]
    found = session.explain(TEXT, target=target, corpus=corpus, token=len(session.encode(TEXT)) - 1)
    assert found.target == target
    assert found.matches and found.matches[0].text == corpus[0]
    assert "Similar states" in found.html()
    whole = session.explain(TEXT, corpus=corpus, token=(0, 1))
    assert whole.matches[0].similarity == pytest.approx(1, abs=1e-5)
    assert whole.matches[0].start == 0 and whole.matches[0].line().split("  ")[1].startswith("[")


def test_mistakes(session: LanguageSession) -> None:
    for asked, message in (
        ({"target": "no such symbol"}, "does not know this symbol"),
        ({"corpus": ["a"], "token": 999}, "no such symbol"),
    ):
        with pytest.raises(UserError, match=message):
            session.explain(TEXT, **asked)
    with pytest.raises(UserError, match="short text"):
        session.explain("a b " * 600)
    assert session.explain("").html()


def test_command(session: LanguageSession, tmp_path: Path) -> None:
    save(session.archive, tmp_path / "m.seqmap")
    words = ["explain", str(tmp_path / "m.seqmap"), "--text", TEXT]
    out = ["--out", str(tmp_path / "e.html"), "--png", str(tmp_path / "e.png")]
    done = CliRunner().invoke(app, [*words, *out])
    assert done.exit_code == 0, done.output
    assert "completeness error" in done.stdout
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")
