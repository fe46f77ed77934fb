"""`seqmap export --to c`: the model as C99 in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen, in_bytes
from seqmap.export.c.check import check, compiler
from seqmap.export.c.files import files_of, model_prefix, program_of
from seqmap.export.folder import check_folder, write_folder
from seqmap.export.texts import known_words, sample_texts
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import restore

CHECKED = 1000
"""Texts that an export is checked with."""


def write_c(made: Archive, out: Path, screen: Screen) -> dict[str, Any]:
    """Write a model as C, after comparing its answers with the model's own.

    Raises:
        UserError: A part of the model cannot be exported.
        ExportError: The C code answers otherwise.
        OutputError: The folder cannot be written.
    """
    session = restore(made, precision="fp32")
    program, kind = program_of(session, model_prefix(check_folder(out).name))
    files = files_of(program, kind)
    facts: dict[str, Any] = {
        "ram_bytes": program.ram(),
        "table_bytes": program.flash,
        "operations_per_symbol": program.operations,
        "checked_texts": 0,
    }
    cc = compiler()
    if cc is None:
        screen.note("there is no C compiler here: the export was not checked (set CC)")
    else:
        screen.note(f"checking on {CHECKED:,} texts, compiled by {cc}")
        texts = sample_texts(known_words(session.codecs.source), CHECKED)
        found = check(files, program, kind, session, texts, cc)
        facts |= {"checked_texts": found.texts, "worst_difference": found.worst}
        facts["ram_bytes"] = found.state
        facts["cycles_per_symbol"] = round(found.cycles)
    write_folder({name: text.encode() for name, text in files.items()}, out)
    facts["bytes"] = sum((out / name).stat().st_size for name in files)
    if facts["checked_texts"]:
        screen.result(
            f"equal to the model on {facts['checked_texts']:,} texts"
            f" (probabilities within {facts['worst_difference']:.1g})"
        )
    screen.result(
        f"flash {in_bytes(program.flash)} of tables beside the code, RAM"
        f" {in_bytes(facts['ram_bytes'])}, {program.operations:,} multiply-adds a symbol"
    )
    if facts.get("cycles_per_symbol"):
        screen.result(
            f"{facts['cycles_per_symbol']:,} cycles a symbol here, tokeniser and all (-O2)"
        )
    return facts
