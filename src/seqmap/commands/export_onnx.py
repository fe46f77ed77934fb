"""`seqmap export --to onnx`: the model as graphs, with what has to be known to feed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen
from seqmap.export.folder import write_folder
from seqmap.export.onnx.check import check
from seqmap.export.onnx.files import described, graphs_of
from seqmap.export.onnx.samples import sample_inputs
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import restore


def write_onnx(made: Archive, out: Path, screen: Screen) -> dict[str, Any]:
    """Write a model as ONNX, after comparing its answers with the model's own.

    Raises:
        UserError: A part of the model cannot be exported.
        ExportError: The graphs answer otherwise.
        OutputError: The folder cannot be written.
    """
    session = restore(made, precision="fp32")
    graphs = graphs_of(session)
    inputs = sample_inputs(session)
    screen.note(f"checking on {len(inputs):,} {session.takes} in ONNX Runtime")
    worst = check(graphs, session, inputs)
    files = {name: graph.SerializeToString() for name, graph in graphs.items()}
    files["model.json"] = described(session).encode("utf-8", "surrogatepass")
    write_folder(files, out)
    screen.result(f"equal to the model on {len(inputs):,} {session.takes} (within {worst:.1g})")
    return {
        "bytes": sum(map(len, files.values())),
        "files": sorted(files),
        "checked_texts": len(inputs),
        "worst_difference": worst,
    }
