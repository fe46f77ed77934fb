"""The table of speech generation in RESULTS.md."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

Row = dict[str, Any]

SPEAKING_BAR = 0.95


def speaking_section(path: Path) -> list[str]:
    """Return the section, from the lines of benchmarks/results/speaking.jsonl."""
    lines = [
        "## Speech generation (`benchmarks/speaking.py`)",
        "",
        "One speaker of fsdd, 230 recordings of digits. `read` is the share of spoken digits, 20",
        "draws of each, that a transcriber reads which was trained on the five other speakers and",
        "on other recordings of this one; beside it what it reads of the speaker's own recordings.",
        "`varied` speaks in styles around the mean. Distortion (mcd) is to the test recordings,",
        "beside that of another recording of the same digit. Factor: processor seconds of one core",
        "for a second of speech. Cut off: of 1,000 random texts of up to 60 characters, with the",
        "longest time a character.",
        "",
        "| speaker | seeds | read | recordings | varied | int8 | bar | met | mcd (other recording) "
        "| factor | cut off | MB (int8) | s / run |",
        "|---" * 13 + "|",
    ]
    if not path.exists():
        return [*lines, "| – | 0 | – | – | – | – | ≥ 0.95 | not measured | – | – | – | – | – |"]
    rows: dict[str, dict[int, Row]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows.setdefault(row["speaker"], {})[row["seed"]] = row
    return [*lines, *(_line(name, list(own.values())) for name, own in rows.items())]


def _line(speaker: str, rows: list[Row]) -> str:
    read = [row["heard"]["accuracy"] for row in rows]
    factor = statistics.fmean(row["factor"] for row in rows)
    cut = max(row["random"]["cut"] for row in rows)
    longest = max(row["random"]["seconds_a_symbol_max"] for row in rows)
    met = statistics.fmean(read) >= SPEAKING_BAR and factor < 1 and cut == 0
    mcd = statistics.fmean(row["test"]["mcd"] for row in rows)
    plain = statistics.fmean(row["baseline"]["mcd"] for row in rows)
    cells = [
        speaker,
        str(len(rows)),
        _spread(read),
        f"{statistics.fmean(row['heard_recordings'] for row in rows):.3f}",
        _spread([row["heard_varied"]["accuracy"] for row in rows]),
        _spread([row["heard_int8"]["accuracy"] for row in rows]),
        f"≥ {SPEAKING_BAR}",
        "yes" if met else "**no**",
        f"{mcd:.2f} dB ({plain:.2f})",
        f"{factor:.3f}",
        f"{cut}; {longest:.2f} s",
        f"{rows[0]['bytes'] / 1e6:.1f} ({rows[0]['bytes_int8'] / 1e6:.1f})",
        f"{statistics.fmean(row['seconds'] for row in rows):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _spread(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{statistics.fmean(values):.3f} ± {statistics.stdev(values):.3f}"
