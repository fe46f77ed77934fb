"""README and docs: what they print is run, what they link to exists, what they name is there.

Fences marked `python` and `sh` are run, a page's blocks in order in one folder of its own, which
holds `reviews.csv`, `test.csv`, `pairs.tsv` and `reviews.seqmap`. Fences marked `console` or
`text` are not run.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from seqmap.config import Config
from seqmap.samples.phrases import phrases
from seqmap.samples.reviews import reviews
from seqmap.tasks import find_task
from seqmap.training import train

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
RUN = [page for page in PAGES if page.name != "README.zh.md"]  # its blocks are those of README.md
WARM_START = Path(__file__).with_name("warm_start.py")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TINY = {"encoder__hidden": 8, "embedding__size": 16, "train__epochs": 2}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *kinds: str) -> list[tuple[str, str]]:
    text = page.read_text(encoding="utf-8")
    return [(k, body) for k, body in FENCE.findall(text) if k in kinds]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that every page may use, by name."""
    folder = tmp_path_factory.mktemp("material")
    data = reviews(train=60, dev=20, test=20)
    for name, part in (("reviews.csv", data.train), ("test.csv", data.test)):
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows([example.text, example.labels[0]] for example in part)
    pairs = phrases(train=80, dev=1, test=1).train
    lines = "".join(f"{pair.source}\t{pair.target}\n" for pair in pairs)
    (folder / "pairs.tsv").write_text(lines, encoding="utf-8")
    out = folder / "reviews.seqmap"
    train(find_task("classify"), data.train, data.dev, config=Config().replace(**TINY), out=out)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment whose `seqmap` and `python` start warm."""
    folder = tmp_path_factory.mktemp("tools")
    door = folder / "door"
    for name in ("seqmap", "python"):
        words = f"{sys.executable} -IS {WARM_START} {door} {name}"
        (folder / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (folder / name).chmod(0o755)
    # Behind them what else is installed, such as torchrun.
    path = os.pathsep.join([str(folder), os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {
        **os.environ,
        "PATH": path,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "COLUMNS": "80",
    }
    with subprocess.Popen([sys.executable, WARM_START, door], env=environment) as server:
        try:
            while not door.exists():
                assert server.poll() is None, "the warm process did not start"
                time.sleep(0.05)
            yield environment
        finally:
            server.terminate()


def run(kind: str, body: str, folder: Path, environment: dict[str, str]) -> None:
    command = ["sh", "-euc", body] if kind == "sh" else ["sh", "-c", 'python "$0"', body]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{body}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"


def joined(parts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Blocks of one kind that follow each other become one: a start of Python less."""
    before, text = "", ""
    for kind, body in parts:
        if kind != before and text:
            yield before, text
            text = ""
        before, text = kind, text + body
    if text:
        yield before, text


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_blocks_run(
    page: Path, material: dict[str, bytes], tools: dict[str, str], tmp_path: Path
) -> None:
    for name, content in material.items():
        (tmp_path / name).write_bytes(content)
    for kind, body in joined(blocks(page, "python", "sh")):
        run(kind, body, tmp_path, tools)


def test_both_readmes_have_the_same_blocks() -> None:
    def code(page: Path) -> list[tuple[str, str]]:
        return [
            (kind, re.sub(r"\s*#.*", "", body))
            for kind, body in blocks(page, "python", "sh", "console")
        ]

    assert code(ROOT / "README.md") == code(ROOT / "README.zh.md")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            kebab = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
            assert anchor in kebab, link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_in_docs_exist(page: Path) -> None:
    pattern = r"`((?:src|docs|tests|native|benchmarks|configs|examples)/[\w./-]+)`"
    for name in re.findall(pattern, page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_commands_and_options_named_in_docs_exist() -> None:
    from seqmap.cli import app

    group = typer.main.get_command(app)
    commands = group.commands  # type: ignore[attr-defined]
    options = {
        name: {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        | {"--help"}
        for name, command in commands.items()
    }
    known = set().union(*options.values(), *(p.opts for p in group.params))
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for command, rest in re.findall(r"^\s*(?:\$ |.*\| )?seqmap ([a-z]+)(.*)$", text, re.M):
            assert command in options, f"{name_of(page)}: seqmap {command}"
            for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
                assert option in options[command], f"{name_of(page)}: {command} {option}"
        for option in re.findall(r"`(--[a-z][a-z-]+)", text):
            assert option in known, f"{name_of(page)}: {option}"


def test_configuration_page_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs/make_configuration.py", "--check"])
    assert done.returncode == 0, "run: python docs/make_configuration.py"
