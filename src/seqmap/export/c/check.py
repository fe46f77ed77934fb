"""An export is compiled and must answer as the model does."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqmap.errors import ExportError
from seqmap.export.c.files import Files
from seqmap.export.c.program import Program, part_of
from seqmap.runtime.classify import ClassifySession
from seqmap.runtime.session import Session
from seqmap.runtime.tag import TagSession

FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra")
TOLERANCE = 1e-4
"""Largest difference of a probability."""
_SECONDS = 600


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        texts: How many were compared.
        worst: The largest difference of a probability.
        seconds: What the exported model took for all of them.
        state: Bytes of its state.
        cycles: Of this processor for a symbol, tokeniser and all; 0 where it does not tell.
    """

    texts: int
    worst: float
    seconds: float
    state: int
    cycles: float = 0.0


def compiler() -> str | None:
    """Return the C compiler of this machine: that of `CC`, or the usual ones."""
    names = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


def check(
    files: Files, program: Program, kind: str, session: Session, texts: Sequence[str], cc: str
) -> Checked:
    """Compile an export and compare its answers with the model's.

    Args:
        files: The export.
        program: What it was made from.
        kind: `classify` or `tag`.
        session: The model, computing in fp32.
        texts: What is asked.
        cc: The compiler.

    Raises:
        ExportError: It cannot be compiled, or answers otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="seqmap-") as name:
        folder = Path(name)
        build(files, program, kind, folder, cc, FLAGS)
        lines = run(folder / "check", texts)
    seconds, state, cycles = lines.pop().split()
    compare = _classified if isinstance(session, ClassifySession) else _tagged
    worst = compare(session, texts, lines)
    each = int(cycles) / max(_symbols(session, texts), 1)
    return Checked(len(texts), worst, float(seconds), int(state), each)


def _symbols(session: Session, texts: Sequence[str]) -> int:
    """Return how many symbols a model reads in texts."""
    if isinstance(session, ClassifySession):
        return sum(len(session.encode(text)) for text in texts)
    assert isinstance(session, TagSession)
    return sum(len(session.sentence(text).tokens) for text in texts)


def build(
    files: Files, program: Program, kind: str, folder: Path, cc: str, flags: Sequence[str]
) -> None:
    """Compile an export and its harness to `folder`/check.

    Raises:
        ExportError: The compiler refuses it.
    """
    checked = {**files, "check.c": program.filled(part_of(f"check_{kind}.c"))}
    for name, text in checked.items():
        (folder / name).write_text(text, encoding="utf-8")
    words = [cc, *flags, f"{program.prefix}.c", "check.c", "-o", "check", "-lm"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    if done.returncode:
        problem = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
        raise ExportError(f"the C code does not compile with {cc}: {problem.strip()}")


def run(program: Path, texts: Sequence[str]) -> list[str]:
    """Ask a harness; returns its lines.

    Raises:
        ExportError: It fails.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    frames = b"".join(struct.pack("<I", len(text)) + text for text in encoded)
    done = subprocess.run([program], input=frames, capture_output=True, timeout=_SECONDS)
    if done.returncode:
        problem = done.stderr.decode(errors="replace").strip().splitlines()
        raise ExportError(f"the C code fails ({done.returncode}): {' '.join(problem[:3])}")
    return done.stdout.decode().splitlines()


def _classified(session: Session, texts: Sequence[str], lines: Sequence[str]) -> float:
    assert isinstance(session, ClassifySession)
    wanted = session.predict_proba(texts)
    found = np.array([line.split() for line in lines], dtype=np.float64)
    # Streaming models answer whole and in pieces; in pieces, nothing is cut.
    classes = wanted.shape[1]
    worst = _worst(wanted, found[:, :classes], texts)
    if found.shape[1] > classes:
        streamed = []
        for text in texts:
            with session.stream() as stream:
                stream.feed(text)
            streamed.append(stream.probabilities())
        worst = max(worst, _worst(np.array(streamed), found[:, classes:], texts))
    return worst


def _worst(wanted: np.ndarray, found: np.ndarray, texts: Sequence[str]) -> float:
    apart = np.abs(wanted - found).max(axis=1, initial=0)
    place = int(apart.argmax())
    if not apart[place] <= TOLERANCE:
        raise ExportError(
            f"the export answers otherwise: a probability differs by {apart[place]:.2g} on"
            f" {texts[place][:80]!r}; nothing was written"
        )
    return float(apart[place])


def _tagged(session: Session, texts: Sequence[str], lines: Sequence[str]) -> float:
    assert isinstance(session, TagSession)
    worst = 0.0
    numbers = {name: number for number, name in enumerate(session.labels)}
    for text, line, answer in zip(texts, lines, session.predict(texts), strict=True):
        if session.codecs.target.spans:
            spans = [(e.start, e.end, e.type, e.probability) for e in answer.entities]
        else:
            places = session.sentence(text).offsets
            chances = answer.tag_probabilities
            spans = [
                (start, end, tag, chance)
                for (start, end), tag, chance in zip(places, answer.tags, chances, strict=True)
            ]
        words = line.split()
        intents = session.codecs.intents
        if intents is not None:
            chance = float(words[intents.encode(str(answer.intent))])
            worst = max(worst, abs(chance - float(answer.intent_probability or 0)))
            words = words[len(intents) :]
        found = [word.split(",") for word in words]
        wanted = [(_bytes(text, s), _bytes(text, e), numbers[kind]) for s, e, kind, _ in spans]
        if wanted != [(int(s), int(e), int(kind)) for s, e, kind, _ in found]:
            raise ExportError(
                f"the export answers otherwise: {len(found)} spans on {text[:80]!r},"
                f" {len(wanted)} wanted; nothing was written"
            )
        for (*_, chance), (*_, other) in zip(spans, found, strict=True):
            worst = max(worst, abs(chance - float(other)))
    if worst > TOLERANCE:
        raise ExportError(
            f"the export answers otherwise: a probability differs by {worst:.2g};"
            " nothing was written"
        )
    return worst


def _bytes(text: str, place: int) -> int:
    return len(text[:place].encode("utf-8", "surrogatepass"))
