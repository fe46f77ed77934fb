"""The files of an export, written together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from seqmap.errors import OutputError


def check_folder(folder: Path) -> Path:
    """Check that a folder can be written, so that nothing is worked out in vain.

    Returns:
        The same place, by its whole path.

    Raises:
        OutputError: It is a file, or what it would stand in is missing or cannot be written.
    """
    whole = Path(os.path.abspath(folder))
    if whole.exists() and not whole.is_dir():
        raise OutputError("a folder is needed here, and this is a file", path=folder)
    if not whole.parent.is_dir():
        raise OutputError("there is no folder to put this into", path=folder, given=whole.parent)
    if not os.access(whole if whole.exists() else whole.parent, os.W_OK | os.X_OK):
        raise OutputError("the folder is not writable", path=folder)
    return whole


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, which is made if need be.

    A new folder appears with all of them. In one that is there, they take their places one after
    the other once all are on the disk; each is whole at any time.

    Raises:
        OutputError: It cannot be written.
    """
    folder = check_folder(folder)
    there = folder.exists()
    # Inside a folder that is there: it may be a mount point, where nothing can be moved into from
    # beside it, or the only place that may be written to.
    home = folder if there else folder.parent
    temporary = home / f".seqmap-{os.getpid()}-{os.urandom(4).hex()}.tmp"
    try:
        temporary.mkdir()
        try:
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            if not there:
                temporary.rename(folder)
                return
            for name in files:
                os.replace(temporary / name, folder / name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write the export: {error.strerror}", path=folder) from None
