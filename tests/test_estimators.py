"""`Classifier` inside scikit-learn, and with every form of labels."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MultiLabelBinarizer

from seqmap import Classifier, load
from seqmap.errors import ConfigError, DataError

TEXTS = ["sharp screen", "a cheap phone", "sharp and cheap", "it came on monday"] * 12
LABELS = ["good", "bad", "good", "bad"] * 12
SEVERAL = [["screen"], ["price"], ["price", "screen"], []] * 12
CONFIG = {"embedding.size": 8, "train.threads": 1, "train.learning_rate": 0.05}


def classifier(**changes: Any) -> Classifier:
    return Classifier(hidden=4, epochs=2, config=CONFIG).set_params(**changes)


def test_parameters_by_scikit_learns_conventions() -> None:
    one = classifier(hidden=12)
    other = clone(one)
    assert other is not one
    assert other.get_params() == one.get_params()
    assert other.get_params()["hidden"] == 12
    with pytest.raises(NotFittedError):
        other.predict(TEXTS)
    with pytest.raises(ValueError, match="Invalid parameter"):
        other.set_params(hiden=3)


def test_cross_validation_pipeline_and_search() -> None:
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    model = make_pipeline(lower, classifier())
    assert cross_val_score(model, TEXTS, LABELS, cv=2).mean() > 0.9
    assert set(cross_val_predict(model, TEXTS, LABELS, cv=2)) == {"good", "bad"}
    search = GridSearchCV(model, {"classifier__wide": ["none", "ngram"]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_score_ > 0.9
    assert search.predict_proba(["sharp screen"]).shape == (1, 2)


def test_meta_estimators_take_it() -> None:
    calibrated = CalibratedClassifierCV(classifier(wide="none"), cv=2).fit(TEXTS, LABELS)
    assert calibrated.predict_proba(TEXTS[:2]).shape == (2, 2)
    binary = MultiLabelBinarizer().fit_transform(SEVERAL)
    each = OneVsRestClassifier(classifier(wide="none")).fit(np.array(TEXTS, dtype=object), binary)
    assert each.predict(np.array(TEXTS[:4], dtype=object)).shape == (4, 2)


def test_joblib_and_clone_of_a_fitted_model(tmp_path: Path) -> None:
    fitted = classifier().fit(TEXTS, LABELS)
    joblib.dump(fitted, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert again.classes_.tolist() == ["bad", "good"]
    assert not hasattr(clone(fitted), "session_")


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (np.array([0, 1] * 24), "i"),
        (np.array([0.0, 1.0] * 24), "f"),
        (np.array([False, True] * 24), "b"),
        (pd.Series(["no", "yes"] * 24), "U"),
        (pd.Series(["no", "yes"] * 24, dtype="category"), "U"),
    ],
    ids=["int", "float", "bool", "series", "category"],
)
def test_labels_come_back_as_they_were_given(labels: Any, kind: str) -> None:
    texts = ["dull and grey", "bright and warm"] * 24
    fitted = classifier().fit(pd.Series(texts), labels)
    answers = fitted.predict(pd.Series(texts))
    assert answers.dtype.kind == kind
    assert answers.tolist() == list(labels)
    assert fitted.score(texts, labels) == 1.0


def test_lists_of_labels() -> None:
    fitted = classifier(epochs=8).fit(TEXTS, SEVERAL)
    assert fitted.classes_.tolist() == ["price", "screen"]
    assert fitted.predict(TEXTS[:4]) == [("screen",), ("price",), ("price", "screen"), ()]
    assert fitted.score(TEXTS, SEVERAL) == 1.0
    assert fitted.score(TEXTS[:2], [["screen"], ["screen"]]) == 0.5
    with pytest.raises(DataError, match="without weights"):
        fitted.score(TEXTS, SEVERAL, sample_weight=np.ones(len(TEXTS)))


def test_indicator_matrices() -> None:
    matrix = MultiLabelBinarizer().fit_transform(SEVERAL)
    fitted = classifier(epochs=8).fit(TEXTS, matrix)
    answers = fitted.predict(TEXTS)
    assert isinstance(answers, np.ndarray)
    assert np.array_equal(answers, matrix)
    assert fitted.score(TEXTS, matrix) == 1.0
    assert fitted.evaluate(TEXTS, matrix).metrics["macro_f1"] == 1.0


def test_score_weighs_samples() -> None:
    fitted = classifier().fit(TEXTS, LABELS)
    wrong = ["bad", *LABELS[1:]]
    assert fitted.score(TEXTS, wrong) == pytest.approx(47 / 48)
    assert fitted.score(TEXTS, wrong, sample_weight=[0.0] + [1.0] * 47) == 1.0


def test_a_teachers_probabilities_count_instead_of_labels() -> None:
    # The teacher contradicts the labels: what was learned is the teacher's.
    teacher = np.array([[0.9, 0.1] if label == "good" else [0.1, 0.9] for label in LABELS])
    fitted = classifier(wide="none", epochs=8).fit(TEXTS, LABELS, soft=teacher)
    assert fitted.score(TEXTS, LABELS) == 0.0
    chances = fitted.predict_proba(["sharp screen"])[0]
    assert chances[0] == pytest.approx(0.9, abs=0.1)  # the teacher's doubt is learned as well


@pytest.mark.parametrize(
    ("soft", "problem"),
    [
        (np.full((48, 3), 1 / 3), r"a row a text and a column a class.*\(48, 3\)"),
        (np.full((48,), 0.5), r"a row a text"),
        (np.full((48, 2), 1.5), "are probabilities"),
        (np.full((48, 2), np.nan), "are probabilities"),
        (np.full((48, 2), 0.9), "text 0 do not sum to 1.*1.8"),
    ],
    ids=["columns", "dimensions", "above one", "nan", "sum"],
)
def test_soft_labels_that_cannot_be_used(soft: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        classifier().fit(TEXTS, LABELS, soft=soft)


def test_dev_is_taken_and_its_labels_are_checked() -> None:
    fitted = classifier().fit(TEXTS, LABELS, dev=(TEXTS[:8], LABELS[:8]))
    assert fitted.session_.archive.manifest["data"]["dev"] == 8
    with pytest.raises(DataError, match="strange"):
        classifier().fit(TEXTS, LABELS, dev=(TEXTS[:2], ["good", "strange"]))


@pytest.mark.parametrize(
    ("texts", "labels", "problem"),
    [
        (TEXTS[:3], LABELS[:2], "differ in number"),
        ([], [], "no labels"),
        (TEXTS, ["good"] * 48, "one class only"),
        (TEXTS, [None, *LABELS[1:]], "label 0 is missing"),
        ("one text", ["good"], "a list of texts"),
    ],
    ids=["number", "empty", "one class", "missing", "string"],
)
def test_bad_input_is_told_in_one_line(texts: Any, labels: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as raised:
        classifier().fit(texts, labels)
    assert "\n" not in str(raised.value)


def test_wrong_settings_are_told_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean head\.pooling"):
        classifier(config={"head.poling": "max"}).fit(TEXTS, LABELS)
    with pytest.raises(ConfigError, match="lstm"):
        classifier(encoder="lsmt").fit(TEXTS, LABELS)


def test_verbose_prints_epochs_to_stderr_only(capsys: pytest.CaptureFixture[str]) -> None:
    classifier(verbose=True).fit(TEXTS, LABELS)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 2


def test_what_is_saved_answers_without_torch(tmp_path: Path) -> None:
    fitted = classifier().fit(TEXTS, LABELS)
    fitted.save(tmp_path / "m.seqmap")
    assert np.allclose(
        load(tmp_path / "m.seqmap").predict_proba(TEXTS), fitted.predict_proba(TEXTS)
    )
    code = (
        "import json, sys, seqmap; model = seqmap.load(sys.argv[1]);"
        "answer = model.predict(['sharp screen'])[0];"
        "print(json.dumps([answer.label, answer.probability, 'torch' in sys.modules,"
        " 'sklearn' in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "m.seqmap"], capture_output=True, text=True
    )
    label, chance, torch, sklearn = json.load(io.StringIO(done.stdout))
    assert (label, torch, sklearn) == ("good", False, False)
    assert chance == pytest.approx(fitted.predict_proba(["sharp screen"])[0, 1], abs=1e-6)
