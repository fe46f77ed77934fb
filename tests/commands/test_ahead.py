"""What comes through a pipe is answered in parts, without waiting."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from subprocess import PIPE

import pytest

from seqmap.commands.ahead import READER, in_parts
from seqmap.errors import DataError


@pytest.mark.parametrize("most", [1, 2, 7, 1000])
def test_everything_comes_once_and_in_order(most: int) -> None:
    parts = list(in_parts(iter(range(100)), most))
    assert [item for part in parts for item in part] == list(range(100))
    assert all(1 <= len(part) <= most for part in parts)


def test_nothing_is_waited_for() -> None:
    answered = threading.Event()

    def dialogue() -> Iterator[str]:
        yield "a question"
        assert answered.wait(20), "the first part waited for more"
        yield "another"

    parts = in_parts(dialogue(), 100)
    assert next(parts) == ["a question"]
    answered.set()
    assert list(parts) == [["another"]]


def test_what_is_there_comes_together() -> None:
    ready = threading.Event()

    def many() -> Iterator[int]:
        yield from range(50)
        ready.set()

    parts = in_parts(many(), 50)
    first = next(parts)
    assert ready.wait(20)
    rest = list(parts)
    assert [*first, *(item for part in rest for item in part)] == list(range(50))
    assert len(rest) <= 2


def test_a_failure_comes_after_what_was_read() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise DataError("line 3 is broken")

    seen: list[int] = []
    with pytest.raises(DataError, match="line 3"):
        for part in in_parts(broken(), 10):
            seen.extend(part)
    assert seen == [1, 2]


def test_the_reader_stops_when_nobody_listens() -> None:
    parts = in_parts(iter(range(10**9)), 3)
    next(parts)
    parts.close()
    readers = [thread for thread in threading.enumerate() if thread.name == READER]
    for reader in readers:
        reader.join(20)
    assert not any(reader.is_alive() for reader in readers)


def test_an_interpreter_that_ends_while_a_pipe_is_waited_for() -> None:
    script = (
        "from seqmap.commands.ahead import in_parts\n"
        "from seqmap.data.stream import iter_texts\n"
        "print(next(in_parts(iter_texts('-'), 9)), flush=True)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write("a line\n")
        process.stdin.flush()  # and the pipe stays open
        assert process.stdout.readline() == "[(1, 'a line')]\n"
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
