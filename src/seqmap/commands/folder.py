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
