from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seqmap.config import Config, TrainConfig
from seqmap.data import Example
from seqmap.data.corpus import TextCorpus
from seqmap.data.pairs import Pair
from seqmap.data.tagging import Sentence
from seqmap.errors import ConfigError, UserError
from seqmap.nn.encoders import build_encoder
from seqmap.runtime.session import load, restore
from seqmap.tasks import find_task
from seqmap.training import Trained, train
from seqmap.training.optimizer import Optimizer
from seqmap.training.pretrained import adopted, depths, extended, read_pretrained, start_encoder

CLASSIFY = find_task("classify")
TINY = CLASSIFY.config().replace(
    train__epochs=1, train__threads=1, train__learning_rate=0.0, wide__kind="none"
)
Corpora = Callable[..., list[TextCorpus]]


@pytest.fixture(scope="module")
def model(
    small_language: Config, corpus: Corpora, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("lm") / "lm.seqmap"
    config = small_language.replace(text__unit="word", encoder__direction="both", train__epochs=1)
    train(find_task("language"), corpus(), config=config, out=out)
    return out


def examples(count: int = 60) -> list[Example]:
    animals = ["cat", "dog", "zebra"]
    return [Example(f"the {animals[n % 3]} house", (animals[n % 3],)) for n in range(count)]


def started(model: Path, **settings: object) -> Trained:
    config = TINY.replace(**settings)
    return train(CLASSIFY, examples(), config=config, init=model)


def test_a_classifier_begins_where_the_language_model_ended(model: Path) -> None:
    """With a rate of zero, what was copied is what is deployed."""
    lm, found = read_pretrained(model), started(model, train__average=0.0)
    arrays = found.archive.arrays
    np.testing.assert_array_equal(arrays["embedding.weight"][1 : len(lm.vectors)], lm.vectors[1:])
    for name, weights in lm.weights.items():
        np.testing.assert_array_equal(arrays[f"encoder.{name}"], weights)
    manifest = found.archive.manifest
    assert manifest["init"] == {"model": "lm.seqmap", "digest": load(model).digest}
    config = manifest["config"]
    assert (config["embedding"]["size"], config["encoder"]["hidden"]) == (12, 16)
    # A word that the language model does not know joins its vocabulary.
    session = lm.codec
    assert "zebra" not in session.symbols("the cat") and session.encode("zebra")[0] == 1
    assert len(arrays["embedding.weight"]) == len(lm.vectors) + 1


def test_ids_of_known_words_stay(model: Path) -> None:
    lm = read_pretrained(model)
    codec = extended(lm.codec, ["a zebra and a cat"], Config())
    np.testing.assert_array_equal(codec.encode("the cat in"), lm.codec.encode("the cat in"))
    assert codec.encode("zebra")[0] >= lm.codec.size


def test_an_lstm_under_a_transformer_starts_too(model: Path) -> None:
    found = started(model, encoder__name="lstm-transformer", encoder__heads=2, train__average=0.0)
    lm = read_pretrained(model)
    for name, weights in lm.weights.items():
        np.testing.assert_array_equal(found.archive.arrays[f"encoder.lstm.{name}"], weights)


def test_one_direction_starts_from_a_model_of_both(model: Path) -> None:
    found = started(model, encoder__direction="forward", train__average=0.0).archive.arrays
    lm = read_pretrained(model)
    np.testing.assert_array_equal(
        found["encoder.layers.0.forward.w_hh"], lm.weights["layers.0.forward.w_hh"]
    )
    assert not any("backward" in name for name in found)


def test_a_tagger_takes_vectors_by_name(model: Path) -> None:
    def sentence(*tokens: str) -> Sentence:
        text = " ".join(tokens)
        ends = np.cumsum([len(t) + 1 for t in tokens]) - 1
        offsets = tuple((int(e) - len(t), int(e)) for t, e in zip(tokens, ends, strict=True))
        tags = tuple("B-X" if t == "Cat" else "O" for t in tokens)
        return Sentence(tokens, text, offsets, tags)

    given = [sentence("the", "Cat", "ran"), sentence("a", "dog", "sat")] * 10
    tag = find_task("tag")
    config = tag.config().replace(
        train__epochs=1, train__threads=1, train__learning_rate=0.0, train__average=0.0
    )
    found = train(tag, given, given, config=config, init=model).archive
    lm = read_pretrained(model)
    source = restore(found).codecs.source
    rows = {source.symbol(row): row for row in range(source.size)}
    vectors = found.arrays["words.weight"]
    for word in ("the", "cat", "house", "."):  # `house` is known from the language model alone
        row, symbol = rows[word], int(lm.codec.encode(word)[0])
        np.testing.assert_array_equal(vectors[row], lm.vectors[symbol])
    size = lm.vectors.shape[1]
    np.testing.assert_array_equal(
        found.arrays["encoder.layers.0.forward.w_ih"][:, :size],
        lm.weights["layers.0.forward.w_ih"],
    )


@pytest.mark.parametrize("tie", ["all", "none"])
def test_a_translator_reads_as_the_language_model_did(model: Path, tie: str) -> None:
    pairs = [Pair("the cat in a house .", "le chat"), Pair("the zebra .", "le zèbre")] * 12
    task = find_task("translate")
    config = task.config().replace(
        encoder__name="lstm",
        translate__tie=tie,
        train__epochs=1,
        train__threads=1,
        train__learning_rate=0.0,
        train__average=0.0,
    )
    found = train(task, pairs, pairs, config=config, init=model).archive
    lm = read_pretrained(model)
    assert found.manifest["init"]["digest"] == lm.digest
    codec = restore(found).codecs.source
    size = lm.vectors.shape[1]
    known = 0
    for row, piece in enumerate(codec.vocabulary.symbols):
        symbol = int(lm.codec.encode(piece.removeprefix("\u2581"))[0]) if row > 1 else 1
        if symbol > 1:
            known += 1
            np.testing.assert_allclose(
                found.arrays["source.weight"][row] * size**0.5, lm.vectors[symbol], rtol=1e-5
            )
    assert known >= 5
    for name, weights in lm.weights.items():
        np.testing.assert_array_equal(found.arrays[f"encoder.{name}"], weights)


def test_layers_wake_up_one_after_the_other(model: Path) -> None:
    lm = read_pretrained(model)
    config = adopted(TINY, lm)
    encoder = build_encoder(config.embedding.size, config.encoder)
    start_encoder(encoder, lm)
    head = torch.nn.Linear(encoder.width, 2)
    table = torch.nn.Parameter(torch.zeros(3, 12))
    whole = torch.nn.ModuleDict({"encoder": encoder, "head": head})
    whole.register_parameter("table", table)
    deep = depths(encoder, [table])
    assert set(deep.values()) == {1, 2} and deep[table] == 2
    settings = TrainConfig(unfreeze=1, layer_rate=0.5, clip=0.0, weight_decay=0.0)
    optimizer = Optimizer(whole, [], settings, deep)
    recurrent = next(iter(encoder.parameters()))

    def moved(epoch: int) -> list[float]:
        optimizer.thaw(epoch)
        before = [head.weight.clone(), recurrent.clone(), table.clone()]
        loss = head.weight.sum() + recurrent.sum() + table.sum()
        optimizer.step(loss, 0.1)
        after = [head.weight, recurrent, table]
        return [(a - b).abs().max().item() for a, b in zip(after, before, strict=True)]

    first = moved(0)
    assert first[0] == pytest.approx(0.1, rel=1e-3) and first[1:] == [0.0, 0.0]
    second = moved(1)
    assert second[1] == pytest.approx(0.05, rel=1e-3) and second[2] == 0.0
    third = moved(2)
    assert third[2] == pytest.approx(0.025, rel=1e-3)


def test_starting_helps_where_labels_are_few(
    small_language: Config, corpus: Corpora, tmp_path: Path
) -> None:
    """Which sound an animal makes is learnt from plain text; a label of each animal is enough."""
    config = small_language.replace(
        text__unit="word",
        encoder__direction="both",
        embedding__size=32,
        encoder__hidden=32,
        train__epochs=10,
        train__learning_rate=0.01,
    )
    train(find_task("language"), corpus(400), config=config, out=tmp_path / "lm.seqmap")
    kind = {"cat": "meows", "dog": "barks", "hen": "clucks"}
    fitting = [Example(f"the {a} in the old house", (a,)) for a in kind] * 8
    asked = [f"it {sound} in the new house" for sound in kind.values()]
    settings = CLASSIFY.config().replace(
        train__epochs=12, train__threads=1, wide__kind="none", train__learning_rate=0.01
    )

    def share(init: Path | None) -> float:
        small = settings.replace(embedding__size=32, encoder__hidden=32)
        trained = train(CLASSIFY, fitting, fitting, config=small, init=init)
        chances: NDArray[np.float64] = restore(trained.archive).predict_proba(asked)  # type: ignore[attr-defined]
        labels = list(restore(trained.archive).labels)  # type: ignore[attr-defined]
        return float(np.mean([chances[n, labels.index(a)] for n, a in enumerate(kind)]))

    assert share(tmp_path / "lm.seqmap") > share(None)


def test_what_cannot_start_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can start an LSTM only"):
        started(model, encoder__name="gru")
    with pytest.raises(UserError, match="cannot read the model"):
        train(CLASSIFY, examples(), config=TINY, init=tmp_path / "none.seqmap")
    train(CLASSIFY, examples(), config=TINY, out=tmp_path / "c.seqmap")
    with pytest.raises(UserError, match="starts from a language model; given: 'classify'"):
        train(CLASSIFY, examples(), config=TINY, init=tmp_path / "c.seqmap")
    with pytest.raises(UserError, match="does not start from a language model"):
        train(find_task("language"), [], config=TINY, init=model)
