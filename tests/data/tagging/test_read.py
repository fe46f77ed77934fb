from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from seqmap.data import ReadOptions
from seqmap.data.tagging import iter_untagged, read_tagged, spans_of, tokenise
from seqmap.errors import DataError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def write(folder: Path, text: str, name: str = "a.conll") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_two_columns(tmp_path: Path) -> None:
    found = read_tagged(write(tmp_path, "Jane\tB-PER\nran\tO\n\n\n#tag\tO\nOslo\tB-LOC\n"))
    assert [s.tokens for s in found] == [("Jane", "ran"), ("#tag", "Oslo")]
    assert [s.line for s in found] == [1, 5]
    assert found.examples[0].text == "Jane ran" and found.examples[0].offsets == ((0, 4), (5, 8))
    assert "TAB" in found.layout.describe() and found.scheme == "iob2"


def test_conll_2003(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\nGerman JJ I-NP I-MISC\n"
    found = read_tagged(write(tmp_path, text))
    assert found.scheme == "iob1" and found.layout.columns == 4
    assert found.examples[0].tags == ("B-ORG", "O", "B-MISC")
    pos = read_tagged(write(tmp_path, text), ReadOptions(label_column=1))
    assert pos.scheme == "none" and pos.examples[0].tags == ("NNP", "VBZ", "JJ")
    chunks = read_tagged(write(tmp_path, text), ReadOptions(label_column=-2))
    assert [tuple(s) for s in spans_of(chunks.examples[0].tags)] == [
        (0, 1, "NP"),
        (1, 2, "VP"),
        (2, 3, "NP"),
    ]


def test_index_columns_comments_and_contractions(tmp_path: Path) -> None:
    text = (
        "# sent_id = 1\n# text = vamonos\n1-2\tvamonos\t_\t-\tjo\n1\tvamos\tO\t-\t-\n"
        "2\tnos\tB-PER\t-\tjo\n2.1\tx\tO\t-\t-\n\n# sent_id = 2\n1\t#ok\tO\t-\t-\n"
    )
    found = read_tagged(write(tmp_path, text, "a.iob2"))
    assert [s.tokens for s in found] == [("vamos", "nos"), ("#ok",)]
    assert found.layout.token_column == 1 and found.layout.tag_column == 2


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_endings_bom_gzip_and_other_scripts(tmp_path: Path, end: str) -> None:
    text = f"\ufeff高 B-NAME{end}勇 E-NAME{end}，\tO{end} {end}x\u0085y O{end}"
    path = tmp_path / "a.bmes.gz"
    path.write_bytes(gzip.compress(text.replace("\t", " ").encode()))
    found = read_tagged(path)
    assert found.scheme == "bioes"
    assert found.examples[0].tags == ("B-NAME", "I-NAME", "O")
    assert found.examples[0].tokens == ("高", "勇", "，")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a\tO\nb\n", 2, "1 column"),
        ("a\tO\nb\tO\tx\n", 2, "3 column"),
        ("a\tB-X\n\tO\n", 2, "a tag without a token"),
        ("a\tB-X\nb\t\n", 2, "a token without a tag"),
        ("\n\n", None, "no token"),
        ("", None, "no token"),
        ("one\ntwo\n", 1, "no column of tags"),
        ("a\tB-X\nb\tM-X\nc\tI-X\n", None, "no one scheme"),
    ],
)
def test_bad_lines(tmp_path: Path, text: str, line: int | None, problem: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=problem) as caught:
        read_tagged(path)
    assert f"{path}:{line}:" in str(caught.value) or line is None


def test_a_named_scheme_is_held_to(tmp_path: Path) -> None:
    path = write(tmp_path, "a\tB-X\nb\tE-X\n")
    with pytest.raises(DataError, match=":2: .*E-X.* is no tag of the scheme iob2"):
        read_tagged(path, ReadOptions(scheme="iob2"))
    with pytest.raises(DataError, match="unknown scheme"):
        read_tagged(path, ReadOptions(scheme="biluo"))
    assert read_tagged(path, ReadOptions(scheme="none")).examples[0].tags == ("B-X", "E-X")
    with pytest.raises(DataError, match="no such column"):
        read_tagged(path, ReadOptions(label_column=5))


def lines(folder: Path, *records: object) -> str:
    return write(folder, "".join(json.dumps(r) + "\n" for r in records), "a.jsonl")


def test_character_spans_keep_their_places(tmp_path: Path) -> None:
    text = "  Dr. Ada\u00a0Lovelace\tmet 王小明 at O'Hare."
    wanted = [(6, 18, "PER"), (23, 26, "PER"), (30, 36, "LOC")]
    spans = [{"start": s, "end": e, "label": k} for s, e, k in wanted]
    found = read_tagged(lines(tmp_path, {"text": text, "spans": spans})).examples[0]
    got = [
        (found.offsets[s.start][0], found.offsets[s.end - 1][1], s.type)
        for s in spans_of(found.tags)
    ]
    assert got == wanted
    assert all(text[a:b] == t for t, (a, b) in zip(found.tokens, found.offsets, strict=True))


