from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from seqmap.data import ReadOptions
from seqmap.data.corpus import (
    Passage,
    TextCorpus,
    corpus_fingerprint,
    pieces_of,
    read_corpus,
    split_corpora,
)
from seqmap.errors import DataError

TEXT = "one line\n\na, second; {line}\n\x85 next\n"


def read(path: Path, **options: object) -> str:
    dataset = read_corpus(path, ReadOptions(**options))  # type: ignore[arg-type]
    text = "".join(pieces_of(dataset.examples))
    assert len(text) == sum(c.characters for c in dataset.examples) == dataset.layout.characters
    return text


def test_lines_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text(TEXT, encoding="utf-8")
    assert read(path) == TEXT
    assert "4 lines" in read_corpus(path, ReadOptions()).layout.describe()
    with gzip.open(tmp_path / "c.txt.gz", "wt", encoding="utf-8") as file:
        file.write(TEXT)
    assert read(tmp_path / "c.txt.gz") == TEXT
    path.write_bytes(b"caf\xe9\r\nna\xefve")
    assert read(path) == "café\nnaïve\n"


def test_a_table_gives_the_texts_of_its_column(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text('label,text\n1,"a ""b"", c"\n0,d\n', encoding="utf-8")
    assert read(path, text_columns=("text",)) == 'a "b", c\nd\n'
    rows = tmp_path / "c.jsonl"
    rows.write_text(json.dumps({"text": "x\ny"}) + "\n", encoding="utf-8")
    assert read(rows) == "x\ny\n"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "missing")
    (tmp_path / "empty").write_text("\n\n")
    with pytest.raises(DataError, match="no text"):
        read(tmp_path / "empty")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="read several times"):
        read(tmp_path / "pipe")
    with pytest.raises(DataError, match="standard input: .*Write it to a file"):
        read_corpus("-", ReadOptions())


def test_the_end_of_each_corpus_is_held_out() -> None:
    corpora = [TextCorpus(("abcd", "efgh")), TextCorpus(("0123456789" * 9 + "xyzxyzxyz",))]
    kept, held = split_corpora(corpora, 0.2)
    for corpus, first, second in zip(corpora, kept, held, strict=True):
        whole = "".join(corpus.pieces())
        assert "".join([*first.pieces(), *second.pieces()]) == whole
        assert "".join(first.pieces()) == whole[: int(len(whole) * 0.8)]
    with pytest.raises(DataError, match="too little"):
        split_corpora([TextCorpus(("",))], 0.1)


def test_a_passage_reads_across_pieces() -> None:
    corpus = TextCorpus(tuple(f"{n:09d}" for n in range(20_000)))
    assert len(list(corpus.pieces())) > 2
    whole = "".join(corpus.pieces())
    for begin, end in [(0, 5), (65_000, 140_000), (199_990, 200_000)]:
        assert "".join(Passage(corpus, begin, end).pieces()) == whole[begin:end]


def test_the_fingerprint_follows_the_text() -> None:
    one, other = TextCorpus(("a", "b")), TextCorpus(("a", "c"))
    assert corpus_fingerprint([one]) == corpus_fingerprint([TextCorpus(("a", "b"))])
    assert corpus_fingerprint([one]) != corpus_fingerprint([other])
