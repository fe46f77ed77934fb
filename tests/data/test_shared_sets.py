"""Every classification set of the shared data loads, with the row counts that its README states."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from seqmap.data import Dataset, ReadOptions, inspect, read_examples

THUC = {"0": 4480, "1": 4508, "2": 4529, "3": 4424, "4": 4477, "5": 4515, "6": 4486, "7": 4472}
COARSE_TRAIN = {"0": 1162, "1": 1250, "2": 86, "3": 1223, "4": 835, "5": 896}
COARSE_TEST = {"0": 138, "1": 94, "2": 9, "3": 65, "4": 81, "5": 113}
SHOPPING = {
    "书籍": 3851,
    "平板": 10000,
    "手机": 2323,
    "水果": 10000,
    "洗发水": 10000,
    "热水器": 575,
    "蒙牛": 2033,
    "衣服": 10000,
    "计算机": 3992,
    "酒店": 10000,
}
SHOPPING_FILE = "online_shopping_10_cats/online_shopping_10_cats.zip"
NOISY_FILE = "noisy_ag_news/samples10000valMed.csv.gz"

# File, options, rows, examples per class, (repeated texts, texts with two labels, empty texts).
SETS = [
    ("sst2/train.tsv", {}, 6920, {"0": 3310, "1": 3610}, (9, 0, 0)),
    ("sst2/dev.tsv", {}, 872, {"0": 428, "1": 444}, (0, 0, 0)),
    ("sst2/test.tsv", {}, 1821, {"0": 912, "1": 909}, (0, 0, 0)),
    ("mr/rt-polarity.all", {}, 10662, {"0": 5331, "1": 5331}, (0, 0, 0)),
    ("subj/subj.all", {}, 10000, {"0": 5000, "1": 5000}, (0, 0, 0)),
    ("cr/custrev.all", {}, 3775, {"0": 1368, "1": 2407}, (9, 1, 4)),
    ("trec/TREC.train", {}, 5452, 50, (71, 1, 0)),
    ("trec/TREC.test", {}, 500, 42, (0, 0, 0)),
    ("trec/TREC.train.all", {}, 5452, COARSE_TRAIN, (71, 0, 0)),
    ("trec/TREC.test.all", {}, 500, COARSE_TEST, (0, 0, 0)),
    ("imdb/train.csv.gz", {}, 25000, {"neg": 12500, "pos": 12500}, (96, 0, 0)),
    ("imdb/test.csv.gz", {}, 25000, {"neg": 12500, "pos": 12500}, (199, 0, 0)),
    (
        "chnsenticorp_htl/ChnSentiCorp_htl_all.csv.gz",
        {},
        7766,
        {"0": 2444, "1": 5322},
        (0, 0, 1),
    ),
    ("waimai_10k/waimai_10k.csv", {}, 11987, {"0": 7987, "1": 4000}, (7, 7, 0)),
    (SHOPPING_FILE, {}, 62774, {"0": 31046, "1": 31728}, (49, 18, 1)),
    (SHOPPING_FILE, {"label_column": "cat"}, 62774, SHOPPING, (49, 28, 1)),
    ("ag_news/test.csv", {}, 7600, dict.fromkeys("1234", 1900), (0, 0, 0)),
    ("ag_news/train_part.txt.gz", {}, 12000, dict.fromkeys("1234", 3000), None),
    (NOISY_FILE, {}, 10000, {"0": 3337, "1": 2487, "2": 2423, "3": 1753}, (0, 0, 0)),
    (
        NOISY_FILE,
        {"label_column": "gt"},
        10000,
        {"0": 2514, "1": 2504, "2": 2519, "3": 2463},
        (0, 0, 0),
    ),
    ("sms_spam/sms.tsv", {}, 5574, {"ham": 4827, "spam": 747}, (403, 0, 0)),
    (
        "thucnews_titles/train_part.txt.gz",
        {},
        45000,
        {**THUC, "8": 4530, "9": 4579},
        (101, 2, 0),
    ),
    ("thucnews_titles/dev.txt", {}, 10000, dict.fromkeys("0123456789", 1000), (7, 0, 0)),
    ("thucnews_titles/test.txt", {}, 10000, dict.fromkeys("0123456789", 1000), (11, 1, 0)),
]


def counts(data: Dataset) -> Counter[str]:
    return Counter(label for example in data for label in example.labels)


@pytest.mark.parametrize(("name", "options", "rows", "classes", "oddities"), SETS)
def test_counts_are_those_of_the_readme(
    shared_data: Path,
    name: str,
    options: dict[str, str],
    rows: int,
    classes: dict[str, int] | int,
    oddities: tuple[int, int, int] | None,
) -> None:
    data = read_examples(shared_data / name, ReadOptions(**options))  # type: ignore[arg-type]
    assert len(data) == rows
    found = counts(data)
    assert (len(found) if isinstance(classes, int) else found) == classes
    assert not data.multi_label
    assert all("\r" not in example.text for example in data)
    if oddities is not None:
        part = inspect(data).parts[0]
        assert (part.duplicates, part.conflicts, part.empty) == oddities


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("sst2/train.tsv", "sst2/test.tsv", 2),
        ("trec/TREC.train.all", "trec/TREC.test.all", 10),
        ("imdb/train.csv.gz", "imdb/test.csv.gz", 123),
        ("thucnews_titles/train_part.txt.gz", "thucnews_titles/dev.txt", 44),
        ("thucnews_titles/train_part.txt.gz", "thucnews_titles/test.txt", 42),
        ("thucnews_titles/dev.txt", "thucnews_titles/test.txt", 8),
    ],
)
def test_texts_shared_between_parts(shared_data: Path, first: str, second: str, equal: int) -> None:
    report = inspect(read_examples(shared_data / first), test=read_examples(shared_data / second))
    assert report.overlaps[0].equal == equal
    assert report.overlaps[0].alike >= equal
    assert any(f"share {equal:,} texts" in line for line in report.describe())


@pytest.mark.parametrize(("other", "alike"), [("ag_news/test.csv", 3), (NOISY_FILE, 2376)])
def test_ag_news_overlaps_are_found_in_spite_of_quotes_and_blanks(
    shared_data: Path, other: str, alike: int
) -> None:
    train = read_examples(shared_data / "ag_news/train_part.txt.gz")
    report = inspect(train, test=read_examples(shared_data / other))
    assert report.overlaps[0].alike == alike


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("mr/rt-polarity.all", "windows-1252"),
        ("subj/subj.all", "windows-1252"),
        ("trec/TREC.train", "windows-1252"),
        ("cr/custrev.all", "utf-8"),
        ("waimai_10k/waimai_10k.csv", "utf-8"),
    ],
)
def test_encodings_are_found_and_reported(shared_data: Path, name: str, encoding: str) -> None:
    layout = read_examples(shared_data / name).layout
    assert layout.encoding == encoding
    assert encoding in layout.describe()


def test_line_separators_of_unicode_stay_inside_of_texts(shared_data: Path) -> None:
    data = read_examples(shared_data / "imdb/train.csv.gz")
    other = read_examples(shared_data / "imdb/test.csv.gz")
    found = sum(example.text.count("\x85") for part in (data, other) for example in part)
    assert 1400 < found < 1600


def test_the_first_shopping_review_keeps_its_mark(shared_data: Path) -> None:
    data = read_examples(shared_data / SHOPPING_FILE)
    assert data.examples[0].text.startswith("\ufeff做父母")
    assert data.layout.encoding == "utf-8"


def test_sms_quotes_are_characters_and_ag_news_quotes_enclose(shared_data: Path) -> None:
    sms = read_examples(shared_data / "sms_spam/sms.tsv")
    assert sms.layout.quoting is False
    assert any("do not balance" in note for note in sms.layout.notes)
    news = read_examples(shared_data / "ag_news/train_part.txt.gz")
    assert news.layout.quoting is True
    assert not any(example.text.startswith('"S.Koreans') for example in news)


def test_title_and_description_of_ag_news_are_joined(shared_data: Path) -> None:
    data = read_examples(shared_data / "ag_news/test.csv")
    assert data.layout.text_columns == ("1", "2")
    assert data.examples[0].text.startswith("Fears for T N pension after talks Unions represent")
    title_only = read_examples(shared_data / "ag_news/test.csv", ReadOptions(text_columns=(1,)))
    assert title_only.examples[0].text == "Fears for T N pension after talks"


@pytest.mark.parametrize(
    ("name", "names", "first"),
    [
        ("thucnews_titles/test.txt", "thucnews_titles/class.txt", "finance"),
        ("ag_news/test.csv", "ag_news/classes.txt", "World"),
    ],
)
def test_class_names_from_a_file(shared_data: Path, name: str, names: str, first: str) -> None:
    data = read_examples(shared_data / name, ReadOptions(label_names=str(shared_data / names)))
    assert data.label_names[0] == first
    assert len(set(counts(data).values())) == 1
    assert set(counts(data)) == set(data.label_names)
