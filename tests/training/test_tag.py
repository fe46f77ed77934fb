from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqmap.config import Config
from seqmap.data.tagging import Sentence, spans_of
from seqmap.errors import DataError
from seqmap.evaluate import evaluate
from seqmap.runtime.archive import Archive, from_bytes, to_bytes
from seqmap.runtime.session import load, restore
from seqmap.runtime.tag import TagSession
from seqmap.samples.entities import entities
from seqmap.tasks import find_task
from seqmap.tasks.tag import TagSet
from seqmap.training import Epoch, Progress, Trained, Watch, loop, train
from seqmap.training.tag import cut

TAG = find_task("tag")
CONFIG = TAG.config().replace(
    embedding__size=16,
    encoder__hidden=16,
    tag__character_size=8,
    tag__character_hidden=8,
    train__epochs=3,
    train__threads=1,
    train__learning_rate=0.01,
    train__average=0.9,
    train__precision="fp32",
)
SAMPLE = entities(train=240, dev=60, test=60)


def fit(config: Config = CONFIG, **settings: object) -> Trained:
    return train(TAG, SAMPLE.train, SAMPLE.dev, config=config.replace(**settings))


@pytest.fixture(scope="module")
def trained() -> Trained:
    return fit()


def test_it_learns_and_what_is_deployed_is_what_was_measured(trained: Trained) -> None:
    assert trained.metrics["f1"] > 0.5
    session = restore(from_bytes(to_bytes(trained.archive)))
    assert isinstance(session, TagSession)
    assert evaluate(session, SAMPLE.dev).metrics == pytest.approx(trained.metrics, abs=1e-6)
    assert session.labels == ("ORG", "PERSON", "PLACE", "TIME")
    assert trained.archive.manifest["calibration"]["ece_after"] < 0.3


@pytest.mark.parametrize(
    "settings",
    [
        {"tag__features": "none", "tag__characters": "none", "tag__shape_size": 0},
        {"tag__decoder": "softmax"},
        {"tag__pair_size": 4},
        {"tag__members": 2, "tag__features": "none"},
        {"tag__members": 3, "tag__decoder": "softmax"},
        {"encoder__name": "gru", "encoder__layers": 2},
        {"encoder__name": "lstm-transformer", "encoder__heads": 2},
        {"encoder__name": "transformer", "encoder__heads": 2},
    ],
)
def test_every_architecture_answers_as_it_was_trained(settings: dict[str, object]) -> None:
    found = fit(train__epochs=2, **settings)
    session = restore(found.archive)
    again = evaluate(session, SAMPLE.dev).metrics
    assert again == pytest.approx(found.metrics, abs=1e-6)
    # What torch measured in the best epoch is what the deployed model reaches; lean and share are
    # chosen on dev afterwards, and none of them is among the choices.
    best = max(epoch.dev_metrics["f1"] for epoch in found.history)
    assert again["f1"] >= best - 1e-6
    if found.archive.manifest["calibration"]["lean"] == 0 and "tag__features" in settings:
        assert again["f1"] == pytest.approx(best, abs=1e-6)


def test_a_lean_finds_more_where_the_model_is_too_careful() -> None:
    from seqmap.codecs.tags import TagCodec
    from seqmap.search.crf import Chain
    from seqmap.search.tagging import TagSearch
    from seqmap.training.tag_fusion import Branch, choose_lean, lean

    codec = TagCodec.fit([["B-X"]], spans=True)
    single = codec.names.index("S-X")
    emissions = [np.zeros((1, len(codec))) for _ in range(4)]
    for row, score in enumerate((0.2, 1.2, 1.3, 4.0)):  # how much O is ahead
        emissions[row][0, 0], emissions[row][0, single] = score, 0.0
        emissions[row][0, [1, 2, 3]] = -9.0
    size = len(codec)
    branch = Branch(emissions, Chain(np.zeros((size, size)), np.zeros(size), np.zeros(size)))
    search = TagSearch(codec, branch.chain)
    truth = [spans_of(["S-X"]), spans_of(["S-X"]), spans_of(["S-X"]), []]
    chosen = choose_lean(search, branch, truth, 0)
    assert 1.5 <= chosen < 4.0
    found = TagSearch(codec, branch.chain).best(lean(branch, chosen, 0).emissions)
    assert [int(numbers[0]) == single for numbers in found] == [True, True, True, False]


