"""The archive: a model as one file, `M.seqmap`.

It is a safetensors file: eight bytes with the length of a JSON header, the header, the arrays'
bytes (https://huggingface.co/docs/safetensors, "Format"). The header's `__metadata__` holds two
strings:

    seqmap   the manifest, JSON: format version, task, configuration, codecs, labels, calibration, …
    sha256   a digest over the manifest and over every array's name, type, shape and bytes

So any safetensors reader can open it, nothing in it can run code, the same model always gives the
same bytes, and a truncated or altered file is told from a good one before anything is used. It is
read and written here and not by the safetensors package because that copies every array, orders the
metadata at random and takes a tenth of the start-up time.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ArchiveError, OutputError

FORMAT = 1
"""The format version that is written; older ones are migrated, newer ones refused."""

Arrays = dict[str, NDArray[Any]]

# Manifest and arrays of format n -> those of format n + 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any], Arrays], tuple[dict[str, Any], Arrays]]] = {}

_METADATA = "__metadata__"
_HEADER_LIMIT = 64 << 20  # bytes
_ALIGNMENT = 8  # bytes
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_DTYPE_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
# First bytes of files that are taken for a model by mistake.
_FOREIGN = (
    (b"PK\x03\x04", "is a zip file, as torch.save and numpy.savez write it", True),
    (b"\x80\x02", "is a Python pickle", True),
    (b"\x80\x03", "is a Python pickle", True),
    (b"\x80\x04", "is a Python pickle", True),
    (b"\x80\x05", "is a Python pickle", True),
    (b"\x89HDF", "is an HDF5 file", False),
    (b"\x1f\x8b", "is a gzip file", False),
)
_RETRAIN = "Copy it again from its source, or train the model again"


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
        digest.update(json.dumps([name, _dtype_name(array), array.shape]).encode())
        digest.update(_bytes(array))
    return digest.hexdigest()


def _dtype_name(array: NDArray[Any]) -> str:
    return _DTYPE_NAMES[array.dtype.newbyteorder("<")]


def _bytes(array: NDArray[Any]) -> memoryview:
    """View an array's bytes, little-endian and row by row."""
    ordered = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8).data


def _pieces(archive: Archive) -> Iterator[bytes | memoryview]:
    """Yield the parts of the file in order: length, header, one array after the other."""
    manifest = _dump(archive.manifest)
    arrays = archive.arrays
    header: dict[str, Any] = {_METADATA: {"seqmap": manifest, "sha256": _digest(manifest, arrays)}}
    # Wide types first: then every array is aligned.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    start = 0
    for name in names:
        array = arrays[name]
        end = start + array.nbytes
        header[name] = {
            "dtype": _dtype_name(array),
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    yield len(text).to_bytes(8, "little")
    yield text
    for name in names:
        yield _bytes(arrays[name])


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


def _parse(file: BinaryIO, size: int, path: str | Path | None) -> Archive:
    header, start = _read_header(file, size, path)
    metadata = header.pop(_METADATA, None)
    manifest_text = metadata.get("seqmap") if isinstance(metadata, dict) else None
    if not isinstance(manifest_text, str):
        raise ArchiveError("is a safetensors file, but not a seqmap model", path=path)
    try:
        manifest = json.loads(manifest_text)
        version = manifest["format"]
        if type(version) is not int:
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        _damaged(path)
    _refuse_newer(version, manifest, path)
    arrays = _read_arrays(file, header, size - start, path)
    if metadata.get("sha256") != _digest(manifest_text, arrays):
        _damaged(path)
    return _migrated(manifest, arrays, path)


def _read_header(file: BinaryIO, size: int, path: str | Path | None) -> tuple[dict[str, Any], int]:
    """Return the header and where the arrays begin."""
    first = file.read(9)
    length = int.from_bytes(first[:8], "little")
    # An archive's length may begin like another kind of file, so its brace decides.
    begins = first[8:] == b"{" and length <= _HEADER_LIMIT
    for magic, what, pickled in _FOREIGN:
        if first.startswith(magic) and not begins:
            note = "Pickles can run code and are never loaded. " if pickled else ""
            remedy = f"{note}A model is what `seqmap train --out M.seqmap` writes"
            raise ArchiveError(f"{what}, not a seqmap model", path=path, remedy=remedy)
    if size == 0:
        raise ArchiveError("the file is empty", path=path, remedy=_RETRAIN)
    if len(first) < 9 or first[8:] != b"{":
        raise ArchiveError("is not a seqmap model", path=path)
    if length > _HEADER_LIMIT:
        raise ArchiveError(
            "the model's header is too long, so the file is damaged",
            path=path,
            given=f"{length} bytes",
            allowed=f"up to {_HEADER_LIMIT} bytes",
        )
    if 8 + length > size:
        _truncated(8 + length, size, path)
    try:
        header = json.loads(b"{" + file.read(length - 1))
    except (ValueError, RecursionError):
        _damaged(path)
    if not isinstance(header, dict):
        _damaged(path)
    return header, 8 + length


def _read_arrays(
    file: BinaryIO, header: dict[str, Any], size: int, path: str | Path | None
) -> Arrays:
    """View the arrays in the rest of the file; they must fill it without gap or overlap."""
    entries = sorted((_entry(header[name], path), name) for name in header)
    place = 0
    for (begin, end, _, _), _ in entries:
        if begin != place:
            _damaged(path)
        place = end
    if place > size:
        _truncated(place, size, path)
    if place < size:
        _damaged(path)
    data = file.read(place)
    arrays: Arrays = {}
    for (begin, end, dtype, shape), name in entries:
        array = np.frombuffer(data, np.uint8, end - begin, begin).view(_DTYPES[dtype])
        arrays[name] = (array if array.flags.aligned else array.copy()).reshape(shape)
    return arrays


def _entry(entry: Any, path: str | Path | None) -> tuple[int, int, str, tuple[int, ...]]:
    """Check one array's line of the header: (begin, end, dtype, shape)."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        itemsize = np.dtype(_DTYPES[dtype]).itemsize
        numbers = [begin, end, *shape]
    except (KeyError, TypeError, ValueError):
        _damaged(path)
    if any(type(number) is not int or number < 0 for number in numbers):
        _damaged(path)
    if end - begin != math.prod(shape) * itemsize:
        _damaged(path)
    return begin, end, dtype, tuple(shape)


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


def _damaged(path: str | Path | None) -> NoReturn:
    raise ArchiveError(
        "the model is damaged: its contents do not match its digest", path=path, remedy=_RETRAIN
    ) from None


def _truncated(expected: int, found: int, path: str | Path | None) -> NoReturn:
    raise ArchiveError(
        "the model is truncated", path=path, given=f"{found} of {expected} bytes", remedy=_RETRAIN
    )
