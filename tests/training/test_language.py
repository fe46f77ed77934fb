from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from seqmap.codecs.base import PAD
from seqmap.config import Config
from seqmap.data.corpus import Passage, TextCorpus
from seqmap.errors import ConfigError, DataError
from seqmap.nn.encoders.lstm import LSTMEncoder
from seqmap.nn.language import LanguageHead, LanguageNetwork
from seqmap.runtime.session import load
from seqmap.tasks import find_task
from seqmap.training import Watch, train
from seqmap.training.language import LanguageLearner
from seqmap.training.tokens import token_files

Corpora = Callable[..., list[TextCorpus]]

LANGUAGE = find_task("language")


@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("native", [True, False])
def test_carried_states_are_those_of_the_whole(
    direction: str, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqmap.nn.encoders.lstm.usable", lambda x: native)
    layers = 1 if direction == "both" else 2
    config = Config().replace(
        encoder__hidden=7, encoder__layers=layers, encoder__direction=direction
    )
    encoder = LSTMEncoder(5, config.encoder).eval()
    x = torch.randn(3, 11, 5)
    whole, end = encoder.carry(x, None)
    first, state = encoder.carry(x[:, :4], None)
    second, after = encoder.carry(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1)[..., :7], whole[..., :7])
    for (h, c), (h_end, c_end) in zip(after, end, strict=True):
        torch.testing.assert_close(h, h_end)
        torch.testing.assert_close(c, c_end)
    if direction == "both":  # the second direction begins anew in each window
        torch.testing.assert_close(second[..., 7:], whole[:, 4:, 7:])
        assert not torch.allclose(first[..., 7:], whole[:, :4, 7:])


def test_gradients_reach_the_state_that_was_given() -> None:
    config = Config().replace(encoder__hidden=6, encoder__direction="forward")
    encoder = LSTMEncoder(5, config.encoder)
    h, c = (torch.randn(2, 6, requires_grad=True) for _ in range(2))
    states, _ = encoder.carry(torch.randn(2, 3, 5), [(h, c)])
    states.sum().backward()
    assert h.grad is not None and h.grad.abs().sum() > 0
    assert c.grad is not None and c.grad.abs().sum() > 0


def test_sampled_softmax_has_the_optimum_of_the_full_one(small_language: Config) -> None:
    """Where the scores are those of the truth, its gradient vanishes on average, else not."""
    torch.manual_seed(0)
    vocabulary = 40
    weights = torch.nn.Parameter(torch.randn(vocabulary, 8) * 0.5)
    head = LanguageHead(8, weights, small_language.replace(encoder__hidden=8))
    features = torch.randn(1, 8).expand(20_000, 8)
    q = torch.rand(vocabulary) + 0.2
    q[PAD] = 1e-9
    q = q / q.sum()
    truth = torch.softmax(head.scores(features[:1])[0], dim=0).detach()
    targets = torch.multinomial(truth, len(features), replacement=True)

    def slope() -> float:
        total = torch.zeros(vocabulary)
        for _ in range(60):
            drawn = torch.multinomial(q, 25, replacement=True)
            loss = head.sampled_loss(features, targets, drawn, q)
            total += torch.autograd.grad(loss, head.bias)[0]
        return float(total.norm()) / 60

    right = slope()
    with torch.no_grad():
        head.bias += 0.5 * torch.randn(vocabulary)
    assert right < 0.3 * slope()


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 2e-2)])
def test_sampled_softmax_is_what_its_formula_says(
    small_language: Config, precision: Literal["fp32", "bf16"], tolerance: float
) -> None:
    """The gradient that is written out is autograd's of the plain formula."""
    torch.manual_seed(1)
    weights = torch.nn.Parameter(torch.randn(40, 8))
    head = LanguageHead(8, weights, small_language.replace(encoder__hidden=8))
    features = torch.randn(30, 8, requires_grad=True)
    targets = torch.randint(2, 40, (30,))
    drawn = torch.randint(2, 40, (25,))
    q = torch.rand(40) + 0.1
    q = q / q.sum()
    corrected = head.bias - torch.log(25 * q)
    right = (features * weights[targets]).sum(dim=-1) + corrected[targets]
    wrong = features @ weights[drawn].T + corrected[drawn]
    wrong = wrong.masked_fill(drawn[None] == targets[:, None], -torch.inf)
    plain = (torch.cat([wrong, right[:, None]], dim=1).logsumexp(dim=1) - right).mean()
    found = head.sampled_loss(features, targets, drawn, q, precision=precision)
    assert found.item() == pytest.approx(plain.item(), rel=tolerance)
    sources = [features, weights, head.bias]
    expected = torch.autograd.grad(3 * plain, sources)
    for mine, other in zip(torch.autograd.grad(3 * found, sources), expected, strict=True):
        assert float((mine - other).norm()) <= tolerance * float(other.norm())


def test_vectors_may_start_from_company(small_language: Config, corpus: Corpora) -> None:
    """Words that keep the same company begin alike."""
    config = small_language.replace(text__unit="word", train__epochs=1, train__learning_rate=1e-6)

    def likeness(start: str) -> float:
        archive = train(LANGUAGE, corpus(), config=config.replace(embedding__start=start)).archive
        codec = LANGUAGE.restore_codecs(archive.manifest, archive.arrays).source
        animals = archive.arrays["embedding.weight"][codec.encode("cat dog hen")]
        animals = animals / np.linalg.norm(animals, axis=1, keepdims=True)
        return float((animals @ animals.T)[np.triu_indices(3, 1)].mean())

    assert likeness("cooccurrence") > 0.5 > likeness("random")


