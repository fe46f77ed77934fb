"""Fetches a public data set: from its source, or from a folder that holds it."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from seqmap.data.sets.catalogue import SETS, KnownFile, KnownSet
from seqmap.errors import DataError, OutputError, nearest

_PIECE = 1 << 16
_SECONDS = 30

Say = Callable[[str], None]


class Readable(Protocol):
    """A file or a connection."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""


def find_set(name: str) -> KnownSet:
    """Return a set by its name.

    Raises:
        DataError: There is no such set.
    """
    known = SETS.get(name)
    if known is not None:
        return known
    close = nearest(name, SETS)
    raise DataError(
        "there is no such data set",
        given=name,
        allowed=SETS,
        remedy=f"Did you mean {close}?" if close else "See: seqmap data list",
    )


def fetch(known: KnownSet, folder: Path, *, mirror: Path | None = None, say: Say) -> list[Path]:
    """Put the files of a set into a folder, each checked; what is there already is not fetched.

    A download that was cut off goes on where it stopped. A file appears only when it is complete.

    Args:
        known: The set.
        folder: Where its files go; it is made if need be.
        mirror: A folder that holds the files, as NAME/FILE or FILE, also gzipped: nothing is
            downloaded then.
        say: Is told what happens.

    Returns:
        The files.

    Raises:
        DataError: A file cannot be had, or does not have its checksum.
        OutputError: The folder cannot be written.
    """
    if mirror is not None and not mirror.is_dir():
        raise DataError("the mirror is not a folder", path=mirror)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = [_place(known, file, folder, mirror, say) for file in known.files]
        (folder / "SOURCE.txt").write_text(_source(known), encoding="utf-8")
        return found
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, FileExistsError | NotADirectoryError | PermissionError):
            raise OutputError(f"cannot write the files: {error.strerror}", path=folder) from None
        problem = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"cannot store the files: {problem}", path=folder) from None


def _place(known: KnownSet, file: KnownFile, folder: Path, mirror: Path | None, say: Say) -> Path:
    target = folder / file.name
    if target.is_file() and _digest(target) == file.sha256:
        say(f"{target} is here already")
        return target
    part = folder / f".{file.name}.part"
    if mirror is not None:
        source = _in_mirror(known, file, mirror)
        say(f"{target} from {source}")
        _copy(source, part)
    else:
        say(f"{target} from {file.url}")
        _download(file, part)
    found = _digest(part)
    if found != file.sha256:
        size = part.stat().st_size
        part.unlink()
        raise DataError(
            "this is not the file that is known: its checksum differs",
            path=target if mirror is None else source,
            given=f"{size} bytes, sha256 {found[:12]}…",
            allowed=f"{file.size} bytes, sha256 {file.sha256[:12]}…",
            remedy=f"See {known.home}, or give a folder that holds the right files: --mirror DIR",
        )
    os.replace(part, target)
    return target


def _in_mirror(known: KnownSet, file: KnownFile, mirror: Path) -> Path:
    places = [mirror / known.name / file.name, mirror / file.name]
    places += [place.with_name(f"{place.name}.gz") for place in places]
    for place in places:
        if place.is_file():
            return place
    raise DataError(
        "the mirror lacks a file of this set",
        path=mirror,
        given=file.name,
        allowed=f"{known.name}/{file.name}, {file.name}, each also as .gz",
    )


def _copy(source: Path, part: Path) -> None:
    """Copy a file, unpacked; what is damaged is told by its checksum."""
    try:
        with _opened(source) as given, open(part, "wb") as made:
            for piece in _pieces(given):
                made.write(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return


def _opened(source: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(source) if source.suffix == ".gz" else open(source, "rb")


def _download(file: KnownFile, part: Path) -> None:
    """Fetch a file, from where an earlier attempt ended."""
    begun = part.stat().st_size if part.is_file() else 0
    if begun >= file.size:
        begun = 0
    headers = {"User-Agent": "seqmap"} | ({"Range": f"bytes={begun}-"} if begun else {})
    request = urllib.request.Request(file.url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            goes_on = begun and answer.status == 206
            with open(part, "ab" if goes_on else "wb") as made:
                size = begun if goes_on else 0
                for piece in _pieces(answer):
                    size += len(piece)
                    made.write(piece)
                    if size > file.size:  # Not the file that is known: no need to fetch all of it.
                        return
        if size < file.size:
            raise _unreachable(file, f"the connection ended after {size} of {file.size} bytes")
    except urllib.error.HTTPError as error:
        raise _unreachable(file, f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _unreachable(file, str(error.reason)) from None
    except (TimeoutError, ConnectionError) as error:
        raise _unreachable(file, str(error) or type(error).__name__) from None
    except http.client.HTTPException as error:
        # Its text may be the server's own line, with its end.
        why = f"the server's answer breaks off or is not HTTP ({type(error).__name__})"
        raise _unreachable(file, why) from None


def _unreachable(file: KnownFile, why: str) -> DataError:
    return DataError(
        f"cannot download: {why}",
        path=file.url,
        remedy="Try again, which goes on where it stopped; or fetch the file by other means, and"
        " give its folder: --mirror DIR",
    )


def _pieces(file: Readable) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in _pieces(file):
            digest.update(piece)
    return digest.hexdigest()


def _source(known: KnownSet) -> str:
    """Return what belongs beside the files."""
    lines = [
        f"{known.name}: {known.about}",
        f"licence: {known.licence or 'not stated by the source; ask before you publish'}",
        f"home: {known.home}",
        *(f"{file.sha256}  {file.name}  {file.url}" for file in known.files),
    ]
    return "\n".join(lines) + "\n"
