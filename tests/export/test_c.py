"""Models as C99: compiled with all warnings as errors, under sanitizers, equal to Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.codecs.characters import fold_characters
from seqmap.errors import ExportError, OutputError, UserError
from seqmap.export.c import check as checking
from seqmap.export.c.characters import folds
from seqmap.export.c.classify import FEATURES
from seqmap.export.c.files import files_of, model_prefix, program_of
from seqmap.export.c.program import prefix_of, quoted
from seqmap.export.folder import write_folder
from seqmap.export.texts import known_words, sample_texts
from seqmap.runtime.archive import Archive, save
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore

Make = Callable[..., Archive]
SANITIZED = (
    "-std=c99 -O1 -Wall -Wextra -Werror -pedantic"
    " -fsanitize=address,undefined -fno-sanitize-recover=all"
).split()
BOARD = Path(__file__).parents[2] / "examples" / "microcontroller" / "run.sh"
TEXTS = 400


@pytest.fixture
def cc() -> str:
    found = checking.compiler()
    if found is None:
        pytest.skip("there is no C compiler here")
    return found


def compare(archive: Archive, cc: str, monkeypatch: pytest.MonkeyPatch, seed: int = 0) -> float:
    """Export, compile under sanitizers, compare; return the largest difference."""
    monkeypatch.setattr(checking, "FLAGS", SANITIZED)
    session = restore(archive, precision="fp32")
    program, kind = program_of(session, "my_model")
    texts = sample_texts(known_words(session.codecs.source), TEXTS, seed)
    found = checking.check(files_of(program, kind), program, kind, session, texts, cc)
    assert found.state == program.ram()
    assert found.texts == TEXTS
    return found.worst


@pytest.mark.parametrize(
    "settings",
    [
        {"encoder__direction": "forward", "head__pooling": "attention", "encoder__layers": 2},
        {
            "encoder__name": "gru",
            "encoder__layers": 3,
            "text__unit": "char",
            "head__pooling": "last",
            "text__max_length": 10,
            "text__truncate": "start",
        },
        {
            "encoder__name": "rnn",
            "encoder__direction": "forward",
            "head__pooling": "max",
            "text__lowercase": False,
            "text__truncate": "end",
            "text__max_length": 5,
            "multi": True,
        },
        {"head__pooling": "attention", "text__max_length": 7},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_classifiers_answer_as_python_does(
    make_archive: Make, cc: str, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    assert compare(make_archive(**settings), cc, monkeypatch) < 1e-6


@pytest.mark.parametrize(
    ("settings", "ngrams"),
    [
        ({"embedding__size": 64, "encoder__hidden": 40}, {}),
        ({"text__unit": "char", "text__lowercase": False}, {"words": 2, "characters": 3}),
        ({"encoder__direction": "forward", "text__lowercase": False}, {"characters": 0}),
    ],
    ids=["word", "char", "cased"],
)
def test_wide_branch_and_int8(
    make_archive: Make,
    with_wide: Make,
    cc: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    ngrams: dict[str, int],
) -> None:
    many = [" ".join(f"w{n}" for n in range(100))]
    archive = quantized(with_wide(make_archive(texts=many, **settings), **ngrams), "int8")
    if settings.get("embedding__size"):
        assert archive.arrays["embedding.weight"].dtype == np.int8
    assert compare(archive, cc, monkeypatch) < 2e-6


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tag__pair_size": 3, "tag__window": 12, "encoder__name": "gru"},
        {"tag__features": "none", "tag__window": 8},
    ],
    ids=["crf", "pairs", "letters"],
)
def test_taggers_answer_as_python_does(
    make_tagger: Make, cc: str, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    archive = make_tagger(**settings)
    if settings.get("encoder__name") == "gru":
        archive = as_gru(archive)
    assert compare(archive, cc, monkeypatch) < 1e-5


HABITS = {
    "letters": "-.’",
    "digits": ",.",
    "before": "@'.",
    "abbreviations": ["Mr", "é", "中", "w1"],
    "stops": True,
}
MARKED = ["Mr", "é", "中", "w1", "a", "B", "12", "3", ".", ".", ",", "-", "’", "'", "@", " ", "_"]


def test_raw_text_is_cut_as_python_cuts_it(
    make_tagger: Make, cc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_tagger(tag__window=12)
    source = {**archive.manifest["source"], "tokens": HABITS}
    archive = Archive({**archive.manifest, "source": source}, archive.arrays)
    monkeypatch.setattr(checking, "FLAGS", SANITIZED)
    session = restore(archive, precision="fp32")
    program, kind = program_of(session, "my_model")
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(MARKED, rng.integers(1, 24))) for _ in range(TEXTS)]
    assert len({len(session.predict([text])[0].tokens) for text in texts}) > 8
    found = checking.check(files_of(program, kind), program, kind, session, texts, cc)
    assert found.texts == TEXTS and found.worst < 1e-5


SUBWORDS = [
    "written sentences of plain words; readers read them again, and again: it isn't unwritten",
    "its plainness was surprising, nothing more; 漢字 and ½ of ordinary words",
] * 4


@pytest.mark.parametrize("wide", [False, True])
def test_subwords(
    make_archive: Make, with_wide: Make, cc: str, monkeypatch: pytest.MonkeyPatch, wide: bool
) -> None:
    archive = make_archive(
        texts=SUBWORDS,
        text__unit="subword",
        text__vocabulary=120,
        text__lowercase=wide,
        encoder__direction="forward",
    )
    assert compare(with_wide(archive) if wide else archive, cc, monkeypatch) < 1e-6


def test_a_run_that_is_too_long_for_subwords(make_archive: Make, cc: str, tmp_path: Path) -> None:
    archive = make_archive(texts=SUBWORDS, text__unit="subword", text__vocabulary=120)
    program, kind = program_of(restore(archive), "my_model")
    checking.build(files_of(program, kind), program, kind, tmp_path, cc, SANITIZED)
    # 600 characters of three bytes fit; of these, each of which folds to 30 bytes, 136 do.
    for text in ("漢" * 600, "\ufdfa" * 136):
        assert len(checking.run(tmp_path / "check", [text])) == 2
    with pytest.raises(ExportError, match=r"fails \(2\)"):
        checking.run(tmp_path / "check", ["\ufdfa" * 137])


def as_gru(archive: Archive) -> Archive:
    """Take three of the LSTM's four gates for a GRU's."""
    arrays = {}
    for name, array in archive.arrays.items():
        if not name.startswith("encoder."):
            arrays[name] = array
        elif name.endswith(".bias"):
            arrays[name + "_ih"] = arrays[name + "_hh"] = array[: 3 * len(array) // 4]
        else:
            arrays[name] = array[: 3 * len(array) // 4]
    return Archive(archive.manifest, arrays)


def test_labels_of_tokens_and_windows(
    make_tagger: Make, cc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_tagger(tag__decoder="softmax", tag__window=9, tag__characters="none")
    target = {**archive.manifest["target"], "spans": False}
    arrays = {k: v for k, v in archive.arrays.items() if not k.startswith("letters.")}
    for side in ("forward", "backward"):
        name = f"encoder.layers.0.{side}.w_ih"
        arrays[name] = np.ascontiguousarray(arrays[name][:, :9])  # without the letters' 8
    changed = Archive({**archive.manifest, "target": target}, arrays)
    assert compare(changed, cc, monkeypatch) < 1e-5


def test_too_many_ngrams_are_told(
    make_archive: Make, with_wide: Make, cc: str, tmp_path: Path
) -> None:
    session = restore(with_wide(make_archive()), precision="fp32")
    program, kind = program_of(session, "my_model")
    assert session.wide.space.size > 40
    texts = ["a plain sentence"] * 2 + ["It's a plain day; numbers -- and ... 漢字 (long)"]
    few = [*checking.FLAGS, "-DMY_MODEL_FEATURES=16"]
    checking.build(files_of(program, kind), program, kind, tmp_path, cc, few)
    with pytest.raises(ExportError, match=r"fails \(2\)"):
        checking.run(tmp_path / "check", texts)
    # Few different ones are no matter, however often they come.
    few[-1] = f"-DMY_MODEL_FEATURES={session.wide.space.size}"
    checking.build(files_of(program, kind), program, kind, tmp_path, cc, few)
    assert len(checking.run(tmp_path / "check", [texts[-1] * 3000])) == 2
    assert FEATURES > 10_000


def test_folding_leaves_nothing_out() -> None:
    # What is skipped when the tables are made folds to itself, or to U+FFFD in C as in Python.
    known = folds(lowercase=True)
    for point in (*range(0x80, 0x110000, 7), 0xD800, 0xDFFF):
        folded = fold_characters(chr(point), lowercase=True)
        if 0xD800 <= point < 0xE000:
            assert folded == "\ufffd"
        else:
            assert folded == known.get(point, chr(point)), hex(point)
    assert not any(char.isspace() for p, to in known.items() if not chr(p).isspace() for char in to)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder__name": "transformer"}, "given: 'transformer'; allowed: lstm, gru, rnn"),
        ({"encoder__name": "lstm-transformer"}, "cannot be exported to C"),
    ],
)
def test_what_c_does_not_have_is_refused(
    make_archive: Make, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        program_of(restore(make_archive(**settings)), "model")


def test_several_networks_are_refused(make_tagger: Make) -> None:
    with pytest.raises(UserError, match="of several networks cannot be exported to C"):
        program_of(restore(make_tagger(tag__members=2)), "model")


@pytest.mark.parametrize("pooling", ["mean-max", "last"])
def test_intents(make_tagger: Make, cc: str, monkeypatch: pytest.MonkeyPatch, pooling: str) -> None:
    archive = make_tagger(intents=3, head__pooling=pooling, tag__window=10, tag__features="none")
    if pooling == "last":
        weight = archive.arrays["intent.weight"][:, :16]
        archive = Archive(archive.manifest, {**archive.arrays, "intent.weight": weight})
    assert compare(archive, cc, monkeypatch) < 1e-5


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_writes_a_folder(make_archive: Make, cc: str, tmp_path: Path) -> None:
    save(make_archive(), tmp_path / "My model-2.seqmap")
    words = ["export", tmp_path / "My model-2.seqmap", "--to", "c", "--quantize", "none"]
    code, stdout, stderr = run(*words)
    assert code == 0, stderr
    assert "equal to the model on 1,000 texts" in stdout and "multiply-adds a symbol" in stdout
    folder = tmp_path / "My model-2-c"
    names = {path.name for path in folder.iterdir()}
    stem = "my_model_2_c"
    assert names == {f"{stem}.c", f"{stem}.h", f"{stem}_weights.h", "example.c"}
    code, stdout, _ = run(*words, "--json")  # once more, into the same folder
    found = json.loads(stdout)
    assert code == 0 and found["to"] == "c" and found["checked_texts"] == 1000
    assert found["ram_bytes"] > 0 and found["operations_per_symbol"] == 2 * 4 * 8 * (5 + 8)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".seqmap-")]
    # The example answers lines.
    words = [cc, "-std=c99", "-Wall", "-Wextra", "-Werror", f"{stem}.c", "example.c", "-lm"]
    subprocess.run([*words, "-o", "example"], cwd=folder, check=True)
    done = subprocess.run(
        [folder / "example"], input="a plain one\n\n", capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"(\S+\t0\.\d{4}\t.*\n){2}", done.stdout)


def test_into_the_folder_where_one_is(
    make_archive: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(make_archive(), tmp_path / "m.seqmap")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    words = ["export", "../m.seqmap", "--to", "c", "--quantize", "none", "--out", "."]
    assert run(*words)[0] == 0
    assert (tmp_path / "here" / "here.c").exists()


def test_nothing_is_written_when_the_answers_differ(
    make_archive: Make, cc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqmap.export.c import program

    def coarse(name: str, read: Callable[[str], str] = program.part_of) -> str:
        return read(name).replace("1.0f - 2.0f /", "1.0f - 1.99f /")

    monkeypatch.setattr(program, "part_of", coarse)
    save(make_archive(), tmp_path / "m.seqmap")
    code, stdout, stderr = run("export", tmp_path / "m.seqmap", "--to", "c", "--quantize", "none")
    assert code == 1 and stdout == ""
    assert "the export answers otherwise" in stderr and "nothing was written" in stderr
    assert not (tmp_path / "m-c").exists()


def test_without_a_compiler_it_is_said(
    make_archive: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    save(make_archive(), tmp_path / "m.seqmap")
    code, stdout, stderr = run("export", tmp_path / "m.seqmap", "--to", "c", "--quantize", "none")
    assert code == 0 and "was not checked" in stderr and "equal" not in stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quantize", "bf16"], "given: 'bf16'; allowed: none, int8"),
        (["--quantize", "none", "--out", "{}/file"], "a folder is needed here"),
        (["--quantize", "none", "--out", "{}/no/such"], "there is no folder to put this into"),
        ([], "or take --quantize none"),
    ],
)
def test_mistakes_are_told_in_one_line(
    make_archive: Make, tmp_path: Path, words: list[str], message: str
) -> None:
    save(make_archive(), tmp_path / "m.seqmap")
    (tmp_path / "file").write_text("something")
    placed = [word.format(tmp_path) for word in words]
    code, stdout, stderr = run("export", tmp_path / "m.seqmap", "--to", "c", *placed)
    assert code == 2 and stdout == ""
    assert message in stderr.splitlines()[-1]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder to put this into"):
        write_folder({"a": b"b"}, tmp_path / "no" / "such" / "folder")


def test_a_folder_that_is_there_is_written_from_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a mount point, or lie in a folder that cannot be written."""
    folder, real = tmp_path / "mounted", Path.mkdir
    folder.mkdir()
    (folder / "a").write_bytes(b"before")

    def only_inside(self: Path, *given: Any, **more: Any) -> None:
        if self.parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        real(self, *given, **more)

    monkeypatch.setattr(Path, "mkdir", only_inside)
    write_folder({"a": b"after", "b": b"new"}, folder)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {"a": b"after", "b": b"new"}


