"""Class names from a file, and what they do to labels that are numbers and to soft labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seqmap.data import Dataset, Example, ReadOptions, read_examples
from seqmap.data.memory import describe_input, remembered
from seqmap.errors import DataError
from seqmap.tasks import find_task
from seqmap.tasks.classify import Classify

CLASSIFY = find_task("classify")


class Folder:
    """Writes files and reads them with a file of names."""

    def __init__(self, place: Path, names: str) -> None:
        self.place = place
        (place / "names.txt").write_text("\n".join(names.split()))
        self.options = ReadOptions(label_names=str(place / "names.txt"))

    def rows(self, name: str, *labels: int | str) -> Dataset:
        lines = "".join(f"some text {n},{label}\n" for n, label in enumerate(labels))
        return self.read(name, "text,label\n" + lines, self.options)

    def objects(self, name: str, *rows: dict[str, object]) -> Dataset:
        return self.read(name, "\n".join(map(json.dumps, rows)), self.options)

    def read(self, name: str, content: str, options: ReadOptions) -> Dataset:
        (self.place / name).write_text(content)
        return read_examples(self.place / name, options)


def labels(data: Dataset) -> str:
    return " ".join(label for example in data for label in example.labels)


def targets(data: Dataset) -> list[list[float]]:
    """Return what is trained on."""
    assert isinstance(CLASSIFY, Classify)
    known = CLASSIFY.targets(data)
    codecs = CLASSIFY.fit_codecs(
        [Example("a", ("pos",)), Example("b", ("neg",))], CLASSIFY.config(), known
    )
    return [pytest.approx(row) for row in CLASSIFY.encode_targets(data.examples, codecs).tolist()]


def test_soft_columns_take_the_order_of_the_names(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "neg pos")
    options = replace(folder.options, soft_columns=("pos", "neg"))
    data = folder.read("a.csv", "text,label,pos,neg\ngood,pos,0.9,0.1\nbad,neg,0.2,0.8\n", options)
    assert data.label_names == data.soft_names == ("neg", "pos")
    assert targets(data) == [[0.1, 0.9], [0.8, 0.2]]
    alone = folder.read("b.csv", "text,p_pos,p_neg\ngood,0.9,0.1\nbad,0.2,0.8\n",
                        replace(options, soft_columns=("p_pos", "p_neg")))  # fmt: skip
    assert targets(alone) == [[0.1, 0.9], [0.8, 0.2]] and labels(alone) == "pos neg"


def test_soft_lists_with_numbers_for_labels(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "neg pos")
    data = folder.objects(
        "a.jsonl",
        {"text": "good", "label": 1, "soft": [0.1, 0.9]},
        {"text": "bad", "label": 0, "soft": [0.8, 0.2]},
    )
    assert labels(data) == "pos neg" and data.soft_names == ("neg", "pos")
    assert targets(data) == [[0.1, 0.9], [0.8, 0.2]]


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("base", [0, 1])
def test_soft_objects_with_numbers_for_keys(tmp_path: Path, base: int, hard: bool) -> None:
    folder = Folder(tmp_path, "pos neg")  # not in the order of the alphabet
    good: dict[str, object] = {"text": "good", "soft": {f"{base}": 0.9, f"{base + 1}": 0.1}}
    bad: dict[str, object] = {"text": "bad", "soft": {f"{base + 1}": 0.8, f"{base}": 0.2}}
    if hard:
        good["label"], bad["label"] = base, base + 1
    data = folder.objects("a.jsonl", good, bad)
    assert labels(data) == "pos neg" and data.soft_names == ("pos", "neg")
    assert targets(data) == [[0.9, 0.1], [0.2, 0.8]]
    dev = CLASSIFY.conform(folder.objects("dev.jsonl", good), data)
    assert dev.examples[0].soft == pytest.approx((0.9, 0.1))


def test_soft_columns_with_numbers_in_their_names(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "neg pos")
    options = replace(folder.options, soft_columns=("p_2", "p_1"))
    data = folder.read("a.csv", "text,label,p_1,p_2\ngood,2,0.1,0.9\nbad,1,0.8,0.2\n", options)
    assert labels(data) == "pos neg" and targets(data) == [[0.1, 0.9], [0.8, 0.2]]


def test_soft_labels_of_other_classes_are_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "neg neutral pos")
    with pytest.raises(DataError, match=r"other classes than the file of class names.*'neg, pos'"):
        folder.objects("a.jsonl", {"text": "x", "soft": {"neg": 0.5, "pos": 0.5}})


def test_dev_counts_as_the_training_file_does(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "a b c")
    train, dev = folder.rows("train.csv", 1, 2, 3), folder.rows("dev.csv", 1, 2)
    assert labels(train) == "a b c"
    assert labels(CLASSIFY.conform(dev, train)) == "a b"
    # The other way round nothing changes.
    train = folder.rows("from-0.csv", 0, 1, 2)
    assert labels(CLASSIFY.conform(dev, train)) == "b c"


def test_soft_labels_stay_with_their_classes_when_labels_are_counted_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "a b c")
    train = folder.rows("train.csv", 1, 2, 3)
    dev = folder.objects("dev.jsonl", {"text": "x", "label": 2, "soft": [0.2, 0.7, 0.1]})
    (example,) = CLASSIFY.conform(dev, train).examples
    assert example.labels == ("b",) and example.soft == pytest.approx((0.2, 0.7, 0.1))


def test_a_dev_file_that_counts_otherwise_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "a b c")
    one, zero = folder.rows("one.csv", 1, 2, 3), folder.rows("zero.csv", 0, 1)
    with pytest.raises(DataError, match=r"zero.csv: the labels count from 0.*training file from 1"):
        CLASSIFY.conform(zero, one)
    with pytest.raises(DataError, match="the labels count from 1, those of the training file from"):
        CLASSIFY.conform(one, zero)
    with pytest.raises(DataError, match="neither the first nor the last"):
        CLASSIFY.conform(one, folder.rows("train.csv", 1, 2))
    mixed = folder.rows("mixed.csv", 1, "b")
    with pytest.raises(DataError, match="the labels count from 0"):
        CLASSIFY.conform(mixed, one)
    named = folder.rows("named.csv", "a", "c")
    assert labels(CLASSIFY.conform(named, one)) == "a c"


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "a b c")
    told = folder.rows("open.csv", 1, 2).layout.describe()
    assert "counted from 0 for want of better; dev and test follow the training file" in told
    assert "for want of" not in folder.rows("sure.csv", 0, 1).layout.describe()


def test_a_model_remembers_how_labels_count(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "a b c")
    memory = describe_input(folder.rows("train.csv", 1, 2, 3), folder.options)
    assert memory["label_base"] == 1
    assert labels(folder.rows("test.csv", 1, 2)) == "b c"
    assert remembered("-", folder.options, memory, labelled=True).label_base == 1
    options = remembered(str(tmp_path / "test.csv"), folder.options, memory, labelled=True)
    data = read_examples(tmp_path / "test.csv", options)
    assert labels(data) == "a b" and "want of" not in data.layout.describe()
    folder.rows("names.csv", "a", "c")
    assert labels(read_examples(tmp_path / "names.csv", options)) == "a c"
    (tmp_path / "zero.csv").write_text("text,label\nsome,0\n")
    with pytest.raises(DataError, match=r"zero.csv:2.*1 to 3.*training file counts from 1"):
        read_examples(tmp_path / "zero.csv", options)
    # Where labels are no numbers there is nothing to remember, and older models know nothing.
    memory = describe_input(folder.rows("named.csv", "a", "c"), folder.options)
    assert "label_base" not in memory
    options = remembered(str(tmp_path / "test.csv"), folder.options, memory, labelled=True)
    assert options.label_base is None
