"""What makes a shell comfortable: help at once, completion, no colours, quiet, 80 columns."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from seqmap.cli import app
from seqmap.commands.console import Screen
from seqmap.commands.shell import in_characters, shown_help
from seqmap.runtime.archive import Archive, save

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
HEAVY = ("numpy", "torch", "pydantic", "rich", "seqmap.data", "seqmap.runtime", "sklearn")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("seqmap"), *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["data", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['seqmap', *{words!r}]\n"
        "from seqmap.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "Usage: seqmap" in done.stdout
    assert set(done.stderr.split()).isdisjoint(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_quick_help_is_the_help(name: str) -> None:
    found = shown_help(app, [name, "--help"])
    done = CliRunner().invoke(app, [name, "--help"], prog_name="seqmap")
    assert found is not None and found.split() == done.stdout.split()
    assert max(map(len, found.splitlines())) <= 80


def test_other_words_go_to_typer() -> None:
    for words in ([], ["--help"], ["train"], ["nothing", "--help"], ["train", "x", "--help"]):
        assert shown_help(app, words) is None
    assert run("nothing", "--help").returncode == 2


def test_completion_knows_commands_and_options() -> None:
    for words, shown in (("seqmap ex", ["explain", "export"]), ("seqmap export --q", ["--quiet"])):
        done = run(
            _SEQMAP_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD=str(len(words.split()) - 1),
        )
        assert set(shown) <= set(done.stdout.split()), done


def test_texts_of_options_can_be_written_again() -> None:
    assert in_characters("caf\udce9 \U0001f642") == "caf\ufffd \U0001f642"
    assert in_characters(["a", "\ud800"]) == ["a", "\ufffd"]
    assert in_characters(None) is None


@pytest.mark.parametrize("rank", ["w1", "-1", "0", ""])
def test_whatever_rank_is_errors_take_a_line(rank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", rank)
    done = CliRunner().invoke(app, ["info", "missing.seqmap"])
    assert done.exit_code == 2, done.exception
    assert done.stderr.startswith("error: missing.seqmap") and done.stderr.count("\n") == 1


class Terminal(io.StringIO):
    """What claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("plain", [False, True])
def test_no_color(monkeypatch: pytest.MonkeyPatch, plain: bool) -> None:
    from seqmap.commands.progress import TrainingProgress
    from seqmap.training import Epoch, Progress

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    for quiet in (False, True):
        with TrainingProgress(Screen(quiet=quiet), ("accuracy",)) as watch:
            watch.step(Progress(1, 2, 1, 10, 0.5))
            watch.epoch(Epoch(1, 0.5, 0.4, {"accuracy": 0.9}, 1.0, 0.1))
        shown = sys.stderr.getvalue()
        sys.stderr.seek(0)
        sys.stderr.truncate()
        assert ("accuracy 0.9000" in shown) == (not quiet)
        assert bool(re.search(r"\x1b\[[0-9;]*3\dm", shown)) == (not quiet and not plain)


def test_tables_fit_80_columns(make_archive: Callable[..., Archive], tmp_path: Path) -> None:
    save(make_archive(), tmp_path / "m.seqmap")
    for words in (["info", str(tmp_path / "m.seqmap")], ["data", "list"]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0
        assert max(map(len, done.stdout.splitlines())) <= 80, words
