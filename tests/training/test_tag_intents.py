"""Intents that are rare, missing, or only among the sentences that are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seqmap.training.tag as recipe
from seqmap.data.tagging import Sentence
from seqmap.errors import DataError
from seqmap.runtime.session import restore
from seqmap.runtime.tag import TagSession
from seqmap.tasks import find_task
from seqmap.tasks.tag import Tag
from seqmap.training import Progress, Trained, Watch, loop, train

TAG = find_task("tag")
CONFIG = TAG.config().replace(
    embedding__size=8,
    encoder__hidden=8,
    tag__character_size=4,
    tag__character_hidden=4,
    train__epochs=1,
    train__threads=1,
    train__precision="fp32",
)
TOWNS = ("Oslo", "Rome", "Lima", "Kyiv", "Bern")


def sentences(count: int, intents: Sequence[str | None]) -> list[Sentence]:
    found = []
    for number in range(count):
        tokens = ("fly", "to", TOWNS[number % len(TOWNS)], f"at{number}")
        intent = intents[number % len(intents)]
        found.append(Sentence.of_tokens(tokens, ("O", "O", "B-CITY", "O"), intent=intent))
    return found


def intents_of(found: Trained) -> tuple[str, ...]:
    session = restore(found.archive)
    assert isinstance(session, TagSession) and session.codecs.intents is not None
    return session.codecs.intents.names


def rare_where_held_out() -> list[Sentence]:
    """Give an intent of its own to all that types alone would hold out."""
    plain = sentences(40, [None])
    _, held = TAG.hold_out(plain, CONFIG.train.holdout)  # type: ignore[attr-defined]
    return [replace(s, intent="rare" if s in held else "usual") for s in plain]


def test_every_intent_keeps_a_sentence_to_learn_from() -> None:
    tagged = rare_where_held_out()
    kept, held = TAG.hold_out(tagged, CONFIG.train.holdout)  # type: ignore[attr-defined]
    assert {s.intent for s in kept} == {"rare", "usual"} and held


def test_what_is_held_out_without_intents_is_as_ever() -> None:
    plain = sentences(40, [None])
    _, held = TAG.hold_out(plain, CONFIG.train.holdout)  # type: ignore[attr-defined]
    assert [plain.index(s) for s in held] == [1, 9, 12, 19]


@pytest.mark.parametrize("closing", [0, 1])
def test_an_intent_that_is_held_out_whole(closing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tagged = rare_where_held_out()

    def parted(
        _self: Tag, examples: Sequence[Sentence], _share: float
    ) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
        kept = [s for s in examples if s.intent == "usual"]
        return kept, [s for s in examples if s.intent == "rare"]

    monkeypatch.setattr(Tag, "hold_out", parted)
    found = train(TAG, tagged, config=CONFIG.replace(train__closing=closing))
    assert intents_of(found) == ("rare", "usual")


def test_sentences_without_an_intent_say_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def fitted(logits: np.ndarray, truth: np.ndarray) -> float:
        assert len(logits) == len(truth)
        seen.append(truth)
        return 1.0

    monkeypatch.setattr(recipe, "fit_temperature", fitted)
    # One sentence a batch: some batches have no intent at all.
    config = CONFIG.replace(train__batch_size=1)
    dev = sentences(6, ["go", "stay", None, "strange"])
    found = train(TAG, sentences(12, ["go", None, "stay"]), dev, config=config)
    assert np.isfinite(found.history[0].train_loss) and np.isfinite(found.history[0].dev_loss)
    assert [truth.tolist() for truth in seen] == [[0, 1, 0, 1]]
    assert intents_of(found) == ("go", "stay")


def test_a_checkpoint_of_another_dev_part_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)

    class Killed(BaseException):
        pass

    def die(progress: Progress) -> None:
        if progress.epoch == 2:
            raise Killed

    tagged, out = sentences(20, [None]), tmp_path / "m.seqmap"
    config = CONFIG.replace(train__epochs=2)
    with pytest.raises(Killed):
        train(TAG, tagged, tagged[:8], config=config, out=out, watch=Watch(step=die))
    with pytest.raises(DataError, match=r"another training \(different: dev\)"):
        train(TAG, tagged, tagged[:9], config=config, out=out, resume=True)
    assert train(TAG, tagged, tagged[:8], config=config, out=out, resume=True).history
