"""`seqmap export --to onnx`: the model as graphs, with what has to be known to feed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen
from seqmap.export.folder import write_folder
from seqmap.export.onnx.check import check
from seqmap.export.onnx.files import described, graphs_of
from seqmap.export.texts import known_words, sample_texts
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import restore

CHECKED = 300
"""Texts that an export is checked with."""


def write_onnx(made: Archive, out: Path, screen: Screen) -> dict[str, Any]:
    """Write a model as ONNX, after comparing its answers with the model's own.

    Raises:
        UserError: A part of the model cannot be exported.
        ExportError: The graphs answer otherwise.
        OutputError: The folder cannot be written.
    """
    session = restore(made, precision="fp32")
    graphs = graphs_of(session)
    screen.note(f"checking on {CHECKED:,} texts in ONNX Runtime")
    texts = sample_texts(known_words(session.codecs.source), CHECKED)
    worst = check(graphs, session, texts)
    files = {name: graph.SerializeToString() for name, graph in graphs.items()}
    files["model.json"] = described(session).encode("utf-8", "surrogatepass")
    write_folder(files, out)
    screen.result(f"equal to the model on {CHECKED:,} texts (within {worst:.1g})")
    return {
        "bytes": sum(map(len, files.values())),
        "files": sorted(files),
        "checked_texts": CHECKED,
        "worst_difference": worst,
    }