def test_same_seed_same_result() -> None:
    first, second = (fit(train__epochs=1) for _ in range(2))
    for name, array in first.archive.arrays.items():
        assert np.array_equal(array, second.archive.arrays[name]), name


def test_resume_is_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)

    def run(out: Path, watch: Watch | None = None, *, resume: bool = False) -> Trained:
        return train(
            TAG, SAMPLE.train, SAMPLE.dev, config=CONFIG, out=out, watch=watch, resume=resume
        )

    whole = run(tmp_path / "whole.seqmap")

    class Killed(BaseException):
        pass

    def die(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (2, 3):
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "cut.seqmap", Watch(step=die))
    seen: list[Epoch] = []
    again = run(tmp_path / "cut.seqmap", Watch(epoch=seen.append), resume=True)
    assert [epoch.number for epoch in seen] == [2, 3]
    for name, array in whole.archive.arrays.items():
        assert np.array_equal(array, again.archive.arrays[name]), name


def test_without_dev_a_part_is_held_out_and_it_saves(tmp_path: Path) -> None:
    out = tmp_path / "m.seqmap"
    found = train(TAG, SAMPLE.train, config=CONFIG.replace(train__epochs=1), out=out)
    assert 18 <= found.archive.manifest["data"]["dev"] <= 30
    assert load(out).metrics["dev"] == found.metrics


def test_parts_of_speech() -> None:
    tagged = [
        Sentence.of_tokens(("the", noun, verb), ("DET", "NOUN", "VERB"))
        for noun in ("dog", "cat", "cow", "hen")
        for verb in ("runs", "eats", "sees", "naps")
    ]
    config = CONFIG.replace(train__epochs=12, train__batch_size=4)
    found = train(TAG, tagged, tagged, config=config, targets=TagSet(spans=False))
    assert found.metrics["accuracy"] == 1.0
    session = restore(found.archive)
    answer = session.predict([["the", "fox", "naps"]])[0]
    assert answer.tags == ("DET", "NOUN", "VERB") and answer.entities == ()
    assert TAG.line(answer) == "the/DET fox/NOUN naps/VERB"
    assert "precision" in evaluate(session, tagged).report()


@pytest.mark.parametrize("members", [1, 2])
def test_intents_and_slots_are_learned_together(members: int) -> None:
    towns, tagged = ["Oslo", "Rome", "Lima", "Kyiv", "Bern"], []
    for town in towns * 6:
        for words, intent in (("fly to {}", "fly"), ("weather in {} now", "weather")):
            tokens = tuple(words.format(town).split())
            tags = tuple("B-CITY" if token == town else "O" for token in tokens)
            tagged.append(Sentence.of_tokens(tokens, tags, intent=intent))
    found = train(
        TAG, tagged, tagged[:20], config=CONFIG.replace(train__epochs=6, tag__members=members)
    )
    assert found.metrics["intent_accuracy"] == 1.0 and found.metrics["frame_accuracy"] > 0.9
    answer = restore(found.archive).predict(["weather in Rome"])[0]
    assert answer.intent == "weather" and answer.intent_probability > 0.5
    assert [(e.text, e.type) for e in answer.entities] == [("Rome", "CITY")]
    assert TAG.line(answer).startswith("[weather ")
    assert TAG.record(answer)["intent"] == "weather"


