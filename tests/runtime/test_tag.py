"""Deployed taggers: answers, windows, streams; NumPy and the native core alike."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmap.codecs.tags import TagCodec
from seqmap.config import Config
from seqmap.data.tagging import Sentence
from seqmap.data.tagging.tokens import Tokeniser
from seqmap.errors import ArchiveError, UserError
from seqmap.features.form_codec import FormCodec
from seqmap.features.forms import SHAPES
from seqmap.features.window import REACH, WIDTH
from seqmap.runtime import native, tag_network
from seqmap.runtime.archive import FORMAT, Archive, save
from seqmap.runtime.ops.weights import SCALE
from seqmap.runtime.quantize import quantized, to_int8
from seqmap.runtime.session import load, restore
from seqmap.runtime.tag import TagSession
from seqmap.runtime.tag_network import TagReader
from seqmap.runtime.windows import windows

TOKENS = [
    ["Jane", "Doe", "flew", "to", "Oslo", "in", "May", "2019"],
    ["in", "Oslo", ",", "Jane", "met", "Bob"],
    ["王", "小", "明", "在", "Oslo"],
]
TAGS = [
    ["B-PER", "I-PER", "O", "O", "B-LOC", "O", "B-TIME", "I-TIME"],
    ["O", "B-LOC", "O", "B-PER", "O", "B-PER"],
    ["B-PER", "I-PER", "I-PER", "O", "B-LOC"],
]


def build(seed: int = 0, *, intents: int = 0, **given_settings: object) -> Archive:
    """Return a tagger with random weights, written down by the archive's names."""
    small = {
        "embedding__size": 6,
        "encoder__hidden": 8,
        "encoder__heads": 2,
        "tag__character_size": 5,
        "tag__character_hidden": 4,
        "tag__shape_size": 3,
        "tag__feature_count": 1,
    }
    config = Config().replace(**(small | given_settings))
    codec = FormCodec.fit(TOKENS * 2, config)
    tags = TagCodec.fit(TAGS, spans=True)
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}

    def draw(name: str, *shape: int) -> None:
        arrays[name] = rng.normal(scale=0.6, size=shape).astype(np.float32)

    def lstm(prefix: str, inputs: int, hidden: int) -> None:
        for side in ("forward", "backward"):
            draw(f"{prefix}layers.0.{side}.w_ih", 4 * hidden, inputs)
            draw(f"{prefix}layers.0.{side}.w_hh", 4 * hidden, hidden)
            draw(f"{prefix}layers.0.{side}.bias", 4 * hidden)

    tag, count = config.tag, len(tags)
    if len(codec.features):
        draw("features.weight", len(codec.features), WIDTH * count)
        name = "features.weight"
        arrays[name], arrays[name + SCALE] = to_int8(arrays[name])
    for prefix in ("", *(f"others.{place}." for place in range(tag.members - 1))):
        draw(prefix + "words.weight", len(codec.words), config.embedding.size)
        draw(prefix + "letters.embedding.weight", len(codec.letters), tag.character_size)
        lstm(prefix + "letters.encoder.", tag.character_size, tag.character_hidden)
        draw(prefix + "shapes.weight", len(SHAPES), tag.shape_size)
        size = config.embedding.size + 2 * tag.character_hidden + tag.shape_size
        if len(codec.pairs):
            draw(prefix + "pairs.weight", len(codec.pairs) + 2, tag.pair_size)
            size += tag.pair_size
        lstm(prefix + "encoder.", size, config.encoder.hidden)
        draw(prefix + "output.weight", count, 2 * config.encoder.hidden)
        draw(prefix + "output.bias", count)
        if intents:
            draw(prefix + "intent.weight", intents, 4 * config.encoder.hidden)
            draw(prefix + "intent.bias", intents)
    draw("crf.transitions", count, count)
    draw("crf.start", count)
    draw("crf.end", count)
    names = [f"intent{n}" for n in range(intents)]
    state, codec_arrays = codec.to_state()
    manifest = {
        "format": FORMAT,
        "seqmap": "0.1.0",
        "task": "tag",
        "config": config.to_dict(),
        "source": {**state, "unit": "word"},
        "target": {**tags.to_state(), "intents": names or None},
        "calibration": {"temperature": 1.4},
    }
    return Archive(manifest, arrays | codec_arrays)