@pytest.mark.parametrize("name", ["example", "Check", "sm"])
def test_folders_called_as_the_files_of_the_runtime(
    make_archive: Make, cc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("seqmap.commands.export_c.CHECKED", 3)
    save(make_archive(), tmp_path / "m.seqmap")
    words = ["export", tmp_path / "m.seqmap", "--to", "c", "--quantize", "none"]
    code, _, stderr = run(*words, "--out", tmp_path / name)
    assert code == 0, stderr
    stem = f"{name.lower()}_model"
    names = {path.name for path in (tmp_path / name).iterdir()}
    assert names == {f"{stem}.c", f"{stem}.h", f"{stem}_weights.h", "example.c"}
    subprocess.run(
        [cc, "-std=c99", f"{stem}.c", "example.c", "-lm", "-o", "program"],
        cwd=tmp_path / name,
        check=True,
    )


def test_names() -> None:
    assert model_prefix("example") == "example_model" and model_prefix("examples") == "examples"
    assert prefix_of("my model-2") == "my_model_2"
    assert prefix_of("2nd") == "model_2nd"
    assert prefix_of("漢") == "model"
    assert quoted('a"b\\c?é') == '"a\\"b\\\\c\\?\\303\\251"'


def test_a_microcontroller(make_archive: Make, tmp_path: Path) -> None:
    """A Cortex-M3 with 256 KiB of flash and 64 KiB of RAM, in QEMU, gives the same answers."""
    tools = ("arm-none-eabi-gcc", "qemu-system-arm")
    if any(shutil.which(tool) is None for tool in tools):
        pytest.skip("needs gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm")
    words = [" ".join(f"word{n}" for n in range(2000)), "a plain sentence, it isn't long 漢字"]
    archive = make_archive(
        texts=words,
        encoder__hidden=24,
        embedding__size=24,
        encoder__direction="forward",
        text__max_length=64,
    )
    session = restore(quantized(archive, "int8"), precision="fp32")
    files = files_of(*program_of(session, "tiny"))
    write_folder({name: text.encode() for name, text in files.items()}, tmp_path / "tiny")
    texts = ["a plain sentence", 'It isn\'t "long"? word3', "漢字 and ½ word1999 \\", "? " * 200]
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n")
    done = subprocess.run(
        [BOARD, tmp_path / "tiny", tmp_path / "texts.txt"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    *answers, instructions, state = done.stdout.splitlines()
    found = [line.split() for line in answers if line]
    wanted = session.predict_proba(texts)
    # 4 · 24 · (24 + 24) products a symbol, and 120 exponentials without a unit for floats.
    assert 10_000 < int(instructions.split()[-1]) < 2_000_000
    assert 500 < int(state.split()[-1]) < 65_536
    assert "flash" in done.stderr and "RAM" in done.stderr
    assert [int(line[0]) for line in found] == wanted.argmax(axis=1).tolist()
    assert np.abs(np.array([line[1:] for line in found], float) / 1e6 - wanted).max() < 2e-6
