"""Where a demo or a report leaves its files."""

from __future__ import annotations

import os
from pathlib import Path

from seqmap.errors import OutputError


def make_folder(out: Path) -> Path:
    """Make the folder, if it is missing.

    Raises:
        OutputError: It cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = "is a file" if isinstance(error, FileExistsError) else error.strerror
        raise OutputError(f"cannot make the folder: {problem}", path=out) from None
    if not os.access(out, os.W_OK):
        raise OutputError("the folder cannot be written", path=out)
    return out


def write_file(path: Path, content: bytes) -> None:
    """Write a file; one that is there stays whole until the new one is complete.

    Raises:
        OutputError: It cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write it: {error.strerror}", path=path) from None