def session_of(**settings: object) -> TagSession:
    session = restore(build(**settings))  # type: ignore[arg-type]
    assert isinstance(session, TagSession)
    return session


WORDS = ["Jane", "Oslo", "unseen", "2019", "王", ",", "McX", "in", "ran"]


def sentence(rng: np.random.Generator, length: int) -> list[str]:
    return [WORDS[i] for i in rng.integers(0, len(WORDS), size=length)]


def test_answers_hold_together() -> None:
    text = "Jane  Doe flew\tto Oslo, in May 2019.\n"
    answer = session_of(intents=3).predict([text])[0]
    assert answer.text == text
    assert "".join(answer.tokens) == "".join(text.split())
    for entity in answer.entities:
        assert text[entity.start : entity.end] == entity.text
        assert 0 < entity.probability <= 1 and entity.type in ("PER", "LOC", "TIME")
        assert entity.probability >= answer.probability - 1e-9
    starts = sum(tag.startswith("B-") for tag in answer.tags)
    assert starts == len(answer.entities)
    assert answer.intent in ("intent0", "intent1", "intent2")
    assert answer.intent_probability is not None and answer.intent_probability >= 1 / 3


@pytest.mark.parametrize("settings_", [{}, {"tag__pair_size": 4}, {"tag__features": "none"}])
def test_sentences_do_not_influence_each_other(settings_: dict[str, object]) -> None:
    session = session_of(**settings_)
    rng = np.random.default_rng(1)
    many = [sentence(rng, n) for n in (5, 0, 1, 30, 2, 5, 11)]
    together = session.emissions(many)
    for tokens, found in zip(many, together, strict=True):
        np.testing.assert_allclose(session.emissions([tokens])[0], found, atol=1e-5)
    for tokens, answer in zip(many, session.predict(many), strict=True):
        assert len(answer.tags) == len(tokens)