def test_windows_cover_the_corpus_and_carry_the_state(small_language: Config) -> None:
    data = np.random.default_rng(0).integers(2, 9, 500).astype(np.uint16)
    network = LanguageNetwork(9, small_language)
    learner = LanguageLearner(
        network, small_language, data, data[:50], counts=np.ones(9, np.float32), characters=50
    )
    windows = learner.plan(small_language.train, np.random.default_rng(1))
    steps = np.concatenate(windows)
    np.testing.assert_array_equal(steps, np.arange(len(steps)))
    assert {len(window) for window in windows[:-1]} == {small_language.language.steps}
    assert len(steps) * small_language.train.batch_size > 400
    other = learner.plan(small_language.train, np.random.default_rng(2))
    assert sum(map(len, other)) != len(steps)  # windows begin elsewhere
    # Without dropout, two windows of carried state say what one long window says.
    calm = small_language.replace(
        embedding__dropout=0.0, encoder__weight_dropout=0.0, head__dropout=0.0
    )
    twice = LanguageLearner(
        LanguageNetwork(9, calm),
        calm,
        data,
        data[:50],
        counts=np.ones(9, np.float32),
        characters=50,
    )
    twice.plan(calm.train, np.random.default_rng(0))
    halves = [twice.loss(np.arange(0, 8)).item(), twice.loss(np.arange(8, 16)).item()]
    twice.plan(calm.train, np.random.default_rng(0))
    assert twice.loss(np.arange(0, 16)).item() == pytest.approx(np.mean(halves), abs=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"encoder__layers": 2, "language__output": "free"},
        {"text__unit": "word", "encoder__direction": "both", "language__candidates": 8},
        {"text__unit": "subword", "text__vocabulary": 60},
    ],
)
def test_what_is_deployed_is_what_was_measured(
    small_language: Config, corpus: Corpora, settings: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "m.seqmap"
    config = small_language.replace(**settings, train__precision="fp32")
    trained = train(LANGUAGE, corpus(), corpus(40, seed=1), config=config, out=out)
    assert trained.history[-1].dev_loss < trained.history[0].dev_loss
    session = load(out)
    found = session.evaluate(corpus(40, seed=1)).metrics
    for name in ("loss", "perplexity", "bits_per_character"):
        assert found[name] == pytest.approx(trained.metrics[name], rel=1e-3)
    assert ("backward_loss" in trained.metrics) == (config.encoder.direction == "both")
    assert not list(tmp_path.glob(".seqmap-*"))  # the encoded corpus is gone


def test_it_learns_what_the_grammar_says(small_language: Config, corpus: Corpora) -> None:
    config = small_language.replace(
        text__unit="word",
        train__epochs=10,
        train__learning_rate=0.01,
        encoder__hidden=48,
        embedding__size=48,
    )
    trained = train(LANGUAGE, corpus(400), corpus(50, seed=1), config=config)
    # Only which animal and which house cannot be known: 2 ln 3 in 9 symbols.
    assert trained.metrics["loss"] < 1.15 * 2 * np.log(3) / 9


def test_a_killed_training_goes_on(
    small_language: Config, corpus: Corpora, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqmap.training.loop.CHECKPOINT_EVERY", 0.0)
    config = small_language.replace(train__epochs=4)
    whole = train(LANGUAGE, corpus(), config=config, out=tmp_path / "whole.seqmap")

    class Killed(Exception):
        pass

    def kill(epoch: object) -> None:
        if getattr(epoch, "number", 0) == 2:
            raise Killed

    out = tmp_path / "part.seqmap"
    with pytest.raises(Killed):
        train(LANGUAGE, corpus(), config=config, out=out, watch=Watch(epoch=kill))
    again = train(LANGUAGE, corpus(), config=config, out=out, resume=True)
    assert [e.dev_loss for e in again.history] == [e.dev_loss for e in whole.history]
    for name, array in whole.archive.arrays.items():
        np.testing.assert_array_equal(again.archive.arrays[name], array)


def test_what_is_no_language_model_is_refused(small_language: Config, corpus: Corpora) -> None:
    with pytest.raises(ConfigError, match="is an LSTM"):
        train(LANGUAGE, corpus(), config=small_language.replace(encoder__name="gru"))
    two = small_language.replace(encoder__direction="both", encoder__layers=2)
    with pytest.raises(ConfigError, match="has one layer"):
        train(LANGUAGE, corpus(), config=two)
    with pytest.raises(DataError, match="too few symbols"):
        train(LANGUAGE, [TextCorpus(("ab",))], corpus(), config=small_language)


def test_an_encoded_corpus_lies_on_the_disk(
    small_language: Config, corpus: Corpora, tmp_path: Path
) -> None:
    codecs = LANGUAGE.fit_codecs(corpus()[0].pieces(), small_language)  # type: ignore[attr-defined]
    with token_files([corpus(), [TextCorpus(("",))]], codecs.source, tmp_path) as (data, dev):
        assert isinstance(data, np.memmap) and data.dtype == np.uint16
        text = "".join(corpus()[0].pieces())
        np.testing.assert_array_equal(data, codecs.source.encode(text))
        assert codecs.source.decode(dev) == "\n"
    whole = [TextCorpus(("ab cd", "ef"))]
    parts = [Passage(whole[0], 0, 4), Passage(whole[0], 4, 9)]  # cut inside a word
    with token_files([parts], codecs.source, tmp_path) as (data,):
        np.testing.assert_array_equal(data, codecs.source.encode("ab cd\nef\n"))
    assert not list(tmp_path.iterdir())
