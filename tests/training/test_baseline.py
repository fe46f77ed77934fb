from __future__ import annotations

from pathlib import Path

import pytest

from seqmap.data import Example, read_examples
from seqmap.errors import DataError
from seqmap.training.baseline import linear_baseline


def examples(*rows: tuple[str, str]) -> list[Example]:
    return [Example(text, tuple(labels.split("|")) if labels else ()) for text, labels in rows]


GOOD = [("a good film", "pos"), ("good, really good", "pos"), ("what a good day", "pos")]
BAD = [("a bad film", "neg"), ("bad, really bad", "neg"), ("what a bad day", "neg")]


def test_words_are_learnt() -> None:
    baseline = linear_baseline(
        examples(*GOOD, *BAD), examples(("good song", "pos"), ("bad song", "neg"))
    )
    assert baseline.metrics["accuracy"] == 1.0
    assert baseline.ngrams == 2 and baseline.features > 10
    assert "pos" in baseline.evaluation.report()


def test_negation_within_a_bigram_is_learnt() -> None:
    rows = examples(*[("not good", "neg"), ("good", "pos"), ("not bad", "pos"), ("bad", "neg")] * 5)
    assert linear_baseline(rows, rows).metrics["accuracy"] == 1.0


def test_chinese_counts_as_characters() -> None:
    rows = examples(
        ("这里很好吃", "好"), ("味道很难吃", "差"), ("真的好吃", "好"), ("太难吃了", "差")
    )
    baseline = linear_baseline(rows, examples(("好吃", "好"), ("难吃", "差")))
    assert baseline.metrics["accuracy"] == 1.0
    assert baseline.ngrams == 3


def test_several_labels_and_one_that_everybody_has() -> None:
    rows = examples(
        *[
            ("red apple", "fruit|red|thing"),
            ("green apple", "fruit|thing"),
            ("red car", "red|thing"),
        ]
        * 3
    )
    assert linear_baseline(rows, rows, multi=True).metrics["accuracy"] == 1.0


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="two different labels"):
        linear_baseline(examples(*GOOD), examples(*GOOD))


def test_texts_without_a_word_are_refused() -> None:
    rows = examples(("", "pos"), ("  ", "neg"))
    with pytest.raises(DataError, match="nothing to learn"):
        linear_baseline(rows, rows)


def test_a_label_only_in_the_test_part_is_refused() -> None:
    with pytest.raises(DataError, match="does not know"):
        linear_baseline(examples(*GOOD, *BAD), examples(("so so", "neutral")))


def test_sst2_is_at_the_measured_level(shared_data: Path) -> None:
    train = read_examples(shared_data / "sst2" / "train.tsv").examples
    test = read_examples(shared_data / "sst2" / "test.tsv").examples
    assert linear_baseline(train, test).metrics["accuracy"] >= 0.81


def test_a_label_for_each_text_is_no_regression() -> None:
    # pytest turns scikit-learn's warning into an error
    examples = [Example(f"text number {n}", (f"label{n}",)) for n in range(6)]
    assert linear_baseline(examples, examples).metrics["accuracy"] == 1.0