def test_scores_of_several_networks_add_up() -> None:
    session = session_of(tag__members=3, intents=2, tag__pair_size=4)
    arrays, source = session.archive.arrays, session.codecs.source
    rng = np.random.default_rng(4)
    many = [sentence(rng, n) for n in (6, 0, 13)]
    found, logits = session.reader.read(many)
    total: list[Any] = [0.0] * len(many)
    whole: Any = 0.0
    for place, prefix in enumerate(("", "others.0.", "others.1.")):
        own = {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        alone = TagReader(
            own,
            session.config,
            source,
            tags=len(session.codecs.target),
            intents=2,
            lexical=place == 0,
        )
        emissions, intents = alone.read(many)
        total = [a + b for a, b in zip(total, emissions, strict=True)]
        whole = whole + intents
    for expected, here in zip(total, found, strict=True):
        np.testing.assert_allclose(here, expected, atol=1e-5)
    np.testing.assert_allclose(logits, whole, atol=1e-5)
    # Explanations move along vectors: at the given ones the answer is the usual one.
    x = session.reader.vectors(many[0])
    again, _ = session.reader.read_vectors(x[None], many[0])
    np.testing.assert_allclose(again[0], found[0], atol=1e-4)
    assert session.reader.states(many[0]).shape == (6, 3 * 16)


def test_a_network_that_is_missing_is_named() -> None:
    archive = build(tag__members=2)
    arrays = {k: v for k, v in archive.arrays.items() if not k.startswith("others.0.words")}
    with pytest.raises(ArchiveError, match=r"words\.weight"):
        restore(Archive(archive.manifest, arrays))


def test_numpy_and_native_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    if not native.available():
        pytest.skip("no native core")
    rng = np.random.default_rng(2)
    many = [sentence(rng, n) for n in (7, 3, 25)]
    fast = session_of(tag__pair_size=4)
    assert fast.backend == "native"
    monkeypatch.setattr(native, "available", lambda: False)
    slow = session_of(tag__pair_size=4)
    assert slow.backend == "numpy"
    for first, second in zip(fast.emissions(many), slow.emissions(many), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-4)
    assert [a.tags for a in fast.predict(many)] == [a.tags for a in slow.predict(many)]


def test_wide_features_are_those_of_the_window() -> None:
    """Against the definition in `features.window`, feature by feature."""
    session = session_of()
    without = session_of()
    reader = session.reader.members[0]
    without.reader.members[0]._features = None
    rng = np.random.default_rng(3)
    tokens = sentence(rng, 9)
    found = session.emissions([tokens])[0] - without.emissions([tokens])[0]
    codec = session.codecs.source
    assert reader._features is not None
    weights = reader._features.rows(np.arange(len(codec.features)))
    table = weights.reshape(len(codec.features), WIDTH, reader.tags)
    forms = [codec.forms[token] for token in tokens]
    _, neighbours = codec.encode_pairs(forms)
    expected = np.zeros_like(found)
    for t in range(len(tokens)):
        for d in range(-REACH, REACH + 1):
            if 0 <= t + d < len(tokens):
                keys = [*forms[t + d].keys, *(k for k in neighbours[t + d] if k >= 0)]
                expected[t] += table[keys, d + REACH].sum(axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_full_table_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    many = [[f"word{i}" for i in rng.integers(0, 60, size=6)] for _ in range(30)]
    expected = session_of().emissions(many)
    monkeypatch.setattr(tag_network, "CAPACITY", 8)
    small = session_of()
    for tokens, wanted in zip(many, expected, strict=True):
        np.testing.assert_allclose(small.emissions([tokens])[0], wanted, atol=1e-5)


def test_threads_share_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_network, "CAPACITY", 40)
    session, wrong = session_of(), []
    rng = np.random.default_rng(5)
    many = [[f"w{i}" for i in rng.integers(0, 200, size=8)] for _ in range(40)]
    expected = [session.predict([tokens])[0].tags for tokens in many]

    def work(seed: int) -> None:
        for place in np.random.default_rng(seed).permutation(len(many)):
            if session.predict([many[place]])[0].tags != expected[place]:
                wrong.append(place)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_min_confidence_and_n_best() -> None:
    session = session_of()
    text = "Jane met Bob in Oslo, then Jane ran to Oslo"
    every = session.predict([text])[0]
    chances = sorted(e.probability for e in every.entities)
    assert len(chances) > 1
    least = (chances[0] + chances[1]) / 2
    fewer = session.with_answers(min_confidence=least).predict([text])[0]
    assert [e for e in every.entities if e.probability >= least] == list(fewer.entities)
    assert session.predict([text])[0] == every  # the original is unchanged
    readings = session.with_answers(n_best=4).predict([text])[0].alternatives
    assert len(readings) == 4
    assert readings[0].tags == every.tags
    assert readings[0].probability == pytest.approx(every.probability, rel=1e-4)
    assert [r.probability for r in readings] == sorted(r.probability for r in readings)[::-1]
    for bad in ({"min_confidence": 1.5}, {"n_best": 0}):
        with pytest.raises(UserError):
            session.with_answers(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("given_", ["one text", [None], ["fine", 3], [["a", 1]], [["a", ""]]])
def test_what_is_no_list_of_texts(given_: object) -> None:
    with pytest.raises(UserError, match="takes"):
        session_of().predict(given_)  # type: ignore[arg-type]


def test_hard_texts() -> None:
    texts = ["", " \n", "😀😀", "\x00\x85\u2028 \ud800", "a" * 100_000, "王" * 3000, "- " * 2000]
    for text, answer in zip(texts, session_of().predict(texts), strict=True):
        assert answer.text == text
        assert all(text[e.start : e.end] == e.text for e in answer.entities)


@given(st.integers(0, 400), st.integers(8, 60))
def test_windows_cover_everything_once(tokens: int, window: int) -> None:
    cut = windows(tokens, window)
    assert [w.keep_from for w in cut] == [0] + [w.keep_to for w in cut][:-1]
    assert cut[-1].keep_to == tokens
    for one in cut:
        assert one.start <= one.keep_from <= one.keep_to <= one.end <= one.start + window
        assert one.keep_from == 0 or one.keep_from - one.start == window // 4


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40))
def test_a_stream_finds_what_predict_finds(seed: int, size: int) -> None:
    session = session_of(tag__window=16)
    rng = np.random.default_rng(seed)
    text = " ".join(sentence(rng, int(rng.integers(0, 120)))) + " "
    expected = list(session.predict([text])[0].entities)
    stream, found = session.stream(), []
    for begin in range(0, len(text), size):
        found += stream.feed(text[begin : begin + size])
        if begin and rng.random() < 0.2:
            stream = session.stream(stream.to_bytes())
    assert stream.symbols == len(session.sentence(text).tokens)
    found += (rest := stream.close())
    assert stream.result().entities == tuple(rest)
    assert [(e.start, e.end, e.type) for e in found] == [(e.start, e.end, e.type) for e in expected]
    assert len(stream._held) < 16 * 12
    with pytest.raises(UserError, match="closed"):
        stream.feed("more")


