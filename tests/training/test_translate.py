"""Training of translators: what they learn, go on with, and refuse."""

from __future__ import annotations

import itertools
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqmap import Translator, load
from seqmap.config import Config
from seqmap.data.pairs import Pair
from seqmap.errors import DataError
from seqmap.runtime.archive import from_bytes, to_bytes
from seqmap.runtime.session import restore
from seqmap.tasks.translate import Translate
from seqmap.training import Trained, Watch, reference, train

TASK = Translate()
WORDS = {"one": "eins", "two": "zwei", "red": "rot", "big": "groß", "cat": "Katze", "dog": "Hund"}


def pairs(count: int, seed: int = 0) -> list[Pair]:
    """Phrases whose words are replaced and turned around: order has to be learned too."""
    draw = random.Random(seed)
    found: dict[str, Pair] = {}
    while len(found) < count:
        words = [draw.choice(list(WORDS)) for _ in range(draw.randint(2, 5))]
        target = " ".join(WORDS[word] for word in reversed(words))
        found.setdefault(" ".join(words), Pair(" ".join(words), target))
    return list(found.values())


def config(**settings: Any) -> Config:
    small: dict[str, Any] = {
        "text__unit": "word",
        "text__vocabulary": 60,
        "embedding__size": 32,
        "embedding__dropout": 0.0,
        "embedding__word_dropout": 0.0,
        "encoder__hidden": 32,
        "encoder__heads": 2,
        "head__dropout": 0.0,
        "translate__hidden": 48,
        "translate__heads": 2,
        "translate__dropout": 0.0,
        "train__learning_rate": 0.01,
        "train__batch_size": 16,
        "train__average": 0.9,
        "train__epochs": 12,
    }
    return TASK.config().replace(**(small | settings))


def trained(given: Config, out: Path | None = None, **more: Any) -> Trained:
    return train(TASK, pairs(300)[30:], pairs(300)[:30], config=given, out=out, **more)


@pytest.mark.parametrize(
    "settings",
    [
        {"translate__layers": 2},
        {"translate__decoder": "transformer", "translate__layers": 2},
        {"translate__decoder": "lstm-feeding", "translate__attention": "bahdanau"},
        {"translate__members": 2},
    ],
    ids=lambda s: "-".join(map(str, s.values())),
)
def test_it_learns_words_and_their_order(settings: dict[str, Any]) -> None:
    pytest.importorskip("sacrebleu")
    found = trained(config(**settings))
    assert found.metrics["exact"] > 0.6 and found.metrics["bleu"] > 80
    assert "chosen on dev" in found.notes[0]
    session = restore(found.archive)
    assert session.predict(["big dog"])[0].text == "Hund groß"
    again = session.evaluate(pairs(300)[:30]).metrics
    assert again == pytest.approx(found.metrics)


def test_the_attention_finds_the_words() -> None:
    found = trained(config())
    answer = restore(found.archive).predict(["one red cat two"])[0]
    assert answer.text == "zwei Katze rot eins"
    # Most of the weight lies on the word itself, not on its neighbours.
    assert answer.alignment.argmax(axis=1).tolist() == [3, 2, 1, 0]


def test_a_resumed_training_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqmap.training.loop.CHECKPOINT_EVERY", 0.0)
    given = config(
        train__epochs=3,
        text__unit="subword",
        translate__sampling=0.4,
        translate__scheduled_sampling=0.2,
        embedding__dropout=0.2,
        head__dropout=0.2,
    )
    whole = trained(given, tmp_path / "whole.seqmap")

    def stop(epoch: Any) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    broken = trained(given, tmp_path / "broken.seqmap", watch=Watch(epoch=stop))
    assert broken.interrupted and (tmp_path / "broken.seqmap.checkpoint").exists()
    resumed = trained(given, tmp_path / "broken.seqmap", resume=True)
    assert len(resumed.history) == 3
    for name, array in whole.archive.arrays.items():
        np.testing.assert_array_equal(array, resumed.archive.arrays[name], err_msg=name)
    with pytest.raises(DataError, match="another training"):
        trained(given, tmp_path / "broken.seqmap", watch=Watch(epoch=stop))
        trained(given.replace(train__epochs=4), tmp_path / "broken.seqmap", resume=True)


def test_the_same_seed_gives_the_same_model() -> None:
    given = config(train__epochs=1, translate__sampling=0.4, text__unit="subword")
    first, second = (trained(given).archive for _ in range(2))
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[name])
    other = trained(given.replace(train__seed=7)).archive
    assert not np.array_equal(first.arrays["bias"], other.arrays["bias"])


@pytest.mark.parametrize("tie", ["target", "none"])
def test_two_vocabularies(tie: str) -> None:
    found = trained(config(translate__vocabulary="separate", translate__tie=tie, train__epochs=2))
    session = restore(from_bytes(to_bytes(found.archive)))
    assert session.codecs.source.symbol(2) != session.codecs.target.symbol(2)  # type: ignore[attr-defined]
    assert ("output.weight" in found.archive.arrays) == (tie == "none")
    assert session.evaluate(pairs(300)[:30]).metrics == pytest.approx(found.metrics)


def test_a_baseline_stands_beside() -> None:
    found = reference(TASK, pairs(300)[30:], pairs(300)[:30], None)
    assert found is not None and "IBM" in found.title
    # It knows the words, but not their order.
    assert found.metrics["exact"] < 0.2 and found.metrics["chrf"] > 60


def test_the_estimator(tmp_path: Path) -> None:
    sources = [pair.source for pair in pairs(200)]
    targets = [pair.target for pair in pairs(200)]
    settings = {"train.batch_size": 16, "embedding.size": 16}
    translator = Translator(hidden=16, unit="word", epochs=2, config=settings)
    with pytest.raises(Exception, match="not fitted"):
        translator.predict(sources)
    translator.fit(sources, targets)
    assert len(translator.history_) == 2
    answers = translator.answers(sources[:3], n_best=2, beam=3)
    assert [len(a.alternatives) for a in answers] == [2, 2, 2]
    assert 0 <= translator.score(sources[:20], targets[:20]) <= 100
    translator.save(tmp_path / "t.seqmap")
    loaded = load(tmp_path / "t.seqmap")
    assert [a.text for a in loaded.predict(sources[:5])] == translator.predict(sources[:5])
    assert pickle.loads(pickle.dumps(translator)).predict(["one"]) == translator.predict(["one"])


@pytest.mark.parametrize(
    ("x", "y", "problem"),
    [
        (["a"], ["b", "c"], "differ in number"),
        (["a", "b"], ["c", 3], "texts to texts"),
        ([" ", ""], ["a", "b"], "no pair"),
    ],
)
def test_what_the_estimator_refuses(x: list[Any], y: list[Any], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        Translator().fit(x, y)


def test_parts_that_are_held_out_share_no_source() -> None:
    doubled = [*pairs(50), *(Pair(p.source, p.target + " x") for p in pairs(50))]
    kept, held = TASK.hold_out(doubled, 0.2)
    assert len(held) == 20 and not {p.source for p in kept} & {p.source for p in held}
    lines = TASK.inspect(kept, held, None)
    assert any("several targets" in line for line in lines)
    with pytest.raises(DataError, match="nothing can be held out"):
        TASK.hold_out(list(itertools.repeat(Pair("a", "b"), 3)), 0.5)
