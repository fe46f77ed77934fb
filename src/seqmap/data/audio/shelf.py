"""Where files lie together: a folder, a zip, a tar (also compressed). All are read alike."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from seqmap.data.audio.sound import SoundFile
from seqmap.errors import DataError

SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph", ".caf")
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")


class Shelf(ABC):
    """Files that lie together.

    Attributes:
        shown: What it is called in messages.
    """

    def __init__(self, shown: str) -> None:
        self.shown = shown

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of all files, with `/` between folders, sorted."""

    @abstractmethod
    def text(self, name: str) -> bytes:
        """Return what a small file holds."""

    @abstractmethod
    def sounds(self, names: Collection[str]) -> dict[str, SoundFile]:
        """Return the files of these names as sound."""

    def _title(self, name: str) -> str:
        return f"{self.shown}/{name}"


class Folder(Shelf):
    """A folder on the disk; `names` lists it once."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(shown)
        self.path = path

    def names(self) -> list[str]:
        """Return the names of all files below it; hidden ones are left out."""
        found = []
        for folder, inside, files in os.walk(self.path):
            inside[:] = sorted(name for name in inside if not name.startswith("."))
            home = Path(folder).relative_to(self.path)
            found += [(home / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(found)

    def text(self, name: str) -> bytes:
        """Return what a file holds."""
        with _errors(self.shown):
            return (self.path / name).read_bytes()

    def sounds(self, names: Collection[str]) -> dict[str, SoundFile]:
        """Return the files of these names as sound."""

        def opener(name: str) -> SoundFile:
            place = str(self.path / name)
            return SoundFile(place, lambda: place)

        return {name: opener(name) for name in names}


class Zip(Shelf):
    """A zip; its members are unpacked when they are read."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(shown)
        self.path = path

    def names(self) -> list[str]:
        """Return the names of its members."""
        with _errors(self.shown), zipfile.ZipFile(self.path) as archive:
            return sorted(n for n in archive.namelist() if not n.endswith("/") and _wanted(n))

    def text(self, name: str) -> bytes:
        """Return what a member holds."""
        with _errors(self.shown), zipfile.ZipFile(self.path) as archive:
            return archive.read(name)

    def sounds(self, names: Collection[str]) -> dict[str, SoundFile]:
        """Return members as sound."""

        def opener(name: str) -> SoundFile:
            return SoundFile(self._title(name), lambda: io.BytesIO(self.text(name)))

        return {name: opener(name) for name in names}


class Tar(Shelf):
    """A tar. A compressed one cannot be entered in the middle: what is wanted is read at once."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(shown)
        self.path = path

    def names(self) -> list[str]:
        """Return the names of its members."""
        return sorted(_clean(member.name) for member, _ in self._members())

    def text(self, name: str) -> bytes:
        """Return what a member holds."""
        for member, archive in self._members():
            if _clean(member.name) == name:
                file = archive.extractfile(member)
                assert file is not None
                with _errors(self.shown):
                    return file.read()
        raise DataError("no such file in it", path=self.shown, given=name)

    def sounds(self, names: Collection[str]) -> dict[str, SoundFile]:
        """Return members as sound: of a plain tar by their place, else as they are unpacked."""
        plain = self.path.suffix == ".tar" and not _compressed(self.path)
        found: dict[str, SoundFile] = {}
        for member, archive in self._members():
            name = _clean(member.name)
            if name not in names:
                continue
            if plain:
                found[name] = self._slice(name, member.offset_data, member.size)
            else:
                file = archive.extractfile(member)
                assert file is not None
                with _errors(self.shown):
                    found[name] = self._held(name, file.read())
        return found

    def _slice(self, name: str, offset: int, size: int) -> SoundFile:
        def opened() -> io.BytesIO:
            with _errors(self.shown), open(self.path, "rb") as file:
                file.seek(offset)
                return io.BytesIO(file.read(size))

        return SoundFile(self._title(name), opened)

    def _held(self, name: str, data: bytes) -> SoundFile:
        return SoundFile(self._title(name), lambda: io.BytesIO(data))

    def _members(self) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
        with _errors(self.shown), tarfile.open(self.path) as archive:
            for member in archive:
                if member.isfile() and _wanted(member.name):
                    yield member, archive


def open_shelf(path: str | os.PathLike[str]) -> Shelf | None:
    """Open a folder, zip or tar; None where it is none of these."""
    place, shown = Path(path), os.fspath(path)
    if place.is_dir():
        return Folder(place, shown)
    if not place.is_file():
        return None
    if zipfile.is_zipfile(place):
        return Zip(place, shown)
    if is_tar(place):
        return Tar(place, shown)
    return None


def is_tar(place: Path) -> bool:
    """Tell a tar by its name."""
    return place.name.lower().endswith(_TARS)


def is_sound(name: str) -> bool:
    """Tell a file of sound by its name."""
    return PurePosixPath(name).suffix.lower() in SOUNDS


def _clean(name: str) -> str:
    return name.removeprefix("./")


def _wanted(name: str) -> bool:
    return "__MACOSX" not in name and not PurePosixPath(name).name.startswith(".")


def _compressed(path: Path) -> bool:
    with open(path, "rb") as file:
        magic = file.read(6)
    return magic.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"))


@contextmanager
def _errors(shown: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError("no such file", path=shown) from None
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, LZMAError, zlib.error) as error:
        raise DataError(
            f"the archive is damaged or cut off ({error})", path=shown, remedy="Copy it again"
        ) from None
    except KeyError as error:
        raise DataError("no such file in it", path=shown, given=error.args[0]) from None
    except (RuntimeError, NotImplementedError) as error:
        raise DataError(f"cannot unpack it: {error}", path=shown) from None
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}", path=shown) from None