def test_a_stream_reads_a_long_piece_once(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(tag__window=16)
    # Tokens that the next characters may still lengthen, at every cut.
    habits = Tokeniser(
        letters="-.", digits=".,", before="@", abbreviations=("Mr", "U.S"), stops=True
    )
    session.codecs = replace(session.codecs, tokeniser=habits)
    rng = np.random.default_rng(7)
    words = ["Jane", "Oslo,", "30,000", "U.S.", "Mr.", "a-b", "@Bob", "王小", "1.5-x", "...", "in"]
    text = "  ".join(words[i] for i in rng.integers(0, len(words), size=600))
    expected = [(e.start, e.end, e.type) for e in session.predict([text])[0].entities]
    read = 0
    plain = Tokeniser.spans

    def counted(self: Tokeniser, given_: str) -> list[tuple[int, int]]:
        nonlocal read
        read += len(given_)
        return plain(self, given_)

    monkeypatch.setattr(Tokeniser, "spans", counted)
    for size in (len(text), len(text) // 3, 7):
        read = 0
        stream, found = session.stream(), []
        for begin in range(0, len(text), size):
            found += stream.feed(text[begin : begin + size])
        found += stream.close()
        assert [(e.start, e.end, e.type) for e in found] == expected
        assert read < 2 * len(text) or size == 7
    only_close = session.stream()
    only_close._held, read = text, 0  # all of it is left to the end
    assert [(e.start, e.end, e.type) for e in only_close.close()] == expected
    assert read == len(text)


def test_a_stream_of_another_model_is_refused() -> None:
    state = session_of(seed=1).stream().to_bytes()
    with pytest.raises(ArchiveError, match="another model"):
        session_of(seed=2).stream(state)


@pytest.mark.parametrize("kind", ["int8", "bf16"])
def test_smaller_numbers_answer_alike(kind: str) -> None:
    plain = build()
    rng = np.random.default_rng(6)
    many = [sentence(rng, 12) for _ in range(5)]
    whole = restore(plain)
    small = restore(quantized(plain, kind))
    assert isinstance(whole, TagSession) and isinstance(small, TagSession)
    for first, second in zip(whole.emissions(many), small.emissions(many), strict=True):
        np.testing.assert_allclose(first, second, atol=0.15)


SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "sklearn", "scipy", "matplotlib", "pandas"}:
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
from seqmap.runtime.session import load
print(load(sys.argv[1]).predict(["Jane flew to Oslo"])[0].tags)
"""


@pytest.mark.parametrize("library", ["none", ""])
def test_no_torch(tmp_path: Path, library: str) -> None:
    path = tmp_path / "m.seqmap"
    save(build(), path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "SEQMAP_LIBRARY": library},
    )
    assert done.returncode == 0, done.stderr
    expected = load(path).predict(["Jane flew to Oslo"])[0].tags
    assert done.stdout.strip() == str(expected)


def test_sentences_keep_their_own_text() -> None:
    given_ = Sentence(("Jane", "Doe"), "Jane_Doe!", ((0, 4), (5, 8)))
    answer = session_of().predict([given_])[0]
    assert answer.text == "Jane_Doe!"
    assert all(answer.text[e.start : e.end] == e.text for e in answer.entities)
