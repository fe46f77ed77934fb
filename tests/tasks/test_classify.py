"""What a classifier of one label does with examples that have none, or several."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seqmap.data import Dataset, Example, ReadOptions, read_examples
from seqmap.errors import DataError
from seqmap.tasks.classify import Classify, Codecs, LabelSet

TASK = Classify()
TRAIN = [Example("one", ("b",)), Example("two", ("c",))]


def read(path: Path, *labels: str) -> Dataset:
    lines = [f'{{"text": "t", "labels": {label}}}' for label in labels]
    path.write_text("\n".join(lines))
    return read_examples(path, ReadOptions())


def codecs(*, multi: bool) -> Codecs:
    return TASK.fit_codecs(TRAIN, TASK.config(), LabelSet(multi=multi))


@pytest.mark.parametrize(
    ("labels", "message"),
    [("[]", r"dev.jsonl:2: the example has no label"), ('["b", "c"]', r"2: .*several.*'b, c'")],
)
def test_one_label_is_needed_where_a_model_gives_one(
    tmp_path: Path, labels: str, message: str
) -> None:
    train = read(tmp_path / "train.jsonl", '"b"', '"c"')
    dev = read(tmp_path / "dev.jsonl", '["b"]', labels)
    with pytest.raises(DataError, match=message):
        TASK.conform(dev, train)
    with pytest.raises(DataError, match=message):
        TASK.check_known(dev, codecs(multi=False))
    with pytest.raises(DataError, match=r"line 2: the example has"):
        TASK.encode_targets(dev.examples, codecs(multi=False))
    # A list of one label is one label.
    fine = read(tmp_path / "fine.jsonl", '["b"]', '["c"]')
    assert TASK.conform(fine, train).examples == fine.examples
    TASK.check_known(fine, codecs(multi=False))
    assert TASK.encode_targets(fine.examples, codecs(multi=False)).tolist() == [[1, 0], [0, 1]]


def test_several_labels_and_none_are_fine_where_a_model_gives_several(tmp_path: Path) -> None:
    train = read(tmp_path / "train.jsonl", '["b"]', '["c"]')
    dev = read(tmp_path / "dev.jsonl", "[]", '["b", "c"]')
    assert TASK.conform(dev, train).examples == dev.examples
    TASK.check_known(dev, codecs(multi=True))
    assert TASK.encode_targets(dev.examples, codecs(multi=True)).tolist() == [[0, 0], [1, 1]]


def test_the_shares_of_a_teacher_need_no_label() -> None:
    soft = [replace(example, labels=(), soft=(0.25, 0.75)) for example in TRAIN]
    assert TASK.encode_targets(soft, codecs(multi=False)).tolist() == [[0.25, 0.75]] * 2
