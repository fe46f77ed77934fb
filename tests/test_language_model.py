from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from seqmap import LanguageModel, load
from seqmap.errors import ConfigError, DataError

SMALL = {
    "hidden": 12,
    "layers": 1,
    "epochs": 2,
    "config": {"embedding.size": 12, "train.threads": 1, "train.batch_size": 4},
}
LINES = ["the cat sat on the mat.", "the dog lay on the rug."] * 30


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(**SMALL).fit(LINES)  # type: ignore[arg-type]


def test_conventions(model: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        clone(model).generate("a")
    assert clone(model).get_params() == model.get_params()
    assert len(model.history_) == 2
    text = model.generate("the ", length=9, seed=1)
    assert len(text) == 9
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.generate("the ", length=9, seed=1) == text
    model.save(tmp_path / "m.seqmap")
    assert load(tmp_path / "m.seqmap").score(["the cat"]) == model.session_.score(["the cat"])
    assert model.score(LINES) == -model.evaluate(LINES).metrics["loss"]
    assert model.predict(["the cat"])[0].continuations[0]


def test_a_file_is_what_its_lines_are(model: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("\n".join(LINES) + "\n")
    from_file = LanguageModel(**SMALL).fit(tmp_path / "c.txt")  # type: ignore[arg-type]
    assert from_file.generate("the", length=20) == model.generate("the", length=20)
    assert model.evaluate(str(tmp_path / "c.txt")).metrics == model.evaluate(LINES).metrics


def test_a_model_to_start_from_reads_both_ways() -> None:
    model = LanguageModel(**SMALL, unit="auto", purpose="init").fit(LINES)  # type: ignore[arg-type]
    assert model.session_.config.encoder.direction == "both"
    assert model.session_.codecs.source.unit == "lines"


def test_what_is_no_corpus_is_told(model: LanguageModel) -> None:
    for text in ("one text", "two\nlines"):
        with pytest.raises(DataError, match="list of texts, or the path"):
            model.evaluate(text)
    with pytest.raises(ConfigError, match="out of range"):
        model.generate("a", length=-1)


def test_a_long_text_is_no_path() -> None:
    with pytest.raises(DataError, match="a corpus is a list of texts"):
        LanguageModel().fit("a" * 5000)


def test_defaults_of_both_purposes_fit_together() -> None:
    assert LanguageModel()._configuration().encoder.layers == 2
    assert LanguageModel(purpose="init")._configuration().encoder.layers == 1
