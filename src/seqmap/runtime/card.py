"""The model card: what a model is, what it learned from, how good it is, what it cannot do.

After Mitchell et al. 2019, "Model Cards for Model Reporting". What only the training knows lies in
the manifest under `card`; the rest is read off the archive, so that a card cannot contradict its
model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from seqmap.errors import UserError
from seqmap.runtime.container import dtype_name
from seqmap.runtime.session import Session, load
from seqmap.tasks import Task

Rows = tuple[tuple[str, str], ...]

_WIDE = 80
_LISTED = 12
"""At most this many labels are listed."""


def card_entry(task: Task, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest's entry `card`.

    Args:
        task: What the model does.
        manifest: All other entries; its `card` may bring what the user says about the model.
    """
    said = manifest.get("card") or {}
    return {
        "about": said.get("about"),
        "licence": said.get("licence"),
        "limits": list(task.limits(manifest)),
    }


@dataclass(frozen=True)
class Card:
    """A model card.

    Attributes:
        title: Name of the file.
        sections: Title and rows (name, value) of each.
        limits: What the model cannot do, a line each.
        facts: The same as plain values, for JSON.
    """

    title: str
    sections: tuple[tuple[str, Rows], ...]
    limits: tuple[str, ...]
    facts: dict[str, Any]

    def text(self) -> str:
        """Return the card for a terminal."""
        lines = [self.title]
        for title, rows in self.sections:
            lines += ["", title]
            lines += [f"  {name:<14}{value}" for name, value in rows]
        if self.limits:
            lines += ["", "Limits"]
            lines += [
                f"  - {indent(fill(line, _WIDE - 4), '    ').strip()}" for line in self.limits
            ]
        return "\n".join(lines)

    def markdown(self) -> str:
        """Return the card as a Markdown page."""
        lines = [f"# {self.title}"]
        for title, rows in self.sections:
            lines += ["", f"## {title}", "", "| | |", "|---|---|"]
            lines += [f"| {name} | {_cell(value)} |" for name, value in rows]
        if self.limits:
            lines += ["", "## Limits", "", *(f"- {line}" for line in self.limits)]
        return "\n".join(lines)


def read_card(path: str | Path) -> Card:
    """Load a model and return its card.

    Raises:
        ArchiveError: It cannot be used.
    """
    session = load(path)
    return card_of(session, name=Path(path).name, size=os.stat(path).st_size)


def card_of(session: Session, *, name: str, size: int) -> Card:
    """Return the card of a loaded model.

    Args:
        session: The model.
        name: Of its file.
        size: Of its file, in bytes.
    """
    manifest = session.archive.manifest
    entry = card_entry(session.task, manifest) | (manifest.get("card") or {})
    parts = _parts(session)
    refusal = _why_no_stream(session)
    facts: dict[str, Any] = {
        "task": session.task.name,
        "model": name,
        "size_bytes": size,
        "digest": session.digest,
        "format": manifest.get("format"),
        "seqmap": manifest.get("seqmap"),
        "created": manifest.get("created"),
        "streams": refusal is None,
        "parts": parts,
        "config": session.config.to_dict(),
        "data": manifest.get("data"),
        "metrics": (manifest.get("metrics") or {}).get("dev") or {},
        "calibration": manifest.get("calibration"),
        "card": entry,
    }
    sections = (
        ("Model", _model_rows(session, facts, refusal)),
        ("Parts", tuple((part, _part_line(found)) for part, found in parts.items())),
        ("Learned from", _data_rows(facts["data"] or {})),
        ("Measured on dev", tuple((k, f"{v:.4f}") for k, v in facts["metrics"].items())),
        ("Calibration", _calibration_rows(facts["calibration"] or {})),
    )
    filled = tuple(section for section in sections if section[1])
    return Card(name, filled, tuple(entry["limits"]), facts)


def _model_rows(session: Session, facts: Mapping[str, Any], refusal: str | None) -> Rows:
    encoder, entry = session.config.encoder, facts["card"]
    ways = "both directions" if encoder.direction == "both" else "left to right"
    layers = f"{encoder.layers} layer" + ("s" if encoder.layers > 1 else "")
    task = session.task
    looked_up = {"embedding", "words"} & facts["parts"].keys()  # signals and sound have no symbols
    rows = [
        ("task", f"{task.name}: {task.mapping}" if task.mapping else task.name),
        ("about", entry.get("about")),
        ("licence", entry.get("licence")),
        ("encoder", f"{encoder.name}, {layers} of {encoder.hidden}, {ways}"),
        ("embedding", f"{session.config.embedding.size} numbers a symbol" if looked_up else None),
        ("streams", refusal or "yes"),
        ("made", f"{facts['created'] or 'unknown'}, by seqmap {facts['seqmap']}"),
        ("size", size_text(facts["size_bytes"])),
        ("digest", facts["digest"][:16]),
    ]
    return tuple((name, value) for name, value in rows if value)


def _parts(session: Session) -> dict[str, dict[str, Any]]:
    """Count numbers and bytes by the first word of the arrays' names."""
    parts: dict[str, dict[str, Any]] = {}
    for name, array in session.archive.arrays.items():
        part = parts.setdefault(name.partition(".")[0], {"numbers": 0, "bytes": 0, "types": []})
        part["numbers"] += int(array.size)
        part["bytes"] += int(array.nbytes)
        if dtype_name(array) not in part["types"]:
            part["types"].append(dtype_name(array))
    return dict(sorted(parts.items(), key=lambda item: -item[1]["bytes"]))


def _part_line(part: Mapping[str, Any]) -> str:
    numbers, types = f"{part['numbers']:,} numbers", "+".join(part["types"])
    return f"{numbers:<22}{types:<16}{size_text(part['bytes']):>10}"


def _data_rows(data: Mapping[str, Any]) -> Rows:
    unit = data.get("unit", "examples")
    rows = [(part, f"{data[part]:,} {unit}") for part in ("train", "dev") if part in data]
    if data.get("fingerprint"):
        rows.append(("fingerprint", str(data["fingerprint"])[:16]))
    classes = data.get("classes") or {}
    most = sorted(classes.items(), key=lambda item: -item[1])
    rows += [(f"  {name}", f"{count:,}") for name, count in most[:_LISTED]]
    if len(most) > _LISTED:
        rows.append(("  …", f"{len(most) - _LISTED} more"))
    return tuple(rows)


def _calibration_rows(calibration: Mapping[str, Any]) -> Rows:
    rows = []
    if "ece_before" in calibration and "ece_after" in calibration:
        before, after = calibration["ece_before"], calibration["ece_after"]
        rows.append(("error (ECE)", f"{before:.4f} → {after:.4f}, on dev"))
    weights = {name: calibration[name] for name in ("deep", "wide") if name in calibration}
    if weights:
        rows.append(("weights", ", ".join(f"{k} {float(v):.3f}" for k, v in weights.items())))
    return tuple(rows)


def _why_no_stream(session: Session) -> str | None:
    try:
        session.stream()
    except UserError as error:
        reason = error.problem.removeprefix("this model cannot stream: ")
        return f"no: {reason}"
    return None


def size_text(size: int) -> str:
    """Return a number of bytes for reading."""
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")
