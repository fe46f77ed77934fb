"""The archive: a model as one file, `M.seqmap`.

It is a safetensors file (see `container`) whose `__metadata__` holds two strings:

    seqmap   the manifest, JSON: format version, task, configuration, codecs, labels, calibration, …
    sha256   a digest over the manifest and over every array's name, type, shape and bytes

So any safetensors reader can open it, nothing in it can run code, the same model always gives the
same bytes, and a truncated or altered file is told from a good one before anything is used.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from numpy.typing import NDArray

from seqmap.errors import ArchiveError, OutputError
from seqmap.runtime.container import (
    METADATA,
    Arrays,
    array_bytes,
    damaged,
    dtype_name,
    read_arrays,
    read_header,
    write_pieces,
)

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
"""The format version that is written; older ones are migrated, newer ones refused."""

# Manifest and arrays of format n -> those of format n + 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any], Arrays], tuple[dict[str, Any], Arrays]]] = {}


@dataclass(frozen=True)
class Archive:
    """A model: what describes it, and its arrays.

    Attributes:
        manifest: Whatever JSON can hold; `format` is set on saving.
        arrays: By name. Those of a file that was read cannot be written to.
    """

    manifest: dict[str, Any]
    arrays: Arrays

    def digest(self) -> str:
        """Return the SHA-256 digest that identifies manifest and arrays, in hexadecimal."""
        return _digest(_dump(self.manifest), self.arrays)


def save(archive: Archive, path: str | Path) -> None:
    """Write an archive so that `path` holds either all of it or what was there before.

    The bytes go to a temporary file in the same folder, which takes the place of `path` once they
    are on the disk.

    Raises:
        OutputError: The folder is missing, cannot be written, or the disk is full.
    """
    from pathlib import Path  # here, because answering needs none of it

    target = Path(os.path.realpath(path))
    check_output(path)
    temporary = target.with_name(f".seqmap-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        try:
            _write_file(temporary, _pieces(archive))
            os.replace(temporary, target)
            _sync_folder(target.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        remedy = "What was there before is unchanged"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = f"Free some space and save again. {remedy}"
        raise OutputError(
            f"cannot save the model: {error.strerror}", path=path, remedy=remedy
        ) from None


def check_output(path: str | Path) -> None:
    """Check that a model can be saved there, so that a training does not end in vain.

    Raises:
        OutputError: It cannot.
    """
    from pathlib import Path

    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(
            "cannot save the model: there is no such folder", path=path, given=target.parent
        )
    # A device or a pipe would be replaced by a file; a folder cannot be.
    if target.exists() and not target.is_file():
        raise OutputError("cannot save the model: this is not an ordinary file", path=path)
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError("cannot save the model: the folder is not writable", path=path)


def to_bytes(archive: Archive) -> bytes:
    """Return what `save` writes."""
    return b"".join(_pieces(archive))


def read(path: str | Path) -> Archive:
    """Read an archive.

    Raises:
        ArchiveError: There is no such file, or it is foreign, truncated, altered or too new.
    """
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ArchiveError("a model is an ordinary file, and this is not", path=path)
            return _parse(file, os.fstat(file.fileno()).st_size, path)
    except OSError as error:
        raise ArchiveError(f"cannot read the model: {error.strerror}", path=path) from None


def from_bytes(data: bytes) -> Archive:
    """Read an archive from what `to_bytes` gave.

    Raises:
        ArchiveError: As for `read`.
    """
    return _parse(io.BytesIO(data), len(data), None)


def _dump(manifest: Mapping[str, Any]) -> str:
    marked = {**manifest, "format": FORMAT}
    return json.dumps(marked, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(manifest: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(manifest.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json.dumps([name, dtype_name(array), array.shape]).encode())
        digest.update(array_bytes(array))
    return digest.hexdigest()


def _write_file(path: Path, pieces: Iterator[bytes | memoryview]) -> None:
    """Write a new file, with the permissions that the umask gives, down to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with open(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where folders can be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _pieces(archive: Archive) -> Iterator[bytes | memoryview]:
    manifest, arrays = _dump(archive.manifest), archive.arrays
    return write_pieces({"seqmap": manifest, "sha256": _digest(manifest, arrays)}, arrays)


def _parse(file: BinaryIO, size: int, path: str | Path | None) -> Archive:
    header, start = read_header(file, size, path)
    metadata = header.pop(METADATA, None)
    manifest_text = metadata.get("seqmap") if isinstance(metadata, dict) else None
    if not isinstance(manifest_text, str):
        raise ArchiveError("is a safetensors file, but not a seqmap model", path=path)
    try:
        manifest = json.loads(manifest_text)
        version = manifest["format"]
        if type(version) is not int:
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        damaged(path)
    _refuse_newer(version, manifest, path)
    arrays = read_arrays(file, header, size - start, path)
    if metadata.get("sha256") != _digest(manifest_text, arrays):
        damaged(path)
    return _migrated(manifest, arrays, path)


def _refuse_newer(version: int, manifest: dict[str, Any], path: str | Path | None) -> None:
    if version > FORMAT:
        raise ArchiveError(
            f"the model was written by a newer seqmap ({manifest.get('seqmap', 'unknown')})",
            path=path,
            given=f"format {version}",
            allowed=f"format {FORMAT} and older",
            remedy="Run: pip install --upgrade seqmap",
        )


def _migrated(manifest: dict[str, Any], arrays: Arrays, path: str | Path | None) -> Archive:
    """Bring an older archive to today's format, one version after the other."""
    for version in range(manifest["format"], FORMAT):
        if version not in MIGRATIONS:
            raise ArchiveError(
                "the model's format is too old", path=path, given=f"format {version}"
            )
        manifest, arrays = MIGRATIONS[version](manifest, arrays)
        manifest = {**manifest, "format": version + 1}
    return Archive(manifest, arrays)
