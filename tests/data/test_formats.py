"""Formats, encodings, quoting and columns, on small files."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from seqmap.data import FORMATS, Dataset, ReadOptions, iter_texts, read_examples
from seqmap.errors import DataError

CSV = 'label,text\npos,"good, really"\nneg,"said ""no""\ntwice"\npos,plain\n'


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(data: Dataset) -> list[tuple[str, tuple[str, ...]]]:
    return [(example.text, example.labels) for example in data]


EXPECTED = [("good, really", ("pos",)), ('said "no"\ntwice', ("neg",)), ("plain", ("pos",))]


def test_rfc_4180_and_the_lines_on_which_rows_begin(tmp_path: Path) -> None:
    data = read_examples(write(tmp_path, "a.csv", CSV))
    assert pairs(data) == EXPECTED
    assert [example.line for example in data] == [2, 3, 5]
    assert data.label_names == ("neg", "pos")


def test_gzip_and_zip_are_looked_through_whatever_their_names(tmp_path: Path) -> None:
    packed = write(tmp_path, "a.csv.gz", gzip.compress(CSV.encode()))
    assert pairs(read_examples(packed)) == EXPECTED
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("inner/a.csv", CSV)
        archive.writestr("__MACOSX/._a.csv", "junk")
    assert pairs(read_examples(tmp_path / "b.zip")) == EXPECTED
    unnamed = write(tmp_path, "data", gzip.compress(CSV.encode()))
    assert pairs(read_examples(unnamed)) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"])
def test_encodings_are_guessed(tmp_path: Path, encoding: str) -> None:
    text = "label,text\n1,这家酒店的早餐非常丰富\n0,房间太小，服务员态度不好\n"
    data = read_examples(write(tmp_path, "a.csv", text.encode(encoding)))
    assert [example.text for example in data] == [
        "这家酒店的早餐非常丰富",
        "房间太小，服务员态度不好",
    ]
    assert data.layout.encoding == encoding


def test_windows_1252_is_guessed_and_latin_1_can_be_given(tmp_path: Path) -> None:
    raw = b"label,text\n1,a caf\xe9 \x96 it\x92s fine and more\n0,plain words\n"
    path = write(tmp_path, "a.csv", raw)
    assert read_examples(path).examples[0].text == "a café – it’s fine and more"
    latin = read_examples(path, ReadOptions(encoding="latin-1"))
    assert latin.examples[0].text == "a café \x96 it\x92s fine and more"


@pytest.mark.parametrize("encoding", ["euc_kr", "shift_jis", "cp1251", "koi8_r"])
def test_encodings_that_cannot_be_told_are_errors(tmp_path: Path, encoding: str) -> None:
    korean = "이 영화는 정말 재미있고 배우들의 연기도 훌륭해서 다시 보고 싶습니다"
    japanese = "この映画はとても面白くて、もう一度見たいと思いました"
    russian = "Этот фильм мне очень понравился и советую посмотреть всем"
    text = {"euc_kr": korean, "shift_jis": japanese}.get(encoding, russian)
    rows = "".join(f"{number},{text}\n" for number in range(9))
    path = write(tmp_path, "a.csv", ("label,text\n" + rows).encode(encoding))
    with pytest.raises(DataError, match=r"a\.csv:2: undecodable bytes.*--encoding"):
        read_examples(path)
    assert read_examples(path, ReadOptions(encoding=encoding)).examples[0].text == text


def test_crlf_and_a_missing_last_newline(tmp_path: Path) -> None:
    data = read_examples(write(tmp_path, "a.csv", 'label,text\r\na,"x\r\ny"\r\nb,z'))
    assert pairs(data) == [("x\r\ny", ("a",)), ("z", ("b",))]


def test_only_lf_ends_a_line(tmp_path: Path) -> None:
    text = "one\x85two\u2028three\x0bfour\rfive"
    data = read_examples(write(tmp_path, "a.tsv", f"{text}\t1\n{text}!\t0\n{text}?\t1\n"))
    assert [example.text for example in data] == [text, text + "!", text + "?"]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_delimiters_are_guessed(tmp_path: Path, delimiter: str) -> None:
    rows = "".join(f"{i % 2}{delimiter}some words number {i}\n" for i in range(8))
    data = read_examples(write(tmp_path, "a.csv", rows))
    assert data.layout.delimiter == delimiter
    assert data.layout.header is False
    assert len(data) == 8


def test_tsv_quotes_that_balance_enclose_and_others_do_not(tmp_path: Path) -> None:
    good = read_examples(write(tmp_path, "a.tsv", 'a\t"x ""y"" z"\nb\t"line\nline"\na\tplain w\n'))
    assert [example.text for example in good] == ['x "y" z', "line\nline", "plain w"]
    bad = read_examples(write(tmp_path, "b.tsv", 'a\t"x y\nb\tz"\na\t5" pipe\n'))
    assert [example.text for example in bad] == ['"x y', 'z"', '5" pipe']
    forced = read_examples(tmp_path / "a.tsv", ReadOptions(quoting=True))
    assert forced.layout.quoting is True


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("review,sentiment", True),
        ("v1,v2", True),
        ("spam,free money for all of you today", False),
        ("ham,ok", False),
    ],
)
def test_headers_are_guessed(tmp_path: Path, first: str, header: bool) -> None:
    body = "".join(f"{'ham' if i % 3 else 'spam'},message number {i} for you\n" for i in range(12))
    data = read_examples(write(tmp_path, "a.csv", f"{first}\n{body}"))
    assert data.layout.header is header
    assert len(data) == (12 if header else 13)


def test_columns_by_name_by_number_and_from_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,headline,body,kind\n7,Head,Body text,news\n8,H,B,ads\n")
    named = ReadOptions(text_columns=("headline", "body"), label_column="kind")
    numbered = ReadOptions(text_columns=(1, "2"), label_column=-1)
    assert pairs(read_examples(path, named)) == [
        ("Head Body text", ("news",)),
        ("H B", ("ads",)),
    ]
    assert pairs(read_examples(path, numbered)) == pairs(read_examples(path, named))
    assert "not used: id" in read_examples(path, named).layout.describe()


def test_a_named_column_makes_the_first_row_a_header(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "zork,quux\nx,1\ny,2\n")
    data = read_examples(path, ReadOptions(text_columns=("zork",), label_column="quux"))
    assert pairs(data) == [("x", ("1",)), ("y", ("2",))]


def test_label_text_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "pos good film \nneg  bad\nneg\npos fine\n\n")
    data = read_examples(path, ReadOptions(format="lines"))
    assert pairs(data) == [
        ("good film ", ("pos",)),
        (" bad", ("neg",)),
        ("", ("neg",)),
        ("fine", ("pos",)),
    ]
    assert any("1 blank line" in note for note in data.layout.notes)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("pos good, really\nneg bad, awful\npos nice, fine\nneg dull, long\n", "lines"),
        ("1,so good\n0,so bad\n1,quite nice\n0,very dull\n", "csv"),
        ("so good\t1\nso bad\t0\nquite\t1\n", "tsv"),
        ('{"text": "a", "label": 1}\n', "jsonl"),
        ("__label__a b c\n", "lines"),
    ],
)
def test_formats_are_guessed_from_content(tmp_path: Path, content: str, form: str) -> None:
    layout = read_examples(write(tmp_path, "data.txt", content)).layout
    assert layout.format == form
    assert f"took the format {form}" in layout.describe()


def test_fasttext_lines_are_multi_label(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "__label__a __label__b both of them\n__label__a one\n")
    data = read_examples(path)
    assert data.multi_label
    assert pairs(data) == [("both of them", ("a", "b")), ("one", ("a",))]


def test_jsonl_values_become_labels(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"text": "one", "label": 1},
        {"text": "two", "label": 2.0},
        {"text": None, "label": True},
        {"text": "half \ud800 pair", "label": "x"},
    ]
    data = read_examples(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n"))
    assert pairs(data) == [
        ("one", ("1",)),
        ("two", ("2",)),
        ("", ("true",)),
        ("half \ufffd pair", ("x",)),
    ]


def test_jsonl_lists_are_multi_label_and_may_be_empty(tmp_path: Path) -> None:
    lines = [
        '{"text": "a", "labels": ["x", "y", "x"]}',
        '{"text": "b", "labels": []}',
    ]
    data = read_examples(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert data.multi_label
    assert pairs(data) == [("a", ("x", "y")), ("b", ())]
    assert data.label_names == ("x", "y")


def test_a_label_separator_makes_multi_label(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,tags\nfirst,a|b\nsecond,\nthird, c \n")
    data = read_examples(path, ReadOptions(label_separator="|"))
    assert data.multi_label
    assert [example.labels for example in data] == [("a", "b"), (), ("c",)]


def test_parquet_with_text_numbers_and_lists(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"id": [1, 2], "text": ["你好", "b\nc"], "label": [0, 1]})
    parquet.write_table(table, tmp_path / "a.parquet")
    data = read_examples(tmp_path / "a.parquet")
    assert pairs(data) == [("你好", ("0",)), ("b\nc", ("1",))]
    (tmp_path / "noname").write_bytes((tmp_path / "a.parquet").read_bytes())
    assert pairs(read_examples(tmp_path / "noname")) == pairs(data)
    packed = write(tmp_path, "b.parquet.gz", gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert pairs(read_examples(packed)) == pairs(data)
    lists = arrow.table({"text": ["a", "b"], "labels": [["x"], ["x", "y"]]})
    parquet.write_table(lists, tmp_path / "l.parquet")
    assert read_examples(tmp_path / "l.parquet").multi_label


def test_pyarrow_is_not_imported_for_other_formats(tmp_path: Path) -> None:
    import subprocess
    import sys

    write(tmp_path, "a.csv", CSV)
    code = (
        "import sys; from seqmap.data import read_examples; read_examples('a.csv'); "
        "print([m for m in ('pyarrow', 'pandas', 'torch', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PATH": ""},
    )
    assert done.stdout.strip() == "[]"


def test_a_missing_pyarrow_says_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqmap.errors import MissingExtraError

    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    path = write(tmp_path, "a.parquet", b"PAR1")
    with pytest.raises(MissingExtraError, match=r"seqmap\[parquet\]"):
        read_examples(path)


def test_soft_columns_beside_hard_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label,p_neg,p_pos\na,pos,0.2,0.8\nb,neg,0.6,0.402\n")
    data = read_examples(path, ReadOptions(soft_columns=("p_neg", "p_pos")))
    assert data.soft_names == ("neg", "pos")
    assert data.examples[0].soft == (0.2, 0.8)
    assert data.examples[1].soft is not None
    assert sum(data.examples[1].soft) == pytest.approx(1.0)


def test_soft_labels_alone_give_the_likeliest_class(tmp_path: Path) -> None:
    lines = [
        '{"text": "a", "soft": {"x": 0.1, "y": 0.9}}',
        '{"text": "b", "soft": {"y": 0.3, "x": 0.7}}',
    ]
    data = read_examples(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert data.soft_names == ("x", "y")
    assert [example.labels for example in data] == [("y",), ("x",)]
    assert data.examples[1].soft == (0.7, 0.3)


def test_soft_lists_take_the_order_of_the_labels(tmp_path: Path) -> None:
    lines = [
        '{"text": "a", "label": "y", "soft": [0.1, 0.9]}',
        '{"text": "b", "label": "x", "soft": [0.7, 0.3]}',
    ]
    data = read_examples(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert data.soft_names == data.label_names == ("x", "y")


def test_one_megabyte_in_one_field(tmp_path: Path) -> None:
    text = "word " * 250_000
    data = read_examples(write(tmp_path, "a.csv", f'label,text\n1,"{text}"\n0,x\n'))
    assert data.examples[0].text == text


def test_layout_is_one_line_of_facts(tmp_path: Path) -> None:
    layout = read_examples(write(tmp_path, "a.csv", CSV)).layout
    assert layout.describe() == (
        "csv, utf-8, delimiter ',', quoting on, header, text = column text, label = column label"
    )


def test_the_dict_of_formats_is_consistent() -> None:
    assert all(form.name == name for name, form in FORMATS.items())
    extensions = [extension for form in FORMATS.values() for extension in form.extensions]
    assert len(set(extensions)) == len(extensions)


def test_an_unknown_format_offers_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", CSV)
    with pytest.raises(DataError, match=r"no such format.*'csvv'.*Did you mean 'csv'"):
        read_examples(path, ReadOptions(format="csvv"))


@pytest.mark.parametrize("start", ["\n", "\r\n\r\n"])
def test_blank_lines_before_the_header_of_one_column(tmp_path: Path, start: str) -> None:
    path = write(tmp_path, "a.csv", f"{start}text\nhello\n\nworld\n")
    # Below the header an empty line is an empty text.
    assert [text for _, text in iter_texts(path)] == ["hello", "", "world"]
