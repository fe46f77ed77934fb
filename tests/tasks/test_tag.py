"""The command line on tagged files: good ones, and what a user may get wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.samples.entities import entities

FAST = ["--set", "train.epochs=2", "--set", "encoder.hidden=12", "--set", "embedding.size=12"]
FAST += ["--set", "tag.character_hidden=6", "--set", "train.threads=1"]


def run(*words: object, text: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words], input=text)
    return done.exit_code, done.stdout, done.stderr


def write(path: Path, part: object, tag_column: int = 1) -> Path:
    lines = []
    for sentence in part:  # type: ignore[attr-defined]
        for number, (token, tag) in enumerate(zip(sentence.tokens, sentence.tags, strict=True)):
            cells = [token, tag] if tag_column == 1 else [str(number), token, "_", tag]
            lines.append("\t".join(cells))
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tag")
    sample = entities(train=120, dev=30, test=30)
    found = {
        "train": write(folder / "train.conll", sample.train),
        "dev": write(folder / "dev.conll", sample.dev),
        "test": write(folder / "test.conll", sample.test),
        "indexed": write(folder / "test.conllu", sample.test, 3),
        "model": folder / "m.seqmap",
    }
    words = ["train", "tag", found["train"], "--dev", found["dev"], "--test", found["test"]]
    code, out, err = run(*words, "--out", found["model"], "--json", *FAST)
    assert code == 0, err
    found["summary"] = folder / "summary.json"
    found["summary"].write_text(out.splitlines()[-1])
    (folder / "log").write_text(err)
    return found


def test_training_tells_what_it_found(files: dict[str, Path]) -> None:
    log = (files["model"].parent / "log").read_text()
    assert "scheme iob2" in log and "token = column 0, tag = column 1" in log
    assert "train: 120 sentences" in log and "PERSON" in log
    assert "ECE of spans" in log and "f1" in log
    summary = json.loads(files["summary"].read_text())
    assert summary["task"] == "tag"
    assert {"f1", "precision", "recall", "accuracy", "ece"} <= summary["metrics"].keys()
    assert summary["baseline"]["f1"] > 0.3
    assert summary["calibration"]["temperature"] > 0


def test_evaluate_and_other_shapes_of_the_same_data(files: dict[str, Path]) -> None:
    code, out, err = run("evaluate", files["model"], files["test"], "--json")
    assert code == 0, err
    first = json.loads(out.splitlines()[-1])
    assert first["metrics"]["f1"] == pytest.approx(
        json.loads(files["summary"].read_text())["metrics"]["f1"]
    )
    assert first["conlleval"].startswith("processed ")
    code, out, err = run("evaluate", files["model"], files["indexed"], "--json")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["metrics"] == first["metrics"]
    code, out, _ = run("evaluate", files["model"], files["test"])
    assert "surest spans kept" in out and "PERSON" in out


def test_predict_keeps_offsets_and_streams(files: dict[str, Path]) -> None:
    text = "  Dr. Ibsen moved\tto Arden in March."
    code, out, err = run("predict", files["model"], "--text", text, "--json")
    assert code == 0, err
    answer = json.loads(out.splitlines()[0])
    assert answer["text"] == text
    for entity in answer["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
    assert json.loads(out.splitlines()[-1]) == {"task": "tag", "count": 1}
    code, out, _ = run("predict", files["model"], "-", text="one\n\ntwo\n")
    assert code == 0 and out.count("\n") == 3
    code, out, _ = run("predict", files["model"], files["test"], "--min-confidence", 1.0)
    assert code == 0 and len(out.splitlines()) == 30
    code, out, _ = run("predict", files["model"], "--text", text, "--json", "--n-best", 2)
    assert len(json.loads(out.splitlines()[0])["alternatives"]) == 2


def test_the_column_of_tags_is_not_looked_for_in_a_file_without(
    files: dict[str, Path], tmp_path: Path
) -> None:
    from seqmap.data import ReadOptions
    from seqmap.tasks import find_task

    task, path = find_task("tag"), tmp_path / "bare.conllu"
    path.write_text("Ada\nleft\n\nArden\n")
    options = ReadOptions(label_column=3)
    memory = task.memory(task.read(str(files["indexed"]), options), options)
    recalled = task.recall(str(path), ReadOptions(), memory, labelled=False)
    assert recalled.label_column is None and recalled.format == "conll"
    assert [s.tokens for s in task.inputs(str(path), recalled)] == [("Ada", "left"), ("Arden",)]
    assert task.recall(str(path), ReadOptions(), memory, labelled=True).label_column == 3


def test_other_readings_are_printed(files: dict[str, Path]) -> None:
    text = "Ada met Bob in Arden"
    code, plain, _ = run("predict", files["model"], "--text", text)
    code, out, _ = run("predict", files["model"], "--text", text, "--n-best", 3)
    assert code == 0
    _, record, _ = run("predict", files["model"], "--text", text, "--n-best", 3, "--json")
    readings = json.loads(record.splitlines()[0])["alternatives"]
    best = plain.splitlines()[0]
    wanted = [f"[{readings[0]['probability']:.3f}]", *([best] if best else [])]
    for one in readings[1:]:
        entities = "; ".join(f"{e['type']}: {e['text']}" for e in one["entities"])
        wanted.append(f"[{one['probability']:.3f}] {entities}".rstrip())
    assert out.splitlines()[0] == "\t".join(wanted)


def test_readings_of_labels_and_of_nothing_at_all() -> None:
    from seqmap.tasks import find_task
    from seqmap.tasks.tag_results import Alternative, Entity, Tagging

    line = find_task("tag").line
    oslo = Entity("Oslo\nCity", "CITY", 3, 12, 0.25)
    readings = (Alternative(0.5, (), ("O", "O")), Alternative(0.25, (oslo,), ("O", "B-CITY")))
    answer = Tagging("to Oslo", ("to", "Oslo"), ("O", "O"), (0.6, 0.6), (), 0.5)
    assert line(answer) == ""
    several = replace(answer, intent="go", intent_probability=0.9, alternatives=readings)
    assert line(several) == "[go 0.900]\t[0.500]\t[0.250] CITY: Oslo City"
    swapped = replace(answer, entities=(oslo,), tags=("O", "B-CITY"), alternatives=readings[::-1])
    assert line(swapped) == "[0.250]\tCITY: Oslo City (0.250)\t[0.500]"
    labels = (Alternative(0.5, (), ("P", "N")), Alternative(0.25, (), ("P", "V")))
    tagged = replace(answer, tags=("P", "N"), alternatives=labels)
    assert line(tagged) == "[0.500]\tto/P Oslo/N\t[0.250] to/P Oslo/V"


@pytest.mark.parametrize(
    ("content", "words", "problem"),
    [
        ("a O\nb O\n", [], "there is no entity in the training data"),
        ("a B-X\nb\n", [], "a.conll:2: this line has 1 column"),
        ("a B-X\nb M-X\nc I-X\n", [], "no one scheme"),
        ("a B-X\nb E-X\n", ["--scheme", "iob2"], "is no tag of the scheme iob2"),
        ("a B-X\nb E-X\n", ["--scheme", "conll"], "unknown scheme"),
        ("a NN\nb NN\n", [], "one tag only"),
        ("a B-X\n", ["--format", "csv"], "tagged text has another format"),
        ("a B-X\n", ["--label-separator", "|"], "--label-separator"),
        ("a B-X\n", ["--label-column", "9"], "no such column"),
        ("a B-X\n", ["--set", "tag.decode=crf"], "Did you mean tag.decoder?"),
        ("", [], "no token"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, content: str, words: list[str], problem: str
) -> None:
    path = tmp_path / "a.conll"
    path.write_text(content)
    code, out, err = run("train", "tag", path, "--out", tmp_path / "m.seqmap", *words)
    assert code == 2
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ") and problem in last
    assert not (tmp_path / "m.seqmap").exists()


def test_types_that_training_did_not_see(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "other.conll"
    path.write_text("a\tO\nb\tB-GPE\n")
    words = ["train", "tag", files["train"], "--dev", path, "--out", tmp_path / "m.seqmap"]
    code, _, err = run(*words, *FAST)
    assert code == 2 and "does not have this type" in err and f"{path}:1" in err
    code, _, err = run("evaluate", files["model"], path)
    assert code == 2 and "the model does not know this type" in err
    path.write_text("a\tDET\nb\tNOUN\n")
    code, _, err = run("evaluate", files["model"], path)
    assert code == 2 and "another kind of tags" in err


def test_a_classifier_has_no_n_best(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "good film,pos\nbad film,neg\n" * 10)
    model = tmp_path / "c.seqmap"
    code, _, err = run("train", "classify", path, "--out", model, *FAST[:2], "--no-baseline")
    assert code == 0, err
    code, _, err = run("predict", model, "--text", "good", "--n-best", 2)
    assert code == 2 and "--n-best" in err


def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqmap.demo import tag as steps

    monkeypatch.setattr(steps, "entities", lambda: entities(train=60, dev=20, test=20))
    tiny = steps.CONFIG.replace(train__epochs=1, encoder__hidden=8, embedding__size=8)
    monkeypatch.setattr(steps.run_demo, "__kwdefaults__", {"config": tiny})
    code, out, err = run("demo", "--task", "tag", "--out", tmp_path / "demo")
    assert code == 0, err
    assert "Synthetic data" in out and "none imported" in out and "Its answers" in out
    page = (tmp_path / "demo" / "entities.html").read_text()
    assert page.startswith("<!doctype html>") and "<p>" in page
    assert (tmp_path / "demo" / "type-confusion.png").stat().st_size > 1000
