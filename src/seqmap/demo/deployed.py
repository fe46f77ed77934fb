"""A trained model at work in a new process, which shows that it needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqmap.errors import SeqmapError

# Runs in a new process; its last line is read below.
_PROGRAM = """
import json, sys, time
started = time.perf_counter()
from seqmap.runtime.session import load
imported = time.perf_counter()
session = load(sys.argv[1])
loaded = time.perf_counter()
texts = json.load(sys.stdin)
session.predict(texts["few"])
warm = time.perf_counter()
session.predict(texts["many"])
answered = time.perf_counter()
heavy = [m for m in ("torch", "sklearn", "scipy", "matplotlib") if m in sys.modules]
print(json.dumps({
    "answers": [session.task.record(a) for a in session.predict(texts["few"])],
    "imported": heavy, "backend": session.backend,
    "import_seconds": imported - started, "load_seconds": loaded - imported,
    "seconds_per_text": (answered - warm) / len(texts["many"]),
}))
"""


@dataclass(frozen=True)
class Deployed:
    """What the new process reported; times are in seconds.

    Attributes:
        answers: What it answered to each of the few texts, as plain values.
        imported: Heavy packages that it imported after all.
        backend: What computed: `native` or `numpy`.
        import_seconds: To import what `load` needs.
        load_seconds: To read the model.
        seconds_per_text: To answer one of many texts.
    """

    answers: tuple[dict[str, Any], ...]
    imported: tuple[str, ...]
    backend: str
    import_seconds: float
    load_seconds: float
    seconds_per_text: float

    def to_dict(self) -> dict[str, Any]:
        """Return what a machine may want to read: all but the answers."""
        return {
            "imported": list(self.imported),
            "backend": self.backend,
            "import_seconds": self.import_seconds,
            "load_seconds": self.load_seconds,
            "seconds_per_text": self.seconds_per_text,
        }


def ask_new_process(model: Path, *, few: Sequence[str], many: Sequence[str]) -> Deployed:
    """Load a model in a new process, and let it answer there.

    Args:
        model: The archive.
        few: Texts whose answers are wanted.
        many: Texts that are only timed.

    Raises:
        SeqmapError: The process failed.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(model)],
        input=json.dumps({"few": list(few), "many": list(many)}),
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2]
        raise SeqmapError(f"the process that loads the model failed: {last}")
    report: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return Deployed(
        answers=tuple(report.pop("answers")),
        imported=tuple(report.pop("imported")),
        **report,
    )
