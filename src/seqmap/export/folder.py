"""The files of an export, written together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from seqmap.errors import OutputError


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, which is made if need be: all of them or none.

    Raises:
        OutputError: It cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError("a folder is needed here, and this is a file", path=folder)
    temporary = folder.with_name(f".seqmap-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        temporary.mkdir()
        try:
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            if not folder.exists():
                temporary.rename(folder)
                return
            for name in files:
                os.replace(temporary / name, folder / name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write the export: {error.strerror}", path=folder) from None