def test_vectors_from_a_file_are_used(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("moved 1 0 0\nmarket 0 2 0\nunused 0 0 1\n")
    notes: list[str] = []
    config = CONFIG.replace(text__vectors=str(path), train__epochs=1)
    found = train(TAG, SAMPLE.train, SAMPLE.dev, config=config, watch=Watch(note=notes.append))
    assert found.archive.arrays["words.weight"].shape[1] == 3
    assert any("word vectors" in note for note in notes)
    # A word that training never saw is known by its vector.
    session = restore(found.archive)
    source = session.codecs.source
    row = found.archive.arrays["words.weight"][source.forms["unused"].word]
    assert row.tolist() == [0.0, 0.0, 1.0]
    assert source.forms["nowhere"].word == 1
    path.write_text("zzz 1 0\nyyy 0 1\n")
    with pytest.raises(DataError, match="no symbol of the vocabulary"):
        train(TAG, SAMPLE.train, SAMPLE.dev, config=config)


def test_ctrl_c_keeps_the_best_model(tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    out = tmp_path / "m.seqmap"
    found = train(
        TAG, SAMPLE.train, SAMPLE.dev, config=CONFIG, out=out, watch=Watch(step=interrupt)
    )
    assert found.interrupted and load(out).predict(["Ada left Arden."])


def test_long_sentences_are_cut_between_spans() -> None:
    tags = ("O", "O", "O", "B-X", "I-X", "I-X", "O", "O", "O")
    sentence = Sentence.of_tokens(tuple("abcdefghi"), tags, line=3)
    parts = cut([sentence], 4)
    assert [len(part.tokens) for part in parts] == [3, 4, 2]
    assert sum((part.tags for part in parts), ()) == tags
    assert [spans_of(part.tags) for part in parts] == [[], [(0, 3, "X")], []]


def test_empty_texts_and_unknown_types_in_dev() -> None:
    strange = Sentence.of_tokens(("Ada", "left"), ("B-GHOST", "O"))
    dev = [*SAMPLE.dev, Sentence.of_tokens(()), strange]
    train_part = [Sentence.of_tokens(()), *SAMPLE.train]
    found = train(TAG, train_part, dev, config=CONFIG.replace(train__epochs=1))
    assert np.isfinite(found.history[0].dev_loss)
    assert found.metrics["recall"] < 1.0


def test_how_raw_text_is_cut_follows_the_training_data() -> None:
    from seqmap.data.tagging import sentence_of
    from seqmap.tasks.tag_data import single_characters, tokeniser_of

    characters = Sentence.of_tokens(tuple("他在2019年去了北京，又去了上海。"))
    raw = sentence_of("他在2019年去了北京，又去了上海。")
    assert tokeniser_of([characters]).unit == "char" and tokeniser_of([raw]).unit == "word"
    assert single_characters([characters]) and single_characters([raw])
    assert tokeniser_of([SAMPLE.train[1]]).unit == "word" and tokeniser_of([]).unit == "word"


def test_tokens_with_line_feeds_are_learned_as_those_without() -> None:
    tagged = [
        Sentence.of_tokens(("to", town, end), ("O", "B-CITY", "O"))
        for town in ("Oslo", "Rome\n", "Lima")
        for end in ("end.\n", "end.", "\n")
    ]
    found = train(TAG, tagged, tagged, config=CONFIG.replace(train__epochs=1))
    session = restore(found.archive)
    broken, plain = session.predict([["to", "Oslo", "end.\n"], ["to", "Oslo", "end."]])
    assert broken.tokens[-1] == "end.\n" and len(plain.tags) == 3
    assert {"end.", "rome", " "} <= set(session.codecs.source.words.symbols)


def test_nothing_to_learn_from() -> None:
    with pytest.raises(DataError, match="no sentence"):
        train(TAG, [], [], config=CONFIG)


def test_an_archive_that_was_altered_is_refused(trained: Trained) -> None:
    from seqmap.errors import ArchiveError

    for change in (
        lambda m, a: m["target"].update(tags=["O", "O"]),
        lambda m, a: m["target"].update(tags=["O", "B-X"]),
        lambda m, a: m["source"].pop("longest_word"),
        lambda m, a: a.pop("crf.start"),
        lambda m, a: a.pop("words.weight"),
        lambda m, a: a.pop("vocabulary.words"),
        lambda m, a: a.update({"vocabulary.features": a["vocabulary.features"][::-1]}),
        lambda m, a: a.update({"output.bias": a["output.bias"][:2]}),
        lambda m, a: m["config"]["encoder"].update(hidden=9),
    ):
        changed = from_bytes(to_bytes(trained.archive))
        manifest, arrays = changed.manifest, dict(changed.arrays)
        change(manifest, arrays)
        with pytest.raises(ArchiveError):
            restore(Archive(manifest, arrays))


def test_figures_on_dev_come_before_it_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing passes change the model that is kept, not what is said of dev."""
    import seqmap.training.tag as recipe

    def trained() -> Trained:
        return train(TAG, SAMPLE.train, config=CONFIG.replace(train__epochs=2))

    closed = trained()
    monkeypatch.setattr(recipe, "learn_held_out", lambda *_: None)
    plain = trained()
    assert closed.metrics == plain.metrics
    assert closed.archive.manifest["calibration"] == plain.archive.manifest["calibration"]
    name = "output.weight"
    assert not np.array_equal(closed.archive.arrays[name], plain.archive.arrays[name])
    given = train(TAG, SAMPLE.train, SAMPLE.dev, config=CONFIG.replace(train__epochs=1))
    assert given.archive.manifest["data"]["dev"] == len(SAMPLE.dev)
