"""Explanations of tags against brute force; what Transformers attend to."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.errors import UserError
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.explain.tag import NOTHING, probabilities
from seqmap.runtime.numpy_network import NumpyNetwork
from seqmap.runtime.session import restore
from seqmap.runtime.tag import TagSession
from seqmap.search.crf import Chain

Make = Callable[..., Archive]
TEXT = "Jane Doe flew to Oslo <b>unseen</b> 王"


@pytest.fixture(scope="module")
def make_tagger() -> Make:
    path = Path(__file__).with_name("test_tag.py")
    spec = importlib.util.spec_from_file_location("taggers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    builder: Make = module.build
    return builder


@pytest.fixture(scope="module")
def tagger(make_tagger: Make) -> TagSession:
    session = restore(make_tagger())
    assert isinstance(session, TagSession)
    return session


def test_probabilities_are_those_of_all_sequences() -> None:
    rng = np.random.default_rng(0)
    time, tags, temperature = 4, 3, 1.7
    emissions = rng.normal(size=(time, tags))
    transitions = rng.normal(size=(tags, tags))
    transitions[0, 2] = -np.inf
    chain = Chain(transitions, rng.normal(size=tags), rng.normal(size=tags))
    single, pairs = np.zeros((time, tags)), np.zeros((time - 1, tags, tags))
    for path in itertools.product(range(tags), repeat=time):
        score = chain.start[path[0]] + chain.end[path[-1]]
        score += sum(emissions[t, k] for t, k in enumerate(path))
        score += sum(transitions[a, b] for a, b in itertools.pairwise(path))
        weight = np.exp(score / temperature)
        for t, k in enumerate(path):
            single[t, k] += weight
        for t, (a, b) in enumerate(itertools.pairwise(path)):
            pairs[t, a, b] += weight
    found = probabilities(emissions, chain, temperature)
    np.testing.assert_allclose(found[0], single / single[0].sum(), rtol=1e-9)
    np.testing.assert_allclose(found[1], pairs / pairs[0].sum(), rtol=1e-9)


def test_the_explained_span_is_that_of_the_answer(tagger: TagSession) -> None:
    answer = tagger.predict([TEXT])[0]
    found = tagger.explain(TEXT)
    least = min(answer.entities, key=lambda entity: entity.probability)
    tokens = found.tokens[slice(*found.span)]
    assert (tokens[0].start, tokens[-1].end) == (least.start, least.end)
    assert found.target == least.type
    assert found.span_probability == pytest.approx(least.probability, abs=1e-6)
    assert found.marginals.sum(axis=1) == pytest.approx(np.ones(len(found.tokens)))
    assert found.pairs.sum(axis=2) == pytest.approx(found.marginals[:-1])
    chances = found.marginals[np.arange(len(found.best)), found.best]
    assert chances == pytest.approx(answer.tag_probabilities, abs=1e-6)
    # A type, or a token, may be asked for.
    for entity in answer.entities:
        place = next(k for k, token in enumerate(found.tokens) if token.start == entity.start)
        asked = tagger.explain(TEXT, token=place)
        assert asked.span_probability == pytest.approx(entity.probability, abs=1e-6)
        assert tagger.explain(TEXT, target=entity.type).target == entity.type


def test_occlusion_asks_the_model_itself(tagger: TagSession) -> None:
    found = tagger.explain(TEXT)
    start, end = found.span
    for place in range(len(found.tokens)):
        words = [token.text for token in found.tokens]
        words[place] = NOTHING
        single, pairs = probabilities(
            tagger.emissions([words])[0], tagger.search.chain, tagger.search.temperature
        )
        chance = single[start, found.best[start]]
        for t in range(start + 1, end):
            a, b = found.best[t - 1], found.best[t]
            chance *= pairs[t - 1, a, b] / single[t - 1, a]
        before = found.span_probability
        odds = np.log(before / (1 - before)) - np.log(chance / (1 - chance))
        assert found.occlusion[place] == pytest.approx(odds, abs=1e-6)


def test_gates_give_the_states_of_the_network(tagger: TagSession) -> None:
    found = tagger.explain(TEXT)
    assert list(found.layers) == ["0 forward", "0 backward"]
    states = np.concatenate([gates["state"] for gates in found.layers.values()]).T
    output = [tagger.archive.arrays[f"output.{name}"] for name in ("weight", "bias")]
    deep = states @ output[0].T + output[1]
    words = [token.text for token in found.tokens]
    without = restore(
        Archive(
            tagger.archive.manifest,
            {**tagger.archive.arrays, "features.weight.scale": np.zeros(135, np.float32)},
        )
    )
    assert isinstance(without, TagSession)
    np.testing.assert_allclose(without.emissions([words])[0], deep, atol=1e-5)


def test_page_stands_alone(tagger: TagSession) -> None:
    found = tagger.explain(TEXT, what_if=["<i>Oslo</i>"])
    page = found.html()
    assert page.count("</html>") == 1 and "<script" not in page and "http" not in page
    assert "<i>Oslo" not in page and "<b>unseen" not in page
    assert "Marginals of the CRF" in page and "What may follow what" in page
    assert found._repr_html_() in page
    assert "Jane" in found.summary() and "what if: <i>Oslo</i>" in found.summary()


@pytest.mark.parametrize(
    "settings",
    [{"tag__decoder": "softmax"}, {"tag__features": "none"}, {"intents": 2}],
    ids=["softmax", "letters", "intent"],
)
def test_other_taggers(make_tagger: Make, settings: dict[str, object]) -> None:
    session = restore(make_tagger(**settings))
    found = session.explain(TEXT)
    json.dumps(found.record(), allow_nan=False)
    assert "</html>" in found.html()


def test_gradients_of_a_span_add_up(tagger: TagSession) -> None:
    found = tagger.explain(TEXT)
    check = found.completeness
    assert check is not None and found.integrated is not None
    odds = np.log(found.span_probability / (1 - found.span_probability))
    assert check.error < 0.02 * max(1, abs(check.difference)) and check.parity < 1e-3
    nothing = tagger.reader.read_vectors(
        0 * tagger.reader.vectors([t.text for t in found.tokens])[None],
        [t.text for t in found.tokens],
    )[0]
    single, pairs = probabilities(nothing[0], tagger.search.chain, tagger.search.temperature)
    start, end = found.span
    chance = single[start, found.best[start]]
    for t in range(start + 1, end):
        chance *= pairs[t - 1, found.best[t - 1], found.best[t]] / single[t - 1, found.best[t - 1]]
    assert check.difference == pytest.approx(odds - np.log(chance / (1 - chance)), abs=1e-3)
    assert "Integrated gradients" in found.html() and "completeness" in found.summary()


def test_an_intent_is_explained(make_tagger: Make) -> None:
    session = restore(make_tagger(intents=2))
    answer = session.predict([TEXT])[0]
    found = session.explain(TEXT, target=answer.intent)
    assert found.span is None and found.target == answer.intent
    assert found.span_probability == pytest.approx(answer.intent_probability, abs=1e-5)
    tokens = list(session.sentence(TEXT).tokens)
    changed = [*tokens[:2], NOTHING, *tokens[3:]]
    other = session.predict([changed])[0]
    chance = other.intent_probability
    if other.intent != answer.intent:
        chance = 1 - chance
    odds = [np.log(p / (1 - p)) for p in (found.span_probability, chance)]
    assert found.occlusion[2] == pytest.approx(odds[0] - odds[1], abs=1e-3)
    check = found.completeness  # a maximum over the tokens has edges along the path
    assert check is not None and check.error < 0.06 * max(1, abs(check.difference))
    assert answer.intent in found.html() and answer.intent in found.summary()
    with pytest.raises(UserError, match="Did you mean 'intent1'"):
        session.explain(TEXT, target="intent11")


def test_similar_states_of_a_tagger(tagger: TagSession) -> None:
    corpus = ["nothing of it", "", f"and {TEXT}", TEXT]
    found = tagger.explain(TEXT, corpus=corpus, token=1)
    assert found.matched == 1
    assert "Doe" in found.matches[0].text[found.matches[0].start : found.matches[0].end]
    assert found.matches[0].similarity > found.matches[-1].similarity
    assert "Similar states" in found.html()
    both = tagger.explain(TEXT, corpus=corpus, token=(0, 1))
    best = both.matches[0]
    assert "Jane Doe" in best.text[best.start : best.end] and both.matched_count == 2
    assert len(both.matches) == 2  # what has one token has no span of two


def test_labels_of_tokens(make_tagger: Make) -> None:
    archive = make_tagger(tag__decoder="softmax")
    target = {**archive.manifest["target"], "spans": False}
    session = restore(Archive({**archive.manifest, "target": target}, archive.arrays))
    found = session.explain(TEXT, token=1)
    assert found.span == (1, 2) and found.target == found.names[found.best[1]]


def test_strange_texts_and_mistakes(tagger: TagSession) -> None:
    for text in ("", " ", "\x00", "🙂", "Oslo"):
        found = tagger.explain(text)
        assert found.html().count("</html>") == 1 and found.summary()
        json.dumps(found.record(), allow_nan=False)
    for asked, message in (
        ({"target": "PERS"}, "Did you mean 'PER'"),
        ({"token": 99}, "no such token; given: '99'"),
    ):
        with pytest.raises(UserError, match=message):
            tagger.explain(TEXT, **asked)
    with pytest.raises(UserError, match="given: '257 tokens'; allowed: 256 tokens"):
        tagger.explain("a " * 257)


def test_command(tagger: TagSession, tmp_path: Path) -> None:
    save(tagger.archive, tmp_path / "m.seqmap")
    words = ["explain", str(tmp_path / "m.seqmap"), "--text", TEXT]
    out = ["--out", str(tmp_path / "e.html"), "--png", str(tmp_path / "e.png")]
    done = CliRunner().invoke(app, [*words, *out])
    assert done.exit_code == 0, done.output
    assert "it hangs on" in done.stdout
    assert imread(tmp_path / "e.png").shape[0] > 300
    record = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert record["task"] == "tag" and len(record["marginals"]) == len(record["tokens"])
    assert len(record["transitions"]) == len(record["tokens"]) - 1
    assert record["chain"][0].count(None) > 0


@pytest.mark.parametrize("name", ["transformer", "lstm-transformer"])
def test_maps_of_transformers(make_archive: Make, name: str, tmp_path: Path) -> None:
    session = restore(
        make_archive(encoder__name=name, encoder__layers=2, head__pooling="attention")
    )
    found = session.explain("a plain sentence, written to be read")
    time = len(found.tokens)
    assert list(found.maps) == ["1", "2"]
    for heads in found.maps.values():
        assert heads.shape == (2, time, time)
        np.testing.assert_allclose(heads.sum(axis=2), 1, rtol=1e-5)
    assert found.attention.sum() == pytest.approx(1)
    assert len(found.layers) == (4 if name == "lstm-transformer" else 0)
    page = found.html()
    assert page.count('title="head 2"') == 2
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert np.array(record["maps"][0]["mean"]).shape == (time, time)
    assert session.explain("word " * 200).record()["maps"] == []
    # They are the maps that the network itself uses: with values of ones each symbol gets the sum.
    network = NumpyNetwork(
        session.archive.arrays, session.config, vocabulary=session.codecs.source.size, classes=3
    )
    layer = network.encoder.transformer.layers[0]
    x = np.random.default_rng(0).normal(size=(time, 8)).astype(np.float32)
    query, key, value = layer.parts(x).transpose(1, 2, 0, 3)
    from seqmap.runtime.ops.layout import Layout
    from seqmap.runtime.ops.transformer import _shares

    seen = (_shares(query, key) @ value).transpose(1, 0, 2).reshape(time, 8)
    np.testing.assert_allclose(layer.attend(x, Layout([time])), seen, rtol=1e-6)


def test_attention_pooling_over_other_encoders(make_archive: Make) -> None:
    session = restore(make_archive(encoder__name="gru", head__pooling="attention"))
    found = session.explain("a plain sentence")
    assert found.attention.shape == (3,) and found.attention.sum() == pytest.approx(1)
    assert found.maps == {} and "<h2>Attention</h2>" in found.html()
