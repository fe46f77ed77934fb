"""The safetensors format: eight bytes with a length, a JSON header of that length, arrays' bytes.

See https://huggingface.co/docs/safetensors, "Format". It is read and written here and not by the
safetensors package because that copies every array, orders the metadata at random and takes a tenth
of the start-up time. Every number of the header is checked before it is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path

Arrays = dict[str, NDArray[Any]]

BF16 = np.dtype([("bf16", "<u2")])
"""The upper half of an fp32, which NumPy has no number for: an array of it views as uint16."""

METADATA = "__metadata__"
_HEADER_LIMIT = 64 << 20  # bytes
_ALIGNMENT = 8  # bytes
_DTYPES: dict[str, Any] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": BF16,
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


def write_pieces(
    metadata: Mapping[str, str], arrays: Mapping[str, NDArray[Any]]
) -> Iterator[bytes | memoryview]:
    """Yield the parts of the file in order: length, header, one array after the other."""
    header: dict[str, Any] = {METADATA: dict(metadata)}
    # Wide types first: then every array is aligned.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    start = 0
    for name in names:
        array = arrays[name]
        end = start + array.nbytes
        header[name] = {
            "dtype": dtype_name(array),
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    yield len(text).to_bytes(8, "little")
    yield text
    for name in names:
        yield array_bytes(arrays[name])


def read_header(file: BinaryIO, size: int, path: str | Path | None) -> tuple[dict[str, Any], int]:
    """Return the header and where the arrays begin.

    Args:
        file: At its beginning.
        size: Its length in bytes.
        path: Its name, for messages.

    Raises:
        ArchiveError: This is another kind of file, or truncated, or damaged.
    """
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
        truncated(8 + length, size, path)
    try:
        header = json.loads(b"{" + file.read(length - 1))
    except (ValueError, RecursionError):
        damaged(path)
    if not isinstance(header, dict):
        damaged(path)
    return header, 8 + length


def read_arrays(
    file: BinaryIO, header: dict[str, Any], size: int, path: str | Path | None
) -> Arrays:
    """View the arrays in the rest of the file; they must fill it without gap or overlap.

    Args:
        file: Behind its header.
        header: The arrays' entries.
        size: How many bytes the rest has.
        path: The file's name, for messages.

    Raises:
        ArchiveError: The file is truncated, or damaged.
    """
    entries = sorted((_entry(header[name], path), name) for name in header)
    place = 0
    for (begin, end, _, _), _ in entries:
        if begin != place:
            damaged(path)
        place = end
    if place > size:
        truncated(place, size, path)
    if place < size:
        damaged(path)
    data = file.read(place)
    if len(data) < place:  # someone cuts the file while it is read
        truncated(place, len(data), path)
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
        damaged(path)
    if any(type(number) is not int or number < 0 for number in numbers):
        damaged(path)
    if end - begin != math.prod(shape) * itemsize:
        damaged(path)
    return begin, end, dtype, tuple(shape)


def dtype_name(array: NDArray[Any]) -> str:
    """Return the format's name of an array's type."""
    return _DTYPE_NAMES[array.dtype.newbyteorder("<")]


def array_bytes(array: NDArray[Any]) -> memoryview:
    """View an array's bytes, little-endian and row by row."""
    ordered = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8).data


def damaged(path: str | Path | None) -> NoReturn:
    """Refuse a file whose parts contradict each other."""
    raise ArchiveError(
        "the model is damaged: its contents do not match its digest", path=path, remedy=_RETRAIN
    ) from None


def truncated(expected: int, found: int, path: str | Path | None) -> NoReturn:
    """Refuse a file that ends too early."""
    raise ArchiveError(
        "the model is truncated", path=path, given=f"{found} of {expected} bytes", remedy=_RETRAIN
    )