def test_tokens_with_tags_lists_and_intents(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        {"tokens": ["to", "Oslo"], "tags": ["O", "S-CITY"], "intent": "fly"},
        {"text": "to Rome", "entities": [[3, 7, "CITY"]], "intent": "go"},
    )
    found = read_tagged(path)
    assert [s.intent for s in found] == ["fly", "go"]
    assert [s.tags for s in found] == [("O", "B-CITY")] * 2


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"text": "abc", "spans": [[0, 9, "X"]]}, "outside the text"),
        ({"text": "abc", "spans": [[2, 2, "X"]]}, "outside the text"),
        ({"text": "a b c", "spans": [[0, 3, "X"], [2, 5, "Y"]]}, "overlap"),
        ({"text": "abc", "spans": [[0, 1, "X"], [1, 2, "Y"]]}, "share a word"),
        ({"text": "a  b", "spans": [[1, 3, "X"]]}, "holds no word"),
        ({"text": "abc", "spans": [[0, "1", "X"]]}, "not understood"),
        ({"text": "abc", "spans": "X"}, "not a list"),
        ({"text": "abc"}, "no spans"),
        ({"spans": []}, "no text"),
        ({"tokens": ["a"], "tags": ["O", "O"]}, "differ in number"),
        ({"tokens": ["a"], "tags": [1]}, "not a list of names"),
        ({"tokens": ["a", ""], "tags": ["O", "O"]}, "not a list of words"),
        ({"text": "a", "spans": [], "intent": 3}, "intent is not a name"),
    ],
)
def test_bad_records(tmp_path: Path, record: object, problem: str) -> None:
    path = lines(tmp_path, {"text": "fine", "spans": []}, record)
    with pytest.raises(DataError, match=problem) as caught:
        read_tagged(path)
    assert f"{path}:2:" in str(caught.value)


def test_a_bad_tag_of_a_list_is_on_its_own_line(tmp_path: Path) -> None:
    tokens = {"tokens": ["a", "b", "c"], "tags": ["B-X", "O", "E-X"]}
    path = lines(tmp_path, tokens, {"tokens": ["d"], "tags": ["O"]})
    with pytest.raises(DataError, match="E-X.* is no tag of the scheme iob2") as caught:
        read_tagged(path, ReadOptions(scheme="iob2"))
    assert f"{path}:1:" in str(caught.value)


def test_spans_inside_words_are_widened_and_told(tmp_path: Path) -> None:
    found = read_tagged(lines(tmp_path, {"text": "abcdef gh", "spans": [[2, 4, "X"]]}))
    assert found.examples[0].tags == ("B-X", "O")
    assert "1 spans end inside a word" in found.layout.describe()


def test_untagged_input(tmp_path: Path) -> None:
    plain = write(tmp_path, "Hello there.\n\n再见\n", "a.txt")
    assert list(iter_untagged(plain)) == ["Hello there.", "", "再见"]
    columns = write(tmp_path, "Jane\tB-PER\nran\tO\n\nOslo\tO\n")
    tokens = [s.tokens for s in iter_untagged(columns) if not isinstance(s, str)]
    assert tokens == [("Jane", "ran"), ("Oslo",)]
    alone = write(tmp_path, "Jane\nran\n\nOslo\n", "b.conll")
    assert len(list(iter_untagged(alone))) == 2
    # Where the tag stood in training says nothing of a file without tags.
    assert len(list(iter_untagged(alone, ReadOptions(label_column=3)))) == 2
    mixed = lines(tmp_path, {"text": "a b"}, {"tokens": ["a", "b"]})
    assert [type(x).__name__ for x in iter_untagged(mixed)] == ["str", "Sentence"]
    with pytest.raises(DataError, match="another format"):
        read_tagged(plain, ReadOptions(format="csv"))


@pytest.mark.parametrize("unit", ["word", "char"])
def test_tokens_lose_nothing_but_blanks(unit: str) -> None:
    text = "don't  U.S.A.\n王x小１２３ é\u0301 <br/> 😀👍🏽 a_b\u200d"
    spans = tokenise(text, unit)
    assert "".join(text[a:b] for a, b in spans) == "".join(text.split())
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
@pytest.mark.parametrize(
    ("name", "sentences", "entities", "repaired"),
    [
        ("wnut17/wnut17train.conll", 3394, 1975, 0),
        ("wnut17/emerging.dev.conll", 1009, 836, 0),
        ("wnut17/emerging.test.annotated", 1287, 1079, 0),
        ("wikiann_en/val.conllu", 10000, 14146, 0),
        # The counts of the README are of B- tags: the orphans that were repaired are spans too.
        ("wikineural_en/val.conllu.gz", 11590, 19182 + 439, 439),
        ("wikineural_en/test.conllu.gz", 11597, 19116 + 559, 559),
        ("uner_ewt/en_ewt-ud-dev.iob2", 2001, 966, 0),
        ("uner_ewt/en_ewt-ud-test.iob2", 2077, 1088, 0),
        ("resume_ner/train.char.bmes", 3821, 13438 + 2, 4),
        ("resume_ner/dev.char.bmes", 463, 1497, 0),
        ("resume_ner/test.char.bmes", 477, 1630, 0),
    ],
)
def test_shared_sets(name: str, sentences: int, entities: int, repaired: int) -> None:
    found = read_tagged(SHARED / name)
    assert len(found) == sentences
    assert sum(len(spans_of(s.tags)) for s in found) == entities
    assert found.layout.repaired == repaired
